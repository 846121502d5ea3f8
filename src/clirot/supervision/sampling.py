"""Which groups are in one batch: none whose documents are relevant to another's topic.

A contrastive loss takes the documents of all other groups of a batch for negatives. Where one of
them was judged relevant to a topic of the batch, the loss would push it away, so that two such
groups do not meet. An epoch has as many full batches as hold its groups once; a group that found no
place waits for the next one, and the order goes on with another shuffling where it is at its end.
All batches are full, so that processes get equal shares and the mean of their losses is that of one
process.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from sentence_transformers.base.sampler import DefaultBatchSampler

from clirot.errors import InputError

Documents = frozenset[str]


class GroupSampler(DefaultBatchSampler):
    """Shuffled full batches of groups that may meet.

    The order of an epoch follows from the seed and the number of the epoch alone.

    Args:
        documents: of each group.
        relevant: of each group, the documents that are relevant to its topic.
        batch_size: groups in a batch.
        seed: decides the order.
        share: which process this is, and of how many; ``batch_size`` is a multiple of it.
    """

    def __init__(
        self,
        documents: Sequence[Documents],
        relevant: Sequence[Documents],
        *,
        batch_size: int,
        seed: int,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        super().__init__(range(len(documents)), batch_size=batch_size, drop_last=False)
        self._documents = documents
        self._relevant = relevant
        self._seed = seed
        self._rank, self._processes = share
        self.epoch = 0

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.batches():
            yield batch[self._rank :: self._processes]

    def batches(self) -> Iterator[list[int]]:
        """The whole batches of the epoch.

        Raises:
            InputError: fewer groups than a batch has may meet.
        """
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self.epoch)
        waiting: deque[int] = deque()
        for _ in range(len(self)):
            batch: list[int] = []
            held: set[str] = set()
            wanted: set[str] = set()
            self._fill(waiting, batch, held, wanted)
            if len(batch) < self.batch_size:
                again = set(waiting)
                order = torch.randperm(len(self._documents), generator=generator).tolist()
                fresh = deque(row for row in order if row not in again)
                self._fill(fresh, batch, held, wanted)
                waiting += fresh
            if len(batch) < self.batch_size:
                raise InputError(
                    f"a batch holds {len(batch)} groups at most: each other one has a document "
                    "that is relevant to a topic of the batch",
                    hint=f"lower `batch_size={self.batch_size}`, or take more topics",
                )
            yield batch

    def _fill(self, rows: deque[int], batch: list[int], held: set[str], wanted: set[str]) -> None:
        """Move rows into a batch, in their order, as far as they may meet."""
        left: list[int] = []
        while rows and len(batch) < self.batch_size:
            row = rows.popleft()
            documents, relevant = self._documents[row], self._relevant[row]
            if row not in batch and relevant.isdisjoint(held) and documents.isdisjoint(wanted):
                batch.append(row)
                held |= documents
                wanted |= relevant
            else:
                left.append(row)
        rows.extendleft(reversed(left))

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer at the start of every epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return (len(self._documents) - 1) // self.batch_size + 1


def sampler_factory(
    documents: Sequence[Documents], relevant: Sequence[Documents], **settings: Any
) -> Callable[..., GroupSampler]:
    """The ``batch_sampler`` argument of sentence-transformers, which must be picklable."""
    return partial(_made, documents, relevant, settings)


def _made(
    documents: Sequence[Documents],
    relevant: Sequence[Documents],
    settings: dict[str, Any],
    dataset: Any,
    **_: Any,
) -> GroupSampler:
    return GroupSampler(documents, relevant, **settings)
