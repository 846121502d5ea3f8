"""What the transport plan between student and teacher looks like on the development split.

The figures compare between epochs and seeds, and between objectives with the same settings of the
plan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from clirot.distillation.objectives.objective import Objective, transports
from clirot.distillation.objectives.solvers import TransportProblem
from clirot.distillation.objectives.tokens import SentenceTokens, TokenBatch
from clirot.distillation.objectives.transport import Transport
from clirot.distillation.training.development import Vectors

WATCHED_PAIRS = 200
"""How many held-out pairs the figures of the plan are measured on: the first ones."""

_PLAN_BATCH = 32


def plan_of(objective: Objective) -> Transport:
    """The transport that an objective trains on; the default one where it has none."""
    return next(iter(transports(objective)), Transport())


def plan_figures(
    transport: Transport,
    students: Sequence[Vectors | SentenceTokens],
    teachers: Sequence[Vectors | SentenceTokens],
) -> dict[str, float]:
    """What the plan between student and teacher looks like: means over the first 200 pairs.

    Args:
        transport: whose plan to look at.
        students: the tokens of each sentence, or their vectors alone.
        teachers: the same of each translation.

    Returns:
        ``transport_cost``: ``<P, C>``, 0 to 2. ``plan_entropy``: entropy of the plan given its
        rows, in nats; its exponential is how many teacher tokens a student token is spread over.
        ``marginal_error``: mass by which rows and columns miss the marginals, 0 to 4. Where it is
        known which tokens are special, ``special_mass``: the share of the mass that special tokens
        give or take, and ``special_to_text``: the share between a special token and one of text.
    """
    totals: dict[str, float] = {}
    count = min(WATCHED_PAIRS, len(students))
    size = [len(one.vectors if isinstance(one, SentenceTokens) else one) for one in students]
    order = sorted(range(count), key=size.__getitem__)
    with torch.no_grad():
        for start in range(0, count, _PLAN_BATCH):
            rows = order[start : start + _PLAN_BATCH]
            student = TokenBatch.padded([students[row] for row in rows])
            teacher = TokenBatch.padded([teachers[row] for row in rows])
            for name, part in _figures(transport, student, teacher).items():
                totals[name] = totals.get(name, 0.0) + float(part.sum())
    if not count:
        totals = dict.fromkeys(("transport_cost", "plan_entropy", "marginal_error"), math.nan)
    return {name: round(value / max(1, count), 6) for name, value in totals.items()}


def _figures(transport: Transport, student: TokenBatch, teacher: TokenBatch) -> dict[str, Tensor]:
    """The figures of each pair: ``(batch,)``."""
    plan, cost = transport.plan_and_cost(student, teacher)
    plan = plan.double()
    problem = TransportProblem(
        cost, transport.masses(student), transport.masses(teacher, of="teacher")
    )
    sums = plan.sum(dim=2, keepdim=True)
    share = torch.xlogy(plan, plan / sums.clamp_min(1e-30))
    mass = sums.sum((1, 2)).clamp_min(1e-30)
    figures = {
        "transport_cost": (plan * cost).sum((1, 2)),
        "plan_entropy": -share.sum((1, 2)) / mass,
        "marginal_error": problem.marginal_error(plan),
    }
    if student.special is not None and teacher.special is not None:
        own, other = student.special[:, :, None], teacher.special[:, None, :]
        figures["special_mass"] = (plan * (own | other)).sum((1, 2)) / mass
        figures["special_to_text"] = (plan * (own ^ other)).sum((1, 2)) / mass
    return figures
