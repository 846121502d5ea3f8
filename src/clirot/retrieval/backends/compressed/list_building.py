"""Making inverted lists from codes: centroids, the centroid of every token, the lists.

All of it is in whole numbers or in sums that are exact, so threads change nothing. The centroids
are those of k-means on a sample of the codes; noise of the codes averages out in them. What takes
long, the assignment of tokens, goes on where a killed process stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from clirot.encoding.maxsim import IntArray
from clirot.records import ProgressSink, Step, silent
from clirot.retrieval.backends.compressed.centroid_search import (
    NUMBER,
    CentroidSearch,
    whole_units,
)
from clirot.retrieval.backends.compressed.codec import Codes
from clirot.retrieval.backends.compressed.lists import CENTROIDS, DOCUMENTS, STARTS
from clirot.retrieval.backends.compressed.screening import CodeMatrix
from clirot.store import write_text

FROM_TOKENS = 1 << 20
"""Tokens from which an index has lists. Below, reading all codes takes a tenth of a second."""
_ROUNDS = 6
_SAMPLED = 32  # tokens for each centroid
_MOST_LISTS = 1 << 15  # more of them were not tried
_SEED = 19
_GRID = 2.0**20  # of scales, so that sums of up to 2^20 codes are exact
_SUMMED = 1 << 13  # codes whose levels are summed up at once
_CHUNK = 1 << 16  # tokens that are assigned before the checkpoint moves
_ASSIGNED, _ASSIGNED_UP_TO = "assigned.bin", "assigned.json"


def list_count(tokens: int) -> int:
    """How many lists an index of so many tokens has: a power of two near eight times the root.

    With twice the root, two to four times as many documents have to be scored by their codes.
    """
    wanted = 8 * tokens**0.5
    return min(_MOST_LISTS, 1 << max(0, round(float(np.log2(max(1.0, wanted))))))


def build_lists(
    matrix: CodeMatrix, directory: Path, scratch: Path, progress: ProgressSink = silent
) -> bool:
    """Write the lists of an index, if it is large enough for lists; whether it is.

    Args:
        matrix: the codes.
        directory: where the lists are written.
        scratch: where unfinished work is kept.
        progress: told of the rounds of k-means, and of the tokens that have a list.
    """
    if len(matrix.codes) < FROM_TOKENS:
        return False
    count = list_count(len(matrix.codes))
    scratch.mkdir(exist_ok=True)
    directory.mkdir(exist_ok=True)
    kept = scratch / CENTROIDS
    if not kept.is_file():
        _save(kept, centroids(matrix, count, progress))
    found = np.load(kept, allow_pickle=False)
    _assign(matrix, found, scratch, progress)
    assigned = np.memmap(scratch / _ASSIGNED, dtype=NUMBER, mode="r")
    _write_lists(matrix, assigned, directory, count)
    _save(directory / CENTROIDS, found)
    return True


def centroids(matrix: CodeMatrix, count: int, progress: ProgressSink = silent) -> NDArray[np.int8]:
    """``(components, count)``: spherical k-means on a sample of the codes."""
    draw = np.random.default_rng(_SEED)
    tokens = len(matrix.codes)
    sample = np.unique(draw.integers(0, tokens, min(_SAMPLED * count, 4 * tokens)))
    codes: Codes = np.asarray(matrix.codes[sample])
    scales = np.rint(matrix.codec.scales(codes).astype(np.float64) * _GRID) / _GRID
    first = draw.choice(len(sample), count, replace=count > len(sample))
    found = whole_units(matrix.codec.levels_of(codes[first]).astype(np.float64))
    for done in range(_ROUNDS):
        progress(Step("centroids", done, _ROUNDS, unit="rounds"))
        nearest = CentroidSearch(matrix.codec, found).nearest(codes)
        sums = torch.zeros(count, matrix.codec.components, dtype=torch.float64)
        for begin in range(0, len(codes), _SUMMED):
            part = slice(begin, begin + _SUMMED)
            weighted = matrix.codec.levels_of(codes[part]) * scales[part, None]
            places = torch.from_numpy(nearest[part].astype(np.int64))
            sums.index_add_(0, places, torch.from_numpy(weighted))
        empty = ~torch.any(sums != 0, dim=1).numpy()
        # A centroid that has no token stays where it is.
        found = np.where(empty, found, whole_units(sums.numpy()))
    progress(Step("centroids", _ROUNDS, _ROUNDS, unit="rounds"))
    return np.ascontiguousarray(found)


def _assign(
    matrix: CodeMatrix, found: NDArray[np.int8], scratch: Path, progress: ProgressSink
) -> None:
    """Write the centroid of every token, behind what an interrupted attempt wrote."""
    checkpoint = scratch / _ASSIGNED_UP_TO
    done = json.loads(checkpoint.read_text()) if checkpoint.is_file() else 0
    path = scratch / _ASSIGNED
    path.touch()
    search = CentroidSearch(matrix.codec, found)
    with path.open("r+b") as stream:
        stream.truncate(done * NUMBER.itemsize)
        stream.seek(done * NUMBER.itemsize)
        for begin in range(done, len(matrix.codes), _CHUNK):
            codes = matrix.codes[begin : begin + _CHUNK]
            stream.write(search.nearest(codes).tobytes())
            stream.flush()
            os.fsync(stream.fileno())
            write_text(checkpoint, json.dumps(begin + len(codes)))
            progress(Step("lists", begin + len(codes), len(matrix.codes), unit="tokens"))


def _write_lists(
    matrix: CodeMatrix, assigned: NDArray[np.uint16], directory: Path, count: int
) -> None:
    """Two passes over the documents: how long each list is, and what is in it."""
    sizes = np.zeros(count, dtype=np.int64)
    for lists, _ in _entries(matrix, assigned):
        sizes += np.bincount(lists, minlength=count)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    written = np.lib.format.open_memmap(
        directory / DOCUMENTS, mode="w+", dtype="<i4", shape=(int(starts[-1]),)
    )
    free = starts[:-1].copy()
    for lists, documents in _entries(matrix, assigned):
        # Sorted by list: an entry's place is its list's next free one, and its rank in the list.
        ranks = np.arange(len(lists)) - np.searchsorted(lists, lists)
        written[free[lists] + ranks] = documents
        free += np.bincount(lists, minlength=count)
    written.flush()
    _save(directory / STARTS, starts)


def _entries(
    matrix: CodeMatrix, assigned: NDArray[np.uint16]
) -> Iterator[tuple[IntArray, IntArray]]:
    """Lists and documents, no pair twice, by list and then by document, of a part of the documents
    at a time.
    """
    documents, offsets = len(matrix), matrix.offsets
    begin = 0
    while begin < documents:
        end = int(np.searchsorted(offsets, offsets[begin] + _CHUNK, "right")) - 1
        end = min(documents, max(end, begin + 1))
        lists = assigned[offsets[begin] : offsets[end]].astype(np.int64)
        rows = np.repeat(np.arange(begin, end), matrix.lengths[begin:end])
        pairs = np.unique(lists * documents + rows)
        yield pairs // documents, pairs % documents
        begin = end


def _save(path: Path, array: NDArray[np.generic]) -> None:
    """Whole or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
