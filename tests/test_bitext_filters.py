"""The chain of filters: properties that hold for any text, oracles, and hostile input."""

from __future__ import annotations

import hashlib
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from filtering import EN_SO, filtered
from hypothesis import given, settings
from hypothesis import strategies as st

from clirot.bitext import FilterConfig
from clirot.bitext.alignment import pair_scores
from clirot.bitext.config import REASONS
from clirot.bitext.filters.duplicates import Duplicates, Overlap
from clirot.bitext.filters.outcomes import EXAMPLES, batches, priorities
from clirot.bitext.stored import write_pairs
from clirot.bitext.text import Codepoints, folded, script_share, scripts_of, tidied, tidy
from clirot.errors import ClirotError, UsageError
from clirot.records import LanguagePair, SentencePair

Rows = list[tuple[str, str]]

untimed = settings(deadline=None)  # the first example builds the tables

# Few different texts, so that duplicates of every kind occur; and any text at all.
_FEW = st.sampled_from(
    ["a", "A", "a!", "b", " b ", "b\u00a0", "", "\ufeff", "12 x", "7 x", "\u200b", "e\u0301", "é"]
)
_ANY = st.text(st.characters(), max_size=20)  # surrogates and controls among them
_TEXTS = st.one_of(_FEW, _ANY)
_ROWS = st.lists(st.tuples(_TEXTS, _TEXTS), max_size=30)
_CONFIGS = st.builds(
    FilterConfig,
    keep_identical=st.booleans(),
    keep_control=st.booleans(),
    near_duplicates=st.sampled_from(["off", "pair", "src", "tgt"]),
    min_length=st.integers(1, 3),
    max_length=st.sampled_from([0, 5, 5000]),
    max_words=st.sampled_from([0, 2]),
    min_script=st.sampled_from([0.0, 0.1, 1.0]),
)


def pairs_of(rows: Rows) -> list[SentencePair]:
    return [SentencePair(src, tgt, f"id{number}") for number, (src, tgt) in enumerate(rows)]


def outcomes(rows: Rows, **config: object) -> list[str]:
    found, _ = filtered(pairs_of(rows), FilterConfig(**config))  # type: ignore[arg-type]
    return [outcome for _, outcome in found]


# Properties of the chain


@untimed
@given(_ROWS, _CONFIGS)
def test_order_is_kept_and_every_pair_has_one_outcome(rows, config):
    found, report = filtered(pairs_of(rows), config)
    assert [pair.id for pair, _ in found] == [f"id{number}" for number in range(len(rows))]
    assert [pair.place for pair, _ in found] == list(range(1, len(rows) + 1))
    counts = Counter(outcome for _, outcome in found)
    assert report.read == len(rows) == report.kept + report.dropped.total()
    assert report.kept == counts.pop("kept", 0)
    assert report.dropped == counts
    for reason, examples in report.examples.items():
        assert len(examples) == min(counts[reason], EXAMPLES)
        assert all(found[one["place"] - 1][1] == reason for one in examples)
    for bins in report.distributions.values():
        assert sum(bins["kept"]) <= report.kept


@untimed
@given(_ROWS, _CONFIGS)
def test_what_is_kept_is_kept_again_unchanged(rows, config):
    once, _ = filtered(pairs_of(rows), config)
    survivors = [pair for pair, outcome in once if outcome == "kept"]
    twice, _ = filtered(survivors, config)
    assert twice == [(pair, "kept") for pair in survivors]


@untimed
@given(_ROWS, _CONFIGS, st.integers(1, 7))
def test_the_batch_size_changes_nothing(tmp_path_factory, rows, config, size):
    def written(rows_of_a_batch: int) -> tuple[bytes, str, dict]:
        from clirot.bitext.filters.chain import Chain

        folder = tmp_path_factory.mktemp("batches")
        chain = Chain(config, EN_SO, folder, rows=rows_of_a_batch)
        chain.read(pairs_of(rows))
        digest = write_pairs(folder / "pairs.parquet", chain.filtered(), chain.score_names)
        return (folder / "pairs.parquet").read_bytes(), digest, chain.report.results()

    assert written(size) == written(4096)


