"""Answers in passages and answers that readers gave.

The judges are cases made by hand, a matcher that goes through characters one by one, and MLQA's
rules written a second time, by regular expressions as its evaluation has them.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clirot.collection import open_collection
from clirot.collection.answers import Answers, answers_from, read_answers, read_predictions
from clirot.errors import InputError, UsageError
from clirot.evaluation import EvaluateConfig, evaluate, evaluate_predictions, evaluate_runs
from clirot.evaluation.answers import (
    Passage,
    answer_f1,
    exact_match,
    exact_tokens,
    normalised,
    normalised_tokens,
)
from clirot.evaluation.gold import Gold
from clirot.evaluation.measures import parse_measure
from clirot.runs import Run, format_run


@pytest.mark.parametrize(
    ("passage", "answer", "language", "exact", "normal"),
    [
        ("It was 1999.", "1", "en", False, False),
        ("It was 1999.", "1999", "en", True, True),
        ("In 1999–2005 it was.", "1999", "en", True, True),
        ("The Denver Broncos won.", "denver broncos", "en", False, True),
        ("The Denver Broncos won.", "the Broncos", "en", False, True),
        ("See Broncos, Denver.", "Broncos Denver", "en", False, True),
        ("He met The Beatles.", "Beatles", "en", True, True),
        ("He met Beatles.", "the Beatles", "en", False, True),
        ("They won 24–10.", "24–10", "en", True, True),
        ("It rose by 5 %.", "%", "en", True, True),  # nothing is left: looked for as it is
        ("It rose by 5.", "%", "en", False, False),
        ("An A is a letter.", "A", "en", True, True),
        ("broncos", "bronco", "en", False, False),
        ("Cafe\u0301 Müller", "Café", "de", True, True),
        ("在1999年开始", "1999年", "zh", True, True),
        ("在1999年开始", "年开", "zh", True, True),
        ("ในปี 1999 มีคน", "คน", "th", True, True),
        ("กำ", "ก", "th", True, True),
        ("กิน", "ก", "th", False, False),  # not without its vowel sign
        ("في البيت الكبير", "بيت", "ar", False, True),
        ("la casa blanca", "una casa", "es", False, True),
    ],
)
def test_whether_a_passage_holds_an_answer(
    passage: str, answer: str, language: str, exact: bool, normal: bool
) -> None:
    assert Passage(passage, exact_tokens, language).holds(answer) is exact
    assert Passage(passage, normalised_tokens, language).holds(answer) is normal


def by_hand(passage: str, answer: str) -> bool:
    """Whether the words of an answer follow each other, all text going by one character a time."""

    def units(text: str) -> list[str]:
        found: list[str] = []
        inside = False
        for char in text:
            kind = unicodedata.category(char)[0]
            if kind in "LNM":
                if inside:
                    found[-1] += char
                else:
                    found.append(char)
                inside = True
            else:
                inside = False
                if kind not in "ZC":
                    found.append(char)
        return found

    wanted, here = units(answer), units(passage)
    return bool(wanted) and any(
        all(here[start + at] == wanted[at] for at in range(len(wanted)))
        for start in range(len(here) - len(wanted) + 1)
    )


@settings(max_examples=100, deadline=None)
@given(
    st.text("ab1 ,.-é", max_size=25),
    st.text("ab1 ,.-é", max_size=4),
    st.tuples(st.integers(0, 20), st.integers(1, 6)),
)
def test_exact_tokens_against_characters_one_by_one(
    passage: str, answer: str, cut: tuple[int, int]
) -> None:
    for wanted in (answer, passage[cut[0] : cut[0] + cut[1]]):
        assert Passage(passage, exact_tokens, "en").holds(wanted) is by_hand(passage, wanted)


ARTICLES = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "ar": "ال",
}


def as_in_mlqa(text: str, language: str) -> list[str]:
    """The tokens of an answer by the rules of MLQA's evaluation."""
    text = "".join(
        char
        for char in text.lower()
        if not (unicodedata.category(char).startswith("P") or char in "$+<=>^`|~")
    )
    if language in ARTICLES:
        text = re.sub(ARTICLES[language], " ", text)
    if language == "zh":
        text = re.sub("([\u4e00-\u9fa5])", r" \1 ", text)
    return text.split()


