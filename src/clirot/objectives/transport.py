"""Optimal transport between the tokens of translated sentences.

The loss is the Frobenius product of the transport plan and the cost matrix of student-to-teacher
token distances (OPTICAL, arXiv 2301.12566)::

    C_ij = 1 - <s_i, t_j>                     student token i to teacher token j, in [0, 2]
    P*   = argmin_{P in U(a, b)} <P, C> + reg KL(P, a b^T)
    loss = <P*, C>                            P* is held constant, the gradient flows through C

with ``a`` and ``b`` the mass of the real tokens of either sentence. The plan comes from GeomLoss's
batched Sinkhorn solver, and :func:`transport_plan` is the only place that calls it.

What the solver needs care with: it anneals the regularisation from the range of the batch's costs
down to ``reg``, so a plan would depend on what else is in the batch and on the padding. A row and a
column without mass, whose costs span [0, 2] whatever the batch, fix the range.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from clirot.errors import UsageError
from clirot.objectives.objective import TokenBatch

Marginals = Literal["uniform", "distinct"]


@dataclass(frozen=True, kw_only=True)
class Transport:
    """The transport objective."""

    reg: float = 0.02
    """Entropic regularisation, in units of the cost (cosine distance, 0 to 2). Smaller is sharper;
    a blurred plan pulls every student token towards the sentence's mean."""
    iterations: int = 20
    """Sinkhorn iterations, the annealing from 2 down to ``reg`` included."""
    marginals: Marginals = "uniform"
    """Mass of a token: ``uniform``, or ``distinct``: in proportion to its mean distance from the
    other tokens of its sentence, so that tokens which say little of their own weigh little."""

    def __post_init__(self) -> None:
        if not 1e-4 <= self.reg <= 10:
            raise UsageError(f"reg must be between 1e-4 and 10, got {self.reg}")
        if self.iterations < 1:
            raise UsageError(f"iterations must be at least 1, got {self.iterations}")

    def loss(self, student: TokenBatch, teacher: TokenBatch) -> Tensor:
        """Mean over the batch of ``<P*, C>``. See the module's docstring."""
        cost = cosine_cost(student.vectors, teacher.vectors)
        with torch.no_grad():
            plan = transport_plan(
                cost.detach(),
                self.masses(student),
                self.masses(teacher),
                reg=self.reg,
                iterations=self.iterations,
            )
        return (plan * cost).sum(dim=(1, 2)).mean()

    def masses(self, tokens: TokenBatch) -> Tensor:
        """The marginal of each sentence: ``(batch, tokens)``, rows sum to 1, zero on padding."""
        weight = tokens.mask.to(torch.float32)
        if self.marginals == "distinct":
            weight = weight * distinctness(tokens)
        return weight / weight.sum(dim=1, keepdim=True)


def cosine_cost(student: Tensor, teacher: Tensor) -> Tensor:
    """Cosine distance of unit vectors.

    Args:
        student: ``(batch, n, dim)``.
        teacher: ``(batch, m, dim)``.

    Returns:
        ``(batch, n, m)`` float32 in [0, 2].
    """
    similarity = torch.bmm(student.float(), teacher.float().transpose(1, 2))
    return 1 - similarity


def distinctness(tokens: TokenBatch) -> Tensor:
    """Mean cosine distance of each token from the real tokens of its sentence: ``(batch, tokens)``.

    A small floor keeps a sentence of identical tokens from having no mass at all.
    """
    vectors, mask = tokens.vectors.detach().float(), tokens.mask.to(torch.float32)
    distance = cosine_cost(vectors, vectors) * mask[:, None, :]
    return distance.sum(dim=2) / mask.sum(dim=1, keepdim=True) + 1e-3


def transport_plan(cost: Tensor, a: Tensor, b: Tensor, *, reg: float, iterations: int) -> Tensor:
    """Entropic optimal transport plans of a batch, by GeomLoss's Sinkhorn solver.

    Args:
        cost: ``(batch, n, m)`` in [0, 2]; values at padding do not matter.
        a: ``(batch, n)`` masses, zero on padding; rows sum as those of ``b`` do.
        b: ``(batch, m)`` masses, zero on padding.
        reg: regularisation, in units of the cost.
        iterations: Sinkhorn iterations.

    Returns:
        ``(batch, n, m)`` plans, zero on padding. A plan does not depend on the rest of the batch.
    """
    from geomloss import ot

    batch, n, m = cost.shape
    # The range of the costs decides the annealing: see the module's docstring.
    framed = cost.new_zeros(batch, n + 1, m + 1)
    framed[:, :n, :m] = cost.clamp(0, 2) * (a[:, :, None] > 0) * (b[:, None, :] > 0)
    framed[:, n, m] = 2
    zero = a.new_zeros(batch, 1)
    solution = ot.solve_batch(
        framed,
        a=torch.cat([a, zero], dim=1),
        b=torch.cat([b, zero], dim=1),
        reg=reg,
        max_iter=iterations,
    )
    plan: Tensor = solution.plan[:, :n, :m]
    return plan
