"""What every objective is given and gives back."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor


class TokenBatch(NamedTuple):
    """Token vectors of a batch of sentences, padded.

    ``vectors``: ``(batch, tokens, dim)``, unit norm at real tokens.
    ``mask``: ``(batch, tokens)`` bool, true at real tokens; every sentence has at least one.
    """

    vectors: Tensor
    mask: Tensor


class Objective(Protocol):
    """A loss between a student's tokens and the teacher's tokens of the translations."""

    def loss(self, student: TokenBatch, teacher: TokenBatch) -> Tensor:
        """The scalar to minimise; differentiable in ``student.vectors`` only.

        Row ``k`` of ``teacher`` encodes the translation of row ``k`` of ``student``.
        """
        ...
