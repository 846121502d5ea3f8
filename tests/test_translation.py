"""IBM model 1 against a plain implementation of the same equations, and on cases known by hand."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from clirot.bitext import translation_table as translation
from clirot.bitext.translation_table import ibm1

# das Haus / the house, das Buch / the book, ein Buch / a book: with das=0 Haus=1 Buch=2 ein=3 and
# the=0 house=1 book=2 a=3. The textbook's example of how model 1 disentangles co-occurrence.
_CORPUS = [([0, 1], [0, 1]), ([0, 2], [0, 2]), ([3, 2], [3, 2])]


def _arrays(pairs: list[tuple[list[int], list[int]]]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.array(f, dtype=np.int64), np.array(e, dtype=np.int64)) for f, e in pairs]


def _by_the_book(
    pairs: list[tuple[list[int], list[int]]], iterations: int
) -> dict[tuple[int, int], float]:
    """Expectation maximisation with dictionaries; -1 is the empty word."""
    t: dict[tuple[int, int], float] = defaultdict(lambda: 1.0)
    for _ in range(iterations):
        count: dict[tuple[int, int], float] = defaultdict(float)
        total: dict[int, float] = defaultdict(float)
        for foreign, english in pairs:
            for e in english:
                norm = sum(t[f, e] for f in [-1, *foreign])
                for f in [-1, *foreign]:
                    share = t[f, e] / norm
                    count[f, e] += share
                    total[f] += share
        t = defaultdict(float, {(f, e): c / total[f] for (f, e), c in count.items()})
    return t


def test_the_textbook_corpus_is_disentangled() -> None:
    table = ibm1(_arrays(_CORPUS), n_target=4, n_english=4, iterations=60).probability.toarray()
    assert table.argmax(axis=1).tolist() == [0, 1, 2, 3]
    assert table[1, 1] > 0.9 and table[3, 3] > 0.9


@pytest.mark.parametrize("iterations", [1, 2, 7])
def test_every_iteration_is_that_of_the_equations(iterations: int) -> None:
    generator = np.random.default_rng(3)
    pairs = [
        (
            generator.integers(0, 6, generator.integers(1, 6)).tolist(),
            generator.integers(0, 5, generator.integers(1, 6)).tolist(),
        )
        for _ in range(25)
    ]
    table = ibm1(_arrays(pairs), n_target=6, n_english=5, iterations=iterations)
    expected = _by_the_book(pairs, iterations)
    dense = table.probability.toarray()
    for f in range(6):
        for e in range(5):
            assert dense[f, e] == pytest.approx(expected[f, e], abs=1e-12)


def test_rows_are_distributions_and_unseen_units_have_none() -> None:
    table = ibm1(_arrays(_CORPUS), n_target=6, n_english=4)
    sums = np.asarray(table.probability.sum(axis=1)).ravel()
    assert sums == pytest.approx([1, 1, 1, 1, 0, 0])
    assert table.evidence[:4].min() > 0 and table.evidence[4:].max() == 0


def test_sentences_with_no_words_are_passed_over() -> None:
    with_empty = [*_CORPUS, ([], [0, 1]), ([2], [])]
    table = ibm1(_arrays(with_empty), n_target=4, n_english=4)
    assert np.isfinite(table.probability.toarray()).all()
    nothing = ibm1(_arrays([([1], [])]), n_target=4, n_english=4)
    assert nothing.probability.nnz == 0


def test_a_sample_of_the_bitext_has_the_evidence_of_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generator = np.random.default_rng(4)
    foreign = [generator.integers(0, 6, generator.integers(1, 6)) for _ in range(2000)]
    pairs = [(words, (words[::-1] + 1) % 6) for words in foreign]
    whole = ibm1(pairs, n_target=6, n_english=6)
    monkeypatch.setattr(translation, "_MAX_CELLS", 5000)
    sampled = ibm1(pairs, n_target=6, n_english=6)
    assert len(translation._cells(pairs)[0]) < 5500
    assert sampled.evidence == pytest.approx(whole.evidence, rel=0.1)
