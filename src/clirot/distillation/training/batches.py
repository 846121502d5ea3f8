"""Batches: what the teacher made of their sentences, and the loss between.

The trainer's collator cannot carry the teacher's vectors, which are as many as a sentence has
tokens. It carries the places of the sentences as labels, and the loss looks the vectors up.

With several processes, gradients are averaged over them, and so are the losses that are logged. A
mean over sentences is therefore weighted by how many sentences of the batch a process has. What
compares the sentences of a batch is computed over the whole batch by every process; its gradient
there is by the sentences of that process, and is multiplied by the number of processes that it will
be divided by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers.util.distributed import all_gather, all_gather_padded
from torch import Tensor, nn

from clirot.distillation.objectives.objective import Objective, terms_of, transports
from clirot.distillation.objectives.tokens import TokenBatch
from clirot.distillation.settings import TrainingSettings
from clirot.distillation.training.development import Development, Vectors, check_finite
from clirot.distillation.training.lengths import Lengths
from clirot.distillation.training.lesson import Given, Lesson, Measured
from clirot.distillation.training.plan_figures import plan_figures, plan_of
from clirot.distillation.training.reading import TokenReader
from clirot.distillation.training.sampling import sampler_factory
from clirot.distillation.training.teacher_tokens import TeacherTokens
from clirot.encoding.encoders import MultiVectorTokenEncoder
from clirot.models import Side
from clirot.processes import ALONE, Processes

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder


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
class Task(Lesson):
    """What is taught out of bitext: the teacher's tokens of the translations."""

    settings: TrainingSettings
    objective: Objective
    """With what it needs to know of the bitext."""
    temperature: float
    """Of the cross-entropy by which epochs of like development MAP are told apart."""
    material: Material

    verb = "distill"
    unit = "pairs"
    reader = "the student"

    @property
    def loop(self) -> TrainingSettings:
        """How the student is trained."""
        return self.settings

    @property
    def rows(self) -> int:
        """The training sentences."""
        return len(self.material.sentences)

    @property
    def columns(self) -> Mapping[str, Side]:
        """The sentences once for each side; with both, the loss is the mean of two readings."""
        return {str(side): side for side in self.sides}

    def dataset(self, processes: Processes) -> Any:
        """A column of sentences for each side, and the places of the sentences as labels."""
        from datasets import Dataset

        texts = list(self.material.sentences)
        places = list(range(len(texts)))
        if processes.count > 1:  # the row that fills up the share of a process: see the sampler
            texts.append(min(texts, key=len))
            places.append(-1)
        return Dataset.from_dict(dict.fromkeys(self.columns, texts) | {"label": places})

    def sampler(self, lengths: Lengths, processes: Processes) -> Callable[..., Any]:
        """Batches of like length."""
        return sampler_factory(
            lengths.sentences,
            batch_size=self.settings.batch_size,
            sizes=self.material.sizes,
            temperature=self.settings.sampling_temperature,
            share=(processes.rank, processes.count),
        )

    def lengths(self, model: MultiVectorEncoder) -> Lengths:
        """How long the sentences are."""
        return Lengths.of(model, self.material.sentences, self.settings.max_tokens, self.sides)

    def read_as(self, developments: Mapping[str, Development]) -> Mapping[Side, Sequence[str]]:
        """The sentences and those of the development tasks, on every side."""
        more = [text for one in developments.values() for text in one.texts]
        texts = [*self.material.sentences, *more]
        return dict.fromkeys(self.sides, texts)

    def topics(self, development: Development) -> int:
        """The held-out sentences."""
        return len(development.relevant)

    def given_to(self, model: MultiVectorEncoder, processes: Processes) -> TaskGiven:
        """The task for a student."""
        return TaskGiven(self, model, processes)


class TaskGiven(Given):
    """A task for a student: the loss over tokens, and the development MAP with the plan's figures.

    Args:
        task: what is taught.
        model: the student.
        processes: those that train together.
    """

    def __init__(self, task: Task, model: MultiVectorEncoder, processes: Processes) -> None:
        self._task = task
        self._model = model
        self._plan = plan_of(task.objective)
        needed = self._plan.plan.asks_for
        layer = self._plan.plan.teacher_layer if "layer" in needed else None
        self._reader = TokenReader(model, layer=layer)
        self._reading = self._reader if needed else nullcontext()
        self.loss = TokenLoss(
            model,
            task.objective,
            task.material,
            task.sides,
            processes,
            read=self._reader.batch if needed else None,
        )

    def __enter__(self) -> TaskGiven:
        self._reading.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._reading.__exit__(*raised)

    def measured(self, development: Development) -> Measured:
        """MAP and cross-entropy of the held-out sentences, and the figures of the plan on the first
        of them.
        """
        encoder = MultiVectorTokenEncoder(
            self._model, side=development.side, name="student", digest=""
        )
        vectors = development.student_tokens(encoder)
        found, entropy = development.retrieval(vectors, self._task.temperature)
        return Measured(found, entropy, self._figures(development, vectors))

    def _figures(self, task: Development, vectors: list[Vectors]) -> dict[str, float]:
        own, other = task.pairs(vectors)
        if not task.watched:
            return plan_figures(self._plan, own, other)
        read = self._reader.read(task.texts[: len(task.watched)], side=task.side)
        known = [one for batch in read for one in batch]
        students = [
            one._replace(vectors=matrix)
            for one, matrix in zip(known, own[: len(known)], strict=True)
        ]
        return plan_figures(self._plan, students, task.watched)


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
