"""Greedy token alignment: every student token to the teacher token nearest to it.

    loss = mean_i min_j (1 - <s_i, t_j>)

The alignment of DR.DECR's token-level distillation (arXiv 2112.08185). Unlike a transport plan it
asks nothing of the teacher's side: a teacher token may be chosen by all student tokens or by none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from clirot.distillation.objectives.costs import cosine_cost
from clirot.distillation.objectives.objective import TokenBatch
from clirot.models import Side


@dataclass(frozen=True, kw_only=True)
class Greedy:
    """The greedy objective."""

    in_batch: ClassVar[bool] = False

    def loss(self, student: TokenBatch, teacher: TokenBatch, side: Side = "query") -> Tensor:
        """Mean over the batch of the mean distance of a student token from its nearest."""
        cost = cosine_cost(student.vectors, teacher.vectors)
        nearest = cost.masked_fill(~teacher.mask[:, None, :], float("inf")).amin(dim=2)
        weight = student.mask.float()
        return ((nearest * weight).sum(dim=1) / weight.sum(dim=1)).mean()
