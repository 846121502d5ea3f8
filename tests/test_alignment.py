"""Misalignment: against made-up languages whose dictionary is known, brute force, and TICO-19."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path

import numpy as np
import pytest

from clirot.bitext.alignment import (
    AlignmentReport,
    Stretch,
    alignment_scores,
    find_shifts,
    realign,
    repair,
    shifts,
)
from clirot.bitext.alignment.lexicon import LOOKED_AT, Beads, encoded, folds_of, units
from clirot.bitext.alignment.pair_scores import Lengths, PairModel, _share, posterior_of
from clirot.bitext.alignment.realignment import _best_path, _monotone, fault_of
from clirot.bitext.alignment.report import Bead, Realignment
from clirot.bitext.alignment.shifts import viterbi
from clirot.errors import UsageError
from clirot.records import Step

Corpus = tuple[list[str], list[str]]


def made_up(sentences: int, seed: int = 0) -> Corpus:
    """Sentences of 4 to 12 made-up words and their translation, word by word and backwards."""
    draw = np.random.default_rng(seed)
    letters = list("abdefghiklmnoprstu")
    words = ["".join(draw.choice(letters, draw.integers(4, 8))) for _ in range(600)]
    others = ["".join(draw.choice(letters, draw.integers(4, 8))) for _ in range(600)]
    weight = 1 / np.arange(5, 605)
    src, tgt = [], []
    for _ in range(sentences):
        chosen = draw.choice(600, draw.integers(4, 13), p=weight / weight.sum())
        said = [word for word in chosen[::-1] if draw.random() > 0.1]
        src.append(" ".join(words[word] for word in chosen) + ".")
        tgt.append(" ".join(others[word] for word in said) + ".")
    return src, tgt


@pytest.fixture(scope="module")
def clean() -> Corpus:
    return made_up(800)


# --- units ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Houses' 2,030 sentences!", ["the", "hous", "2", "030", "sent"]),
        ("ＡＢＣ１２", ["abc", "12"]),  # compatibility forms
        ("新冠病毒 COVID-19", ["新", "冠", "病", "毒", "covi", "19"]),
        ("ひとの", ["ひ", "と", "の"]),
        ("भाषा", ["भाषा"]),  # vowel signs are part of the word
        ("สวัสดี", ["สวั", "วัส", "ัสด", "สดี"]),
        ("...", []),
        ("", []),
    ],
)
def test_units(text: str, expected: list[str]) -> None:
    assert units(text) == expected


def test_a_runaway_line_is_cut() -> None:
    assert len(units("word " * 5000)) == 100


def test_what_is_not_looked_at_makes_no_difference() -> None:
    """So a reader may cut sentences there."""
    text = "ab " * LOOKED_AT + "x" * 9_000
    whole, cut = (encoded([one], {}) for one in (text, text[:LOOKED_AT]))
    assert whole.units.tolist() == cut.units.tolist()
    assert whole.characters.tolist() == cut.characters.tolist() == [LOOKED_AT]
    assert len(units("x" * 10_000 + " y")) == 1


def test_a_copied_vocabulary_grows_apart() -> None:
    one: dict[str, int] = {}
    encoded(["a b"], one)
    other = dict(one)
    sentences = encoded(["b c", ""], other)
    assert sentences.units.tolist() == [1, 2] and sentences.bounds.tolist() == [0, 2, 2]
    assert (len(one), len(other)) == (2, 3)


# --- evidence ------------------------------------------------------------------------------------


def test_equal_sentences_share_a_fold() -> None:
    assert len(set(folds_of(["one"] * 9, 4).tolist())) == 1
    assert set(folds_of([str(number) for number in range(200)], 4).tolist()) == {0, 1, 2, 3}


def test_the_share_of_translations_is_storeys() -> None:
    null = np.arange(100.0)
    # 30 of 100 real ones from the null: half of those below its median.
    real = np.concatenate([np.full(70, 1000.0), null[:15], null[-15:]])
    share, error = _share(real, null)
    assert share == pytest.approx(0.7)
    assert error == pytest.approx(0.1)
    assert _share(np.zeros(0), null)[0] == 0


def test_the_posterior_is_bayes() -> None:
    assert posterior_of(np.log([1.0, 3.0]), 0.5) == pytest.approx([0.5, 0.75])
    assert posterior_of(np.log([1.0]), 0.2) == pytest.approx([0.2])
    assert posterior_of(np.array([-50.0, 50.0]), 0.5) == pytest.approx([0, 1], abs=1e-9)


def test_lengths_of_proportional_sides_surprise_nowhere() -> None:
    src = np.array([10.0, 50.0, 200.0])
    lengths = Lengths.of(src, 2 * src + 1)
    assert lengths.ratio == pytest.approx(2, rel=0.1)
    surprise = lengths.surprise(np.array([100.0, 100.0]), np.array([200.0, 50.0]))
    assert surprise[0] < surprise[1]


def test_evidence_does_not_depend_on_what_is_read_with_it(clean: Corpus) -> None:
    src, tgt = clean
    model = PairModel(src[:400], tgt[:400])
    some = np.arange(400, 500)
    whole = model.log_ratio(model.read(src, tgt), Beads.pairs(some, some))
    part = model.log_ratio(
        model.read(src[400:500], tgt[400:500]), Beads.pairs(some - 400, some - 400)
    )
    assert part == pytest.approx(whole, abs=1e-4)


def test_a_bead_of_two_sentences_is_their_concatenation(clean: Corpus) -> None:
    src, tgt = clean
    model = PairModel(src[:400], tgt[:400])
    at = np.array([3])
    bead = model.log_ratio(model.read(src[:8], tgt[:8]), Beads(at, at + 1, at, at + 2))
    # Joined without a space, so that lengths agree; the full stop keeps the words apart.
    joined = model.read([src[3]], [tgt[3] + tgt[4]])
    zero = np.array([0])
    assert model.log_ratio(joined, Beads.pairs(zero, zero)) == pytest.approx(bead, abs=1e-4)


# --- scores of pairs -----------------------------------------------------------------------------


def shuffled(corpus: Corpus, share: float, seed: int = 1) -> tuple[Corpus, np.ndarray]:
    src, tgt = corpus
    moved = np.random.default_rng(seed).permutation(len(src))[: round(share * len(src))]
    out = list(tgt)
    for line, other in zip(moved, np.roll(moved, 1), strict=True):
        out[line] = tgt[other]
    bad = np.zeros(len(src), dtype=bool)
    bad[moved] = True
    return (src, out), bad


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_shuffled_pairs_score_low(clean: Corpus, share: float) -> None:
    (src, tgt), bad = shuffled(clean, share)
    scores = alignment_scores(src, tgt)
    assert scores.dtype == np.float32 and scores.min() >= 0 and scores.max() <= 1
    assert (scores[bad] < 0.5).mean() > 0.9
    assert (scores[~bad] < 0.5).mean() < 0.05


def test_clean_pairs_score_high(clean: Corpus) -> None:
    assert (alignment_scores(*clean) > 0.5).mean() > 0.99


def test_repeated_bad_pairs_do_not_raise_each_others_score(clean: Corpus) -> None:
    (src, tgt), _ = shuffled((clean[0][:300], clean[1][:300]), 1.0)
    scores = alignment_scores(src * 2, tgt * 2)
    assert (scores > 0.5).mean() < 0.05


def test_scores_are_the_same_again_and_progress_is_told(clean: Corpus) -> None:
    steps: list[Step] = []
    src, tgt = clean[0][:100], clean[1][:100]
    first = alignment_scores(src, tgt, progress=steps.append)
    assert np.array_equal(first, alignment_scores(src, tgt))
    assert (steps[-1].done, steps[-1].total) == (100, 100)


def test_odd_corpora_are_scored() -> None:
    assert alignment_scores([], []).tolist() == []
    assert np.isfinite(alignment_scores(["one"], ["moja"])).all()
    assert np.isfinite(alignment_scores(["...", "!", ""], ["?", "", "..."])).all()
    assert np.isfinite(alignment_scores(["same"] * 20, ["same"] * 20)).all()


def test_sides_of_different_length_are_refused() -> None:
    with pytest.raises(UsageError, match="2 source sentences, but 1 target sentences"):
        alignment_scores(["a", "b"], ["c"])


# --- shifts --------------------------------------------------------------------------------------


def test_viterbi_is_the_best_of_all_paths() -> None:
    draw = np.random.default_rng(5)
    for _ in range(20):
        evidence = draw.normal(0, 3, (6, 3))

        def worth(path: tuple[int, ...], evidence: np.ndarray = evidence) -> float:
            changes = sum(one != other for one, other in itertools.pairwise(path))
            return float(evidence[range(6), path].sum() - 2.5 * changes)

        best = max(worth(path) for path in itertools.product(range(3), repeat=6))
        assert worth(tuple(viterbi(evidence, 2.5).tolist())) == pytest.approx(best)


def test_no_shift_in_a_clean_corpus(clean: Corpus) -> None:
    report = find_shifts(*clean)
    assert report.aligned and report.stretches == (Stretch(0, 800, 0),)
    assert report.share > 0.95
    assert str(report) == "aligned: no shift in 800 pairs"


@pytest.mark.parametrize("by", [1, -1, 3])
def test_a_shift_is_found_where_it_begins(clean: Corpus, by: int) -> None:
    src, tgt = clean
    moved = [*tgt[:500], *tgt[:by], *tgt[500:]] if by > 0 else [*tgt[:500], *tgt[500 - by :]]
    report = find_shifts(src, moved)
    (stretch,) = report.shifts
    assert stretch.offset == by
    assert abs(stretch.start - 500) <= 5 and stretch.end >= 790
    assert f" by {by:+d}" in str(report)


def test_a_corpus_shifted_from_its_first_line(clean: Corpus) -> None:
    report = find_shifts(clean[0][1:], clean[1][:-1])
    assert [one.offset for one in report.stretches] == [1]
    assert report.share == 0


def test_a_missing_block_is_found_however_large(clean: Corpus) -> None:
    src, tgt = clean
    report = find_shifts(src, [*tgt[:300], *tgt[420:]])
    assert [one.offset for one in report.shifts] == [-120]
    assert abs(report.shifts[0].start - 420) <= 5
    assert [one.offset for one in report.stretches] == [0, None, -120]


def test_swapped_blocks_are_found(clean: Corpus) -> None:
    src, tgt = clean
    report = find_shifts(src, [*tgt[:200], *tgt[500:600], *tgt[300:500], *tgt[200:300], *tgt[600:]])
    assert [one.offset for one in report.shifts] == [300, -300]


def test_a_shuffled_corpus_is_not_aligned_rather_than_shifted(clean: Corpus) -> None:
    (src, tgt), _ = shuffled(clean, 1.0)
    report = find_shifts(src, tgt)
    assert report.nothing_matches and not report.shifts
    assert str(report) == "not aligned: nothing on the two sides of 800 pairs matches"


def test_half_shuffled_pairs_are_no_shift(clean: Corpus) -> None:
    (src, tgt), _ = shuffled(clean, 0.5)
    report = find_shifts(src, tgt)
    assert not report.shifts
    assert 0.4 < report.share < 0.6


def other_words(lines: int, words: int, seed: int = 3) -> Corpus:
    """Pairs that are no translations, of words that occur nowhere else."""
    draw = np.random.default_rng(seed)

    def said(sign: str) -> list[str]:
        letters = draw.choice(list("cjqvwxyz"), (lines, words, 6))
        return [" ".join(sign + "".join(word) for word in line) for line in letters]

    return said("q"), said("w")


def test_a_few_lines_of_rare_words_are_no_finding(clean: Corpus) -> None:
    """As the months in a list of names."""
    src, tgt = clean
    months, others = other_words(24, 1)
    report = find_shifts([*src[:300], *months, *src[300:]], [*tgt[:300], *others, *tgt[300:]])
    assert report.aligned
    assert find_shifts([*src, *months], [*tgt, *others]).aligned


def test_a_few_lines_of_known_words_are(clean: Corpus) -> None:
    src, tgt = clean
    mixed = [*tgt[:300], *tgt[324:300:-1], *tgt[325:700], *tgt[300:301], *tgt[700:]]
    (stretch,) = find_shifts(src, mixed[:800]).unmatched
    assert abs(stretch.start - 300) <= 5 and abs(stretch.end - 324) <= 5


def test_a_corpus_of_which_nothing_is_known_is_not_searched_at_length(
    clean: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each offset a sample is tried, and far offsets are given up where no window agrees."""
    (src, tgt), _ = shuffled(clean, 1.0)
    learnt: list[int] = []
    model = shifts.PairModel

    def counted(src: list[str], tgt: list[str], *, seed: int) -> PairModel:
        learnt.append(len(src))
        return model(src, tgt, seed=seed)

    monkeypatch.setattr(shifts, "PairModel", counted)
    monkeypatch.setattr(shifts, "_TRIED", 200)
    assert find_shifts(src, tgt).nothing_matches
    assert learnt[0] == 800 and len(learnt) == 7 and max(learnt[1:]) <= 200


