"""Kinds of perturbation: the errors people make, keyboards, scripts, and well-formed text."""

from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clirot.errors import UsageError
from clirot.retrieval.perturbation import typing_errors
from clirot.retrieval.perturbation.configuration import KINDS, SHARES, TYPING, PerturbConfig
from clirot.retrieval.perturbation.diacritics import plain
from clirot.retrieval.perturbation.draws import Draws
from clirot.retrieval.perturbation.keyboards import _keyboard, keyboard_of, layouts
from clirot.retrieval.perturbation.kinds import BY_NAME
from clirot.retrieval.perturbation.letter_case import other_case
from clirot.retrieval.perturbation.shuffled_rows import shuffled
from clirot.retrieval.perturbation.speech import _SPELLED, spelled
from clirot.retrieval.perturbation.typed_text import TypedText, clusters

QUESTION = "How many points did the Panthers defense surrender in 2015?"
TEXT_KINDS = [kind for kind in KINDS if kind not in ("shuffle", "none")]


def perturbed(kind: str, text: str, language: str | None = "en", rate: float = 1.0, name: Any = 0):
    return BY_NAME[kind](rate, language).perturb(text, Draws(1, kind, name))


def distance(right: str, typed: str) -> int:
    """Damerau and Levenshtein's, restricted: an implementation of its own."""
    cost = np.zeros((len(right) + 1, len(typed) + 1), dtype=int)
    cost[:, 0], cost[0, :] = range(len(right) + 1), range(len(typed) + 1)
    for i in range(1, len(right) + 1):
        for j in range(1, len(typed) + 1):
            other = cost[i - 1, j - 1] + (right[i - 1] != typed[j - 1])
            cost[i, j] = min(cost[i - 1, j] + 1, cost[i, j - 1] + 1, other)
            if i > 1 and j > 1 and right[i - 2 : i] == typed[j - 1] + typed[j - 2]:
                cost[i, j] = min(cost[i, j], cost[i - 2, j - 2] + 1)
    return int(cost[-1, -1])


# --- as people type


def test_the_number_of_errors_is_distributed_as_measured() -> None:
    """The questions' mean length is 61 characters; they were counted as 0, 1, ... 6 errors."""
    measured = np.array([602, 317, 144, 63, 35, 12, 9])
    drawn = [typing_errors.number_of_errors(61, 1.0, Draws(7, name)) for name in range(20_000)]
    counts = np.array([drawn.count(number) for number in range(7)])
    shares, expected = counts / counts.sum(), measured / measured.sum()
    # Four standard errors of the measured shares, which are those of 1,182 questions.
    assert (np.abs(shares - expected) < 4 * np.sqrt(expected * (1 - expected) / 1182)).all()
    assert np.mean(drawn) == pytest.approx(0.0154 * 61, rel=0.05)


def test_errors_go_with_length_and_rate() -> None:
    def mean(length: int, rate: float) -> float:
        numbers = [
            typing_errors.number_of_errors(length, rate, Draws(name)) for name in range(3000)
        ]
        return float(np.mean(numbers))

    base = mean(100, 1.0)
    assert mean(200, 1.0) == pytest.approx(2 * base, rel=0.1)
    assert mean(100, 3.0) == pytest.approx(3 * base, rel=0.1)
    assert mean(100, 0.0) == 0
    assert typing_errors.number_of_errors(0, 1.0, Draws("x")) == 0
    for name in range(200):  # one draw decides, so that more rate is never fewer errors
        few, more = (typing_errors.number_of_errors(60, rate, Draws(name)) for rate in (1.0, 2.0))
        assert few <= more <= 60


