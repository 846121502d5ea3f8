"""The solvers of a transport plan by name; those of libraries are here.

- ``sinkhorn``: :func:`clirot.distillation.objectives.sinkhorn.sinkhorn_plan`.
- ``geomloss``: :func:`geomloss_plan`, GeomLoss's batched loop, which was made for GPUs.
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

_NO_MASS = -1e5
"""Logarithm of the mass of padding: GeomLoss cannot do with infinity there."""
GEOMLOSS_UPDATES = 10
"""Updates of GeomLoss for one alternating update, to reach the same marginal error.

An alternating update of both potentials contracts the error by some factor ``r``; GeomLoss's update
of both at once, averaged with the potentials before it, contracts it by ``(1 + sqrt(r)) / 2``. That
takes 4 to 5 times as many updates, and more at the start: measured at most 9 times as many for
``reg`` from .005 to .1 (``benchmarks/transport.py`` counts them; decision 045).
"""


def solved(problem: TransportProblem, settings: PlanSettings) -> Tensor:
    """The plans of a problem, by the solver that the settings name for its device."""
    solver = settings.resolved(problem.cost.device.type)
    if solver == "exact":
        return exact_plan(problem)
    if solver == "geomloss":
        return geomloss_plan(
            problem,
            reg=settings.reg,
            iterations=GEOMLOSS_UPDATES * settings.iterations,
            unbalanced=settings.unbalanced,
        )
    return sinkhorn_plan(
        problem,
        reg=settings.reg,
        iterations=settings.iterations,
        tolerance=settings.tolerance,
        unbalanced=settings.unbalanced,
    )


def geomloss_plan(
    problem: TransportProblem, *, reg: float, iterations: int, unbalanced: float = 0.0
) -> Tensor:
    """Entropic optimal transport plans of a batch, by the loop of GeomLoss's ``ot.solve_batch``.

    ``solve_batch`` itself lowers the regularisation from the range of the batch's costs to ``reg``
    over all of its iterations. Its marginal error then falls only as one over their number, where
    that of a loop at ``reg`` falls exponentially, and a plan would depend on what else is in the
    batch. So the loop is called directly, at ``reg`` throughout (decision 045).

    Args:
        problem: costs and marginals.
        reg: regularisation, in units of the cost.
        iterations: updates of both potentials.
        unbalanced: strength of the KL penalty on the marginals, in units of the cost; 0: the
            marginals are met.

    Returns:
        ``(batch, n, m)`` plans, zero on padding. A plan does not depend on the rest of the batch.

    Raises:
        ClirotError: a plan is not finite.
    """
    from geomloss._typing import CostMatrices, DescentParameters
    from geomloss.ot._abstract_solvers.sinkhorn_ot import sinkhorn_loop
    from geomloss.ot._implementations.matrix import softmin_dense

    a, b = problem.a, problem.b
    real = (a > 0)[:, :, None] & (b > 0)[:, None, :]
    cost = problem.cost.masked_fill(~real, 0)
    potentials = sinkhorn_loop(
        softmin=softmin_dense,
        log_a_list=[a.log().clamp_min(_NO_MASS)],
        log_b_list=[b.log().clamp_min(_NO_MASS)],
        C_list=[CostMatrices(xy=cost, yx=cost.transpose(1, 2).contiguous())],
        descent=DescentParameters(
            scale_list=[0] * iterations,
            eps_list=[reg] * iterations,
            rho_list=[unbalanced or None] * iterations,
        ),
        debias=False,
    )
    f, g = potentials.f_ba[:, :, None], potentials.g_ab[:, None, :]
    density = torch.exp(((f + g - cost) / reg).masked_fill(~real, float("-inf")))
    plan: Tensor = density * a[:, :, None] * b[:, None, :]
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