def test_far_offsets_are_given_up_where_the_first_windows_do_not_agree(
    clean: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shifts, "_FIRST_WINDOWS", 3)
    src, tgt = clean
    steps: list[Step] = []
    (_, mixed), _ = shuffled((src[400:], tgt[400:]), 1.0)
    find_shifts(src, [*tgt[:400], *mixed], progress=steps.append)
    looked = [(one.done, one.total, one.unit) for one in steps if "unmatched" in one.label]
    assert looked == [(1, 3, "windows"), (2, 3, "windows"), (3, 3, "windows")]


def test_short_corpora() -> None:
    src, tgt = made_up(200, seed=4)
    assert find_shifts(src, tgt).aligned
    (stretch,) = find_shifts(src, [*tgt[:100], *tgt[101:]]).shifts
    assert stretch.offset == -1 and abs(stretch.start - 101) <= 5


def test_too_few_pairs_are_not_checked() -> None:
    assert find_shifts([], []).aligned
    report = find_shifts(["one"], ["moja"])
    assert report.aligned and not report.nothing_matches
    assert str(report) == "not checked: 1 pairs are too few, 40 are needed"
    (bead,) = realign(["one"], ["moja"]).beads
    assert bead.matched


def test_a_long_corpus_is_read_in_blocks(clean: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shifts, "WHOLE", 100)
    monkeypatch.setattr(shifts, "_BLOCK", 20)
    monkeypatch.setattr(shifts, "_BLOCKS", 6)
    monkeypatch.setattr(shifts, "READ_AT_ONCE", 30)
    src, tgt = clean
    report = find_shifts(src, [*tgt[:500], *tgt[501:]])
    assert report.sampled
    (stretch,) = report.shifts
    assert stretch.offset == -1 and abs(stretch.start - 501) <= 5 and stretch.end == 800


