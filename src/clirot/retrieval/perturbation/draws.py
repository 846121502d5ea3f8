"""Random draws that are the same on every machine, whatever else was drawn before.

Python promises that :meth:`random.Random.random` gives the same numbers for the same seed in every
version, and promises it of no other method; everything here is made from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """Draws for one text.

    Args:
        names: what the draws depend on: the seed, the kind and the id of the text.
    """

    def __init__(self, *names: str | int) -> None:
        digest = hashlib.sha256("\0".join(map(str, names)).encode("utf-8", "surrogatepass"))
        self.uniform = Random(int.from_bytes(digest.digest())).random
        """A number from 0 to below 1."""

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.uniform() < probability

    def one_of(self, among: Sequence[T]) -> T:
        """One of them, each as likely."""
        return among[int(self.uniform() * len(among))]

    def weighted(self, weights: Mapping[T, float]) -> T:
        """One of the keys, as likely as its weight says; not all weights are 0."""
        left = self.uniform() * sum(weights.values())
        chosen = None
        for one, weight in weights.items():
            if weight > 0:
                chosen = one
                if left < weight:
                    break
                left -= weight
        assert chosen is not None
        return chosen

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """All of them in random order (Fisher and Yates)."""
        mixed = list(items)
        for last in range(len(mixed) - 1, 0, -1):
            other = int(self.uniform() * (last + 1))
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed
