"""The compressed backend: codes, screening, lists, what is promised, and being interrupted."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import integrate, stats
from test_index_backends import brute_force, hard_documents

from clirot.encoding import token_matrix
from clirot.encoding.maxsim import FloatArray
from clirot.errors import ArtefactError, InputError, UnusedSettingWarning, UsageError
from clirot.retrieval import promise, searching
from clirot.retrieval.backends import BACKENDS
from clirot.retrieval.backends.compressed import (
    calibration,
    list_building,
    sampled_documents,
    screening,
)
from clirot.retrieval.backends.compressed import codec as codec_module
from clirot.retrieval.backends.compressed import lists as lists_module
from clirot.retrieval.backends.compressed.codec import LEVELS, Codec
from clirot.retrieval.backends.compressed.index import CompressedIndex
from clirot.retrieval.backends.compressed.screening import CodeMatrix, screened
from clirot.retrieval.backends.exact import ExactIndex
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.promise import Depth, Promise
from clirot.retrieval.searching import SearchConfig, search
from clirot.retrieval.settings import CompressedSettings
from clirot.store import Store

DIM = 24
EVERY = [(bits, store, lists) for bits in (1, 2, 4) for store in (True, False) for lists in (0, 1)]
BITS = pytest.mark.parametrize("bits", [1, 2, 4])


def unit(vectors: NDArray[np.floating]) -> FloatArray:
    rows = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return rows.astype(np.float32)


def collection(rng: np.random.Generator, documents: int, dim: int = DIM) -> list[FloatArray]:
    """Documents of one to twelve tokens out of sixty kinds, as words are: never quite the same."""
    kinds = unit(rng.standard_normal((60, dim)))
    return [
        unit(kinds[rng.integers(60, size=length)] + rng.standard_normal((length, dim)) * 0.1)
        for length in rng.integers(1, 13, documents)
    ]


def made(
    place: Path, documents: list[FloatArray], docnos: list[str], chosen: CompressedSettings
) -> Path:
    """An index written in windows of 64, in a directory ``index`` below a place."""
    scratch = place / "scratch"
    (place / "index").mkdir(parents=True, exist_ok=True)
    scratch.mkdir(exist_ok=True)
    dim = documents[0].shape[1]
    writer = BACKENDS["compressed"].writer(place / "index", scratch, dim, "float16", chosen)
    for begin in range(writer.documents, len(documents), 64):
        writer.append(docnos[begin : begin + 64], documents[begin : begin + 64])
    writer.finish()
    assert writer.documents == len(documents)
    assert writer.tokens == sum(len(one) for one in documents)
    return place / "index"


def contents(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def code_matrix(codec: Codec, documents: list[FloatArray]) -> CodeMatrix:
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in documents])]).astype(np.int64)
    return CodeMatrix(codec, codec.encode(np.concatenate(documents)), offsets)


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


@pytest.mark.parametrize(("bits", "store", "lists"), EVERY)
def test_hard_documents_and_ties(
    bits: int, store: bool, lists: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One token, copies, more hits than documents; each query as if it were alone."""
    monkeypatch.setattr(list_building, "FROM_TOKENS", 1 if lists else 1 << 40)
    rng = np.random.default_rng(5)
    documents = hard_documents(rng, 100)
    docnos = [f"d{number}" for number in rng.permutation(100)]
    chosen = CompressedSettings(bits=bits, store=store)
    index = CompressedIndex.open(made(tmp_path, documents, docnos, chosen))
    queries = [unit(rng.standard_normal((tokens, DIM))) for tokens in (1, 5, 32)] + documents[:2]
    for k in (1, 10, 100, 101, 5000):
        together = list(index.search(queries, k))
        assert together == [next(index.search([query], k)) for query in queries]
        for hits in together:
            assert len({hit.docno for hit in hits}) == len(hits) == min(k, 100)
            ordered = sorted(((hit.score, hit.docno) for hit in hits), reverse=True)
            assert [(hit.score, hit.docno) for hit in hits] == ordered
    alike = CompressedIndex.open(
        made(tmp_path / "alike", documents[:1] * 40, [f"{n:02}" for n in range(40)], chosen)
    )
    (hits,) = alike.search(queries[:1], 3)
    assert [hit.docno for hit in hits] == ["39", "38", "37"]