def test_a_report_names_the_longest_stretches_in_the_order_of_their_lines() -> None:
    sizes = [(0, 10, 1), (10, 20, 0), (20, 50, -1), (50, 60, None), (60, 90, None)]
    sized = str(AlignmentReport(90, tuple(Stretch(*one) for one in sizes), 0.5))
    assert sized == (
        "2 shifted stretches, 40 of 90 pairs: 1-10 by +1, 21-50 by -1; "
        "nothing matches in 51-60, 61-90"
    )
    parts = [Stretch(100 * at, 100 * at + 100, at % 2) for at in range(14)]
    said = str(AlignmentReport(1400, (*parts[:-1], Stretch(1300, 1400, None)), 0.5))
    assert said.startswith("6 shifted stretches, 600 of 1,400 pairs: 101-200 by +1, ")
    assert said.endswith(" and 1 more; nothing matches in 1,301-1,400")


# --- realignment ---------------------------------------------------------------------------------


def test_the_best_path_is_the_best_of_all() -> None:
    kinds = [(1, 1), (1, 2), (2, 1), (1, 0), (0, 1)]
    draw = np.random.default_rng(2)
    size = 4
    for _ in range(20):
        worth = {kind: draw.normal(0, 2, size * size) for kind in kinds}
        worth[0, 1][:] = -0.7

        def paths(i: int, j: int) -> list[list[tuple[int, int, tuple[int, int]]]]:
            if (i, j) == (size - 1, size - 1):
                return [[]]
            return [
                [(i + a, j + b, (a, b)), *rest]
                for a, b in kinds
                if i + a < size and j + b < size
                for rest in paths(i + a, j + b)
            ]

        def total(
            path: list[tuple[int, int, tuple[int, int]]],
            worth: dict[tuple[int, int], np.ndarray] = worth,
        ) -> float:
            return sum(float(worth[kind][i * size + j]) for i, j, kind in path)

        starts, low = np.arange(0, size * size + 1, size), np.zeros(size, dtype=np.int64)
        found = _best_path(worth, starts, low)
        assert total(found) == pytest.approx(max(map(total, paths(0, 0))))


