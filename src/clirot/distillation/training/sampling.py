"""Which rows of bitext are in one batch.

Sentences of like length need little padding. With several languages, a language with ``n`` pairs
gets a share of an epoch in proportion to ``n^(1/T)``, so that one with much bitext does not crowd
out the others (Arivazhagan et al., arXiv 1907.05019; Conneau and Lample, arXiv 1901.07291, section
3.1). An epoch has as many pairs as the bitext, whatever the temperature.
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
    """How many pairs of each language an epoch takes: ``sizes ** (1 / temperature)``, scaled and
    rounded so that the sum is that of ``sizes``.

    Args:
        sizes: pairs of each language.
        temperature: 1 takes all of them, infinity equally many of each language.
    """
    weights = np.asarray(sizes, dtype=np.float64) ** (1 / temperature)
    wanted = weights / weights.sum() * sum(sizes)
    counts = np.floor(wanted + 1e-9).astype(int)
    for place in np.argsort(counts - wanted, kind="stable")[: sum(sizes) - counts.sum()]:
        counts[place] += 1  # the largest remainders
    return [int(count) for count in counts]


class LengthBucketedSampler(DefaultBatchSampler):
    """Shuffled batches of like length: shuffle, sort within chunks of 50 batches, shuffle batches.

    The order of an epoch follows from the seed and the number of the epoch alone, so that a resumed
    run sees the batches of an uninterrupted one.

    Args:
        lengths: of the sentences, grouped by language.
        batch_size: sentences in a batch.
        seed: decides the order.
        sizes: the number of sentences of each language; none: there is one language.
        temperature: see :func:`draws`. A language goes through all its sentences before it repeats
            one, over several epochs if need be.
        share: which process this is, and of how many. All get equally many sentences of a batch;
            a share that is short is filled up with the row ``len(lengths)``, which has no sentence.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        *,
        batch_size: int,
        seed: int,
        sizes: Sequence[int] = (),
        temperature: float = 1.0,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        super().__init__(range(len(lengths)), batch_size=batch_size, drop_last=False)
        self._lengths = list(lengths)
        self._seed = seed
        self._sizes = list(sizes) or [len(lengths)]
        self._draws = draws(self._sizes, temperature)
        self._rank, self._processes = share
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
        """The part of this process in a batch: with n processes, every n-th sentence, so that the
        parts are of like length.
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
    """The ``batch_sampler`` argument of sentence-transformers, which must be picklable.

    Args:
        lengths: of the sentences.
        settings: arguments of :class:`LengthBucketedSampler` that replace those of the trainer.
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
