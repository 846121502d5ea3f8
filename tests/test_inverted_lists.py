"""Inverted lists: what is in them, and that they are the same bytes however they are made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from coded_documents import collection, contents, made

from clirot.retrieval.backends.compressed import centroid_search, list_building, screening
from clirot.retrieval.backends.compressed import lists as lists_module
from clirot.retrieval.backends.compressed.centroid_search import CentroidSearch, whole_units
from clirot.retrieval.backends.compressed.codec import Codec
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
        for module in (centroid_search, lists_module, screening):
            monkeypatch.setattr(module, "has_byte_products", lambda as_bytes=as_bytes: as_bytes)
        torch.set_num_threads(count)
        try:
            place = tmp_path / str(count)
            found.append(contents(made(place, documents, docnos, CompressedSettings(bits=2))))
        finally:
            torch.set_num_threads(threads)
    assert found[0] == found[1]


def _codes_and_centroids(bits: int) -> tuple[Codec, np.ndarray, np.ndarray]:
    """Codes of 400 random vectors, and 90 centroids, of which three are there twice."""
    rng = np.random.default_rng(21)
    codec = Codec.of(24, bits)
    rows = rng.standard_normal((400, 24)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    centroids = whole_units(rng.standard_normal((90, codec.components)))
    centroids[:, [10, 40, 70]] = centroids[:, [11, 41, 3]]
    return codec, codec.encode(rows), centroids


@pytest.mark.parametrize("bits", [1, 4])
@pytest.mark.parametrize("probed", [1, 3, 16])
def test_the_nearest_centroid_is_found_in_the_nearest_groups(
    bits: int, probed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against brute force over the groups; in all of them it is the nearest of all."""
    codec, codes, centroids = _codes_and_centroids(bits)
    monkeypatch.setattr(centroid_search, "_COMPARED_WITH_ALL", 8)
    monkeypatch.setattr(centroid_search, "_GROUPS_PROBED", probed)
    search = CentroidSearch(codec, centroids)
    members = search._members
    assert len(members) == 16
    assert sorted(np.concatenate(members).tolist()) == list(range(90))
    centres, group = centroid_search._groups(centroids)
    levels = codec.byte_levels[codes[:, : codec.code_bytes]].reshape(400, -1).astype(int)
    to_groups, to_centroids = levels @ centres.astype(int), levels @ centroids.astype(int)
    expected = []
    for row in range(400):
        near = sorted(range(16), key=lambda one, row=row: (-to_groups[row][one], -one))[:probed]
        within = [one for one in range(90) if group[one] in near]
        expected.append(min(within, key=lambda one, row=row: (-to_centroids[row][one], one)))
    assert search.nearest(codes).tolist() == expected
    if probed == 16:
        assert expected == to_centroids.argmax(axis=1).tolist()


def test_blocks_threads_and_products_find_the_same_centroids(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codec, codes, centroids = _codes_and_centroids(2)
    monkeypatch.setattr(centroid_search, "_COMPARED_WITH_ALL", 8)
    found, threads = [], torch.get_num_threads()
    for block, count, as_bytes in ((1 << 14, 1, True), (7, 2, False), (64, 2, True)):
        monkeypatch.setattr(centroid_search, "_AT_ONCE", block)
        monkeypatch.setattr(
            centroid_search, "has_byte_products", lambda as_bytes=as_bytes: as_bytes
        )
        torch.set_num_threads(count)
        try:
            found.append(CentroidSearch(codec, centroids).nearest(codes).tolist())
        finally:
            torch.set_num_threads(threads)
    assert found[0] == found[1] == found[2]
