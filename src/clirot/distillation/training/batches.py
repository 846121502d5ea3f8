"""Batches: which sentences are in one, what the teacher made of them, and the loss between.

Sentences of like length need little padding. With several languages, a language with ``n`` pairs
gets a share of an epoch in proportion to ``n^(1/T)``, so that one with much bitext does not crowd
out the others (Arivazhagan et al., arXiv 1907.05019; Conneau and Lample, arXiv 1901.07291, section
3.1). An epoch has as many pairs as the bitext, whatever the temperature.

The trainer's collator cannot carry the teacher's vectors, which are as many as a sentence has
tokens. It carries the places of the sentences as labels, and the loss looks the vectors up.

With several processes, gradients are averaged over them, and so are the losses that are logged. A
mean over sentences is therefore weighted by how many sentences of the batch a process has. What
compares the sentences of a batch is computed over the whole batch by every process; its gradient
there is by the sentences of that process, and is multiplied by the number of processes that it will
be divided by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sentence_transformers.base.sampler import DefaultBatchSampler
from sentence_transformers.util.distributed import all_gather, all_gather_padded
from torch import Tensor, nn

from clirot.distillation.objectives.objective import Objective, terms_of, transports
from clirot.distillation.objectives.tokens import TokenBatch
from clirot.distillation.settings import TrainingSettings
from clirot.distillation.training.development import check_finite
from clirot.distillation.training.teacher_tokens import TeacherTokens
from clirot.models import Side
from clirot.processes import ALONE, Processes

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

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


@dataclass(frozen=True, kw_only=True)
class Material:
    """Training sentences and their translations."""

    sentences: Sequence[str]
    """Target sentences, grouped by language."""
    rows: Sequence[int]
    """For each sentence, the row of its translation in the teacher's tokens. Sentences of several
    languages may share a row."""
    sizes: Sequence[int]
    """The number of sentences of each language."""
    teacher: TeacherTokens

    @cached_property
    def numbers(self) -> Sequence[int]:
        """For each sentence, the place of the first one with the same text."""
        first: dict[str, int] = {}
        return [first.setdefault(one, place) for place, one in enumerate(self.sentences)]

    def translations(self, places: Sequence[int], device: torch.device) -> TokenBatch:
        """The teacher's tokens of the translations of the sentences at some places."""
        rows = [self.rows[place] for place in places]
        tokens = self.teacher.batch(rows, device)
        return tokens._replace(sentences=torch.tensor(rows, device=device))

    def numbered(self, tokens: TokenBatch, places: Sequence[int]) -> TokenBatch:
        """The student's tokens of the sentences at some places, with the sentences' numbers."""
        numbers = [self.numbers[place] for place in places]
        return tokens._replace(sentences=torch.tensor(numbers, device=tokens.mask.device))

    def languages(self) -> Iterator[slice]:
        """Where the sentences of each language are."""
        start = 0
        for size in self.sizes:
            yield slice(start, start + size)
            start += size


@dataclass(frozen=True, kw_only=True)
class Task:
    """A training, the same in every process that takes part in it."""

    settings: TrainingSettings
    objective: Objective
    """With what it needs to know of the bitext."""
    temperature: float
    """Of the cross-entropy by which epochs of like development MAP are told apart."""
    material: Material
    scratch: Path
    """Directory for checkpoints. A task that was interrupted goes on from what it left there."""
    sides: tuple[Side, ...] = ("query",)
    """How the student reads its sentences; with both, the loss is the mean of the two readings."""
    new_from: int | None = None
    """Ids from here on are subwords that a transplant added: beside low-rank adapters, the input
    embeddings are then trained too. None: the student starts with all its subwords."""


_Loss = Callable[[TokenBatch, Side], Tensor]


