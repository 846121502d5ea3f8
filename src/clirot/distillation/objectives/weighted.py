"""Objectives by name, and weighted sums of them: ``transport+0.5*contrastive``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from torch import Tensor

from clirot.distillation.objectives.costs import CorpusStatistics
from clirot.distillation.objectives.greedy import Greedy
from clirot.distillation.objectives.objective import Objective, TokenBatch
from clirot.distillation.objectives.pooled import SentenceMSE
from clirot.distillation.objectives.scores import Contrastive, ScoreKL
from clirot.distillation.objectives.transport import Transport
from clirot.distillation.objectives.transport_contrasts import TokenContrast, TransportContrast
from clirot.errors import UsageError
from clirot.models import Side
from clirot.registry import Registry, unknown_name

OBJECTIVES: Registry[Callable[..., Objective]] = Registry(
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
"""Name -> dataclass of its settings. Settings of one name mean the same in all of them."""

_TERM = re.compile(r"(?:(?P<weight>(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?)\*)?(?P<name>[A-Za-z][\w-]*)")


@dataclass(frozen=True)
class WeightedSum:
    """A weighted sum of objectives on the same batch."""

    terms: tuple[tuple[float, Objective], ...]

    @property
    def in_batch(self) -> bool:
        """Whether something in the sum compares the sentences of a batch."""
        return any(one.in_batch for _, one in self.terms)

    def loss(self, student: TokenBatch, teacher: TokenBatch, side: Side = "query") -> Tensor:
        """The weighted sum of the terms' losses."""
        parts = [weight * one.loss(student, teacher, side) for weight, one in self.terms]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total


def objective_of(expression: str, settings: Mapping[str, Any]) -> Objective:
    """The objective that an expression names.

    Args:
        expression: a name of :data:`OBJECTIVES`, or several with weights:
            ``transport+0.5*contrastive``.
        settings: settings by name; every objective takes those it has.

    Raises:
        UsageError: not such an expression, or a setting that makes no sense.
        UnknownNameError: an unknown objective.
    """
    terms = [_term(part.strip(), expression) for part in expression.split("+")]
    names = [name for _, name in terms]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"objective {expression!r} names {twice} twice", hint="give it one weight")
    made = [(weight, _make(name, settings)) for weight, name in terms]
    if len(made) == 1 and made[0][0] == 1.0:
        return made[0][1]
    return WeightedSum(tuple(made))


def terms_of(objective: Objective) -> tuple[tuple[float, Objective], ...]:
    """Weights and objectives of a sum; what is no sum is its own only term."""
    return objective.terms if isinstance(objective, WeightedSum) else ((1.0, objective),)


def transports(objective: Objective) -> list[Transport]:
    """The parts of an objective that have a transport plan."""
    return [one for _, one in terms_of(objective) if isinstance(one, Transport)]


def unused(settings: Iterable[str], objective: Objective | None) -> dict[str, str]:
    """Of these settings, those of objectives that this one has no use for -> why."""
    terms = terms_of(objective) if objective is not None else ()
    used = {name for _, one in terms for name in _settings(one)}
    idle = {name for _, one in terms if isinstance(one, Transport) for name in one.idle}
    found = {}
    for setting in settings:
        takers = [name for name, make in OBJECTIVES.items() if setting in _settings(make)]
        if setting in idle:
            found[setting] = "the exact solver does not regularise or iterate"
        elif takers and setting not in used:
            have = "has" if len(takers) == 1 else "have"
            found[setting] = f"the objective has no such setting ({', '.join(takers)} {have})"
    return found


def informed(objective: Objective, corpus: CorpusStatistics) -> Objective:
    """The objective with what its plans want to know of the training bitext."""
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
            hint="names joined by +, each with a positive weight before it if need be: "
            f"transport+0.5*contrastive; known: {', '.join(OBJECTIVES)}",
        )
    if match["name"] == "none":
        raise UsageError(
            f"objective {expression!r}: none is no training at all and cannot be part of a sum",
            hint="leave it out",
        )
    if match["name"] not in OBJECTIVES:
        raise unknown_name("objective", match["name"], [*OBJECTIVES, "none"])
    return weight, match["name"]


def _make(name: str, settings: Mapping[str, Any]) -> Objective:
    make = OBJECTIVES[name]
    return make(**{one: settings[one] for one in _settings(make) if one in settings})


def _settings(objective: Any) -> list[str]:
    return [one.name for one in fields(objective)]
