"""The centroid that is nearest to a token's code, in two steps where there are many of them.

Compared with each of 32,768 centroids, a token takes 73 microseconds, a quarter of what encoding it
takes. So many centroids are put into groups, by k-means among themselves: a token is compared with
the groups, and then with the centroids of the nearest groups. Another centroid may be nearer still;
what is lost by that is in what an index measures of itself. Everything is in whole numbers, and
equal ones are told apart by their numbers, so that threads and blocks change nothing.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from clirot.encoding.maxsim import IntArray
from clirot.retrieval.backends.compressed.codec import Codec, Codes
from clirot.retrieval.backends.compressed.screening import Products, has_byte_products

NUMBER = np.dtype("<u2")
"""What the number of a centroid is kept as."""
_COMPARED_WITH_ALL = 1 << 11  # up to so many centroids there are no groups
_GROUPS_PROBED = 8
_ROUNDS = 6
_PRODUCT = 1 << 22  # similarities held at once
_AT_ONCE = 1 << 14  # codes that look for their groups together
_COLUMNS = 16  # byte products are up to 3 times slower in other numbers of columns


class CentroidSearch:
    """Finds the nearest of some centroids.

    Args:
        codec: of the codes.
        centroids: ``(components, count)`` int8, in the space of the codes.
    """

    def __init__(self, codec: Codec, centroids: NDArray[np.int8]) -> None:
        self._codec = codec
        self._count = centroids.shape[1]
        self._members: list[IntArray] = []
        if self._count <= _COMPARED_WITH_ALL:
            self._first = self._products(centroids)
            return
        centres, group = _groups(centroids)
        self._first = self._products(centres)
        self._members = [np.flatnonzero(group == one) for one in range(centres.shape[1])]
        self._within = [self._products(centroids[:, members]) for members in self._members]

    def nearest(self, codes: Codes) -> NDArray[np.uint16]:
        """``(tokens,)``: the number of the centroid of each code, the lowest of equal ones."""
        found = np.empty(len(codes), dtype=NUMBER)
        at_once = _AT_ONCE if self._members else max(16, _PRODUCT // self._count)
        for begin in range(0, len(codes), at_once):
            part = np.asarray(codes[begin : begin + at_once])
            chosen = self._by_groups(part) if self._members else self._of_all(part)
            found[begin : begin + len(part)] = chosen
        return found

    def _of_all(self, codes: Codes) -> IntArray:
        similar = self._first.whole(codes).numpy()[:, : self._count]
        nearest: IntArray = similar.argmax(axis=1)
        return nearest

    def _by_groups(self, codes: Codes) -> IntArray:
        groups = len(self._members)
        similar = self._first.whole(codes)[:, :groups].to(torch.int64)
        # One whole number for similarity and group: no two are equal.
        ranked = similar * groups + torch.arange(groups)
        probed = torch.topk(ranked, min(_GROUPS_PROBED, groups), dim=1, sorted=False).indices
        chosen = probed.numpy()
        pairs = np.argsort(chosen, axis=None, kind="stable")
        ends = np.cumsum(np.bincount(chosen.ravel(), minlength=groups))
        best = np.full(len(codes), np.iinfo(np.int64).min)
        nearest = np.zeros(len(codes), dtype=np.int64)
        begin = 0
        for members, products, end in zip(self._members, self._within, ends, strict=True):
            rows = pairs[begin:end] // chosen.shape[1]
            begin = end
            if not len(rows) or not len(members):
                continue
            inner = products.whole(codes[rows])[:, : len(members)].numpy()
            place = inner.argmax(axis=1)
            value = np.take_along_axis(inner, place[:, None], axis=1)[:, 0].astype(np.int64)
            number = members[place]
            better = (value > best[rows]) | ((value == best[rows]) & (number < nearest[rows]))
            best[rows[better]], nearest[rows[better]] = value[better], number[better]
        return nearest

    def _products(self, columns: NDArray[np.int8]) -> Products:
        wanted = max(_COLUMNS, -(-columns.shape[1] // _COLUMNS) * _COLUMNS)
        filled = np.zeros((columns.shape[0], wanted), dtype=np.int8)
        filled[:, : columns.shape[1]] = columns
        return Products(self._codec, filled, as_bytes=has_byte_products())


def whole_units(sums: NDArray[np.float64]) -> NDArray[np.int8]:
    """``(components, rows)``: rows of unit norm, in the whole numbers that hold the largest."""
    norms = np.sqrt(np.square(sums).sum(axis=1, keepdims=True))
    units = sums / np.where(norms > 0, norms, 1.0)
    largest = np.abs(units).max(initial=1e-9)
    whole: NDArray[np.int8] = np.rint(units.T * (127 / largest)).astype(np.int8)
    return np.ascontiguousarray(whole)


def _groups(centroids: NDArray[np.int8]) -> tuple[NDArray[np.int8], IntArray]:
    """Centres, ``(components, groups)``, and the group of each centroid: spherical k-means, which
    begins with centroids that are spread evenly over their numbers.
    """
    count = centroids.shape[1]
    groups = 1 << int(np.ceil(np.log2(count**0.5)))
    rows = np.ascontiguousarray(centroids.T).astype(np.float64)
    centres = np.ascontiguousarray(centroids[:, np.linspace(0, count - 1, groups).astype(np.int64)])
    for _ in range(_ROUNDS):
        # Whole numbers below 2^53, so that the order of summation changes nothing.
        group: IntArray = (rows @ centres.astype(np.float64)).argmax(axis=1)
        sums = torch.zeros(groups, len(centroids), dtype=torch.float64)
        sums.index_add_(0, torch.from_numpy(group), torch.from_numpy(rows))
        empty = ~torch.any(sums != 0, dim=1).numpy()
        centres = np.where(empty, centres, whole_units(sums.numpy()))
    return np.ascontiguousarray(centres), group
