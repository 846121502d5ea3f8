"""Optimal transport between the tokens of translated sentences: the loss of OPTICAL.

The loss is the Frobenius product of the transport plan and the cost matrix of student-to-teacher
token distances (arXiv 2301.12566)::

    C_ij = 1 - <s_i, t_j>                     student token i to teacher token j, in [0, 2]
    P*   = argmin_{P in U(a, b)} <P, D> + reg KL(P, a b^T)
    loss = <P*, C>                            P* is held constant, the gradient flows through C

``a`` and ``b`` are the masses of the tokens of the two sentences
(:mod:`clirot.distillation.objectives.marginals`). ``D`` are the costs that the plan is sought on:
``C`` itself, or distances that align better (:mod:`clirot.distillation.objectives.costs`). The
solvers are in :mod:`clirot.distillation.objectives.solvers`, contrasts that use a plan in
:mod:`clirot.distillation.objectives.contrastive`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from clirot.distillation.objectives.costs import CorpusStatistics, centred, cosine_cost
from clirot.distillation.objectives.marginals import masses
from clirot.distillation.objectives.settings import LAST_LAYER, PlanSettings
from clirot.distillation.objectives.sinkhorn import TransportProblem
from clirot.distillation.objectives.solvers import solved
from clirot.distillation.objectives.tokens import TokenBatch
from clirot.errors import ClirotError
from clirot.models import Side
from clirot.settings import leaves, part


@dataclass(frozen=True, kw_only=True)
class Transport:
    """The transport objective."""

    in_batch: ClassVar[bool] = False
    uses: ClassVar[frozenset[str]] = frozenset(leaf.name for leaf in leaves(PlanSettings))

    plan: PlanSettings = part(PlanSettings)
    corpus: CorpusStatistics | None = field(default=None, repr=False, compare=False)
    """What the training bitext says, where a setting asks for it."""

    def loss(self, student: TokenBatch, teacher: TokenBatch, side: Side = "query") -> Tensor:
        """Mean over the batch of ``<P*, C>``. See the module's docstring."""
        plan, cost = self.plan_and_cost(student, teacher)
        return (plan * cost).sum(dim=(1, 2)).mean()

    def plan_and_cost(self, student: TokenBatch, teacher: TokenBatch) -> tuple[Tensor, Tensor]:
        """The plan of each pair, zero on padding, and its costs: ``(batch, n, m)`` each.

        Only the costs carry a gradient.
        """
        cost = cosine_cost(student.vectors, teacher.vectors)
        with torch.no_grad():
            seen = self._aligned_by(student, teacher, cost.detach())
            a, b = self.masses(student), self.masses(teacher, of="teacher")
            plan = solved(TransportProblem(seen, a, b), self.plan)
        return plan, cost

    def masses(
        self, tokens: TokenBatch, *, of: Literal["student", "teacher"] = "student"
    ) -> Tensor:
        """The marginal of each sentence: ``(batch, tokens)``, rows sum to 1, zero on padding."""
        return masses(tokens, self.plan, self._corpus(), of)

    def _aligned_by(self, student: TokenBatch, teacher: TokenBatch, cost: Tensor) -> Tensor:
        """The costs that the plan is sought on: ``(batch, n, m)`` in [0, 2 + lexical_prior]."""
        settings, sides = self.plan, [student, teacher]
        if settings.teacher_layer != LAST_LAYER:
            sides = [_of_layer(student), _of_layer(teacher)]
        if settings.centring == "sentence":
            sides = [centred(one) for one in sides]
        elif settings.centring != "none":
            transform = self._corpus().transform
            if transform is None:
                raise ClirotError(f"centring {settings.centring} needs the mean of a corpus")
            sides = [TokenBatch(transform(one.vectors), one.mask) for one in sides]
        if sides[0] is not student:
            cost = cosine_cost(sides[0].vectors, sides[1].vectors)
        if settings.lexical_prior:
            lexicon = self._corpus().lexicon
            if lexicon is None or student.ids is None or teacher.ids is None:
                raise ClirotError("a lexical prior needs a translation table and token ids")
            cost = cost + settings.lexical_prior * lexicon.surprise(student.ids, teacher.ids)
        return cost

    def _corpus(self) -> CorpusStatistics:
        return self.corpus if self.corpus is not None else CorpusStatistics()


def _of_layer(tokens: TokenBatch) -> TokenBatch:
    """The same tokens in the earlier layer, at unit norm."""
    if tokens.layer is None:
        raise ClirotError("a plan of an earlier layer needs the tokens of that layer")
    return TokenBatch(
        torch.nn.functional.normalize(tokens.layer.detach().float(), dim=2), tokens.mask
    )
