"""Objectives by name, and weighted sums of them: ``transport+0.5*contrastive``.

Two objectives to compare transport with are here too: they know no plan and no negatives.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Protocol

from torch import Tensor

from clirot.distillation.objectives.contrastive import (
    Contrastive,
    ScoreKL,
    TokenContrast,
    TransportContrast,
)
from clirot.distillation.objectives.tokens import TokenBatch, mean_pooled
from clirot.distillation.objectives.transport import CorpusStatistics, Transport, cosine_cost
from clirot.distillation.settings import ObjectiveSettings
from clirot.errors import UsageError
from clirot.models import Side
from clirot.registry import Registry, unknown_name


class Objective(Protocol):
    """A loss between a student's tokens and the teacher's tokens of the translations."""

    @property
    def in_batch(self) -> bool:
        """Whether it compares the sentences of a batch, so that what a pair teaches depends on the
        others.
        """
        ...

    @property
    def uses(self) -> frozenset[str]:
        """The names of the settings that it uses."""
        ...

    def loss(self, student: TokenBatch, teacher: TokenBatch, side: Side = "query") -> Tensor:
        """The scalar to minimise; differentiable in ``student.vectors`` only.

        Row ``k`` of ``teacher`` encodes the translation of row ``k`` of ``student``. ``side`` says
        what the student's sentences are, queries or documents; where scores are compared, the
        teacher's sentences are the other.
        """
        ...


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


OBJECTIVES: Registry[type[Any]] = Registry(
    "objective",
    {
        "transport": Transport,
        "transport-contrast": TransportContrast,
        "token-contrast": TokenContrast,
        "contrastive": Contrastive,
        "score-kl": ScoreKL,
        "mse": SentenceMSE,
        "greedy": Greedy,
    },
)
"""Name -> class."""

_TERM = re.compile(r"(?:(?P<weight>(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?)\*)?(?P<name>[A-Za-z][\w-]*)")


@dataclass(frozen=True)
class WeightedSum:
    """A weighted sum of objectives on the same batch."""

    terms: tuple[tuple[float, Objective], ...]

    @property
    def in_batch(self) -> bool:
        """Whether a term compares the sentences of a batch."""
        return any(one.in_batch for _, one in self.terms)

    @property
    def uses(self) -> frozenset[str]:
        """The names of the settings that the terms use."""
        return frozenset[str]().union(*(one.uses for _, one in self.terms))

    def loss(self, student: TokenBatch, teacher: TokenBatch, side: Side = "query") -> Tensor:
        """The weighted sum of the terms' losses."""
        parts = [weight * one.loss(student, teacher, side) for weight, one in self.terms]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total


def objective_of(expression: str, settings: ObjectiveSettings | None = None) -> Objective:
    """The objective that an expression names.

    Args:
        expression: a name of :data:`OBJECTIVES`, or several with weights:
            ``transport+0.5*contrastive``.
        settings: every objective takes what it uses of them; None: the defaults.

    Raises:
        UsageError: the expression cannot be read, or an objective contradicts the settings.
        UnknownNameError: there is no such objective.
    """
    terms = [_term(part.strip(), expression) for part in expression.split("+")]
    names = [name for _, name in terms]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"objective {expression!r} names {twice} twice", hint="give it one weight")
    settings = settings or ObjectiveSettings()
    made = [(weight, _make(OBJECTIVES[name], settings)) for weight, name in terms]
    if len(made) == 1 and made[0][0] == 1.0:
        return made[0][1]
    return WeightedSum(tuple(made))


def terms_of(objective: Objective) -> tuple[tuple[float, Objective], ...]:
    """The weights and objectives of a sum; any other objective is a sum of itself."""
    return objective.terms if isinstance(objective, WeightedSum) else ((1.0, objective),)


def transports(objective: Objective) -> list[Transport]:
    """The parts of an objective that have a transport plan."""
    return [one for _, one in terms_of(objective) if isinstance(one, Transport)]


def unused(settings: Iterable[str], objective: Objective | None) -> dict[str, str]:
    """Which of these settings this objective does not use -> why.

    Settings that belong to no objective are passed over; None stands for no training.
    """
    used = objective.uses if objective is not None else frozenset[str]()
    plans = transports(objective) if objective is not None else []
    idle = frozenset[str]().union(*(one.plan.idle for one in plans))
    found = {}
    for setting in settings:
        users = [name for name, one in OBJECTIVES.items() if setting in one.uses]
        if setting in idle:
            found[setting] = "the exact solver neither regularises nor iterates"
        elif users and setting not in used:
            found[setting] = f"only {', '.join(users)} {'uses' if len(users) == 1 else 'use'} it"
    return found


def informed(objective: Objective, corpus: CorpusStatistics) -> Objective:
    """The objective with what its plans need to know of the training bitext."""
    if isinstance(objective, WeightedSum):
        return WeightedSum(
            tuple((weight, informed(one, corpus)) for weight, one in objective.terms)
        )
    return replace(objective, corpus=corpus) if isinstance(objective, Transport) else objective


def _term(text: str, expression: str) -> tuple[float, str]:
    match = _TERM.fullmatch(text)
    weight = float(match["weight"] or 1) if match else math.nan
    if match is None or not 0 < weight < math.inf:
        raise UsageError(
            f"objective {expression!r} has a term that cannot be read: {text!r}",
            hint="write names joined by +, each with a positive weight before it if need be: "
            f"transport+0.5*contrastive; known: {', '.join(OBJECTIVES)}",
        )
    if match["name"] == "none":
        raise UsageError(
            f"objective {expression!r}: none means no training and cannot be part of a sum",
            hint="leave it out",
        )
    if match["name"] not in OBJECTIVES:
        raise unknown_name("objective", match["name"], [*OBJECTIVES, "none"])
    return weight, match["name"]


def _make(objective: Any, settings: ObjectiveSettings) -> Objective:
    """With the parts of the settings that it has fields for."""
    parts = {one.name: getattr(settings, one.name) for one in fields(settings)}
    own = {one.name for one in fields(objective)}
    made: Objective = objective(**{name: one for name, one in parts.items() if name in own})
    return made
