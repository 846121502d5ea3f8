"""Codes of token vectors: a random rotation, some bits a component, and a scale.

A rotation makes the components of every vector look alike, as draws from one normal distribution.
So one quantiser, the best for that distribution (Max 1960, table I), serves every component of any
collection: nothing is trained, documents can be added, and shards share one codec (TurboQuant,
arXiv 2504.19874). The scale of a token makes its code unbiased, as in RaBitQ (arXiv 2405.12497):
the similarity of a code with the vector that it stands for is exactly 1. A code is the bits, padded
to whole bytes, and the scale as a float16.

Which code a vector gets does not depend on what it is encoded with, nor on threads or the matrix
library. Components are rounded to multiples of 2^-12 and the rotation to multiples of 2^-11, so
that every product and partial sum is a multiple of 2^-23 below 2, which a float32 holds exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clirot.encoding.maxsim import FloatArray

Codes = NDArray[np.uint8]

LEVELS = {1: (1,), 2: (38, 127), 4: (6, 18, 31, 44, 58, 75, 96, 127)}
"""Bits -> the positive levels, as whole numbers in proportion to those of Max."""
_THRESHOLDS = {
    1: (),
    2: (0.9816,),
    4: (0.2582, 0.5224, 0.7996, 1.099, 1.437, 1.844, 2.401),
}
"""Bits -> where a positive level ends and the next begins, in standard deviations (Max)."""
_COMPONENT_GRID, _ROTATION_GRID = 2.0**12, 2.0**11
_SEED = 384
_AT_ONCE = 4096  # tokens that are encoded together
_SCALE = np.dtype("<f2")
_ROTATION = np.dtype("<i2")
_TOGETHER: dict[int, np.dtype[Any]] = {1: np.dtype("c16"), 2: np.dtype("i8"), 4: np.dtype("i4")}
"""Bits -> a type that is as long as the levels of two bytes. It is copied, never computed with."""


@dataclass(frozen=True, eq=False)
class Codec:
    """How vectors become codes.

    ``bits``: of a component; ``rotation``: ``(dim, dim)`` int16, in multiples of 2^-11.
    """

    bits: int
    rotation: NDArray[np.int16]

    @classmethod
    def of(cls, dim: int, bits: int) -> Codec:
        """The codec of all vectors of a length."""
        drawn = np.random.default_rng(_SEED).standard_normal((dim, dim))
        orthogonal, upper = np.linalg.qr(drawn)
        orthogonal *= np.sign(np.diag(upper))  # so that the signs are no choice of the library's
        return cls(bits, np.rint(orthogonal * _ROTATION_GRID).astype(_ROTATION))

    def save(self, path: Path) -> None:
        """Write the rotation: the codes are then read by any version of any library."""
        path.write_bytes(self.rotation.astype(_ROTATION).tobytes())

    @classmethod
    def open(cls, path: Path, dim: int, bits: int) -> Codec:
        """Read it.

        Raises:
            OSError: it cannot be read.
            ValueError: it has another size.
        """
        return cls(bits, np.fromfile(path, dtype=_ROTATION).reshape(dim, dim))

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return len(self.rotation)

    @property
    def code_bytes(self) -> int:
        """Bytes of the bits of a code."""
        return -(-self.dim * self.bits // 8)

    @property
    def width(self) -> int:
        """Bytes of a code with its scale: an even number, as checksums need it."""
        return -(-(self.code_bytes + _SCALE.itemsize) // 2) * 2

    @property
    def components(self) -> int:
        """Components that a code has: those of the vector, and what fills the last byte."""
        return self.code_bytes * 8 // self.bits

    @cached_property
    def levels(self) -> NDArray[np.int8]:
        """``(2**bits,)``: the whole number that each pattern of bits stands for, increasing."""
        positive = np.array(LEVELS[self.bits], dtype=np.int8)
        return np.concatenate([-positive[::-1], positive])

    @cached_property
    def byte_levels(self) -> NDArray[np.int8]:
        """``(256, components of a byte)``: the levels that each byte of a code stands for."""
        shifts = np.arange(0, 8, self.bits)
        patterns = (np.arange(256)[:, None] >> shifts) & (2**self.bits - 1)
        found: NDArray[np.int8] = self.levels[patterns]
        return found

    @cached_property
    def _pair_levels(self) -> NDArray[Any]:
        """``(65536,)``: the levels that each two bytes of a code stand for, as one number each, so
        that they are looked up at once.
        """
        low, high = np.arange(1 << 16) & 255, np.arange(1 << 16) >> 8
        levels = np.concatenate([self.byte_levels[low], self.byte_levels[high]], axis=1)
        together: NDArray[Any] = levels.view(_TOGETHER[self.bits])[:, 0]
        return together

    def levels_of(self, codes: Codes) -> NDArray[np.int8]:
        """``(tokens, components)``: what ``(tokens, width)`` codes stand for."""
        pairs = codes.view("<u2")[:, : -(-self.code_bytes // 2)]
        found = np.take(self._pair_levels, pairs, mode="clip").view(np.int8)
        # Where the bytes of a code are odd in number, the last pair holds one of the scale.
        return np.ascontiguousarray(found[:, : self.components])

    def encode(self, vectors: FloatArray) -> Codes:
        """``(tokens, dim)`` vectors to ``(tokens, width)`` codes."""
        codes = np.empty((len(vectors), self.width), dtype=np.uint8)
        for first in range(0, len(vectors), _AT_ONCE):
            part = vectors[first : first + _AT_ONCE]
            codes[first : first + len(part)] = self._encoded(part)
        return codes

    def rotated(self, vectors: FloatArray) -> NDArray[np.float64]:
        """The vectors, of any grid up to 2^-26, in the space of the codes: ``(tokens, dim)``."""
        rotation = torch.from_numpy(self.rotation.astype(np.float64) / _ROTATION_GRID)
        snapped = np.rint(vectors.astype(np.float64) * 2.0**26) / 2.0**26
        turned: NDArray[np.float64] = (torch.from_numpy(snapped) @ rotation.T).numpy()
        return turned

    def directions(self, codes: Codes) -> FloatArray:
        """``(tokens, dim)``: unit vectors that codes stand for, turned back; zeros for zeros."""
        levels = self.byte_levels[codes[:, : self.code_bytes]]
        levels = levels.reshape(len(codes), -1)[:, : self.dim]
        # Whole numbers below 2^53, so that the order of summation changes nothing.
        back = torch.from_numpy(levels.astype(np.float64)) @ torch.from_numpy(
            self.rotation.astype(np.float64)
        )
        back *= torch.from_numpy(self.scales(codes) > 0)[:, None]
        found: FloatArray = (back / back.norm(dim=1, keepdim=True).clamp_min(1.0)).float().numpy()
        return found

    def scales(self, codes: Codes) -> NDArray[np.float32]:
        """``(tokens,)``: what the similarities of the codes' levels are multiplied by."""
        kept = np.ascontiguousarray(codes[:, self._scale])
        return kept.view(_SCALE)[:, 0].astype(np.float32)

    @property
    def _scale(self) -> slice:
        return slice(self.code_bytes, self.code_bytes + _SCALE.itemsize)

    @cached_property
    def _turning(self) -> torch.Tensor:
        return torch.from_numpy(self.rotation.astype(np.float32) / np.float32(_ROTATION_GRID)).T

    @cached_property
    def _ends(self) -> FloatArray:
        positive = np.array(_THRESHOLDS[self.bits])
        ends = np.concatenate([-positive[::-1], [0.0], positive]) / self.dim**0.5
        kept: FloatArray = ends.astype(np.float32)
        return kept

    def _encoded(self, vectors: FloatArray) -> Codes:
        snapped = np.rint(vectors.astype(np.float32) * np.float32(_COMPONENT_GRID))
        snapped /= np.float32(_COMPONENT_GRID)
        turned = (torch.from_numpy(snapped) @ self._turning).numpy()
        patterns = np.zeros(turned.shape, dtype=np.uint8)
        for end in self._ends:  # a few comparisons take half the time of a binary search
            patterns += turned >= end
        found = self.levels[patterns].astype(np.float64)
        # Both sums are exact: products of few bits each, in float64.
        own = np.einsum("ij,ij->i", snapped, snapped, dtype=np.float64)
        matched = np.einsum("ij,ij->i", turned.astype(np.float64), found)
        scales = np.divide(own, matched, out=np.zeros_like(own), where=matched > 0)
        codes = np.zeros((len(vectors), self.width), dtype=np.uint8)
        codes[:, : self.code_bytes] = self._packed(patterns)
        codes[:, self._scale] = scales.astype(_SCALE)[:, None].view(np.uint8)
        return codes

    def _packed(self, patterns: NDArray[np.uint8]) -> Codes:
        filled = np.zeros((len(patterns), self.components), dtype=np.uint8)
        filled[:, : self.dim] = patterns
        bytes_: Any = filled.reshape(len(patterns), self.code_bytes, -1)
        shifts = np.arange(0, 8, self.bits, dtype=np.uint8)
        packed: Codes = np.bitwise_or.reduce(bytes_ << shifts, axis=2).astype(np.uint8)
        return packed
