"""Sentence-vector distillation: the mean of the student's tokens to the mean of the teacher's.

    loss = || mean_i s_i - mean_j t_j ||^2

Multilingual knowledge distillation (Reimers and Gurevych, arXiv 2004.09813, equation 1; the target
sentence's term, since the student answers in the target language only). No token is told which
other token it translates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from clirot.distillation.objectives.objective import TokenBatch
from clirot.models import Side


@dataclass(frozen=True, kw_only=True)
class SentenceMSE:
    """The objective on mean-pooled sentence vectors."""

    in_batch: ClassVar[bool] = False

    def loss(self, student: TokenBatch, teacher: TokenBatch, side: Side = "query") -> Tensor:
        """Mean over the batch of the squared Euclidean distance, in [0, 4].

        Summed over the dimensions where the paper averages: a constant factor, and comparable in
        size to the other objectives.
        """
        return (mean_pooled(student) - mean_pooled(teacher)).square().sum(dim=1).mean()


def mean_pooled(tokens: TokenBatch) -> Tensor:
    """Mean of the real tokens: ``(batch, dim)``, float32."""
    weight = tokens.mask.float()[:, :, None]
    return (tokens.vectors.float() * weight).sum(dim=1) / weight.sum(dim=1)