@untimed
@given(_ROWS)
def test_without_filters_only_empty_sides_go(rows):
    found, _ = filtered(pairs_of(rows), FilterConfig.off())
    for pair, outcome in found:
        # Nothing to read: spaces and format characters alone.
        empty = [
            all(unicodedata.category(one)[0] in "CZ" for one in side)
            for side in (pair.src, pair.tgt)
        ]
        expected = "empty source" if empty[0] else "empty target" if empty[1] else "kept"
        assert outcome == expected


@untimed
@given(st.lists(_TEXTS, max_size=20))
def test_tidying_many_is_tidying_each(texts):
    many, damaged = tidied(texts)
    assert many == [tidy(text) for text in texts]
    assert tidied(many)[0] == many  # and once is enough
    for before, after, bad in zip(texts, many, damaged, strict=True):
        assert after == unicodedata.normalize("NFC", after)
        assert after == " ".join(after.split())
        assert bool(bad) == (after.count("\ufffd") > before.count("\ufffd"))
        after.encode("utf-8")  # no lone surrogate is left


def test_tidied_text_is_one_line_of_composed_text():
    assert tidy(" a\t b\u00a0\u2003c\r\n") == "a b c"
    assert tidy("\ufeffe\u0301\ufeff") == "é"
    assert tidy("a\0b\x85c\ud800\uffff") == "a\ufffdb c\ufffd\ufffd"
    assert tidy("می‌شود") == "می‌شود"  # a zero-width non-joiner belongs to Persian spelling


@untimed
@given(st.lists(_TEXTS.map(tidy), max_size=20))
def test_folding_many_is_folding_each(texts):
    expected = []
    for text in texts:
        letters = ""
        for one in text:
            kind = unicodedata.category(one)[0]
            lower = one.lower()
            letters += {"L": lower if len(lower) == 1 else one, "N": "0", "M": one}.get(kind, "")
        expected.append(re.sub("0+", "0", letters))
    assert folded(Codepoints.of(texts)) == expected


@untimed
@given(st.lists(_ANY, max_size=10))
def test_codepoints_there_and_back(texts):
    points = Codepoints.of(texts)
    assert points.texts() == texts
    assert points.lengths.tolist() == [len(text) for text in texts]
    assert points.count(points.array == 0x61).tolist() == [text.count("a") for text in texts]


# Each reason


def test_each_reason_is_counted():
    rows = [
        ("a", "b"),
        ("a", "b"),
        (" a\t", "b\u00a0"),
        ("a", "c"),
        ("", "b"),
        ("a", " \u3000\n"),
        ("", ""),
        ("same", "same "),
        ("bell\a", "dhawaaq"),
        ("half \ud83d", "nus"),
        ("\u200b\u2060", "x"),
    ]
    assert outcomes(rows) == [
        "kept",
        "duplicate",
        "duplicate",
        "kept",
        "empty source",
        "empty target",
        "empty source",
        "identical",
        "control characters",
        "control characters",
        "empty source",
    ]
    assert outcomes(rows, keep_identical=True)[7] == "kept"
    assert outcomes(rows, keep_duplicates=True)[1:3] == ["kept", "kept"]
    assert outcomes(rows, keep_control=True)[8:10] == ["kept", "kept"]


def test_length_filters_at_their_bounds():
    rows = [("x" * 10, "y" * 10), ("x" * 11, "y" * 10), ("x" * 10, "y" * 5), ("x" * 4, "y" * 10)]
    assert outcomes(rows, max_length=10) == ["kept", "too long", "kept", "kept"]
    assert outcomes(rows, min_length=5) == ["kept", "kept", "kept", "too short"]
    rows = [("a b c", "d"), ("a b", "d e f g"), ("a b c", "d e f")]
    assert outcomes(rows, max_words=3) == ["kept", "too long", "kept"]
    assert outcomes(rows, min_words=2) == ["too short", "kept", "kept"]