def test_stretches_that_cross_are_not_both_kept() -> None:
    parts = [Stretch(0, 50, 0), Stretch(50, 60, 30), Stretch(60, 100, 0), Stretch(100, 120, None)]
    assert _monotone(parts) == [parts[0], parts[2]]


def test_a_clean_corpus_stays_as_it_is(clean: Corpus) -> None:
    src, tgt = clean
    pairs = [(one, other) for one, other, _ in realign(src, tgt).pairs(src, tgt)]
    assert pairs == list(zip(src, tgt, strict=True))


def test_every_sentence_is_in_one_bead_and_what_moved_is_put_back(clean: Corpus) -> None:
    src, tgt = clean
    # A sentence lost, two joined in one line, one too many; then all is well again.
    broken = [*tgt[:200], *tgt[201:400], tgt[400] + " " + tgt[401], *tgt[402:600], "kelele"]
    broken += tgt[600:]
    result = realign(src, broken)
    assert [at for bead in result.beads for at in bead.src] == list(range(len(src)))
    assert [at for bead in result.beads for at in bead.tgt] == list(range(len(broken)))
    pairs = {(one, other) for one, other, _ in result.pairs(src, broken)}
    right = {(src[at], tgt[at]) for at in range(800) if at not in {200, 400, 401}}
    assert len(pairs & right) >= 0.99 * len(right)
    assert (f"{src[400]} {src[401]}", f"{tgt[400]} {tgt[401]}") in pairs