SAID = [
    ("The Denver Broncos!", "Denver Broncos"), ("an apple, a day", "apple day"), ("$5.2", "52"),
    ("ein Haus der Kunst", "Haus Kunst"), ("Der-Die-Das", "derdiedas"), ("el Niño", "NIÑO"),
    ("U.S.", "us"), ("", "nothing"), ("北京大学 2008", "北京"), ("2008年", "2008"),
    ("البيت الكبير", "بيت كبير"), ("cái nhà của tôi", "nhà tôi"), ("सात साल", "सात"),
    ("the the the", "the"), ("twenty four", "four twenty four"), ("«мир»", "Мир"),
]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "es", "de", "vi", "ar", "hi", "zh", "ru"])
def test_scores_of_predictions_are_those_of_mlqa(language: str) -> None:
    for said, gold in [*SAID, *((b, a) for a, b in SAID), *((a, a) for a, _ in SAID)]:
        one, other = as_in_mlqa(said, language), as_in_mlqa(gold, language)
        assert exact_match(said, [gold], language) == float(one == other), (said, gold)
        shared = sum((Counter(one) & Counter(other)).values())
        expected = 0.0
        if shared:
            precision, recall = shared / len(one), shared / len(other)
            expected = 2 * precision * recall / (precision + recall)
        elif not one and not other:
            expected = 1.0  # SQuAD 2.0's; MLQA's would be 0
        assert answer_f1(said, [gold], language) == pytest.approx(expected), (said, gold)


def test_the_nearest_gold_answer_counts() -> None:
    assert exact_match("Paris", ["London", "paris."], "en") == 1.0
    assert answer_f1("the city of Paris", ["London", "Paris"], "en") == pytest.approx(0.5)


def test_scripts_without_spaces_are_compared_by_character() -> None:
    assert normalised("กิน ข้าว", "th") == "กิ น ข้ า ว"
    assert answer_f1("東京", ["東京都"], "ja") == pytest.approx(0.8)
    assert normalised("東京", "en") == "東京"


PASSAGES = {"d1": "It opened in 1999.", "d2": "The Broncos won.", "d3": "Nothing."}
ANSWERS = Answers("en", {"q1": ("1999",), "q2": ("the Broncos", "Denver"), "q3": ("1",)})


def run_of(**ranking: str) -> Run:
    return Run.from_dict(
        "run",
        {
            topic: {docno: -float(place) for place, docno in enumerate(documents.split())}
            for topic, documents in ranking.items()
        },
    )


def test_answers_among_the_best_passages() -> None:
    config = EvaluateConfig(metrics=("answer@1", "answer@2", "answer-exact@2"))
    qrels = {topic: {"d1": 1} for topic in ANSWERS.by_topic}
    gold = Gold(answers=ANSWERS, texts=PASSAGES)
    result = evaluate_runs(
        {"r": run_of(q1="d3 d1", q2="d2", q3="d1 d2 d3")}, qrels, config, gold=gold
    )
    assert result.per_topic("r") == {
        "q1": {"answer@1": 0.0, "answer@2": 1.0, "answer-exact@2": 1.0},
        "q2": {"answer@1": 1.0, "answer@2": 1.0, "answer-exact@2": 0.0},
        "q3": {"answer@1": 0.0, "answer@2": 0.0, "answer-exact@2": 0.0},
    }
    with pytest.raises(InputError, match="the collection has no document 'd9'"):
        evaluate_runs({"r": run_of(q1="d9")}, qrels, config, gold=gold)
    qrels["q4"] = {"d1": 1}
    with pytest.raises(InputError, match="1 of 4 topics have no gold answer, such as 'q4'"):
        evaluate_runs({"r": run_of(q1="d1")}, qrels, config, gold=gold)