def test_ratios_count_from_thirty_characters():
    rows = [("x" * 30, "y" * 15), ("x" * 30, "y" * 14), ("x" * 29, "y"), ("x", "y" * 30)]
    assert outcomes(rows, max_ratio=2) == ["kept", "length ratio", "kept", "length ratio"]
    rows = [("one two three four five six seven", "kow"), ("one two three four five six", "laba")]
    assert outcomes(rows, max_ratio=0, max_word_ratio=6) == ["length ratio", "kept"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"max_length": -1}, "`max_length` must be at least 0, got -1"),
        ({"min_words": 0}, "`min_words` must be at least 1, got 0"),
        (
            {"min_length": 9, "max_length": 8},
            "`max_length` must not be below `min_length`: 8 is below 9",
        ),
        ({"max_ratio": 0.5}, "`max_ratio` must be at least 1, or 0, got 0.5"),
        (
            {"max_word_ratio": float("nan")},
            "`max_word_ratio` must be a finite number, at least 0, got nan",
        ),
        ({"min_script": 1.5}, "`min_script` must be from 0 to 1, got 1.5"),
        ({"near_duplicates": "both"}, "unknown `near_duplicates` 'both'"),
        (
            {"near_duplicates": "src", "keep_duplicates": True},
            "a duplicate is also a near duplicate",
        ),
    ],
)
def test_filters_that_make_no_sense(config, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        FilterConfig(**config)


# Duplicates


@untimed
@given(_ROWS.map(pairs_of), st.sampled_from(["off", "pair", "src", "tgt"]), st.integers(1, 9))
def test_duplicates_against_brute_force(tmp_path_factory, pairs, near, held):
    """Every pair against all before it; held small enough that the keys are spread over files."""
    pairs = [SentencePair(tidy(one.src), tidy(one.tgt), one.id) for one in pairs]

    def key(pair: SentencePair) -> tuple[str, ...]:
        sides = {"off": (), "pair": (pair.src, pair.tgt), "src": (pair.src,), "tgt": (pair.tgt,)}
        short = folded(Codepoints.of(sides[near]))
        return tuple(a or f"as it is {b}" for a, b in zip(short, sides[near], strict=True))

    expected = []
    for place, pair in enumerate(pairs):
        before = pairs[:place]
        if any((one.src, one.tgt) == (pair.src, pair.tgt) for one in before):
            expected.append("duplicate")
        elif near != "off" and any(key(one) == key(pair) for one in before):
            expected.append("near duplicate")
        else:
            expected.append("kept")
    finder = Duplicates(tmp_path_factory.mktemp("keys"), near=near, held=held)
    for batch in batches(pairs, rows=3):
        finder.add(batch)
    assert [REASONS[code] for code in finder.outcomes(len(pairs)).tolist()][
        : len(pairs)
    ] == expected


def test_many_duplicates_in_many_files(tmp_path):
    chance = random.Random(5)
    texts = [str(chance.randrange(4000)) for _ in range(10_000)]
    pairs = [SentencePair(f"en {text}", f"so {text}") for text in texts]
    finder = Duplicates(tmp_path, held=500)
    for batch in batches(pairs, rows=128):
        finder.add(batch)
    assert len(list(tmp_path.iterdir())) == 256
    first = {text: place for place, text in reversed(list(enumerate(texts)))}
    found = finder.outcomes(len(pairs)) == 0
    assert np.flatnonzero(found).tolist() == sorted(first.values())


def test_a_pair_that_another_filter_drops_is_no_original():
    rows = [("Hello, 10 worlds", "Salaan"), ("hello 25 worlds", "SALAAN")]
    assert outcomes(rows, near_duplicates="pair") == ["kept", "near duplicate"]
    rows[0] = ("Hello, 10 worlds", "Salaan\a")
    assert outcomes(rows, near_duplicates="pair") == ["control characters", "kept"]


# Scripts


def test_scripts_are_those_of_cldr():
    assert scripts_of("so") == {"Latn"}
    assert scripts_of("en") == {"Latn"}
    assert scripts_of("am") == {"Ethi"}
    assert scripts_of("ja") == {"Hira", "Kana", "Hani"}
    assert scripts_of("ko") == {"Hang", "Hani"}
    assert scripts_of("sr") == {"Cyrl", "Latn"}
    assert scripts_of("sr-Latn") == scripts_of("ro") == {"Latn"}
    assert scripts_of("ro-Cyrl") == {"Cyrl"}
    assert "Hani" in scripts_of("zh") and "Latn" not in scripts_of("zh")


def test_the_share_of_letters_is_what_a_reader_counts():
    texts = ["भारत में", "abc भा", "abcd", "", "12 !", "1st ª", "Ελλάδα a"]
    share = script_share(Codepoints.of(texts), frozenset({"Deva"}))
    # Letters, not marks: भ र त म are four, and the vowel signs are no letters.
    expected = [1.0, 0.25, 0.0, None, None, 0.0, 0.0]
    assert [None if np.isnan(one) else float(one) for one in share] == expected
    greek = script_share(Codepoints.of(texts[-1:]), frozenset({"Grek"}))
    assert greek.tolist() == pytest.approx([6 / 7])


def test_the_script_filter_drops_what_is_of_another_script():
    rows = [
        ("The republic", "Jamhuuriyadda"),
        ("الجمهورية", "Jamhuuriyadda kale"),
        ("He said: جمهورية", "wuxuu yiri"),
        ("100 %", "100"),
    ]
    assert outcomes(rows) == ["kept", "script", "kept", "kept"]
    assert outcomes(rows, min_script=0.6)[2] == "script"
    assert outcomes(rows, min_script=0.0)[1] == "kept"


def test_a_language_of_unknown_script_is_a_warning():
    found, report = filtered(pairs_of([("a", "b")]), languages=LanguagePair("en", "xyz"))
    assert [outcome for _, outcome in found] == ["kept"]
    assert report.warnings == ["which script 'xyz' is written in is not known: not checked"]


# Language identification


def test_languages_are_identified():
    pytest.importorskip("py3langid")
    english = "The government said on Friday that the schools will be open again next week."
    rows = [
        (english, "Dowladdu waxay sheegtay Jimcihii in dugsiyada la furi doono toddobaadka soo."),
        (english, "The minister told reporters that nobody had been hurt in the accident."),
        ("Le gouvernement a annoncé vendredi la réouverture des écoles.", "Waa maxay sababta?"),
        ("OK 12 again", "OK 12"),
    ]
    found, report = filtered(pairs_of(rows), FilterConfig(min_language=0.01))
    assert [outcome for _, outcome in found] == ["kept", "language", "language", "kept"]
    assert report.warnings == []


def test_a_language_the_identifier_does_not_know_is_a_warning():
    pytest.importorskip("py3langid")
    english = "The government said on Friday that the schools will be open again next week."
    languages = LanguagePair("en", "nqo")
    config = FilterConfig(min_language=0.5, min_script=0.0)
    found, report = filtered(pairs_of([(english, english + " x")]), config, languages)
    assert [outcome for _, outcome in found] == ["kept"]
    assert report.warnings == ["the language identifier does not know 'nqo': that side not checked"]


# Overlap with collections


@pytest.fixture
def collection(tmp_path: Path) -> str:
    folder = tmp_path / "tests of ours"
    folder.mkdir()
    (folder / "docs.en.tsv").write_text(
        "d1\tThe well is dry. The women walk to the river.\nd2\tMarket prices rose by 12 %!\n"
        "d3\t???\n"
    )
    (folder / "queries.so.tsv").write_text("q1\tCeelku waa qalalan yahay\n")
    (folder / "qrels.txt").write_text("q1 0 d1 1\n")
    return str(folder)


def test_what_is_in_a_collection_is_dropped(collection):
    overlap = Overlap([collection])
    overlap.read()
    rows = [
        ("the women walk to the river", "haweenku"),  # a sentence of d1, folded
        ("The well is dry. The women walk to the river.", "labadaba"),  # the whole document
        ("market prices rose by 14%", "suuqa"),  # d2, but for the number
        ("The well", "CEELKU WAA QALALAN YAHAY?"),  # a topic
        ("The women", "haweenka"),
        ("!!!", "..."),  # nothing to compare
    ]
    found, _ = filtered(pairs_of(rows), overlap=overlap)
    assert [outcome for _, outcome in found] == ["overlap"] * 4 + ["kept"] * 2
    (made,) = overlap.inputs()
    assert (made.kind, made.name, len(made.digest)) == ("collection", collection, 64)


def test_documents_in_every_language_of_a_collection_are_excluded(collection):
    rows = [("The well is dry.", "x"), ("x", "Suuqa waa xiran yahay"), ("x", "y")]
    (english,) = Overlap([collection]).inputs()
    (Path(collection) / "docs.so.tsv").write_text("d1\tSuuqa waa xiran yahay.\n")
    overlap = Overlap([collection])
    overlap.read()
    found, _ = filtered(pairs_of(rows), overlap=overlap)
    assert [outcome for _, outcome in found] == ["overlap", "overlap", "kept"]
    (both,) = overlap.inputs()
    assert both.digest != english.digest


def test_a_collection_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ClirotError):
        Overlap([str(tmp_path / "none")])


