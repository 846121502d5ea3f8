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

from clirot.objectives import Objective, TokenBatch, Transport, WeightedSum

_PAIRS = 200
_BATCH = 32

Tokens = NDArray[np.float32]


def plan_of(objective: Objective) -> Transport:
    """The transport an objective trains on; the default one where it has none."""
    terms = (
        [one for _, one in objective.terms] if isinstance(objective, WeightedSum) else [objective]
    )
    return next((one for one in terms if isinstance(one, Transport)), Transport())


def plan_figures(
    transport: Transport, students: Sequence[Tokens], teachers: Sequence[Tokens]
) -> dict[str, float]:
    """Means over the first 200 pairs.

    Args:
        transport: whose plan to look at.
        students: ``(n, dim)`` token vectors of each sentence.
        teachers: ``(m, dim)`` token vectors of its translation.

    Returns:
        ``transport_cost``: ``<P, C>``, 0 to 2. ``plan_entropy``: of the plan given its rows, in
        nats: 0 where every student token goes to one teacher token; its exponential is how many it
        is spread over. ``marginal_error``: mass by which rows and columns miss the marginals, 0 to
        4; large means too few iterations (or an unbalanced plan).
    """
    totals = np.zeros(3)
    count = min(_PAIRS, len(students))
    order = sorted(range(count), key=lambda row: len(students[row]))
    with torch.no_grad():
        for start in range(0, count, _BATCH):
            rows = order[start : start + _BATCH]
            student = TokenBatch.padded([students[row] for row in rows])
            teacher = TokenBatch.padded([teachers[row] for row in rows])
            plan, cost = transport.plan_and_cost(student, teacher)
            plan = plan.double()
            a, b = transport.masses(student), transport.masses(teacher)
            sums = plan.sum(dim=2, keepdim=True)
            share = torch.xlogy(plan, plan / sums.clamp_min(1e-30))
            error = (plan.sum(2) - a).abs().sum(1) + (plan.sum(1) - b).abs().sum(1)
            for place, part in enumerate(((plan * cost).sum((1, 2)), -share.sum((1, 2)), error)):
                totals[place] += float(part.sum())
    means = totals / count if count else np.full(3, math.nan)
    names = ("transport_cost", "plan_entropy", "marginal_error")
    return {name: round(float(value), 6) for name, value in zip(names, means, strict=True)}
