"""The transport problem and its solvers by name.

- ``sinkhorn``: :func:`sinkhorn_plan`, the solver on the CPU: alternating Sinkhorn updates. They run
  in the log domain where the numbers may leave float32's range, and as matrix products where they
  cannot: the potentials found so far are absorbed into the kernel, and the updates between two
  absorptions move them little (Schmitzer 2019, "Stabilized sparse scaling algorithms for entropy
  regularized transport problems", SIAM J. Sci. Comput. 41(3), arXiv 1610.06519, section 3.2;
  unbalanced: Chizat, Peyre, Schmitzer and Vialard 2018, arXiv 1607.05816). Decision 045 says why it
  is not a library's.
- ``geomloss``: :func:`geomloss_plan`, GeomLoss's batched loop, which was made for GPUs.
- ``exact``: :func:`exact_plan`, without regularisation, by linear programming.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from clirot.distillation.settings import PlanSettings
from clirot.errors import ClirotError

_LOG_UPDATES = 2
"""Updates of both potentials in the log domain before the first absorption."""
_BLOCK = 10
"""Updates between two absorptions."""
_RANGE = 60.0
"""By how much, in nats, the potentials may move between two absorptions. Entries of the kernel that
are below float32's range (e^-87) are lost; within this range none of them can have mattered."""
_SMALLEST = 1e-30
_AT_ONCE = 2**20
"""Costs that are worked on together on a CPU, 4 MB of them: a larger batch does not fit into the
processor's cache."""

Pair = tuple[Tensor, Tensor]
"""Something of the rows, ``(batch, n)``, and of the columns, ``(batch, m)``."""


@dataclass(frozen=True, eq=False)
class TransportProblem:
    """A batch of transport problems, padded to one size."""

    cost: Tensor
    """``(batch, n, m)`` float32; values at padding do not matter."""
    a: Tensor
    """``(batch, n)`` masses of the rows, zero on padding."""
    b: Tensor
    """``(batch, m)`` masses of the columns, zero on padding; they sum to what ``a`` sums to."""

    def marginal_error(self, plan: Tensor) -> Tensor:
        """Mass by which the rows and columns of plans miss the marginals: ``(batch,)``, 0 to 4."""
        rows = (plan.sum(dim=2) - self.a).abs().sum(dim=1)
        return rows + (plan.sum(dim=1) - self.b).abs().sum(dim=1)

    def split(self, size: int) -> list[TransportProblem]:
        """The problem in parts of ``size`` pairs."""
        parts = zip(*(torch.split(one, size) for one in (self.cost, self.a, self.b)), strict=True)
        return [TransportProblem(*part) for part in parts]


