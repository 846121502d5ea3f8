"""What a student is trained on: sentences, and the teacher's tokens of their translations.

A :class:`Task` is all that a process needs in order to take part in training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from clirot.distillation.objectives.objective import Objective
from clirot.distillation.objectives.tokens import TokenBatch
from clirot.distillation.training.settings import TrainingSettings
from clirot.distillation.training.teacher_tokens import TeacherTokens
from clirot.models import Side


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
    material: Material
    scratch: Path
    """Directory for checkpoints. A task that was interrupted goes on from what it left there."""
    sides: tuple[Side, ...] = ("query",)
    """How the student reads its sentences; with both, the loss is the mean of the two readings."""
    new_embeddings: bool = False
    """Whether most input embeddings are new, as in a transplant: these are trained beside low-rank
    adapters too."""
