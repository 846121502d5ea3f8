"""Transport plans by libraries: entropic by GeomLoss, exact by linear programming.

The default plans are :mod:`~clirot.distillation.objectives.sinkhorn`'s. :func:`geomloss_plan` is
the only place that calls GeomLoss. What its solver needs care with: it anneals the regularisation
from the range of the batch's costs down to ``reg``, so a plan would depend on what else is in the
batch and on the padding. A row and a column without mass, whose costs span [0, ceiling] whatever
the batch, fix the range.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from clirot.distillation.objectives.sinkhorn import check_finite_plan
from clirot.errors import ClirotError


def geomloss_plan(
    cost: Tensor,
    a: Tensor,
    b: Tensor,
    *,
    reg: float,
    iterations: int,
    unbalanced: float | None = None,
    ceiling: float = 2.0,
) -> Tensor:
    """Entropic optimal transport plans of a batch, by GeomLoss's symmetric, annealed solver.

    Args:
        cost: ``(batch, n, m)`` in [0, ceiling]; values at padding do not matter.
        a: ``(batch, n)`` masses, zero on padding; rows sum as those of ``b`` do.
        b: ``(batch, m)`` masses, zero on padding.
        reg: regularisation, in units of the cost.
        iterations: Sinkhorn iterations, the annealing included.
        unbalanced: strength of the KL penalty on the marginals, in units of the cost; None: the
            marginals are met.
        ceiling: the largest cost there can be, where the annealing begins.

    Returns:
        ``(batch, n, m)`` plans, zero on padding. A plan does not depend on the rest of the batch.

    Raises:
        ClirotError: the solver's plan is not finite.
    """
    from geomloss import ot

    batch, n, m = cost.shape
    # The range of the costs decides the annealing: see the module's docstring.
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
        unbalanced=unbalanced,
    )
    plan: Tensor = solution.plan[:, :n, :m]
    check_finite_plan(plan, reg=reg, unbalanced=unbalanced)
    return plan


def exact_plan(cost: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Plans without regularisation: ``argmin <P, C>`` over all that meet the marginals.

    The transportation problem as a linear program a pair, solved by HiGHS's dual simplex through
    scipy. A vertex of the polytope: no more than ``n + m - 1`` entries are not zero, and where
    lengths are equal and masses uniform, it is an assignment. Of several plans of the same cost it
    is one. On the CPU, a pair at a time: for comparison, not for speed.

    Args:
        cost: ``(batch, n, m)``; values where either mass is zero do not matter.
        a: ``(batch, n)`` masses; rows sum as those of ``b`` do.
        b: ``(batch, m)`` masses.

    Returns:
        ``(batch, n, m)`` plans, zero where either mass is.

    Raises:
        ClirotError: the solver finds no plan.
    """
    plans = np.zeros(cost.shape)
    tables = [part.detach().double().cpu().numpy() for part in (cost, a, b)]
    for place, (table, rows, columns) in enumerate(zip(*tables, strict=True)):
        i, j = np.flatnonzero(rows), np.flatnonzero(columns)
        plans[place][np.ix_(i, j)] = _linear_program(table[np.ix_(i, j)], rows[i], columns[j])
    return torch.from_numpy(plans).to(cost)


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


def marginal_error(plan: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Mass by which the rows and columns of plans miss their marginals: ``(batch,)``, 0 to 4."""
    return (plan.sum(dim=2) - a).abs().sum(dim=1) + (plan.sum(dim=1) - b).abs().sum(dim=1)
