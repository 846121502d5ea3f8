"""Codes of token vectors: how close they are, and how they are scored."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from coded_documents import DIM, code_matrix, collection, unit
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from clirot.encoding import token_matrix
from clirot.errors import UsageError
from clirot.retrieval.backends.compressed import codec as codec_module
from clirot.retrieval.backends.compressed import (
    screening,
)
from clirot.retrieval.backends.compressed.codec import LEVELS, Codec
from clirot.retrieval.backends.compressed.screening import screened
from clirot.retrieval.settings import CompressedSettings

BITS = pytest.mark.parametrize("bits", [1, 2, 4])


@BITS
def test_levels_are_those_of_the_best_quantiser(bits: int) -> None:
    """Of a normal distribution: a level is the mean of its cell, cells end half-way (Lloyd, Max).
    Whole numbers are their proportions, to half a unit.
    """
    ends = np.array([0.0, *codec_module._THRESHOLDS[bits], np.inf])
    means = [
        integrate.quad(lambda x: x * stats.norm.pdf(x), low, high)[0]
        / (stats.norm.cdf(high) - stats.norm.cdf(low))
        for low, high in pairwise(ends)
    ]
    halfway = (np.array(means[:-1]) + means[1:]) / 2
    np.testing.assert_allclose(halfway, ends[1:-1], atol=2e-3)
    wanted = np.array(means) * LEVELS[bits][-1] / means[-1]
    np.testing.assert_allclose(LEVELS[bits], wanted, atol=0.51)


@BITS
@pytest.mark.parametrize("dim", [20, DIM, 384])
def test_codes_are_unbiased_and_as_close_as_the_theory_says(bits: int, dim: int) -> None:
    vectors = unit(np.random.default_rng(1).standard_normal((300, dim)))
    codec = Codec.of(dim, bits)
    codes = codec.encode(vectors)
    assert 0 <= codes.shape[1] - (dim * bits / 8 + 2) < 2
    levels = codec.byte_levels[codes[:, : codec.code_bytes]].reshape(300, -1)[:, :dim]
    found = levels * codec.scales(codes)[:, None].astype(np.float64)
    turned = codec.rotated(vectors)
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), 1, atol=5e-3)
    np.testing.assert_allclose((found * turned).sum(axis=1), 1, atol=2e-3)
    # Of the best quantisers .3634, .1175 and .00950 is lost (Max 1960); unbiased, 1/(1-D) - 1.
    lost = {1: 0.3634, 2: 0.1175, 4: 0.0095}[bits]
    error = np.square(found - turned).sum(axis=1).mean()
    assert error == pytest.approx(lost / (1 - lost), rel=0.05 if dim == 384 else 0.25)


def test_a_vector_of_zeros_has_a_code() -> None:
    codec = Codec.of(DIM, 2)
    assert codec.scales(codec.encode(np.zeros((1, DIM), np.float32))).tolist() == [0.0]
    matrix = code_matrix(codec, [unit(np.eye(DIM, dtype=np.float32)[:2])])
    assert screened(matrix, [np.zeros((3, DIM), np.float32)]).tolist() == [[0.0]]


@BITS
def test_what_codes_stand_for_turned_back(bits: int) -> None:
    """Unit vectors in the direction of the levels, as near to the vectors as codes are."""
    vectors = unit(np.random.default_rng(3).standard_normal((200, DIM)))
    codec = Codec.of(DIM, bits)
    codes = codec.encode(np.concatenate([vectors, np.zeros((1, DIM), np.float32)]))
    levels = codec.byte_levels[codes[:, : codec.code_bytes]].reshape(201, -1)[:, :DIM]
    turned = np.linalg.solve(codec.rotation / 2.0**11, levels.T).T  # but for rounding its transpose
    found = codec.directions(codes)
    np.testing.assert_allclose(found[:200], unit(turned[:200]), atol=4e-3)
    assert not found[200].any()
    assert (found[:200] * vectors).sum(axis=1).mean() > {1: 0.78, 2: 0.92, 4: 0.99}[bits]


@BITS
@pytest.mark.parametrize("dim", [DIM, 1100])
def test_screened_scores_are_maxsim_of_what_the_codes_stand_for(bits: int, dim: int) -> None:
    """Against the plain definition in float64, over vectors that are turned back."""
    rng = np.random.default_rng(2)
    documents = [unit(rng.standard_normal((int(n), dim))) for n in rng.integers(1, 9, 30)]
    queries = [unit(rng.standard_normal((n, dim))) for n in (1, 7)]
    codec = Codec.of(dim, bits)
    matrix = code_matrix(codec, documents)
    levels = codec.byte_levels[matrix.codes[:, : codec.code_bytes]].reshape(-1, codec.components)
    back = levels[:, :dim] * codec.scales(matrix.codes)[:, None] @ (codec.rotation / 2.0**11)
    expected = [
        [
            (query @ back[begin:end].T).max(axis=1).sum()
            for begin, end in zip(matrix.offsets[:-1], matrix.offsets[1:], strict=True)
        ]
        for query in queries
    ]
    np.testing.assert_allclose(screened(matrix, queries), expected, atol=0.05)


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_screened_scores_do_not_depend_on_how_they_are_computed(data: st.DataObject) -> None:
    """Blocks, batches of queries, shards, bytes or floats, threads: not a digit changes."""
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    codec = Codec.of(DIM, data.draw(st.sampled_from([1, 2, 4])))
    documents, queries = collection(rng, 60), collection(rng, 5)
    whole = screened(code_matrix(codec, documents), queries, as_bytes=False)
    cut = data.draw(st.integers(1, 59))
    few = data.draw(st.integers(0, 4))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(screening, "_BLOCK_TOKENS", data.draw(st.integers(1, 100)))
        patch.setattr(token_matrix, "_SORTED_TOGETHER", data.draw(st.integers(1, 70)))
        patch.setattr(codec_module, "_AT_ONCE", data.draw(st.integers(1, 50)))
        threads = torch.get_num_threads()
        torch.set_num_threads(data.draw(st.integers(1, 2)))
        try:
            parts = [
                np.concatenate(
                    [
                        screened(code_matrix(codec, some), asked)
                        for asked in (queries[:few], queries[few:])
                        if asked
                    ]
                )
                for some in (documents[:cut], documents[cut:])
            ]
        finally:
            torch.set_num_threads(threads)
    assert np.concatenate(parts, axis=1).tobytes() == whole.tobytes()
    rows = np.arange(cut)
    some = screened(code_matrix(codec, documents), queries, rows)
    assert some.tobytes() == np.ascontiguousarray(whole[:, :cut]).tobytes()


def test_three_bits_are_none() -> None:
    with pytest.raises(UsageError, match="1, 2 or 4, got 3"):
        CompressedSettings(bits=3)