class TokenLoss(nn.Module):
    """The loss of a batch: an objective between the student's tokens and the teacher's.

    Args:
        model: the student; the trainer replaces this attribute by its wrapped model.
        objective: what to minimise.
        material: where the teacher's tokens are looked up.
        sides: how the student reads its sentences.
        processes: those that train together.
        read: makes tokens of what a forward pass gave; None: with their vectors alone.
    """

    def __init__(
        self,
        model: MultiVectorEncoder,
        objective: Objective,
        material: Material,
        sides: Sequence[Side],
        processes: Processes = ALONE,
        *,
        read: Callable[[dict[str, Any], Side], TokenBatch] | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self._read = read if read is not None else _vectors_alone
        self._objective = objective
        self._material = material
        self._sides = sides
        self._processes = processes

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """The batch's loss, the mean over the sides; ``labels`` are places in the material."""
        loss = self._shared_loss(labels) if self._processes.count > 1 else self._own_loss(labels)
        losses = []
        for side, features in zip(self._sides, sentence_features, strict=True):
            out = self.model(features, task=side)
            student = self._read(out, side)
            check_finite(student.vectors)
            losses.append(loss(student, side))
        return torch.stack(losses).mean()

    def _own_loss(self, labels: Tensor) -> _Loss:
        places = labels.tolist()
        teacher = self._material.translations(places, labels.device)
        return lambda student, side: self._objective.loss(
            self._material.numbered(student, places), teacher, side
        )

    def _shared_loss(self, labels: Tensor) -> _Loss:
        """The loss of a batch of which this process has a part; see the module's docstring."""
        everywhere = all_gather(labels)  # in the order of the processes
        count, total = self._processes.count, int((everywhere >= 0).sum())
        here = labels >= 0
        weight = count * int(here.sum()) / total
        own = self._material.translations(labels[here].tolist(), labels.device) if weight else None
        terms = terms_of(self._objective)
        asked_for = frozenset[str]().union(
            *(one.plan.asks_for for one in transports(self._objective) if one.in_batch)
        )

        def loss(student: TokenBatch, side: Side) -> Tensor:
            # A process without a sentence takes part all the same: the others wait for it.
            found = 0 * student.vectors.sum()
            if own is not None:
                part = student.rows(here.nonzero().flatten().tolist())
                for scale, one in terms:
                    if not one.in_batch:
                        found = found + weight * scale * one.loss(part, own, side)
            if any(one.in_batch for _, one in terms):
                places = everywhere[everywhere >= 0].tolist()
                real = (everywhere >= 0).nonzero().flatten().tolist()
                whole = _gathered(student, asked_for).rows(real)
                whole = self._material.numbered(whole, places)
                teacher = self._material.translations(places, labels.device)
                for scale, one in terms:
                    if one.in_batch:
                        value = scale * one.loss(whole, teacher, side)
                        found = found + count * value - ((count - 1) * value).detach()
            return found

        return loss


def _vectors_alone(out: dict[str, Any], _: Side) -> TokenBatch:
    return TokenBatch(out["token_embeddings"], out["attention_mask"].bool())


def _gathered(tokens: TokenBatch, names: frozenset[str]) -> TokenBatch:
    """The batch of all processes: vectors and the fields in ``names``. Only what is of this process
    has a gradient.
    """
    vectors, mask = all_gather_padded(tokens.vectors.float(), tokens.mask.to(torch.uint8))
    rest: dict[str, Tensor] = {}
    for name in sorted(names):  # in the same order in every process
        part: Tensor | None = getattr(tokens, name)
        if part is None:
            continue
        # The library pads vectors, ``(batch, tokens, width)``; a bool travels as a byte.
        wide = part.to(torch.uint8) if part.dtype == torch.bool else part
        wide = wide if wide.dim() == 3 else wide[:, :, None]
        gathered, _ = all_gather_padded(wide.contiguous(), tokens.mask.to(torch.uint8))
        rest[name] = gathered.reshape(*gathered.shape[:2], *part.shape[2:]).to(part.dtype)
    return TokenBatch(vectors, mask.bool(), **rest)