def test_kinds_and_places_are_those_measured() -> None:
    """One error a text, told apart by what it did to a text whose letters are all different."""
    text = "quick brown foxes jumped"
    typing: Any = BY_NAME["typo"](1.0, "en")
    found: Counter[str] = Counter()
    where: Counter[str] = Counter()
    places = TypedText.of(text, "en").places
    total = 0
    for name in range(4000):
        made = typing.perturb(text, Draws(3, name))
        if made.edits != 1:
            continue
        total += 1
        if total < 100:
            assert distance(text, made.text) == 1
        if made.text.lower() == text:
            found["case"] += 1
        elif len(made.text) > len(text):
            found["put_in"] += 1
        elif len(made.text) < len(text):
            found["leave_out"] += 1
            at = next(i for i, one in enumerate(text) if made.text[i : i + 1] != one)
            where[places[at]] += 1
        elif sorted(made.text) == sorted(text):
            found["exchange"] += 1
        else:
            found["replace"] += 1
    kinds = dict(typing_errors.kinds())
    del kinds["final_mark"]  # the text has none
    for kind, count in kinds.items():
        share = count / sum(kinds.values())
        assert found[kind] / total == pytest.approx(share, abs=4 * (0.25 / total) ** 0.5)
    measured = typing_errors.places("leave_out")
    for place in ("first", "inside", "last"):
        share = measured[place] / sum(measured.values())
        assert where[place] / where.total() == pytest.approx(share, abs=0.06)


def test_letters_of_english_are_those_measured() -> None:
    letters = typing_errors.LetterErrors("en")
    # t was left out 114 times in 5,520, e 22 times in 7,057.
    assert letters.leaving_out("t") > 4 * letters.leaving_out("e")
    assert letters.leaving_out("T") == letters.leaving_out("t")
    assert letters.replaced["i"]["o"] > letters.replaced["i"].get("w", 0)
    assert typing_errors.LetterErrors("so").leaving_out("t") == 1.0  # not counted: all alike


def test_lists_of_other_languages_have_their_letters() -> None:
    for language in ("cs", "de", "es", "fr", "it", "ro", "ru", "tr", "vi"):
        assert len(typing_errors.LetterErrors(language).replaced) > 4, language
    assert "à" not in typing_errors.LetterErrors("ru").replaced
    assert typing_errors.LetterErrors("fr").replaced["é"]["e"] >= 2


# --- what holds for all kinds


@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_rate_0_changes_nothing(kind: str) -> None:
    for text in (QUESTION, "Élève — déjà 3,5 %", "x", "?"):
        assert perturbed(kind, text, "fr", 0.0) == (text, 0, False, 0)


def test_draws_are_fixed() -> None:
    """Written down, since the same seed has to mean the same on every machine and next year."""
    draws = Draws(1, "typo", "q1")
    assert [round(draws.uniform(), 6) for _ in range(2)] == [0.458702, 0.659032]
    assert perturbed("typo", QUESTION, rate=4.0, name="q1").text == (
        "How many points did the Panhers defense suurrender in 2015?"
    )


SCRIPTS = {
    "en": "the quick brown fox jumps over 12 dogs",
    "vi": "tiếng việt đẹp lắm",
    "hi": "विद्या ज़रूरी क्षेत्र हिन्दी",
    "th": "ที่นี่น้ำใส กรุงเทพฯ เป็นเมืองใหญ่",
    "ar": "اللُّغَة العربيّة أجمل",
    "am": "ሰላም ለዓለም አዲስ",
    "ru": "ёлка, съешь ещё этих булок",
    "tr": "Iğdır'da çalışkan ISPARTA",
    "el": "Η γρήγορη αλεπού; ναί",
}


@pytest.mark.parametrize("language", SCRIPTS)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_text_stays_well_formed(language: str, data: st.DataObject) -> None:
    """No mark stands where there is no letter before it, and no text becomes empty."""
    parts = clusters(SCRIPTS[language])
    text = "".join(data.draw(st.lists(st.sampled_from(parts), min_size=1, max_size=30)))
    text = " ".join(text.split())
    kind = data.draw(st.sampled_from(TEXT_KINDS))
    rate = data.draw(st.sampled_from([0.5, 1.0] if kind in SHARES else [1.0, 20.0, 500.0]))
    if not text or _orphans(text):
        return
    made = perturbed(kind, text, language, rate, data.draw(st.integers(0, 99)))
    assert made.text.strip() == made.text != ""
    assert not _orphans(made.text)
    assert made.edits >= (made.text != text)


