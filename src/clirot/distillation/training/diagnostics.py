"""What the transport plan between student and teacher looks like, for watching training.

Measured on held-out pairs, so that the figures of two epochs or seeds compare, and those of two
objectives where the settings of the plan are the same; an objective without a plan has the default.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from clirot.distillation.objectives.objective import Objective, transports
from clirot.distillation.objectives.sinkhorn import TransportProblem
from clirot.distillation.objectives.tokens import SentenceTokens, TokenBatch
from clirot.distillation.objectives.transport import Transport

PAIRS = 200
"""How many held-out pairs are looked at, the first ones."""

_BATCH = 32

Tokens = NDArray[np.float32]


def plan_of(objective: Objective) -> Transport:
    """The transport an objective trains on; the default one where it has none."""
    return next(iter(transports(objective)), Transport())


def plan_figures(
    transport: Transport,
    students: Sequence[Tokens | SentenceTokens],
    teachers: Sequence[Tokens | SentenceTokens],
) -> dict[str, float]:
    """Means over the first 200 pairs.

    Args:
        transport: whose plan to look at.
        students: each sentence's tokens, or their ``(n, dim)`` vectors alone.
        teachers: each translation's, ``(m, dim)``.

    Returns:
        ``transport_cost``: ``<P, C>``, 0 to 2. ``plan_entropy``: of the plan given its rows, in
        nats: 0 where every student token goes to one teacher token; its exponential is how many it
        is spread over. ``marginal_error``: mass by which rows and columns miss the marginals, 0 to
        4; large means too few iterations (or an unbalanced plan). Where it is known which tokens
        are special, ``special_mass``: share of the plan's mass that special tokens of either side
        give or take, and ``special_to_text``: share that goes between a special token and one that
        stands for text.
    """
    totals: dict[str, float] = {}
    count = min(PAIRS, len(students))
    size = [len(one.vectors if isinstance(one, SentenceTokens) else one) for one in students]
    order = sorted(range(count), key=size.__getitem__)
    with torch.no_grad():
        for start in range(0, count, _BATCH):
            rows = order[start : start + _BATCH]
            student = TokenBatch.padded([students[row] for row in rows])
            teacher = TokenBatch.padded([teachers[row] for row in rows])
            plan, cost = transport.plan_and_cost(student, teacher)
            plan = plan.double()
            masses = transport.masses(student), transport.masses(teacher, of="teacher")
            sums = plan.sum(dim=2, keepdim=True)
            share = torch.xlogy(plan, plan / sums.clamp_min(1e-30))
            mass = sums.sum((1, 2)).clamp_min(1e-30)
            figures = {
                "transport_cost": (plan * cost).sum((1, 2)),
                "plan_entropy": -share.sum((1, 2)) / mass,
                "marginal_error": TransportProblem(cost, *masses).marginal_error(plan),
            }
            if student.special is not None and teacher.special is not None:
                own, other = student.special[:, :, None], teacher.special[:, None, :]
                figures["special_mass"] = (plan * (own | other)).sum((1, 2)) / mass
                figures["special_to_text"] = (plan * (own ^ other)).sum((1, 2)) / mass
            for name, part in figures.items():
                totals[name] = totals.get(name, 0.0) + float(part.sum())
    if not count:
        totals = dict.fromkeys(("transport_cost", "plan_entropy", "marginal_error"), math.nan)
    return {name: round(value / max(1, count), 6) for name, value in totals.items()}
