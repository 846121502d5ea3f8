"""What a student is trained on: sentences, and the teacher's tokens of their translations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clirot.training.teacher_tokens import TeacherTokens


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

    def languages(self) -> Iterator[slice]:
        """Where the sentences of each language are."""
        start = 0
        for size in self.sizes:
            yield slice(start, start + size)
            start += size
