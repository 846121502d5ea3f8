"""Every index backend against brute-force MaxSim, and what it keeps on disk."""

from __future__ import annotations

import json
import os
import warnings
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from clirot.encoding.maxsim import (
    BFLOAT16,
    CPU,
    EXACT,
    FLOAT16,
    FLOAT32,
    Arithmetic,
    FloatArray,
    TokenSums,
    scores,
)
from clirot.errors import ArtefactError
from clirot.records import Hit
from clirot.retrieval.backends import BACKENDS, Backend, query_batches, token_store
from clirot.retrieval.backends import exact as exact_module
from clirot.retrieval.backends.exact import ExactIndex, screening_arithmetic, top_k
from clirot.retrieval.backends.token_store import TokenStore, TokenStoreWriter
from clirot.retrieval.settings import CompressedSettings

DIM = 24


def unit(rng: np.random.Generator, tokens: int) -> FloatArray:
    rows = rng.standard_normal((tokens, DIM)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def hard_documents(rng: np.random.Generator, count: int) -> list[FloatArray]:
    """Documents of one token and of many, copies of one another, and copies but for one bit."""
    documents = [unit(rng, int(rng.integers(1, 25))) for _ in range(count // 2)]
    while len(documents) < count:
        copy = documents[int(rng.integers(count // 2))].copy()
        if rng.random() < 0.5:
            copy[0, 0] *= 1 + 2.0**-10
        documents.append(copy)
    return documents


def brute_force(
    query: FloatArray, documents: list[FloatArray], docnos: list[str], k: int
) -> list[tuple[str, float]]:
    """Scores in long double over float16 vectors, rounded to float32; trec_eval's order."""
    found = []
    for docno, document in zip(docnos, documents, strict=True):
        stored = document.astype(np.float16).astype(np.longdouble)
        score = (query.astype(np.longdouble) @ stored.T).max(axis=1).sum()
        found.append((np.float32(score), docno))
    return [(docno, float(score)) for score, docno in sorted(found, reverse=True)[:k]]


def assert_same_ranking(hits: list[Hit], expected: list[tuple[str, float]]) -> None:
    """The same documents in the same order, where rounding to float32 cannot have decided it."""
    scores = [score for _, score in expected]
    np.testing.assert_allclose([hit.score for hit in hits], scores, atol=2e-6, rtol=0)
    for place, (hit, (docno, score)) in enumerate(zip(hits, expected, strict=True)):
        if hit.docno != docno:
            near = [s for s in scores if s != score and abs(s - score) < 4e-6]
            assert near or place >= len(expected) - 1, f"rank {place + 1}"
    ordered = sorted(((hit.score, hit.docno) for hit in hits), reverse=True)
    assert [(hit.score, hit.docno) for hit in hits] == ordered


def written(
    directory: Path, documents: list[FloatArray], docnos: list[str], dtype: str = "float16"
) -> Path:
    dim = documents[0].shape[1]
    scratch = directory.with_name(directory.name + "-scratch")
    directory.mkdir()
    scratch.mkdir()
    writer = TokenStoreWriter(directory, scratch, dim, dtype)
    for begin in range(0, len(documents), 100):
        writer.append(docnos[begin : begin + 100], documents[begin : begin + 100])
    writer.finish()
    return directory


# Every document is settled where all are wanted; else `compressed` is asked to miss none of its
# sample, and its tests say how it keeps its promises.
@pytest.mark.parametrize("backend", BACKENDS.values(), ids=list(BACKENDS))
@pytest.mark.parametrize("k", [1, 10, 300, 301, 5000])
def test_backend_finds_the_true_best(tmp_path: Path, backend: Backend, k: int) -> None:
    rng = np.random.default_rng(k)
    documents = hard_documents(rng, 301)
    docnos = [f"d{number}" for number in rng.permutation(301)]
    (tmp_path / "index").mkdir()
    writer = backend.writer(
        tmp_path / "index", tmp_path, DIM, "float16", CompressedSettings(bits=4, recall=1)
    )
    writer.append(docnos[:200], documents[:200])
    writer.append(docnos[200:], documents[200:])
    writer.finish()
    index = backend.open(tmp_path / "index")
    assert (len(index), index.dim) == (301, DIM)
    queries = [unit(rng, tokens) for tokens in (1, 5, 32)] + [documents[0]]
    for query, hits in zip(queries, index.search(queries, k), strict=True):
        assert len(hits) == min(k, 301)
        assert_same_ranking(hits, brute_force(query, documents, docnos, k))


@pytest.mark.parametrize(
    "screen", [FLOAT32, FLOAT16, BFLOAT16], ids=lambda screen: str(screen.dtype)
)
@pytest.mark.parametrize("k", [1, 20, 400])
def test_screening_never_changes_the_result(
    screen: Arithmetic, k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recall against the exact pass is 1, bit for bit, with ties and near ties at the cut."""
    monkeypatch.setattr(query_batches, "_MOST_TOKENS", 40)
    rng = np.random.default_rng(7)
    documents = hard_documents(rng, 1500)
    offsets = np.concatenate([[0], np.cumsum([len(d) for d in documents])]).astype(np.int64)
    tokens = torch.from_numpy(np.concatenate(documents)).half()
    matrix = exact_module.TokenMatrix(tokens, offsets)
    queries = [unit(rng, int(rng.integers(1, 20))) for _ in range(12)] + documents[:2]
    tie_order = rng.permutation(1500)
    exact = list(top_k(matrix, queries, k, tie_order, screen=EXACT))
    screened = list(top_k(matrix, queries, k, tie_order, screen=screen))
    for (rows, found), (same_rows, same_found) in zip(exact, screened, strict=True):
        assert rows.tolist() == same_rows.tolist()
        assert found.tobytes() == same_found.tobytes()


def test_all_documents_alike_are_ordered_by_docno(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    document = unit(rng, 4)
    docnos = ["a", "b", "B", "é", "Ω", "10", "9", "aa"]
    index = ExactIndex.open(written(tmp_path / "index", [document] * 8, docnos))
    (hits,) = index.search([unit(rng, 3)], 3)
    assert [hit.docno for hit in hits] == ["Ω", "é", "b"]
    assert len({hit.score for hit in hits}) == 1


def test_what_is_screened_in_is_decided_by_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    assert screening_arithmetic(CPU, 1000) is FLOAT32
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True, raising=False)
    assert [screening_arithmetic(CPU, count) for count in (32, 33)] == [FLOAT32, BFLOAT16]
    assert screening_arithmetic(torch.device("cuda"), 1) is FLOAT16


def test_a_wide_bound_is_narrowed_before_anything_is_settled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Random vectors are alike, so that 16 bits tell few of them apart."""
    passes: list[tuple[Arithmetic, int]] = []

    def spied(documents: Any, queries: Any, rows: Any = None, *, arithmetic: Any = EXACT) -> Any:
        passes.append((arithmetic, len(documents if rows is None else rows)))
        return scores(documents, queries, rows, arithmetic=arithmetic)

    monkeypatch.setattr(exact_module, "scores", spied)
    rng = np.random.default_rng(12)
    tokens = torch.from_numpy(unit(rng, 4000)).half()
    matrix = exact_module.TokenMatrix(tokens, np.arange(0, 4001, 4))
    list(top_k(matrix, [unit(rng, 16)], 10, np.arange(1000), screen=BFLOAT16))
    kinds, counts = zip(*passes, strict=True)
    assert kinds == (BFLOAT16, FLOAT32, EXACT)
    assert counts[0] == 1000
    assert counts[1] > 20 >= counts[2] >= 10


@pytest.mark.parametrize("dtype", token_store.DTYPES)
def test_store_round_trip(tmp_path: Path, dtype: str) -> None:
    rng = np.random.default_rng(9)
    documents = [unit(rng, length) for length in (3, 1, 7)]
    store = TokenStore.open(written(tmp_path / "index", documents, ["x", "y", "z"], dtype))
    assert store.docnos == ["x", "y", "z"]
    assert store.offsets.tolist() == [0, 3, 4, 11]
    expected = np.concatenate(documents).astype(dtype)
    assert store.tokens.numpy().tobytes() == expected.tobytes()


@pytest.mark.parametrize("lost", ["tokens.bin", "lengths.bin", "sums.bin", "docnos.txt"])
def test_writer_goes_on_behind_its_checkpoint(tmp_path: Path, lost: str) -> None:
    """What a killed writer wrote beyond its last checkpoint, or half wrote, is cut off."""
    rng = np.random.default_rng(10)
    documents = [unit(rng, int(rng.integers(1, 9))) for _ in range(30)]
    docnos = [f"doc{number}" for number in range(30)]
    whole = written(tmp_path / "whole", documents, docnos)
    (tmp_path / "scratch").mkdir()
    target = tmp_path / "resumed"
    target.mkdir()
    first = TokenStoreWriter(target, tmp_path / "scratch", DIM, "float16")
    first.append(docnos[:10], documents[:10])
    with (target / lost).open("ab") as stream:
        stream.write(b"half a ch")
    second = TokenStoreWriter(target, tmp_path / "scratch", DIM, "float16")
    assert second.documents == 10
    second.append(docnos[10:], documents[10:])
    second.finish()
    for path in whole.iterdir():
        assert (target / path.name).read_bytes() == path.read_bytes()


def test_damaged_stores(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    documents = [unit(rng, 4) for _ in range(5)]
    docnos = list("abcde")

    def damaged(name: str) -> Path:
        return written(tmp_path / name, documents, docnos) / name

    truncated = damaged("tokens.bin")
    with truncated.open("r+b") as stream:
        stream.truncate(100)
    with pytest.raises(ArtefactError, match=r"tokens\.bin has 100 bytes where 960 were written"):
        TokenStore.open(truncated.parent)
    damaged("lengths.bin").unlink()
    with pytest.raises(ArtefactError, match=r"cannot be read as an index: .*lengths\.bin"):
        TokenStore.open(tmp_path / "lengths.bin")
    damaged("docnos.txt").write_text("a\nb\n")
    with pytest.raises(ArtefactError, match="5 documents and 20 tokens, its files hold 2 and 20"):
        TokenStore.open(tmp_path / "docnos.txt")
    layout = damaged("layout.json")
    layout.write_text(layout.read_text().replace('"format": 1', '"format": 99'))
    with pytest.raises(ArtefactError, match="index format 99"):
        TokenStore.open(layout.parent)
    layout.write_text("{")
    with pytest.raises(ArtefactError, match="cannot be read as an index") as caught:
        TokenStore.open(layout.parent)
    assert caught.value.hint == "build it again: `build_index(..., replace=True)`"


@pytest.mark.parametrize(("dim", "dtype"), [(4, "float16"), (3, "float16"), (3, "float32")])
def test_every_bit_of_the_tokens_is_checked(tmp_path: Path, dim: int, dtype: str) -> None:
    """Whatever is flipped, where tokens are padded and where they lie side by side, and twice.

    Vectors of 8, 6 and 12 bytes are read as words of 8, 2 and 4.
    """
    rng = np.random.default_rng(13)
    documents = [
        rows / np.linalg.norm(rows, axis=1, keepdims=True)
        for rows in (
            rng.standard_normal((tokens, dim), dtype=np.float32) for tokens in (1, 2, 4, 2, 2, 2)
        )
    ]
    docnos = list("abcdef")
    store = TokenStore.open(written(tmp_path / "index", documents, docnos, dtype))
    store = replace(store, tokens=store.tokens.clone())  # the file is mapped for reading only
    owner = np.repeat(np.arange(6), store.matrix().lengths)
    query = documents[2]
    whole = scores(store.matrix(), [query])[0]
    stored = store.tokens.view(torch.uint8)
    for token in range(len(owner)):
        for bit in range(8 * stored.shape[1]):
            stored[token, bit // 8] ^= 1 << bit % 8
            named = f"damaged: the token vectors of document '{docnos[owner[token]]}'"
            for arithmetic in (EXACT, FLOAT32):
                with pytest.raises(ArtefactError, match=named):
                    scores(store.matrix(), [query], arithmetic=arithmetic)
            stored[token, bit // 8] ^= 1 << bit % 8
    assert torch.equal(scores(store.matrix(), [query])[0], whole)


def test_a_search_of_damaged_tokens_gives_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(14)
    documents = [unit(rng, int(rng.integers(1, 9))) for _ in range(200)]
    directory = written(tmp_path / "index", documents, [f"d{row}" for row in range(200)])
    tokens = directory / "tokens.bin"
    content = bytearray(tokens.read_bytes())
    content[int(TokenStore.open(directory).offsets[150]) * DIM * 2] ^= 1  # a last binary place
    tokens.write_bytes(content)
    for k in (5, 150):  # screened first, and settled at once
        with pytest.raises(ArtefactError, match=f"{directory} is damaged: .* 'd150'") as caught:
            next(ExactIndex.open(directory).search([unit(rng, 3)], k))
        assert caught.value.hint == "build it again: `build_index(..., replace=True)`"
    found = ExactIndex.open(directory).rerank([unit(rng, 3)] * 2, [["d7", "d9"], ["d150"]], 5)
    assert {hit.docno for hit in next(found)} == {"d7", "d9"}  # what was read is whole
    with pytest.raises(ArtefactError, match="'d150'"):
        next(found)
    with pytest.raises(ArtefactError, match="'d150'"):  # another device: before they are copied
        TokenStore.open(directory).matrix(torch.device("meta"))


def test_tokens_are_compared_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(15)
    documents = [unit(rng, int(rng.integers(1, 9))) for _ in range(50)]
    index = ExactIndex.open(written(tmp_path / "index", documents, [str(n) for n in range(50)]))
    list(index.search([unit(rng, 3)], 5))
    monkeypatch.setattr(TokenSums, "each", None)
    assert len(list(index.search([unit(rng, 3)] * 3, 5))) == 3


@pytest.mark.parametrize("name", ["lengths.bin", "sums.bin", "docnos.txt"])
def test_the_small_files_are_checked_when_they_are_read(tmp_path: Path, name: str) -> None:
    """They are not small where there are many documents."""
    rng = np.random.default_rng(16)
    directory = written(tmp_path / "index", [unit(rng, 3), unit(rng, 4)], ["a", "b"])
    path = directory / name
    content = path.read_bytes()
    # Lengths and ids that contradict nothing else.
    other = {"lengths.bin": content[4:] + content[:4], "docnos.txt": b"a\nc\n"}
    path.write_bytes(other.get(name, bytes([content[0] ^ 1]) + content[1:]))
    with pytest.raises(ArtefactError, match=f"{name} is not as it was written"):
        TokenStore.open(directory)
    path.unlink()
    with pytest.raises(ArtefactError, match=f"cannot be read as an index: .*{name}"):
        TokenStore.open(directory)


def test_an_index_without_checksums_is_read_as_before(tmp_path: Path) -> None:
    rng = np.random.default_rng(17)
    documents = [unit(rng, 4) for _ in range(5)]
    directory = written(tmp_path / "index", documents, list("abcde"))
    queries = [unit(rng, 3)]
    whole = list(ExactIndex.open(directory).search(queries, 5))
    (directory / "sums.bin").unlink()
    layout = json.loads((directory / "layout.json").read_text())
    kept = {key: value for key, value in layout.items() if not key.endswith("_crc")}
    (directory / "layout.json").write_text(json.dumps(kept))
    assert list(ExactIndex.open(directory).search(queries, 5)) == whole


def test_an_index_may_be_larger_than_the_memory_of_the_machine(tmp_path: Path) -> None:
    """A file with a hole: a second document of so many tokens that all memory could not hold it."""
    store, scratch = tmp_path / "store", tmp_path / "scratch"
    for place in (store, scratch):
        place.mkdir()
    dim = 1024
    first = np.eye(3, dim, dtype=np.float32)
    writer = TokenStoreWriter(store, scratch, dim, "float16")
    writer.append(["d1", "d2"], [first, first[:1]])
    writer.finish()
    wanted = 8 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    tokens = 3 + wanted // (2 * dim)
    try:
        os.truncate(store / "tokens.bin", tokens * dim * 2)
    except OSError as error:  # what the file system does not allow
        pytest.skip(f"no file of {wanted:,} bytes can be made here: {error}")
    lengths = np.array([3, tokens - 3], dtype="<i4").tobytes()
    (store / "lengths.bin").write_bytes(lengths)
    layout = json.loads((store / "layout.json").read_text())
    layout |= {"tokens": tokens, "lengths_crc": zlib.crc32(lengths)}
    (store / "layout.json").write_text(json.dumps(layout))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened = TokenStore.open(store)
    assert len(opened.tokens) == tokens
    np.testing.assert_array_equal(opened.tokens[:3].float().numpy(), first)
    assert not opened.tokens[-1].any()
