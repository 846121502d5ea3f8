"""Inverted lists: what is in them, and that they are the same bytes however they are made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from coded_documents import collection, contents, made

from clirot.retrieval.backends.compressed import (
    list_building,
    screening,
)
from clirot.retrieval.backends.compressed import lists as lists_module
from clirot.retrieval.backends.compressed.index import CompressedIndex
from clirot.retrieval.settings import CompressedSettings


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
