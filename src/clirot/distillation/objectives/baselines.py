"""Two simple objectives to compare transport with: they know no plan and no negatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from clirot.distillation.objectives.tokens import TokenBatch, mean_pooled
from clirot.distillation.objectives.transport import cosine_cost
from clirot.models import Side


@dataclass(frozen=True)
class SentenceMSE:
    """Sentence-vector distillation: the mean student token is pulled to the mean teacher token.

    ``loss = || mean_i s_i - mean_j t_j ||^2``: multilingual knowledge distillation (Reimers and
    Gurevych, arXiv 2004.09813, equation 1). Of its two terms this is the one of the target
    sentence, because the student reads the target language only. It says nothing about which token
    translates which.
    """

    in_batch: ClassVar[bool] = False
    uses: ClassVar[frozenset[str]] = frozenset()

    def loss(self, student: TokenBatch, teacher: TokenBatch, side: Side = "query") -> Tensor:
        """Mean over the batch of the squared Euclidean distance, in [0, 4].

        The paper averages over the dimensions. Here they are summed: that differs by a constant
        factor, and makes the loss comparable in size to the other objectives.
        """
        return (mean_pooled(student) - mean_pooled(teacher)).square().sum(dim=1).mean()


@dataclass(frozen=True)
class Greedy:
    """Greedy token alignment: every student token is pulled to the nearest teacher token.

    ``loss = mean_i min_j (1 - <s_i, t_j>)``: the alignment of DR.DECR's token-level distillation
    (arXiv 2112.08185). Unlike a transport plan it has no constraint on the teacher's side: a
    teacher token may be chosen by all student tokens or by none.
    """

    in_batch: ClassVar[bool] = False
    uses: ClassVar[frozenset[str]] = frozenset()

    def loss(self, student: TokenBatch, teacher: TokenBatch, side: Side = "query") -> Tensor:
        """Mean over the batch of the mean distance of a student token from its nearest."""
        cost = cosine_cost(student.vectors, teacher.vectors)
        nearest = cost.masked_fill(~teacher.mask[:, None, :], float("inf")).amin(dim=2)
        weight = student.mask.float()
        return ((nearest * weight).sum(dim=1) / weight.sum(dim=1)).mean()
