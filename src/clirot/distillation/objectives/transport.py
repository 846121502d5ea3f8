"""Optimal transport between the tokens of translated sentences.

The loss is the Frobenius product of the transport plan and the cost matrix of student-to-teacher
token distances (OPTICAL, arXiv 2301.12566)::

    C_ij = 1 - <s_i, t_j>                     student token i to teacher token j, in [0, 2]
    P*   = argmin_{P in U(a, b)} <P, D> + reg KL(P, a b^T)
    loss = <P*, C>                            P* is held constant, the gradient flows through C

with ``a`` and ``b`` the mass of the tokens of either sentence
(:mod:`clirot.distillation.objectives.marginals`) and ``D`` what the plan goes by: ``C`` itself, or
distances that align better (:mod:`clirot.distillation.objectives.costs`). How a plan is found:
:mod:`clirot.distillation.objectives.sinkhorn` and :mod:`clirot.distillation.objectives.plans`.

What else can be learnt from a plan: :mod:`clirot.distillation.objectives.transport_contrasts`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor

from clirot.distillation.objectives.costs import Centring, CorpusStatistics, centred, cosine_cost
from clirot.distillation.objectives.marginals import (
    Marginals,
    distinctness,
    lengths,
    looked_up,
    ordinary,
)
from clirot.distillation.objectives.objective import TokenBatch
from clirot.distillation.objectives.plans import exact_plan, geomloss_plan
from clirot.distillation.objectives.sinkhorn import sinkhorn_plan
from clirot.errors import ClirotError, UsageError
from clirot.models import Side

SpecialTokens = Literal["keep", "drop"]
Solver = Literal["sinkhorn", "geomloss", "exact"]
LAST_LAYER = -1


@dataclass(frozen=True, kw_only=True)
class Transport:
    """The transport objective."""

    in_batch: ClassVar[bool] = False

    reg: float = 0.02
    """Entropic regularisation, in units of the cost (cosine distance, 0 to 2). Smaller is sharper;
    a blurred plan pulls every student token towards the sentence's mean."""
    iterations: int = 20
    """Sinkhorn iterations; with a ``tolerance``, the most that a plan may take."""
    tolerance: float = 0.0
    """Marginal error within which a pair's iterations stop: the mass by which rows and columns of
    its plan miss the marginals, of 4 at most. 0: all the iterations."""
    solver: Solver = "sinkhorn"
    """``sinkhorn``: alternating updates; ``geomloss``: GeomLoss's symmetric updates, with the
    annealing from 2 down to ``reg`` among the iterations; ``exact``: the plan without
    regularisation, by linear programming."""
    marginals: Marginals = "uniform"
    """Mass of a token: ``uniform``; ``distinct``: in proportion to its mean distance from the
    other tokens of its sentence, so that tokens which say little of their own weigh little;
    ``idf``: to its inverse document frequency in the training bitext; ``norm``: to the length of
    the teacher's vector before it was normalised, the student's tokens alike."""
    special_tokens: SpecialTokens = "keep"
    """Whether tokens that stand for no text ([CLS], [SEP], those of a prompt) ``keep`` their mass,
    or ``drop`` it on both sides."""
    unbalanced: float = 0.0
    """Strength of the KL penalty that replaces the constraint on the marginals, in units of the
    cost: the smaller, the sooner a token without a counterpart is left out. 0: balanced."""
    centring: Centring = "none"
    """What is taken off the tokens before the plan is sought: nothing, the mean of their
    ``sentence``, which a teacher's last layer puts into every one of its tokens, or the mean of the
    teacher's tokens over the training ``corpus``; ``whiten``: that mean, and the covariance too.
    The loss is the cost of the tokens as they are all the same."""
    teacher_layer: int = LAST_LAYER
    """The layer whose tokens, on both sides, the plan is sought on: 0 are the input embeddings, -1
    the tokens as they are scored. The loss is on these in any case."""
    lexical_prior: float = 0.0
    """Weight of the translation table in the plan's costs, in units of the cost: what a pair of
    tokens that the table has never seen costs more than one that it is certain of."""
    corpus: CorpusStatistics | None = field(default=None, repr=False, compare=False)
    """What the training bitext says, where a setting asks for it."""

    def __post_init__(self) -> None:
        if not 1e-3 <= self.reg <= 10:
            raise UsageError(f"reg must be between 1e-3 and 10, got {self.reg}")
        if self.iterations < 1:
            raise UsageError(f"iterations must be at least 1, got {self.iterations}")
        _check_word("marginals", self.marginals, Marginals)
        if self.unbalanced and not self.reg <= self.unbalanced < float("inf"):
            raise UsageError(
                f"unbalanced must be 0, or no less than reg ({self.reg}), below which hardly any "
                f"mass is carried; got {self.unbalanced}",
            )
        _check_word("centring", self.centring, Centring)
        _check_word("special_tokens", self.special_tokens, SpecialTokens)
        _check_word("solver", self.solver, Solver)
        if not 0 <= self.tolerance <= 4:
            raise UsageError(f"tolerance must be between 0 and 4, got {self.tolerance}")
        if not 0 <= self.lexical_prior <= 10:
            raise UsageError(f"lexical_prior must be between 0 and 10, got {self.lexical_prior}")
        if self.teacher_layer < LAST_LAYER:
            raise UsageError(
                f"teacher_layer must be the number of a layer, or -1 for the tokens as they are "
                f"scored; got {self.teacher_layer}"
            )
        if self.unbalanced and self.tolerance:
            raise UsageError(
                "an unbalanced plan misses its marginals on purpose, so that it cannot stop at a "
                f"marginal error of {self.tolerance:g}",
                hint="leave --tolerance at 0, or --unbalanced",
            )
        if self.solver == "exact" and (self.unbalanced or self.tolerance):
            raise UsageError(
                "the exact solver meets the marginals, without iterations: it takes no "
                + ("unbalanced" if self.unbalanced else "tolerance"),
                hint="leave it at 0, or take --solver sinkhorn",
            )
        if self.solver == "geomloss" and self.tolerance:
            raise UsageError(
                "GeomLoss's solver does not look at the marginal error: it takes no tolerance",
                hint="leave it at 0, or take --solver sinkhorn",
            )

    @property
    def idle(self) -> frozenset[str]:
        """Settings that change nothing beside the others."""
        return frozenset({"reg", "iterations"} if self.solver == "exact" else ())

    @property
    def asks_for(self) -> frozenset[str]:
        """The fields of a :class:`TokenBatch` that the settings need, besides the vectors."""
        wanted = {
            "ids": self.marginals == "idf" or self.lexical_prior > 0,
            "special": self.special_tokens == "drop",
            "norms": self.marginals == "norm",
            "layer": self.teacher_layer != LAST_LAYER,
        }
        return frozenset(name for name, asked in wanted.items() if asked)

    def loss(self, student: TokenBatch, teacher: TokenBatch, side: Side = "query") -> Tensor:
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
            seen = self._aligned_by(student, teacher, cost.detach())
            a, b = self.masses(student), self.masses(teacher, of="teacher")
            if self.solver == "exact":
                plan = exact_plan(seen, a, b)
            elif self.solver == "geomloss":
                plan = geomloss_plan(
                    seen,
                    a,
                    b,
                    reg=self.reg,
                    iterations=self.iterations,
                    unbalanced=self.unbalanced or None,
                    ceiling=2 + self.lexical_prior,
                )
            else:
                plan = sinkhorn_plan(
                    seen,
                    a,
                    b,
                    reg=self.reg,
                    iterations=self.iterations,
                    tolerance=self.tolerance,
                    unbalanced=self.unbalanced or None,
                )
        return plan, cost

    def masses(
        self, tokens: TokenBatch, *, of: Literal["student", "teacher"] = "student"
    ) -> Tensor:
        """The marginal of each sentence: ``(batch, tokens)``, rows sum to 1, zero on padding."""
        weight = tokens.mask.to(torch.float32)
        if self.special_tokens == "drop":
            weight = ordinary(tokens).to(torch.float32)
        if self.marginals == "distinct":
            weight = weight * distinctness(tokens)
        elif self.marginals == "idf":
            corpus = self._corpus()
            table = corpus.student_idf if of == "student" else corpus.teacher_idf
            weight = weight * looked_up(table, tokens)
        elif self.marginals == "norm" and of == "teacher":
            weight = weight * lengths(tokens)
        return weight / weight.sum(dim=1, keepdim=True)

    def _aligned_by(self, student: TokenBatch, teacher: TokenBatch, cost: Tensor) -> Tensor:
        """The costs that the plan goes by: ``(batch, n, m)`` in [0, 2 + lexical_prior]."""
        sides = [student, teacher]
        if self.teacher_layer != LAST_LAYER:
            sides = [_of_layer(student), _of_layer(teacher)]
        if self.centring == "sentence":
            sides = [centred(one) for one in sides]
        elif self.centring != "none":
            transform = self._corpus().transform
            if transform is None:
                raise ClirotError(f"centring {self.centring} needs the mean of a corpus")
            sides = [TokenBatch(transform(one.vectors), one.mask) for one in sides]
        if sides[0] is not student:
            cost = cosine_cost(sides[0].vectors, sides[1].vectors)
        if self.lexical_prior:
            lexicon = self._corpus().lexicon
            if lexicon is None or student.ids is None or teacher.ids is None:
                raise ClirotError("a lexical prior needs a translation table and token ids")
            cost = cost + self.lexical_prior * lexicon.surprise(student.ids, teacher.ids)
        return cost

    def _corpus(self) -> CorpusStatistics:
        return self.corpus if self.corpus is not None else CorpusStatistics()


def _check_word(name: str, value: str, known: Any) -> None:
    words = get_args(known)
    if value not in words:
        raise UsageError(
            f"{name} must be {', '.join(words[:-1])} or {words[-1]}, got {value!r}",
        )


def _of_layer(tokens: TokenBatch) -> TokenBatch:
    """The same tokens in the earlier layer, at unit norm."""
    if tokens.layer is None:
        raise ClirotError("a plan of an earlier layer needs the tokens of that layer")
    return TokenBatch(
        torch.nn.functional.normalize(tokens.layer.detach().float(), dim=2), tokens.mask
    )
