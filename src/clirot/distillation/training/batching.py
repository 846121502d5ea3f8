"""Which sentences are in a batch: of like length, and of several languages by temperature.

Length: little of a batch is then padding. Temperature: of languages with ``n_l`` pairs an epoch
takes shares ``p_l ~ n_l^(1/T)``, so that one with much bitext does not drown the others
(Arivazhagan et al., arXiv 1907.05019; as an exponent ``1/T`` in Conneau and Lample, arXiv
1901.07291, section 3.1). An epoch has as many pairs as the bitext, whatever the temperature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from sentence_transformers.base.sampler import DefaultBatchSampler

_CHUNK_BATCHES = 50


def draws(sizes: Sequence[int], temperature: float) -> list[int]:
    """How many pairs of each language an epoch takes.

    Args:
        sizes: pairs of each language.
        temperature: 1: all of them; larger: more of the small languages, less of the large ones;
            infinite: equally many.

    Returns:
        Counts in proportion to ``sizes ** (1 / temperature)``, rounded so that they sum as
        ``sizes`` do.
    """
    weights = np.asarray(sizes, dtype=np.float64) ** (1 / temperature)
    wanted = weights / weights.sum() * sum(sizes)
    counts = np.floor(wanted + 1e-9).astype(int)
    for place in np.argsort(counts - wanted, kind="stable")[: sum(sizes) - counts.sum()]:
        counts[place] += 1  # the largest remainders
    return [int(count) for count in counts]


class LengthBucketedSampler(DefaultBatchSampler):
    """Shuffled batches of like length: shuffle, sort within chunks of 50 batches, shuffle batches.

    The order of an epoch follows from the seed and the epoch's number alone, so that a resumed run
    sees the batches an uninterrupted one sees.

    Args:
        lengths: of the sentences, one language after the other.
        batch_size: sentences in a batch.
        seed: decides the order.
        sizes: how many of the sentences are of each language; none: they are all of one.
        temperature: see :func:`draws`. A language goes through all its sentences before it repeats
            one, from epoch to epoch where an epoch does not take them all.
        rank: which of several processes this is.
        processes: among how many a batch is shared out. All get as many sentences of it; what is
            lacking is made up by the row after the last, ``len(lengths)``, which no language has.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        *,
        batch_size: int,
        seed: int,
        sizes: Sequence[int] = (),
        temperature: float = 1.0,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        super().__init__(range(len(lengths)), batch_size=batch_size, drop_last=False)
        self._lengths = list(lengths)
        self._seed = seed
        self._sizes = list(sizes) or [len(lengths)]
        self._draws = draws(self._sizes, temperature)
        self._rank = rank
        self._processes = processes
        self.epoch = 0

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self.epoch)
        order = torch.randperm(len(self._lengths), generator=generator).tolist()
        if len(self._sizes) > 1:
            drawn = self._drawn()
            order = [drawn[place] for place in order]
        chunk = self.batch_size * _CHUNK_BATCHES
        batches = []
        for start in range(0, len(order), chunk):
            rows = sorted(order[start : start + chunk], key=self._lengths.__getitem__)
            batches += [
                rows[at : at + self.batch_size] for at in range(0, len(rows), self.batch_size)
            ]
        for place in torch.randperm(len(batches), generator=generator).tolist():
            yield self._share(batches[place])

    def _share(self, batch: list[int]) -> list[int]:
        """What this process has of a batch: every n-th sentence of n processes, so that the parts
        are of like length.
        """
        if self._processes == 1:
            return batch
        share = batch[self._rank :: self._processes]
        size = -(-len(batch) // self._processes)
        return share + [len(self._lengths)] * (size - len(share))

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer at the start of every epoch."""
        self.epoch = epoch

    def _drawn(self) -> list[int]:
        """The rows of this epoch, language after language."""
        rows: list[int] = []
        first = 0
        for language, (size, count) in enumerate(zip(self._sizes, self._draws, strict=True)):
            begin = self.epoch * count
            for turn in range(begin // size, -(-(begin + count) // size)):
                shuffled = np.random.default_rng([self._seed, language, turn]).permutation(size)
                since = turn * size
                part = shuffled[max(begin - since, 0) : begin + count - since]
                rows += (first + part).tolist()
            first += size
        return rows


def sampler_factory(
    lengths: Sequence[int], **settings: Any
) -> Callable[..., LengthBucketedSampler]:
    """What sentence-transformers' ``batch_sampler`` argument takes; it must be picklable.

    Args:
        lengths: of the sentences.
        settings: of :class:`LengthBucketedSampler`, where they are not what the trainer gives.
    """
    return partial(_make_sampler, tuple(lengths), settings)


def _make_sampler(
    lengths: tuple[int, ...],
    settings: dict[str, Any],
    dataset: Any,
    *,
    batch_size: int,
    seed: int = 0,
    **_: Any,
) -> LengthBucketedSampler:
    return LengthBucketedSampler(lengths, **({"batch_size": batch_size, "seed": seed} | settings))
