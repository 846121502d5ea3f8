"""Batches of sentences of like length, so that little of a batch is padding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from sentence_transformers.base.sampler import DefaultBatchSampler

_CHUNK_BATCHES = 50


class LengthBucketedSampler(DefaultBatchSampler):
    """Shuffled batches of like length: shuffle, sort within chunks of 50 batches, shuffle batches.

    The order of an epoch follows from the seed and the epoch's number alone, so that a resumed run
    sees the batches an uninterrupted one sees.
    """

    def __init__(self, lengths: Sequence[int], *, batch_size: int, seed: int) -> None:
        super().__init__(range(len(lengths)), batch_size=batch_size, drop_last=False)
        self._lengths = list(lengths)
        self._seed = seed
        self.epoch = 0

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self.epoch)
        order = torch.randperm(len(self._lengths), generator=generator).tolist()
        chunk = self.batch_size * _CHUNK_BATCHES
        batches = []
        for start in range(0, len(order), chunk):
            rows = sorted(order[start : start + chunk], key=self._lengths.__getitem__)
            batches += [
                rows[at : at + self.batch_size] for at in range(0, len(rows), self.batch_size)
            ]
        for place in torch.randperm(len(batches), generator=generator).tolist():
            yield batches[place]

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer at the start of every epoch."""
        self.epoch = epoch


def sampler_factory(lengths: Sequence[int]) -> Callable[..., LengthBucketedSampler]:
    """What sentence-transformers' ``batch_sampler`` argument takes; it must be picklable."""
    return partial(_make_sampler, tuple(lengths))


def _make_sampler(
    lengths: tuple[int, ...], dataset: Any, *, batch_size: int, seed: int = 0, **_: Any
) -> LengthBucketedSampler:
    return LengthBucketedSampler(lengths, batch_size=batch_size, seed=seed)