def test_predictions_have_the_tables_and_tests_of_runs() -> None:
    gold = answers_from(((f"q{number}", f"word{number} next") for number in range(40)), "en")
    said = {
        "a@so": {f"q{n}": f"word{n} next" if n % 4 else "word" for n in range(40)},
        "a@sw": {f"q{n}": f"word{n}" for n in range(40)},
        "b@so": {f"q{n}": f"the word{n}, next" if n % 2 else "no" for n in range(39)},
        "b@sw": {f"q{n}": "" for n in range(40)},
    }
    result = evaluate_predictions(said, gold, EvaluateConfig(baseline="a", gaps=("so..sw",)))
    em, f1 = result.measures
    assert (str(em), str(f1)) == ("em", "answer-f1")
    assert result.figure("a", em, "so") == 0.75
    assert result.figure("a", f1, "sw") == pytest.approx(2 / 3)
    assert result.figure("b", em, "so") == pytest.approx(19 / 40)
    assert result.figure("b", f1, "sw") == 0.0
    assert len(result.comparisons) == 6
    assert result.gap_changes
    assert result.notes == ("run b@so: no answer to 1 of 40 topics, which counts as 0: q39",)


def collection(directory: Path) -> Path:
    directory.mkdir()
    for name, text in {
        "docs.en.tsv": "d1\tIt opened in 1999.\nd2\tThe Broncos won.\n",
        "queries.so.tsv": "q1\tgoorma\nq2\tkuma\n",
        "qrels.txt": "q1 0 d1 1\nq2 0 d2 1\n",
        "answers.en.tsv": "q1\t1999\nq2\tBroncos\nq2\tthe  Denver Broncos\n",
        "answers.so.tsv": "q1\t1999\nq2\tBoronkoos\n",
    }.items():
        (directory / name).write_text(text)
    runs = run_of(q1="d1 d2", q2="d1 d2")
    (directory.parent / "run").write_text("".join(format_run(runs)))
    (directory.parent / "said.tsv").write_text("q1\t1999\nq2\tDenver Broncos\n")
    return directory


def figures(**given: object) -> dict[str, float | None]:
    result = evaluate(EvaluateConfig(**given))  # type: ignore[arg-type]
    (system,) = result.systems
    return {str(measure): result.figure(system, measure) for measure in result.measures}


def test_answers_come_from_the_collection_or_from_a_file(tmp_path: Path) -> None:
    folder = collection(tmp_path / "c")
    assert open_collection(str(folder)).answers().by_topic["q2"] == (
        "Broncos",
        "the Denver Broncos",
    )
    run = {"runs": (str(tmp_path / "run"),), "collection": str(folder)}
    assert figures(metrics=("answer@1", "answer@2"), **run) == {"answer@1": 0.5, "answer@2": 1.0}
    assert figures(metrics=("answer@2",), answers_lang="so", **run) == {"answer@2": 0.5}
    (tmp_path / "other").write_text("q1\topened\nq2\topened\n")
    assert figures(metrics=("answer@1",), answers=tmp_path / "other", **run) == {"answer@1": 1.0}
    said = {"predictions": (f"reader={tmp_path / 'said.tsv'}",)}
    assert figures(collection=str(folder), **said) == {"em": 1.0, "answer-f1": 1.0}
    assert figures(collection=str(folder), answers_lang="so", **said)["em"] == 0.5
    file = {"answers": folder / "answers.en.tsv", "answers_lang": "en"}
    assert figures(**file, **said) == {"em": 1.0, "answer-f1": 1.0}


def test_documents_in_several_languages_are_those_of_the_answers(tmp_path: Path) -> None:
    folder = collection(tmp_path / "c")
    (folder / "docs.so.tsv").write_text("d1\t1999 ayaa\nd2\tBoronkoos ayaa\n")
    run = {"runs": (str(tmp_path / "run"),), "collection": str(folder), "metrics": ("answer@2",)}
    assert figures(answers_lang="so", **run) == {"answer@2": 1.0}
    with pytest.raises(UsageError, match="has answers, which language"):
        figures(**run)