def sinkhorn_plan(
    problem: TransportProblem,
    *,
    reg: float,
    iterations: int,
    tolerance: float = 0.0,
    unbalanced: float = 0.0,
) -> Tensor:
    """The plans ``argmin_P <P, C> + reg KL(P, a b^T)`` under the marginals ``a`` and ``b``.

    Args:
        problem: costs and marginals.
        reg: regularisation, in units of the cost.
        iterations: most updates of either potential.
        tolerance: the updates of a pair stop once its rows miss ``a`` by no more than this mass in
            all. It is checked every ten updates; the columns are met up to rounding.
        unbalanced: strength of the KL penalty that replaces the marginals, in units of the cost;
            0: the marginals are met. With a penalty, the tolerance is on how far an update still
            moves the rows.

    Returns:
        ``(batch, n, m)`` plans, zero on padding. A plan does not depend on the rest of the batch.

    Raises:
        ClirotError: a plan is not finite.
    """
    cost, size = problem.cost, len(problem.cost)
    if cost.device.type == "cpu":
        size = max(1, _AT_ONCE // max(1, cost.shape[1] * cost.shape[2]))
    damping = unbalanced / (unbalanced + reg) if unbalanced else 1.0
    plans = [
        _plans(part, part.cost / -reg, iterations, tolerance, damping)
        for part in problem.split(size)
    ]
    plan = torch.cat(plans) if len(plans) > 1 else plans[0]
    check_finite_plan(plan, reg=reg, unbalanced=unbalanced)
    return plan


def check_finite_plan(plan: Tensor, *, reg: float, unbalanced: float) -> None:
    """Check what a solver found.

    Raises:
        ClirotError: it is not finite.
    """
    if not torch.isfinite(plan).all():
        raise ClirotError(
            f"the transport plan is not finite at reg {reg:g}"
            + (f" and unbalanced {unbalanced:g}" if unbalanced else ""),
            hint="raise `reg`" + (" or `unbalanced`" if unbalanced else ""),
        )


def _plans(
    problem: TransportProblem, kernel: Tensor, iterations: int, tolerance: float, damping: float
) -> Tensor:
    """What :func:`sinkhorn_plan` returns; ``kernel`` is ``-cost / reg``."""
    a, b = masses = problem.a, problem.b
    real = (a > 0)[:, :, None] & (b > 0)[:, None, :]
    kernel = kernel.masked_fill(~real, float("-inf"))
    # Potentials in units of reg: the plan is a b^T exp(kernel + f + g). They stay 0 on padding.
    first = min(_LOG_UPDATES, iterations)
    start = torch.zeros_like(a), torch.zeros_like(b)
    f, g = _log_updated(kernel, start, masses, first, damping)
    density = torch.exp(kernel + f[:, :, None] + g[:, None, :])
    live = torch.ones(len(kernel), 1, dtype=torch.bool, device=kernel.device)
    for done in range(first, iterations, _BLOCK):
        steps = min(_BLOCK, iterations - done)
        new_f, new_g, sound = _updated(density, (f, g), masses, steps, damping)
        if not sound.all():
            far = ~sound
            new_f[far], new_g[far] = _log_updated(
                kernel[far], (f[far], g[far]), (a[far], b[far]), steps, damping
            )
        f, g = torch.where(live, new_f, f), torch.where(live, new_g, g)
        density = torch.exp(kernel + f[:, :, None] + g[:, None, :])
        if tolerance:
            # What the next update would move the rows by; balanced: what they miss a by.
            sums = _sums(b, density.transpose(1, 2))
            change = (a * (1 - torch.exp(f - damping * (f - sums.log()))).abs()).sum(1)
            live = live & (change > tolerance)[:, None]
            if not live.any():
                break
    return density * a[:, :, None] * b[:, None, :]


def _log_updated(
    kernel: Tensor, potentials: Pair, masses: Pair, steps: int, damping: float
) -> Pair:
    """Potentials after some updates, in the log domain; ``kernel`` is ``-cost / reg``."""
    (f, g), (a, b) = potentials, masses
    log_a, log_b = a.log(), b.log()
    for _ in range(steps):
        f = -damping * torch.logsumexp(kernel + (g + log_b)[:, None, :], dim=2)
        f = torch.where(a > 0, f, 0.0)
        g = -damping * torch.logsumexp(kernel + (f + log_a)[:, :, None], dim=1)
        g = torch.where(b > 0, g, 0.0)
    return f, g


def _updated(
    density: Tensor, potentials: Pair, masses: Pair, steps: int, damping: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Potentials after some updates; ``density`` is ``exp(kernel + f + g)``, ``(batch, n, m)``.

    Each update is a matrix product: the exponentials are taken only of what the potentials have
    moved by since the absorption, usually vectors of a few units. They may move too far for float32
    (very unequal masses, or costs many times ``reg``); there the third result, ``(batch,)`` bool,
    is false, and the potentials found are not to be used.
    """
    (f, g), (a, b) = potentials, masses
    turned = density.transpose(1, 2).contiguous()
    new_f, new_g = f, g
    f_steps, g_steps = [], []
    for _ in range(steps):
        new_f = damping * (f - _sums(b * torch.exp(new_g - g), turned).log())
        new_f = torch.where(a > 0, new_f, 0.0)
        new_g = damping * (g - _sums(a * torch.exp(new_f - f), density).log())
        new_g = torch.where(b > 0, new_g, 0.0)
        f_steps.append(new_f)
        g_steps.append(new_g)
    f_up, f_low = _extremes(f_steps, f, damping)
    g_up, g_low = _extremes(g_steps, g, damping)
    # A lost entry is below e^-87, and adds at most that times the largest weight to a sum.
    sound = (f_low + g_up.clamp_min(0) < _RANGE) & (g_low + f_up.clamp_min(0) < _RANGE)
    return new_f, new_g, sound & (f_up < _RANGE) & (g_up < _RANGE)


def _extremes(steps: list[Tensor], start: Tensor, damping: float) -> Pair:
    """By how much a potential rose at most, and how far below 1 the sums were that it was computed
    from, in nats: ``(batch,)`` each.
    """
    found, start = torch.cat(steps, dim=1), start.repeat(1, len(steps))
    up = (found - start).amax(dim=1)
    return up, up if damping == 1 else (found / damping - start).amax(dim=1)


def _sums(weight: Tensor, matrix: Tensor) -> Tensor:
    """``(batch, m)`` weighted sums of the columns of ``(batch, n, m)``; at least a tiny number.

    On a CPU a row times a matrix is seven times faster than a matrix times a column.
    """
    return torch.bmm(weight[:, None, :], matrix).squeeze(1).clamp_min(_SMALLEST)


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