def test_candidates_are_scored_as_by_the_exact_backend(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    documents = collection(rng, 90)
    docnos = [f"d{number}" for number in range(90)]
    index = CompressedIndex.open(made(tmp_path, documents, docnos, CompressedSettings(bits=1)))
    exact = ExactIndex.open(tmp_path / "index" / "store")
    queries, asked = documents[:3], [docnos[5:60], [], ["d7", "d3"]]
    assert list(index.rerank(queries, asked, 10)) == list(exact.rerank(queries, asked, 10))
    assert "d7" in index
    assert "d90" not in index
    with pytest.raises(InputError, match="needs \\(tokens, 24\\)"):
        list(index.search([np.ones((2, 5), np.float32)], 1))


class _Stop(BaseException):
    """The process ends here."""


def interrupted(after: int) -> Iterator[None]:
    """Lets so many writes reach the disk."""
    for _ in range(after):
        yield
    raise _Stop


@pytest.mark.parametrize("store", [True, False])
def test_interrupted_at_any_write_it_goes_on_to_the_same_bytes(
    store: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_building, "FROM_TOKENS", 1)
    monkeypatch.setattr(list_building, "_CHUNK", 400)
    monkeypatch.setattr(sampled_documents, "MOST", 30)
    documents = collection(np.random.default_rng(7), 200)
    docnos = [f"d{number}" for number in range(200)]
    chosen = CompressedSettings(bits=1, store=store)
    synced = 0

    def count(_: int) -> None:
        nonlocal synced
        synced += 1

    monkeypatch.setattr(os, "fsync", count)
    whole = contents(made(tmp_path / "whole", documents, docnos, chosen))
    assert {"codec.json", "rotation.bin", "promise.json", "lists/starts.npy"} <= set(whole)
    assert synced > 25
    for after in range(0, synced, 7):
        place = tmp_path / str(after)
        writes = interrupted(after)
        monkeypatch.setattr(os, "fsync", lambda _, writes=writes: next(writes))
        with pytest.raises(_Stop):
            made(place, documents, docnos, chosen)
        for torn in (place / "index").rglob("*.bin"):
            with torn.open("ab") as stream:
                stream.write(b"half a ch")
        monkeypatch.setattr(os, "fsync", lambda _: None)
        assert contents(made(place, documents, docnos, chosen)) == whole, after
        shutil.rmtree(place)


def test_what_is_damaged_while_interrupted_is_written_anew(tmp_path: Path) -> None:
    documents = collection(np.random.default_rng(8), 128)
    docnos = [f"d{number}" for number in range(128)]
    whole = contents(made(tmp_path / "whole", documents, docnos, CompressedSettings()))
    (tmp_path / "index").mkdir()
    (tmp_path / "scratch").mkdir()
    writer = BACKENDS["compressed"].writer(
        tmp_path / "index", tmp_path / "scratch", DIM, "float16", CompressedSettings()
    )
    writer.append(docnos[:64], documents[:64])
    (tmp_path / "index" / "store" / "tokens.bin").write_bytes(b"")
    with pytest.warns(UserWarning, match="encoded anew"):
        again = made(tmp_path, documents, docnos, CompressedSettings())
    assert contents(again) == whole


def test_a_grown_index_is_that_of_all_documents(tmp_path: Path) -> None:
    documents = collection(np.random.default_rng(14), 192)
    docnos = [f"d{number}" for number in range(192)]
    whole = contents(made(tmp_path / "whole", documents, docnos, CompressedSettings()))
    old = made(tmp_path / "old", documents[:128], docnos[:128], CompressedSettings())
    for place in ("index", "scratch"):
        (tmp_path / "new" / place).mkdir(parents=True)
    places = (tmp_path / "new" / "index", tmp_path / "new" / "scratch")
    writer = BACKENDS["compressed"].writer(*places, DIM, "float16", CompressedSettings())
    writer.take_over(old)
    assert writer.documents == 128
    assert contents(made(tmp_path / "new", documents, docnos, CompressedSettings())) == whole
    bare = BACKENDS["compressed"].writer(
        tmp_path, tmp_path, DIM, "float16", CompressedSettings(store=False)
    )
    with pytest.raises(ArtefactError, match="keeps no token vectors"):
        bare.take_over(old)


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


def test_lists_have_every_document_of_every_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against a dictionary; the centroid is the one with the greatest product."""
    monkeypatch.setattr(list_building, "FROM_TOKENS", 1)
    monkeypatch.setattr(list_building, "_CHUNK", 70)
    documents = collection(np.random.default_rng(9), 120)
    docnos = [f"d{number}" for number in range(120)]
    index = CompressedIndex.open(made(tmp_path, documents, docnos, CompressedSettings(bits=4)))
    lists, codec = index.lists, index.codes.codec
    assert lists is not None
    levels = codec.byte_levels[index.codes.codes[:, : codec.code_bytes]]
    products = levels.reshape(-1, codec.components).astype(int) @ lists.centroids.astype(int)
    expected: dict[int, set[int]] = {}
    for row in range(120):
        for token in range(index.codes.offsets[row], index.codes.offsets[row + 1]):
            expected.setdefault(int(products[token].argmax()), set()).add(row)
    for one in range(len(lists)):
        found = lists.documents[lists.starts[one] : lists.starts[one + 1]].tolist()
        assert found == sorted(expected.get(one, set()))
    # What is gained by probing, from the definition.
    similar, steps = lists.similarities(documents[0])
    gained, read = lists.promising(documents[0], 3)
    wanted = np.zeros(120)
    for token, step in zip(similar, steps, strict=True):
        order = sorted(range(len(lists)), key=lambda one, token=token: (token[one], one))[-3:]
        best = np.zeros(120)
        for one in order:
            rows = lists.documents[lists.starts[one] : lists.starts[one + 1]]
            best[rows] = np.maximum(best[rows], (token[one] - token[order[0]]) * step)
            read -= len(rows)
        wanted += best
    np.testing.assert_allclose(gained, wanted, atol=1e-12)
    assert read == 0


def test_the_same_bytes_with_other_threads_and_products(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Centroids, lists and promises too; on a processor that multiplies bytes and on any other."""
    monkeypatch.setattr(list_building, "FROM_TOKENS", 1)
    documents = collection(np.random.default_rng(15), 200)
    docnos = [f"d{number}" for number in range(200)]
    found, threads = [], torch.get_num_threads()
    for count, as_bytes in ((1, True), (2, False)):
        for module in (list_building, lists_module, screening):
            monkeypatch.setattr(module, "has_byte_products", lambda as_bytes=as_bytes: as_bytes)
        torch.set_num_threads(count)
        try:
            place = tmp_path / str(count)
            found.append(contents(made(place, documents, docnos, CompressedSettings(bits=2))))
        finally:
            torch.set_num_threads(threads)
    assert found[0] == found[1]


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


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("promise.json", "promise.json"),
        ("codec.json", "codec.json"),
        ("rotation.bin", "rotation.bin"),
        ("lists/starts.npy", "starts.npy"),
        ("codes/tokens.bin", "tokens.bin"),
        ("store/docnos.txt", "docnos.txt"),
    ],
)
def test_a_file_is_missing(
    file: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_building, "FROM_TOKENS", 1)
    documents = collection(np.random.default_rng(10), 8)
    directory = made(tmp_path, documents, list("abcdefgh"), CompressedSettings())
    (directory / file).unlink()
    with pytest.raises(ArtefactError, match=message) as caught:
        CompressedIndex.open(directory)
    assert caught.value.hint == "build it again: `build_index(..., replace=True)`"


