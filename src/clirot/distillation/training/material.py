"""What a student is trained on: sentences, and the teacher's tokens of their translations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from clirot.distillation.objectives.tokens import TokenBatch
from clirot.distillation.training.teacher_tokens import TeacherTokens


@dataclass(frozen=True, kw_only=True)
class Material:
    """Training sentences and their translations."""

    sentences: Sequence[str]
    """Target sentences, those of one language after those of the other."""
    rows: Sequence[int]
    """Of each, the row of its translation among the teacher's tokens. Sentences of several
    languages may share one."""
    sizes: Sequence[int]
    """How many sentences each language has."""
    teacher: TeacherTokens

    @cached_property
    def numbers(self) -> Sequence[int]:
        """Of each sentence, the place of the first that reads the same."""
        first: dict[str, int] = {}
        return [first.setdefault(one, place) for place, one in enumerate(self.sentences)]

    def translations(self, places: Sequence[int], device: torch.device) -> TokenBatch:
        """The teacher's tokens of the translations of the sentences at some places."""
        rows = [self.rows[place] for place in places]
        tokens = self.teacher.batch(rows, device)
        return tokens._replace(sentences=torch.tensor(rows, device=device))

    def numbered(self, tokens: TokenBatch, places: Sequence[int]) -> TokenBatch:
        """The student's tokens of the sentences at some places, with which sentences they are."""
        numbers = [self.numbers[place] for place in places]
        return tokens._replace(sentences=torch.tensor(numbers, device=tokens.mask.device))

    def languages(self) -> Iterator[slice]:
        """Where the sentences of each language are."""
        start = 0
        for size in self.sizes:
            yield slice(start, start + size)
            start += size