def test_a_missing_block_is_left_without_a_counterpart(clean: Corpus) -> None:
    src, tgt = clean
    result = realign(src, [*tgt[:300], *tgt[340:]])
    alone = [at for bead in result.beads if not bead.matched for at in bead.src]
    assert len(set(alone) & set(range(300, 340))) >= 36
    assert len(alone) <= 44


def test_what_cannot_be_aligned_stays_with_low_scores(clean: Corpus) -> None:
    (src, tgt), _ = shuffled(clean, 1.0)
    result = realign(src, tgt[:-3])
    assert result.report.nothing_matches
    assert sum(bead.matched for bead in result.beads) == len(src) - 3
    assert max(bead.score for bead in result.beads) == 0


# --- repair --------------------------------------------------------------------------------------


def test_only_what_has_slipped_is_repaired(clean: Corpus) -> None:
    src, tgt = clean
    assert repair(src, tgt) is None
    (_, mixed), _ = shuffled((src[400:], tgt[400:]), 1.0)
    assert find_shifts(src, [*tgt[:400], *mixed]).unmatched
    assert repair(src, [*tgt[:400], *mixed]) is None
    assert repair(*shuffled(clean, 1.0)[0]) is None
    done = repair(src, [*tgt[:500], *tgt[501:]])
    assert done is not None and done.fault is None


def test_a_realignment_that_helps_nothing_has_a_fault(clean: Corpus) -> None:
    src, tgt = clean
    broken = [*tgt[:500], *tgt[501:]]
    report = find_shifts(src, broken)

    def of(moves: list[tuple[int, int]]) -> Realignment:
        beads = [Bead(range(i, i + 1), range(j, j + 1), 1.0) for i, j in moves]
        return Realignment(tuple(beads), report)

    right = [*((i, i) for i in range(500)), *((i, i - 1) for i in range(501, 800))]
    assert fault_of(of(right), src, broken) is None
    # What was shifted is dropped: nothing is won.
    fault = fault_of(of(right[:400]), src, broken)
    assert fault is not None and "pairs are translations afterwards" in fault
    fault = fault_of(of([(i, i + 1) for i in range(798)]), src, broken)
    assert fault is not None and fault.startswith("no fewer lines are shifted afterwards")
    # Nine lines in ten of the shifted part are mended, and a hundred good ones slip.
    worse = [*((i, i + (i >= 300) * 2) for i in range(498)), *right[500:]]
    fault = fault_of(of(worse), src, broken)
    assert fault is not None and fault.startswith("lines that were aligned are shifted afterwards")
    mixed = [(i, (i * 7 + 3) % 799) for i in range(799)]
    assert fault_of(of(mixed), src, broken) == "nothing in it matches any more"


# --- the real one --------------------------------------------------------------------------------


def read(path: Path) -> Corpus:
    with gzip.open(path, "rt") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines]
    return [row[0] for row in rows], [row[1] for row in rows]


def test_the_somali_of_tico_19_is_found_shifted_and_put_back(shared_data: Path) -> None:
    src, tgt = read(shared_data / "bitext" / "tico19_asis.en-so.tsv.gz")
    done = repair(src, tgt)
    assert done is not None and done.fault is None
    first, second = done.report.shifts
    # By hand: units 1,161 to 1,700 and 1,861 to 3,070 (decision 032), each one line early.
    assert (first.offset, second.offset) == (-1, -1)
    assert abs(first.start - 1160) <= 5 and abs(first.end - 1700) <= 5
    assert abs(second.start - 1860) <= 5
    right = set(zip(*read(shared_data / "bitext" / "tico19.en-so.tsv.gz"), strict=True))
    pairs = [(one, other) for one, other, _ in done.pairs(src, tgt)]
    assert sum(pair in right for pair in pairs) >= 0.97 * len(right)
    assert len(pairs) <= len(right) + 3