def test_files_that_contradict_each_other(tmp_path: Path) -> None:
    documents = collection(np.random.default_rng(11), 6)
    one = made(tmp_path / "one", documents, list("abcdef"), CompressedSettings(bits=1))
    other = made(tmp_path / "other", documents[::-1], list("fedcba"), CompressedSettings(bits=2))
    shutil.rmtree(one / "store")
    shutil.copytree(other / "store", one / "store")
    with pytest.raises(ArtefactError, match="of other documents"):
        CompressedIndex.open(one)
    shutil.copy(one / "codec.json", other / "codec.json")
    with pytest.raises(ArtefactError, match="codes of 8 bytes, not of 6"):
        CompressedIndex.open(other)
    codec = other / "codec.json"
    codec.write_text(codec.read_text().replace('"format": 1', '"format": 7'))
    with pytest.raises(ArtefactError, match="format 7, this clirot reads 1"):
        CompressedIndex.open(other)


def test_bits_that_changed_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files too large to be read as a whole before each use are looked at where they are read."""
    monkeypatch.setattr(list_building, "FROM_TOKENS", 1)
    documents = collection(np.random.default_rng(13), 60)
    docnos = [f"d{number}" for number in range(60)]
    directory = made(tmp_path, documents, docnos, CompressedSettings(recall=0.9))

    def read(index: CompressedIndex, file: str) -> None:
        if file.startswith("lists"):
            assert index.lists is not None
            index.lists.promising(documents[0], len(index.lists))
        elif file.startswith("codes"):
            screened(index.codes, documents[:1])
        else:
            list(index.rerank(documents[:1], [docnos], 1))

    for file, message in (
        ("lists/documents.npy", "a document that is not there"),
        ("codes/tokens.bin", "the token vectors of document 'd59'"),
        ("store/tokens.bin", "the token vectors of document 'd59'"),
    ):
        path = directory / file
        whole = path.read_bytes()
        read(CompressedIndex.open(directory), file)
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 64]))
        index = CompressedIndex.open(directory)
        with pytest.raises(ArtefactError, match=message):
            read(index, file)
        path.write_bytes(whole)


def test_three_bits_are_none() -> None:
    with pytest.raises(UsageError, match="1, 2 or 4, got 3"):
        CompressedSettings(bits=3)


@pytest.fixture(scope="module")
def salad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty documents of made-up words."""
    draw = np.random.default_rng(12)
    words = ["sun", "moon", "water", "fire", "stone", "river", "tree", "bird", "salt", "bread"]
    folder = tmp_path_factory.mktemp("salad")
    texts = [" ".join(draw.choice(words, int(draw.integers(1, 9)))) for _ in range(50)]
    (folder / "docs.en.tsv").write_text(
        "".join(f"d{place}\t{text}\n" for place, text in enumerate(texts))
    )
    (folder / "queries.en.tsv").write_text("q1\tsun moon\nq2\tsalt bread\n")
    (folder / "qrels.txt").write_text("q1 0 d0 1\nq2 0 d1 1\n")
    return folder


