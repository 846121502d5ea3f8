"""What a compressed index promises, against brute force, and how deep it looks for it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from coded_documents import DIM, collection, made, unit
from test_index_backends import brute_force

from clirot.encoding.maxsim import FloatArray
from clirot.retrieval.backends.compressed import (
    calibration,
    list_building,
    sampled_documents,
)
from clirot.retrieval.backends.compressed.index import CompressedIndex
from clirot.retrieval.backends.compressed.sampled_queries import copies
from clirot.retrieval.promise import Depth, Promise
from clirot.retrieval.settings import CompressedSettings

EVERY = [(bits, store, lists) for bits in (1, 2, 4) for store in (True, False) for lists in (0, 1)]


@pytest.mark.parametrize(("bits", "store", "lists"), EVERY)
def test_a_promise_is_kept_against_brute_force(
    bits: int, store: bool, lists: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Queries that the index has not seen find the share of the exact best that it promises; the
    scores of what is found are exact where the vectors are kept.
    """
    if lists:
        monkeypatch.setattr(list_building, "FROM_TOKENS", 1)
        monkeypatch.setattr(calibration, "_SCAN", 1e6)  # as if reading all codes took long
    rng = np.random.default_rng(4)
    documents = collection(rng, 540)
    docnos = [f"d{number}" for number in rng.permutation(500)]
    documents, queries = documents[:500], documents[500:]
    chosen = CompressedSettings(bits=bits, store=store, recall=0.95)
    directory = made(tmp_path, documents, docnos, chosen)
    index = CompressedIndex.open(directory)
    assert (len(index), index.dim, index.lists is not None) == (500, DIM, bool(lists))
    assert (directory / "store").is_dir() == store
    depths = {depth.k: depth for depth in index.promise.depths}
    assert list(depths) == [10, 100]
    assert all(bool(depth.probed) == bool(lists) for depth in depths.values())
    if store:
        assert index.promise.kept
        assert all(depth.k <= depth.settled < 500 for depth in depths.values())
    for k, depth in depths.items():
        recalls = []
        for query, hits in zip(queries, index.search(queries, k), strict=True):
            true = dict(brute_force(query, documents, docnos, 500))
            best = set(list(true)[:k])
            recalls.append(len(best & {hit.docno for hit in hits}) / k)
            assert len(hits) == k
            if store:
                scores = [true[hit.docno] for hit in hits]
                np.testing.assert_allclose([hit.score for hit in hits], scores, atol=2e-6)
        assert np.mean(recalls) >= depth.recall - 0.04
    assert len(next(index.search(queries[:1], 400))) == 400


@pytest.mark.parametrize("store", [True, False])
def test_copies_are_no_loss(store: bool, tmp_path: Path) -> None:
    """Copies have the same codes and the same scores, and go by docno in both rankings."""
    rng = np.random.default_rng(15)
    few = collection(rng, 3)
    documents = [few[int(row)] for row in rng.integers(0, 3, 300)]
    docnos = [f"d{number}" for number in rng.permutation(300)]
    directory = made(tmp_path, documents, docnos, CompressedSettings(bits=4, store=store))
    measured = CompressedIndex.open(directory).promise
    assert [depth.recall for depth in measured.depths] == [1.0, 1.0]
    assert all(depth.settled in (0, depth.k) for depth in measured.depths)