def _orphans(text: str) -> list[str]:
    """Clusters that begin with a mark."""
    return [one for one in clusters(text) if unicodedata.category(one[0]) in ("Mn", "Mc")]


@given(st.text(min_size=1, max_size=40).map(lambda text: " ".join(text.split())).filter(bool))
@settings(max_examples=80, deadline=None)
def test_any_text_at_all(text: str) -> None:
    for kind in TEXT_KINDS:
        made = perturbed(kind, text, "en", 1.0 if kind in SHARES else 30.0)
        assert made.text.strip()
        assert "\t" not in made.text and "\n" not in made.text


def test_texts_that_are_too_short() -> None:
    made = perturbed("drop", "a", rate=500.0)
    assert made == ("a", 0, True, 0)
    assert perturbed("swap", "aa", rate=500.0).too_short
    assert perturbed("asr", "?!", rate=1.0) == ("?!", 0, True, 0)
    assert perturbed("word-order", "word").too_short
    assert perturbed("drop", "abc", rate=500.0).edits == 2  # the last letter stays


# --- one kind each


@pytest.mark.parametrize("layout", layouts())
def test_neighbours_are_symmetric(layout: str) -> None:
    keyboard = _keyboard(layout)
    assert len(keyboard.letters) > 25
    for one in keyboard.letters:
        near = keyboard.neighbours(one)
        assert one not in near and 1 <= len(near) <= 6
        assert all(one in keyboard.neighbours(other) for other in near)


@pytest.mark.parametrize(
    ("language", "letter", "near"),
    [
        ("en", "s", "adewxz"),
        ("so", "S", "ADEWXZ"),
        ("de", "z", "gthu"),
        ("fr", "a", "qz" + "é"),
        ("tr", "i", "üğş"),
        ("tr", "İ", "ÜĞŞ"),
        ("ru", "ф", "йцыя"),
        ("vi", "ế", "drsw"),
        ("am", "ለ", "ሉሊላሌልሎ"),
        ("el", "α", "ςσζ"),
        ("hi", "\u093f", "\u0940\u0942\u0941"),
    ],
)
def test_some_neighbours(language: str, letter: str, near: str) -> None:
    assert set(keyboard_of(language).neighbours(letter)) == set(near)


@pytest.mark.parametrize("language", ["zh", "ja", "ko", "zh-Hant", "bg", "ur"])
@pytest.mark.parametrize("kind", ["typo", "keyboard"])
def test_no_keyboard(language: str, kind: str) -> None:
    with pytest.raises(UsageError, match=f"no keyboard is known for '{language}'"):
        BY_NAME[kind](1.0, language)
    assert perturbed("drop", "北京大学", language, 50.0).edits


def test_a_keyboard_error_is_a_neighbour() -> None:
    keyboard = keyboard_of("en")
    for name in range(50):
        made = perturbed("keyboard", QUESTION, rate=3.0, name=name)
        changed = [(a, b) for a, b in zip(QUESTION, made.text, strict=True) if a != b]
        assert len(changed) == made.edits
        assert all(typed in keyboard.neighbours(right) for right, typed in changed)


def test_swap_and_drop() -> None:
    for name in range(50):
        made = perturbed("swap", QUESTION, rate=3.0, name=name)
        assert [sorted(word) for word in made.text.split()] == [
            sorted(word) for word in QUESTION.split()
        ]
        assert made.edits >= distance(QUESTION, made.text)
        made = perturbed("drop", QUESTION, rate=3.0, name=name)
        assert len(made.text) == len(QUESTION) - made.edits
        left = iter(QUESTION)
        assert all(letter in left for letter in made.text)  # a subsequence
        assert made.text.endswith("?")  # letters only