def test_the_verbs(teacher: Path, salad: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built, found again, searched and verified as any other index."""

    def config(name: str, **compressed: object) -> IndexConfig:
        chosen = CompressedSettings(**compressed)  # type: ignore[arg-type]
        return IndexConfig(
            model=str(teacher),
            collection=str(salad),
            name=name,
            backend="compressed",
            compressed=chosen,
        )

    made_now = build_index(config("x"))
    assert made_now.promise is not None
    assert made_now.promise.row == made_now.artefact.manifest.results["promise"]
    assert "recall@10" in made_now.promise.remark()
    settings = made_now.artefact.manifest.config
    assert {"bits": 2, "recall": 0.99, "store": True}.items() <= settings.items()
    assert made_now.bytes == sum(
        len(one) for name, one in contents(made_now.artefact.path).items() if name != "clirot.json"
    )
    assert not build_index(config("x")).fresh
    with pytest.raises(ArtefactError, match="bits was 2, now 4"):
        build_index(config("x", bits=4))
    build_index(replace(config("exact"), backend="exact", compressed=CompressedSettings()))

    def found(name: str, k: int) -> list[list[object]]:
        ready = search(SearchConfig(index=name, collection=str(salad), lang="en", k=k))
        return [list(ranking.hits) for ranking in ready.rankings()]

    assert found("x", 50) == found("exact", 50)
    Store().get("indexes", "x").check(whole=True)
    for module in (promise, calibration, searching):
        monkeypatch.setattr(module, "STEPS", (10,))
    ready = [
        search(SearchConfig(index="x", collection=str(salad), lang="en", k=k)) for k in (10, 11)
    ]
    (remark,) = set(ready[1].notes) - set(ready[0].notes)
    assert remark.startswith(
        "x was measured for 10 documents a topic at most, and 11 are asked for"
    )
    small = build_index(config("small", store=False, bits=1, recall=1.0))
    (missed,) = (one for one in small.remarks() if "was measured" in one)
    assert missed.endswith("and 1 asked for: take `bits=4` or keep the vectors (`store`)")
    with pytest.warns(UnusedSettingWarning, match="`bits` is not used: it is for `backend="):
        build_index(replace(config("z", bits=1), backend="exact"))