# The filter by alignment scores


class _Lengths:
    """A model that learns the mean length of the target sides and scores by it."""

    seen: list[str]

    def __init__(self, src: list[str], tgt: list[str]) -> None:
        type(self).seen = tgt
        self._mean = sum(map(len, tgt)) / len(tgt)

    def probabilities(self, src: list[str], tgt: list[str]) -> np.ndarray:
        return np.array([len(text) >= self._mean for text in tgt], np.float32)


def test_alignment_is_learnt_from_what_is_kept_and_decides(monkeypatch):
    monkeypatch.setattr(pair_scores, "PairModel", _Lengths)
    rows = [("a", "aaaa"), ("b", ""), ("c", "c c"), ("a", "aaaa"), ("d", "dddddd")]
    found, report = filtered(pairs_of(rows), FilterConfig(min_alignment=0.5), rows=2)
    assert _Lengths.seen == ["aaaa", "c c", "dddddd"]
    expected = ["misaligned", "empty target", "misaligned", "duplicate", "kept"]
    assert [outcome for _, outcome in found] == expected
    bins = report.distributions["alignment"]
    assert sum(bins["kept"]) == 1 and sum(bins["dropped"]) == 2


def test_alignment_is_learnt_from_a_sample_spread_evenly(monkeypatch):
    monkeypatch.setattr(pair_scores, "PairModel", _Lengths)
    monkeypatch.setattr(pair_scores, "SAMPLE", 4)
    rows = [(f"e{number}", f"s{number}") for number in range(12)]
    rows[1:1] = [("", "x")]
    filtered(pairs_of(rows), FilterConfig(min_alignment=0.5), rows=5)
    assert _Lengths.seen == ["s0", "s3", "s6", "s9"]


