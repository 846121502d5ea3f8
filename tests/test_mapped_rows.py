"""What the system is told of the rows of a mapped file that are read next."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import pytest
from coded_documents import collection, made
from hypothesis import given, settings
from hypothesis import strategies as st

from clirot.encoding.mapped_rows import MappedRows
from clirot.encoding.token_matrix import TokenMatrix
from clirot.retrieval.backends.compressed.index import CompressedIndex
from clirot.retrieval.backends.exact import ExactIndex
from clirot.retrieval.backends.token_store import TokenStore, TokenStoreWriter
from clirot.retrieval.settings import CompressedSettings

ROWS, WIDTH = 4000, 37  # rows that begin and end anywhere in a page
ITEM = np.dtype("<f4")


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> MappedRows:
    path = tmp_path_factory.mktemp("mapped") / "rows.bin"
    np.arange(ROWS * WIDTH, dtype=ITEM).tofile(path)
    return MappedRows(path, ITEM, (ROWS, WIDTH))


@settings(max_examples=200, deadline=None)
@given(
    st.sets(st.integers(0, ROWS // 3 - 1), min_size=1, max_size=300),
    st.lists(st.integers(1, 3), min_size=300, max_size=300),
)
def test_exactly_the_pages_of_the_rows_are_asked_for(
    mapped: MappedRows, places: set[int], counts: list[int]
) -> None:
    begins = np.array(sorted(places), dtype=np.int64) * 3
    ends = begins + counts[: len(begins)]
    wanted = {
        byte // mmap.PAGESIZE
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
        for byte in (
            *range(begin * WIDTH * 4, end * WIDTH * 4, mmap.PAGESIZE),
            end * WIDTH * 4 - 1,
        )
    }
    asked: list[int] = []
    for begin, length in mapped.pages(begins, ends):
        assert begin % mmap.PAGESIZE == 0
        assert length > 0
        asked += range(begin // mmap.PAGESIZE, -(-(begin + length) // mmap.PAGESIZE))
    assert len(asked) == len(set(asked))
    if (ends - begins).sum() * 4 > ROWS:
        assert asked == []
    else:
        assert set(asked) == wanted
    mapped.will_read(begins, ends)


def test_a_mapped_matrix_is_the_file(mapped: MappedRows, tmp_path: Path) -> None:
    np.testing.assert_array_equal(mapped.rows.ravel(), np.arange(ROWS * WIDTH, dtype=ITEM))
    with pytest.raises(ValueError, match="read-only"):
        mapped.rows[0, 0] = 1
    nothing = MappedRows(tmp_path / "never made", ITEM, (0, WIDTH))
    assert nothing.rows.shape == (0, WIDTH)
    nothing.will_read(np.array([0]), np.array([0]))
    short = tmp_path / "short.bin"
    short.write_bytes(b"1234")
    with pytest.raises(ValueError, match="length is greater than file size"):
        MappedRows(short, ITEM, (2, 1))


def test_each_shard_is_told_of_its_own_documents(tmp_path: Path) -> None:
    told: list[tuple[int, list[int]]] = []
    parts = []
    for number, documents in enumerate([3, 1, 4]):
        writer = TokenStoreWriter(tmp_path / str(number), tmp_path / str(number), 2, "float32")
        (tmp_path / str(number)).mkdir()
        vectors = [np.ones((1, 2), np.float32)] * documents
        writer.append([f"{number}.{one}" for one in range(documents)], vectors)
        writer.finish()
        matrix = TokenStore.open(tmp_path / str(number)).matrix()

        def tell(rows: np.ndarray, number: int = number) -> None:
            told.append((number, rows.tolist()))

        parts.append(TokenMatrix(matrix.tokens, matrix.offsets, will_read=tell))
    joined = TokenMatrix.joined(parts)
    joined.will_read(np.array([0, 2, 4, 7]))
    assert told == [(0, [0, 2]), (2, [0, 3])]


def test_searches_say_what_they_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search of a compressed index for the documents that it settles, and a reranking."""
    documents = collection(np.random.default_rng(1), 300)
    docnos = [f"d{number}" for number in range(300)]
    directory = made(tmp_path, documents, docnos, CompressedSettings(bits=4))
    told: list[int] = []
    monkeypatch.setattr(TokenStore, "will_read", lambda store, rows: told.append(len(rows)))
    index = CompressedIndex.open(directory)
    next(iter(index.search(documents[:1], 10)))
    settled = next(depth.settled for depth in index.promise.depths if depth.k == 10)
    assert told == [settled]
    exact = ExactIndex.open(directory / "store")
    for opened in (index, exact):
        next(iter(opened.rerank(documents[:1], [["d7", "d3"]], 10)))
    assert told == [settled, 2, 2]
