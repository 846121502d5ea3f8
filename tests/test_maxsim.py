"""MaxSim against rational arithmetic, a second implementation, and its own promises."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers.util.similarity import maxsim as their_maxsim

from clirot.encoding import block_scores, maxsim, token_matrix
from clirot.encoding.maxsim import (
    BFLOAT16,
    EXACT,
    FLOAT16,
    FLOAT32,
    TokenMatrix,
    check_vectors,
    scores,
)
from clirot.errors import InputError

NARROW = [FLOAT32, FLOAT16, BFLOAT16]


def unit(rng: np.random.Generator, tokens: int, dim: int) -> np.ndarray:
    rows = rng.standard_normal((tokens, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def matrix_of(documents: list[np.ndarray], dtype: torch.dtype = torch.float16) -> TokenMatrix:
    offsets = np.concatenate([[0], np.cumsum([len(d) for d in documents])]).astype(np.int64)
    return TokenMatrix(torch.from_numpy(np.concatenate(documents)).to(dtype), offsets)


def corpus(rng: np.random.Generator, count: int, dim: int, most: int = 30) -> list[np.ndarray]:
    return [unit(rng, int(rng.integers(1, most)), dim) for _ in range(count)]


def rational(query: np.ndarray, document: np.ndarray) -> Fraction:
    """The definition in rational numbers: no rounding but the one it names."""

    def snap(value: Fraction, bits: int) -> Fraction:
        return Fraction(round(value * 2**bits), 2**bits)  # round() is to even, as torch's

    def rows(vectors: np.ndarray) -> list[list[Fraction]]:
        return [[snap(Fraction(float(x)), 26) for x in row] for row in vectors]

    left, right = rows(query), rows(document)
    return sum(
        (snap(max(sum(a * b for a, b in zip(q, d, strict=True)) for d in right), 40) for q in left),
        Fraction(0),
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_exact_scores_are_exact(dtype: torch.dtype) -> None:
    rng = np.random.default_rng(1)
    documents = corpus(rng, 6, 48, most=5)
    queries = [unit(rng, tokens, 48) for tokens in (1, 4, 7)]
    found, bounds = scores(matrix_of(documents, dtype), queries)
    assert not bounds.any()
    for row, query in zip(found.tolist(), queries, strict=True):
        for score, document in zip(row, documents, strict=True):
            stored = torch.from_numpy(document).to(dtype).float().numpy()
            assert Fraction(score) == rational(query, stored)
            assert score == maxsim.maxsim(query, stored)


def test_exact_scores_do_not_depend_on_order_batch_or_threads() -> None:
    rng = np.random.default_rng(2)
    documents, queries = corpus(rng, 300, 64), [unit(rng, 9, 64) for _ in range(20)]
    found, _ = scores(matrix_of(documents), queries)
    alone = torch.cat([scores(matrix_of(documents), [query])[0] for query in queries])
    assert torch.equal(found, alone)
    rows = np.arange(7, 300, 11)
    assert torch.equal(found[:, rows], scores(matrix_of(documents), queries, rows)[0])
    turned = rng.permutation(64)  # another order of summation
    assert torch.equal(
        found,
        scores(matrix_of([d[:, turned] for d in documents]), [q[:, turned] for q in queries])[0],
    )
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3 - min(threads, 2))
        assert torch.equal(found, scores(matrix_of(documents), queries)[0])
    finally:
        torch.set_num_threads(threads)


def test_float32_alone_would_depend_on_the_order() -> None:
    """Why the scores are computed exactly: the same products in another order differ."""
    rng = np.random.default_rng(2)
    left, right = unit(rng, 200, 384), unit(rng, 200, 384)
    turned = rng.permutation(384)
    assert (left @ right.T != left[:, turned] @ right[:, turned].T).any()


def test_agrees_with_sentence_transformers() -> None:
    rng = np.random.default_rng(3)
    documents, queries = corpus(rng, 200, 32), [unit(rng, 12, 32) for _ in range(5)]
    stored = matrix_of(documents)
    found, _ = scores(stored, queries)
    theirs = their_maxsim(
        [torch.from_numpy(query) for query in queries],
        list(torch.split(stored.tokens.float(), stored.lengths.tolist())),
    )
    torch.testing.assert_close(found.float(), theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("arithmetic", NARROW, ids=lambda a: str(a.dtype))
@pytest.mark.parametrize("stored", [torch.float16, torch.float32])
def test_screening_stays_within_its_bound(
    arithmetic: maxsim.Arithmetic, stored: torch.dtype
) -> None:
    rng = np.random.default_rng(4)
    documents = corpus(rng, 400, 96)
    # Equal and opposite tokens: the largest similarities there are, hence the largest errors.
    queries = [unit(rng, 8, 96), documents[3], -documents[5], np.concatenate(documents[:9])]
    matrix = matrix_of(documents, stored)
    exact, _ = scores(matrix, queries)
    screened, bounds = scores(matrix, queries, arithmetic=arithmetic)
    errors = (screened.double() - exact).abs().amax(1).numpy()
    assert (errors <= bounds).all()
    assert errors.max() > 0  # else the bound was not put to the test
    if arithmetic is FLOAT32:
        assert bounds[0] < 1e-3  # narrow enough to be of use


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=30),
    tokens=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    seed=st.integers(0, 10_000),
)
def test_any_lengths(lengths: list[int], tokens: list[int], seed: int) -> None:
    """Every layout of the product, with ties and tokens that are one step of the grid apart."""
    rng = np.random.default_rng(seed)
    documents = [unit(rng, length, 8) for length in lengths]
    for document in documents[::2]:  # the last token as the first, or nearly
        document[-1] = document[0]
        document[-1, 0] += rng.integers(-1, 2) * 2.0**-26
    queries = [unit(rng, count, 8) for count in tokens]
    matrix = matrix_of(documents, torch.float32)
    found, _ = scores(matrix, queries)
    plain = [[maxsim.maxsim(query, document) for document in documents] for query in queries]
    assert found.tolist() == plain
    for arithmetic in NARROW:
        screened, bounds = scores(matrix, queries, arithmetic=arithmetic)
        assert ((screened.double() - found).abs().amax(1).numpy() <= bounds).all()


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 9), st.sampled_from([16, 32, 64, 96])),
    shift=st.sampled_from([-2.0, -0.5, 0.0, 2.0]),
    seed=st.integers(0, 10_000),
)
def test_the_greatest_bfloat16_by_its_bits(
    shape: tuple[int, int, int], shift: float, seed: int
) -> None:
    """All negative, mixed, all positive; zeros of both signs."""
    draw = torch.Generator().manual_seed(seed)
    values = torch.randn(shape, generator=draw) + shift
    values[torch.rand(shape, generator=draw) < 0.2] = -0.0
    values[torch.rand(shape, generator=draw) < 0.1] = 0.0
    narrow = values.bfloat16()
    assert torch.equal(block_scores._greatest_bfloat16(narrow), narrow.amax(1))
    assert torch.equal(block_scores._greatest(values, 32), values.amax(1))


def test_blocks_of_every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    documents, queries = corpus(rng, 120, 16), [unit(rng, 5, 16)]
    whole, _ = scores(matrix_of(documents), queries, arithmetic=EXACT)
    for least in (1, 7, 64, 500):
        monkeypatch.setattr(block_scores, "_LEAST", least)
        monkeypatch.setattr(block_scores, "_BLOCK_BYTES", 1)
        monkeypatch.setattr(token_matrix, "_SORTED_TOGETHER", 50)
        assert torch.equal(whole, scores(matrix_of(documents), queries)[0])


def test_properties_of_the_score() -> None:
    rng = np.random.default_rng(6)
    document, query = unit(rng, 12, 24), unit(rng, 6, 24)
    score = maxsim.maxsim(query, document)
    assert maxsim.maxsim(query[::-1].copy(), document[::-1].copy()) == score
    assert maxsim.maxsim(np.concatenate([query, query]), document) == 2 * score
    assert maxsim.maxsim(query, np.concatenate([document, document[:4]])) == score
    assert maxsim.maxsim(query, np.concatenate([document, query])) == pytest.approx(6, abs=1e-6)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.ones((2, 4), np.float32), r"a query has a token vector of norm 2;?"),
        (np.full((2, 4), np.nan, np.float32), "norm nan"),
        (np.zeros((0, 4), np.float32), r"shape \(0, 4\)"),
        (np.zeros((3, 5), np.float32), r"needs \(tokens, 4\)"),
        (np.zeros(4, np.float32), r"shape \(4,\)"),
    ],
)
def test_vectors_that_cannot_be_scored(vectors: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_vectors(vectors, 4, "a query")


def test_the_best_matches_are_those_of_the_score() -> None:
    rng = np.random.default_rng(5)
    query, document = unit(rng, 7, 24), unit(rng, 12, 24)
    document[9] = document[2]  # of two that are as good, the first
    places, similarities = maxsim.best_matches(query, document)
    table = query.astype(np.float64) @ document.astype(np.float64).T
    assert places.tolist() == table.round(12).argmax(axis=1).tolist()
    assert similarities == pytest.approx(table.max(axis=1), abs=1e-6)
    assert similarities.sum() == maxsim.maxsim(query, document)
    assert Fraction(maxsim.maxsim(query, document)) == rational(query, document)
