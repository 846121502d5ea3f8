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

Transport is also a score: a sentence's cheapest plan should cost less to its translation than to
the other sentences of the batch (:class:`TransportContrast`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor

from clirot.errors import ClirotError, UsageError
from clirot.objectives.objective import TokenBatch
from clirot.objectives.pooled import mean_pooled
from clirot.objectives.scores import check_temperature, copies, cross_entropy_of_the_diagonal

Marginals = Literal["uniform", "distinct"]
Centring = Literal["none", "sentence"]


@dataclass(frozen=True, kw_only=True)
class Transport:
    """The transport objective."""

    in_batch: ClassVar[bool] = False

    reg: float = 0.02
    """Entropic regularisation, in units of the cost (cosine distance, 0 to 2). Smaller is sharper;
    a blurred plan pulls every student token towards the sentence's mean."""
    iterations: int = 20
    """Sinkhorn iterations, the annealing from 2 down to ``reg`` included."""
    marginals: Marginals = "uniform"
    """Mass of a token: ``uniform``, or ``distinct``: in proportion to its mean distance from the
    other tokens of its sentence, so that tokens which say little of their own weigh little."""
    unbalanced: float = 0.0
    """Strength of the KL penalty that replaces the constraint on the marginals, in units of the
    cost: the smaller, the sooner a token without a counterpart is left out. 0: balanced."""
    centring: Centring = "none"
    """What is taken off the tokens before the plan is sought: nothing, or the mean of their
    ``sentence``, which a teacher's last layer puts into every one of its tokens. The loss is the
    cost of the tokens as they are all the same."""

    def __post_init__(self) -> None:
        if not 1e-3 <= self.reg <= 10:
            raise UsageError(f"reg must be between 1e-3 and 10, got {self.reg}")
        if self.iterations < 1:
            raise UsageError(f"iterations must be at least 1, got {self.iterations}")
        if self.marginals not in get_args(Marginals):
            raise UsageError(f"marginals must be uniform or distinct, got {self.marginals!r}")
        if self.unbalanced and not self.reg <= self.unbalanced < float("inf"):
            raise UsageError(
                f"unbalanced must be 0, or no less than reg ({self.reg}), below which hardly any "
                f"mass is carried; got {self.unbalanced}",
            )
        if self.centring not in get_args(Centring):
            raise UsageError(f"centring must be none or sentence, got {self.centring!r}")

    def loss(self, student: TokenBatch, teacher: TokenBatch) -> Tensor:
        """Mean over the batch of ``<P*, C>``. See the module's docstring."""
        plan, cost = self.plan_and_cost(student, teacher)
        return (plan * cost).sum(dim=(1, 2)).mean()

    def plan(self, student: TokenBatch, teacher: TokenBatch) -> Tensor:
        """The plan of each pair: ``(batch, n, m)``, zero on padding, without gradient."""
        return self.plan_and_cost(student, teacher)[0]

    def plan_and_cost(self, student: TokenBatch, teacher: TokenBatch) -> tuple[Tensor, Tensor]:
        """The plan of each pair and its costs, ``(batch, n, m)`` each; only the costs carry a
        gradient.
        """
        cost = cosine_cost(student.vectors, teacher.vectors)
        with torch.no_grad():
            seen = cost.detach()
            if self.centring == "sentence":
                seen = cosine_cost(centred(student).vectors, centred(teacher).vectors)
            plan = transport_plan(
                seen,
                self.masses(student),
                self.masses(teacher),
                reg=self.reg,
                iterations=self.iterations,
                unbalanced=self.unbalanced or None,
            )
        return plan, cost

    def masses(self, tokens: TokenBatch) -> Tensor:
        """The marginal of each sentence: ``(batch, tokens)``, rows sum to 1, zero on padding."""
        weight = tokens.mask.to(torch.float32)
        if self.marginals == "distinct":
            weight = weight * distinctness(tokens)
        return weight / weight.sum(dim=1, keepdim=True)


@dataclass(frozen=True, kw_only=True)
class TransportContrast(Transport):
    """Contrast of transport costs: a pair's own against those to the batch's other sentences.

    ``loss = -mean_k log softmax_l(-W_kl / temperature)_k`` with ``W_kl = <P*_kl, C_kl>`` the cost
    of carrying student sentence ``k`` to teacher sentence ``l``. It solves ``batch^2`` plans a
    step.
    """

    in_batch: ClassVar[bool] = True

    temperature: float = 0.05
    """What costs are divided by; smaller attends to the hardest negatives."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_temperature(self.temperature)
        if self.unbalanced:
            raise UsageError(
                "transport-contrast needs balanced plans: an unbalanced one carries least where "
                "sentences differ most, and would cost nothing there",
                hint="leave --unbalanced at 0, or use transport+contrastive",
            )

    def loss(self, student: TokenBatch, teacher: TokenBatch) -> Tensor:
        """Mean over the batch. A batch of one sentence has no negative and no gradient."""
        batch = len(student.mask)
        costs = []
        for one in range(batch):  # a row of plans at a time: batch^2 cost matrices may not fit
            alike = TokenBatch(*(part[one].expand(batch, *part[one].shape) for part in student))
            plan, cost = self.plan_and_cost(alike, teacher)
            costs.append((plan * cost).sum(dim=(1, 2)))
        logits = -torch.stack(costs) / self.temperature
        return cross_entropy_of_the_diagonal(logits.masked_fill(copies(teacher), float("-inf")))


def centred(tokens: TokenBatch) -> TokenBatch:
    """Tokens less the mean of their sentence, at unit norm again.

    A sentence of one token keeps it: there is nothing left of it otherwise.
    """
    vectors = tokens.vectors.float()
    several = tokens.mask.sum(dim=1)[:, None, None] > 1
    rest = torch.where(several, vectors - mean_pooled(tokens)[:, None, :], vectors)
    return TokenBatch(torch.nn.functional.normalize(rest, dim=2), tokens.mask)


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


def transport_plan(
    cost: Tensor,
    a: Tensor,
    b: Tensor,
    *,
    reg: float,
    iterations: int,
    unbalanced: float | None = None,
) -> Tensor:
    """Entropic optimal transport plans of a batch, by GeomLoss's Sinkhorn solver.

    Args:
        cost: ``(batch, n, m)`` in [0, 2]; values at padding do not matter.
        a: ``(batch, n)`` masses, zero on padding; rows sum as those of ``b`` do.
        b: ``(batch, m)`` masses, zero on padding.
        reg: regularisation, in units of the cost.
        iterations: Sinkhorn iterations.
        unbalanced: strength of the KL penalty on the marginals, in units of the cost; None: the
            marginals are met.

    Returns:
        ``(batch, n, m)`` plans, zero on padding. A plan does not depend on the rest of the batch.

    Raises:
        ClirotError: the solver's plan is not finite.
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
        unbalanced=unbalanced,
    )
    plan: Tensor = solution.plan[:, :n, :m]
    if not torch.isfinite(plan).all():
        raise ClirotError(
            f"the transport plan is not finite at reg {reg:g}"
            + (f" and unbalanced {unbalanced:g}" if unbalanced else ""),
            hint="raise --reg" + (" or --unbalanced" if unbalanced else ""),
        )
    return plan