def test_what_is_missing_or_contradictory_is_said(tmp_path: Path) -> None:
    folder = collection(tmp_path / "c")
    run = {"runs": (str(tmp_path / "run"),)}
    said = {"predictions": (str(tmp_path / "said.tsv"),)}
    there = {"collection": str(folder)}
    cases: list[tuple[dict[str, object], str]] = [
        ({**run, "qrels": folder / "qrels.txt", "metrics": ("answer@1",)}, "needs the texts"),
        ({**run, **there, "metrics": ("em",)}, "em is a measure of predictions"),
        ({**said, **there, "metrics": ("mrr",)}, "mrr is a measure of runs"),
        ({**said, **run, **there}, "`predictions` are evaluated instead of runs"),
        ({**said, **there, "fuse": ("rrf",)}, "`fuse` fuses runs"),
        ({**said, "qrels": folder / "qrels.txt"}, "`qrels` has none"),
        (said, "em needs the gold answers"),
        ({**said, "answers": folder / "answers.en.tsv"}, "language of the gold answers"),
        ({**run, **there, "answers_lang": "en"}, "`answers_lang` is for measures of answers"),
        ({**said, **there, "answers_lang": "de"}, "has answers, none in 'de'"),
    ]  # fmt: skip
    for given_, says in cases:
        with pytest.raises(UsageError, match=says):
            figures(**given_)
    for name in ("answers.en.tsv", "answers.so.tsv"):
        (folder / name).unlink()
    with pytest.raises(InputError, match="has no gold answers"):
        figures(**said, **there)
    with pytest.raises(UsageError, match="it needs the number of passages"):
        parse_measure("answer")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("q1\n", "1 column where id TAB answer"),
        ("q1\t \n", "without answer"),
        ("", "file is empty"),
    ],
)
def test_malformed_answers(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "answers").write_text(text)
    with pytest.raises(InputError, match=says):
        read_answers(tmp_path / "answers", "en")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("q1\n", "expected question id TAB answer"),
        ("q1\ta\tb\n", "expected question id TAB answer"),
        ("q1\ta\nq1\tb\n", "question 'q1' is answered twice"),
        ("", "the file is empty"),
    ],
)
def test_malformed_predictions(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "said").write_text(text)
    with pytest.raises(InputError, match=says):
        read_predictions(tmp_path / "said")


@pytest.mark.parametrize("language", ["en", "hi", "th"])
def test_the_paragraph_that_a_question_was_asked_about_holds_its_answer(
    shared_data: Path, language: str
) -> None:
    """All but those answers that the release cuts out of the middle of a word or a number."""
    cut = {"en": 1, "hi": 6, "th": 1}
    opened = open_collection(str(shared_data / "collections" / "xquad_x"), language)
    answers, texts = opened.answers(), {one.id: one.text for one in opened.documents()}
    for tokens in (exact_tokens, normalised_tokens):
        passages = {docno: Passage(text, tokens, language) for docno, text in texts.items()}
        missed = [
            topic
            for topic, judged in opened.qrels().items()
            if not passages[next(iter(judged))].holds(answers.by_topic[topic][0])
        ]
        assert len(missed) == cut[language]
        for topic in missed:
            text = texts[next(iter(opened.qrels()[topic]))]
            assert unicodedata.normalize("NFC", answers.by_topic[topic][0]) in " ".join(
                text.split()
            )


def test_xquad_by_its_own_id_has_the_same_answers(shared_data: Path, mirror: Path) -> None:
    folder = open_collection(str(shared_data / "collections" / "xquad"))
    for lang in (None, "de"):
        assert open_collection("xquad").answers(lang) == folder.answers(lang)
    with pytest.raises(UsageError, match="collection xquad has no answers in 'so'"):
        open_collection("xquad").answers("so")
    with pytest.raises(InputError, match="has no gold answers"):
        open_collection("flores").answers()