@pytest.mark.parametrize("lists", [False, True])
def test_copies_of_a_query_promise_nothing(
    lists: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every text is there thirty times, with other noise. A part of a document finds its own copies
    however it looks for them; a topic, which is no copy of any text, does not.
    """
    if lists:
        monkeypatch.setattr(list_building, "FROM_TOKENS", 1)
        monkeypatch.setattr(calibration, "_SCAN", 1e6)
    rng = np.random.default_rng(21)
    dim = 64
    kinds = unit(rng.standard_normal((400, dim)))

    def noisy(tokens: FloatArray, norm: float) -> FloatArray:
        return unit(tokens + rng.standard_normal(tokens.shape) * norm / dim**0.5)

    texts = [noisy(kinds[rng.integers(400, size=10)], 0.8) for _ in range(60)]
    documents = [noisy(text, 0.3) for text in texts for _ in range(30)]
    queries = [noisy(kinds[rng.integers(400, size=8)], 0.8) for _ in range(40)]
    docnos = [f"d{number}" for number in rng.permutation(len(documents))]
    chosen = CompressedSettings(bits=1, recall=0.95)
    index = CompressedIndex.open(made(tmp_path, documents, docnos, chosen))
    promised = index.promise.depths[0]
    assert (promised.k, bool(promised.probed)) == (10, lists)
    recalls = []
    for query, hits in zip(queries, index.search(queries, 10), strict=True):
        best = dict(brute_force(query, documents, docnos, 10))
        recalls.append(np.mean([hit.docno in best for hit in hits]))
    assert np.mean(recalls) >= promised.recall - 0.04


def test_copies_are_told_by_the_way_up() -> None:
    scores = np.array([0.0, 1.0, 2.0, 8.0, 7.9, 9.9, 1.5, 10.0, 0.5])  # the median is 2
    assert copies(scores, 7, 5).tolist() == [3, 5, 7]
    assert copies(scores, 7, 7).tolist() == [7]  # too few would be left
    assert copies(np.ones(9), 4, 1).tolist() == [4]
    assert copies(scores, 1, 1).tolist() == [1]  # codes put it below a typical document


@pytest.mark.parametrize("documents", [0, 1, 2, 3, 29, 30, 31, 200])
def test_sampled_documents_are_spread_evenly(
    documents: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampled_documents, "MOST", 30)
    sample = sampled_documents.SampledDocuments(tmp_path, 2, "float32", 0)
    rows = [np.array([[row, 1.0]], np.float32) for row in range(documents)]
    for begin in range(0, documents, 17):
        part = rows[begin : begin + 17]
        sample.append([str(begin + place) for place in range(len(part))], part)
    sample.finish()
    if documents:
        stride = {31: 2, 200: 8}.get(documents, 1)
        kept = sorted(int(row) for row, _ in sample.matrix().tokens.tolist())
        assert kept == list(range(0, documents, stride))


def test_what_may_be_lost_is_shared_out() -> None:
    """Every way holds the share; where lists lose nothing, the codes may lose all of it."""
    rng = np.random.default_rng(6)
    by_code, listed = (rng.geometric(0.02, 640).astype(np.int64) for _ in range(2))
    share = 0.95 + 2 * (0.95 * 0.05 / 640) ** 0.5
    ways = list(calibration._together(by_code, listed, 10, 0.95))
    assert len(ways) > 5
    for wanted, settled in ways:
        assert np.mean((listed < wanted) & (by_code < settled)) >= share
    assert sorted(ways) == ways
    assert [settled for _, settled in ways] == sorted((one for _, one in ways), reverse=True)
    none_lost = list(calibration._together(by_code, np.zeros(640, np.int64), 10, 0.95))
    enough = int(np.sort(by_code)[int(np.ceil(share * 640)) - 1]) + 1
    assert set(none_lost) == {(10, enough)}


def test_how_deep_to_look() -> None:
    depths = (
        Depth(10, 0, 0, 14, 1.0),
        Depth(100, 4, 900, 150, 0.99),
        Depth(1000, 8, 5000, 1200, 1),
    )
    measured = Promise(0.99, 64, 2000, "the exact ranking", depths)
    assert [measured.at(k, 9000).settled for k in (1, 10, 11, 1000, 2000)] == [
        14,
        14,
        150,
        1200,
        2400,
    ]
    assert measured.at(2000, 2100) == Depth(2000, 8, 2100, 2100, 1)
    assert [measured.beyond(k) for k in (1000, 1001)] == [False, True]
    short = replace(measured, depths=depths[:1])
    assert short.at(11, 70).settled == 70
    assert not short.beyond(5000)
    assert Promise.of(json.loads(json.dumps(measured.row))) == measured
    none = replace(measured, depths=())
    assert none.remark().endswith("nothing has to be measured: every document is scored")