@pytest.mark.parametrize(
    ("language", "text", "bare"),
    [
        ("de", "Übergröße für Änne", "Uebergroesse fuer Aenne"),
        ("fi", "äiti söi", "aiti soi"),
        ("da", "Smørrebrød på Ærø", "Smoerrebroed paa Aeroe"),
        ("fr", "L’élève a mangé du bœuf ça", "L’eleve a mange du boeuf ca"),
        ("es", "¿Cuántos años?", "¿Cuantos años?"),
        ("tr", "Iğdır'ın ışığı İzmir", "Igdir'in isigi Izmir"),
        ("vi", "Tiếng Việt đẹp", "Tieng Viet dep"),
        ("vi", unicodedata.normalize("NFD", "Tiếng Việt"), "Tieng Viet"),
        ("ro", "știință și țară", "stiinta si tara"),
        ("ru", "ёлка и йод", "елка и йод"),
        ("el", "Ποιος είχε τα ίδια;", "Ποιος ειχε τα ιδια;"),
        ("ar", "أُسْتَاذ إلى آخر", "استاذ الى اخر"),
        ("hi", "ज़रूरी लड़का हँसी", "जरूरी लडका हंसी"),
        ("th", "ที่นี่น้ำ", "ที่นี่น้ำ"),
        ("so", "Muqdisho waa", "Muqdisho waa"),
    ],
)
def test_diacritics(language: str, text: str, bare: str) -> None:
    assert plain(text, language) == bare
    made = perturbed("diacritics", text, language)
    assert made.text == bare
    changed = [a != b for a, b in zip(text.split(), bare.split(), strict=True)]
    assert (made.edits > 0) == any(changed)


def test_case() -> None:
    assert perturbed("case", "Who led Iran's BBC?").text == "who led iran's bbc?"
    assert perturbed("case", "IRAK İzmir", "tr").text == "ırak izmir"
    some = [perturbed("case", "A B C D", rate=0.5, name=name).edits for name in range(400)]
    assert np.mean(some) == pytest.approx(2, abs=0.2)
    assert (other_case("i", "tr"), other_case("i", "en"), other_case("ß", "de")) == ("İ", "I", None)


def test_word_order() -> None:
    assert perturbed("word-order", "one two three four five").text == "two one four three five"
    assert perturbed("word-order", "yes, (no)").text == "yes, (no)"  # marks part them
    thai = perturbed("word-order", "กรุงเทพเป็นเมืองใหญ่", "th")
    assert thai.edits and sorted(thai.text) == sorted("กรุงเทพเป็นเมืองใหญ่")
    text = " ".join(f"w{number}" for number in range(21))
    moved = [
        sum(a != b for a, b in zip(text.split(), made.text.split(), strict=True))
        for name in range(300)
        for made in [perturbed("word-order", text, rate=0.4, name=name)]
    ]
    assert np.mean(moved) / 21 == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize(
    ("language", "text", "spoken"),
    [
        ("en", "Who, in 1987, had 3.5% of the 21st?",
         "who in nineteen eighty seven had three point five of the twenty first"),
        ("en", "1,234 don't B2B 10.5.2015",
         "one thousand two hundred thirty four don't b two b ten five two thousand fifteen"),
        ("de", "1.234 Äpfel, 3,5", "eintausendzweihundertvierunddreißig äpfel drei komma fünf"),
        ("tr", "IĞDIR'da 2", "ığdır'da iki"),
        ("hi", "१२ लोग।", "बारह लोग"),
        ("so", "Sannadkii 2015-kii?", "sannadkii 2015 kii"),
        ("tl", "May 2 bahay.", "may dalawá bahay"),
        ("en", "agent 007", "agent zero zero seven"),
    ],
)  # fmt: skip
def test_speech(language: str, text: str, spoken: str) -> None:
    assert perturbed("asr", text, language).text == spoken


