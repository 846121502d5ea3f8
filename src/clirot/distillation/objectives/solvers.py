"""The solvers of a transport plan by name; those of libraries are here.

- ``sinkhorn``: :func:`clirot.distillation.objectives.sinkhorn.sinkhorn_plan`.
- ``geomloss``: :func:`geomloss_plan`, by GeomLoss's batched solver, made for GPUs.
- ``exact``: :func:`exact_plan`, without regularisation, by linear programming.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from clirot.distillation.objectives.settings import PlanSettings
from clirot.distillation.objectives.sinkhorn import (
    TransportProblem,
    check_finite_plan,
    sinkhorn_plan,
)
from clirot.errors import ClirotError


def solved(problem: TransportProblem, settings: PlanSettings) -> Tensor:
    """The plans of a problem, by the solver that the settings name for its device.

    The largest cost there can be is that of a cosine distance and a lexical prior.
    """
    solver = settings.resolved(problem.cost.device.type)
    if solver == "exact":
        return exact_plan(problem)
    if solver == "geomloss":
        return geomloss_plan(
            problem,
            reg=settings.reg,
            iterations=settings.iterations,
            unbalanced=settings.unbalanced,
            ceiling=2 + settings.lexical_prior,
        )
    return sinkhorn_plan(
        problem,
        reg=settings.reg,
        iterations=settings.iterations,
        tolerance=settings.tolerance,
        unbalanced=settings.unbalanced,
    )


def geomloss_plan(
    problem: TransportProblem,
    *,
    reg: float,
    iterations: int,
    unbalanced: float = 0.0,
    ceiling: float = 2.0,
) -> Tensor:
    """Entropic optimal transport plans of a batch, by GeomLoss's symmetric, annealed solver.

    It starts from a regularisation as large as the range of the batch's costs and lowers it to
    ``reg``, so that a plan would depend on what else is in the batch and on the padding. A row and
    a column without mass, whose costs span [0, ceiling] in every batch, fix that range.

    Args:
        problem: costs in [0, ceiling] and marginals.
        reg: regularisation, in units of the cost.
        iterations: iterations of GeomLoss, the annealing included.
        unbalanced: strength of the KL penalty on the marginals, in units of the cost; 0: the
            marginals are met.
        ceiling: the largest cost there can be, where the annealing begins.

    Returns:
        ``(batch, n, m)`` plans, zero on padding. A plan does not depend on the rest of the batch.

    Raises:
        ClirotError: a plan is not finite.
    """
    from geomloss import ot

    cost, a, b = problem.cost, problem.a, problem.b
    batch, n, m = cost.shape
    framed = cost.new_zeros(batch, n + 1, m + 1)
    framed[:, :n, :m] = cost.clamp(0, ceiling) * (a[:, :, None] > 0) * (b[:, None, :] > 0)
    framed[:, n, m] = ceiling
    zero = a.new_zeros(batch, 1)
    solution = ot.solve_batch(
        framed,
        a=torch.cat([a, zero], dim=1),
        b=torch.cat([b, zero], dim=1),
        reg=reg,
        max_iter=iterations,
        unbalanced=unbalanced or None,
    )
    plan: Tensor = solution.plan[:, :n, :m]
    check_finite_plan(plan, reg=reg, unbalanced=unbalanced)
    return plan


def exact_plan(problem: TransportProblem) -> Tensor:
    """Plans without regularisation: ``argmin <P, C>`` over all that meet the marginals.

    Each pair is a linear program, solved by HiGHS's dual simplex through scipy. The plan is a
    vertex of the polytope: at most ``n + m - 1`` entries are not zero, and where lengths are equal
    and masses uniform, it is an assignment. Where several plans cost the same, it is one of them.
    It runs on the CPU, a pair at a time: for comparison, not for speed.

    Returns:
        ``(batch, n, m)`` plans, zero where either mass is.

    Raises:
        ClirotError: the solver finds no plan.
    """
    plans = np.zeros(problem.cost.shape)
    parts = problem.cost, problem.a, problem.b
    tables = [part.detach().double().cpu().numpy() for part in parts]
    for place, (table, rows, columns) in enumerate(zip(*tables, strict=True)):
        i, j = np.flatnonzero(rows), np.flatnonzero(columns)
        plans[place][np.ix_(i, j)] = _linear_program(table[np.ix_(i, j)], rows[i], columns[j])
    return torch.from_numpy(plans).to(problem.cost)


def _linear_program(cost: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    from scipy import sparse
    from scipy.optimize import linprog

    n, m = cost.shape
    constraints = sparse.vstack(
        [
            sparse.kron(sparse.eye_array(n), np.ones((1, m))),
            # The last column's sum follows from the others, and would clash with them by rounding.
            sparse.kron(np.ones((1, n)), sparse.eye_array(m)).tocsr()[: m - 1],
        ]
    )
    solution = linprog(
        cost.ravel(),
        A_eq=constraints,
        b_eq=np.concatenate([a / a.sum(), (b / b.sum())[: m - 1]]),
        bounds=(0, None),
        method="highs-ds",
    )
    if solution.x is None:
        raise ClirotError(f"no exact transport plan was found: {solution.message}")
    found: np.ndarray = solution.x.reshape(n, m) * a.sum()
    return found