# Samples and scale


def test_priorities_draw_evenly():
    rows = np.arange(10_000, dtype=np.uint64)
    keys = priorities(rows, seed=3)
    assert len(np.unique(keys)) == len(rows)
    chosen = np.argsort(keys)[:1000]
    in_tenths = np.bincount(chosen // 1000, minlength=10)
    assert in_tenths.min() > 70 and in_tenths.max() < 130  # 100 expected, deviation 9.5
    assert not np.array_equal(chosen, np.argsort(priorities(rows, seed=4))[:1000])
    halves = priorities(rows[5000:], seed=3)
    assert np.array_equal(halves, keys[5000:])


def test_hostile_sides_are_counted_not_fatal():
    def pairs() -> Iterator[SentencePair]:
        yield SentencePair("x" * 10_000_000, "long", "1")
        yield SentencePair("\0" * 1000, "nul", "2")
        yield SentencePair("a" + "\u0301" * 4000, "marks" * 800, "3" * 5000)
        yield SentencePair("bidi \u202e\u2066", "isolate", "4\n\t")
        yield SentencePair("ok", "haa", "\ud800")

    found, report = filtered(pairs())
    assert [outcome for _, outcome in found] == [
        "too long",
        "control characters",
        "kept",
        "kept",
        "kept",
    ]
    assert max(len(pair.src) for pair, _ in found) == 5000
    assert [len(pair.id) for pair, _ in found] == [1, 1, 1000, 1, 1]
    assert len(report.examples["too long"][0]["src"]) == 300


def test_the_digest_of_the_pairs_is_that_of_the_kept_lines(tmp_path):
    from clirot.bitext.filters.chain import Chain

    chain = Chain(FilterConfig(), EN_SO, tmp_path)
    chain.read(pairs_of([("a", "b"), ("", "c"), ("é", "d")]))
    digest = write_pairs(tmp_path / "pairs.parquet", chain.filtered(), chain.score_names)
    assert digest == hashlib.sha256("a\tb\tid0\né\td\tid2\n".encode()).hexdigest()