def test_numbers_that_cannot_be_spelled_are_counted() -> None:
    assert perturbed("asr", "Sannadkii 2015 iyo 3", "so").left == 2
    assert perturbed("asr", "in 2015", "en").left == 0


def test_languages_that_spell_numbers_out() -> None:
    """ICU falls back to another language without a word; a code that is none shows which."""
    from icu4py.messageformat import MessageFormat

    fallback = MessageFormat("{n, spellout}", "xx").format({"n": 27})
    for language in _SPELLED - {"en"}:
        assert spelled("27", language) != fallback.replace("\u00ad", ""), language


# --- bitext whose rows exchange their sides


@given(st.lists(st.integers(0, 5).map(str), max_size=40), st.floats(0, 1), st.integers(0, 9))
@settings(max_examples=100, deadline=None)
def test_no_row_keeps_its_own_side(targets: list[str], rate: float, seed: int) -> None:
    found, kept = shuffled(targets, rate, Draws(seed))
    assert sorted(found) == sorted(targets)
    chosen = round(len(targets) * rate)
    changed = sum(a != b for a, b in zip(targets, found, strict=True))
    assert changed + kept == chosen
    if len(set(targets)) == len(targets) != 1 != chosen:
        assert kept == 0


def test_a_side_that_most_rows_have() -> None:
    found, kept = shuffled(["x"] * 7 + ["a", "b", "c"], 1.0, Draws(1))
    assert kept == 7 - 3
    assert sorted(found) == ["a", "b", "c", *["x"] * 7]
    assert shuffled(["x"] * 5 + list("abcde"), 1.0, Draws(1))[1] == 0


# --- contradictions


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kind": "tpyo"}, "unknown `kind` 'tpyo'"),
        ({"rate": -0.1}, "`rate` must be at least 0"),
        ({"rate": float("nan")}, "`rate` must be a finite number"),
        ({"kind": "case", "rate": 1.5}, "`rate` is a share with the kind case"),
        ({"seed": -1}, "`seed` must be at least 0"),
        ({"topics": None}, "one of the three"),
        ({"bitext": "x"}, "one of the three"),
        ({"collection": "x"}, "one of the three"),
        ({"topics": None, "bitext": "x", "topics_variant": "mt"}, "bitext is to be perturbed"),
        ({"topics": None, "bitext": "x", "topics_field": "narrative"}, "bitext is to be perturbed"),
        ({"kind": "shuffle"}, "the kind shuffle is for bitext"),
        ({"kind": "none"}, "the kind none is for bitext"),
        ({"topics": None, "bitext": "x"}, "`lang` is missing"),
    ],
)
def test_contradictions(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        PerturbConfig(**{"kind": "typo", "topics": "-", **wrong})
    assert message in str(caught.value)


def test_kinds_are_said_once() -> None:
    assert set(BY_NAME) == set(KINDS)
    assert set(TYPING) < set(BY_NAME)


def test_the_real_errors_of_the_questions(shared_data: Path) -> None:
    """Where the questions are at hand: as many stay whole as where people typed them."""
    here = shared_data / "collections/xquad_noise"
    clean, real = (
        dict(line.split("\t") for line in (here / name).read_text("utf-8").splitlines())
        for name in ("queries.en.tsv", "queries.en.keyboard.tsv")
    )
    typing: Any = BY_NAME["typo"](1.0, "en")
    whole, people = [], []
    for identifier, text in clean.items():
        typed = typing.perturb(text.strip(), Draws(1, "typo", identifier)).text
        whole.append(typed == text.strip())
        people.append(real[identifier].strip() == text.strip())
    assert np.mean(whole) == pytest.approx(np.mean(people), abs=0.05)
