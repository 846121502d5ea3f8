"""The Sinkhorn solver, judged by POT and by a plain float64 loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import ot
import pytest
import torch
from torch import Tensor

from clirot.distillation.objectives import solvers
from clirot.distillation.objectives.solvers import TransportProblem, solved
from clirot.distillation.settings import PlanSettings

Problem = tuple[Tensor, Tensor, Tensor]


def sinkhorn_plan(cost: Tensor, a: Tensor, b: Tensor, **settings: Any) -> Tensor:
    return solvers.sinkhorn_plan(TransportProblem(cost, a, b), **settings)


def _problem(seed: int, batch: int = 6, n: int = 13, m: int = 9) -> Problem:
    """Random costs in [0, 2], random masses, sentences of several lengths."""
    draw = torch.Generator().manual_seed(seed)
    cost = 2 * torch.rand(batch, n, m, generator=draw)
    masses = []
    for size in (n, m):
        mass = torch.rand(batch, size, generator=draw) + 0.1
        length = torch.randint(1, size + 1, (batch,), generator=draw)
        mass = mass * (torch.arange(size) < length[:, None])
        masses.append(mass / mass.sum(1, keepdim=True))
    return cost, masses[0], masses[1]


def _unpadded(problem: Problem, row: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    cost, a, b = (one[row].double().numpy() for one in problem)
    n, m = int((a > 0).sum()), int((b > 0).sum())
    return a[:n] / a.sum(), b[:m] / b.sum(), cost[:n, :m]


def _missed(plan: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return (plan.sum(2) - a).abs().sum(1) + (plan.sum(1) - b).abs().sum(1)


@pytest.mark.parametrize("reg", [0.02, 0.1, 1.0])
def test_a_converged_plan_is_pots(reg: float) -> None:
    problem = _problem(1)
    plans = sinkhorn_plan(*problem, reg=reg, iterations=5000)
    for row in range(len(plans)):
        a, b, cost = _unpadded(problem, row)
        expected = ot.sinkhorn(
            a, b, cost, reg, method="sinkhorn_log", numItermax=200_000, stopThr=1e-12
        )
        found = plans[row, : len(a), : len(b)].double().numpy()
        assert np.abs(found - expected).sum() < 2e-3
        assert plans[row].sum().item() == pytest.approx(found.sum(), abs=1e-7)  # none on padding


@pytest.mark.parametrize("strength", [0.05, 0.5])
def test_an_unbalanced_plan_is_pots(strength: float) -> None:
    problem = _problem(2)
    plans = sinkhorn_plan(*problem, reg=0.05, iterations=2000, unbalanced=strength)
    for row in range(len(plans)):
        a, b, cost = _unpadded(problem, row)
        expected = ot.unbalanced.sinkhorn_unbalanced(
            a, b, cost, 0.05, strength, reg_type="kl", numItermax=20_000, stopThr=1e-12
        )
        found = plans[row, : len(a), : len(b)].double().numpy()
        assert np.abs(found - expected).sum() < 1e-4


@pytest.mark.parametrize("iterations", [1, 2, 3, 12, 25])
def test_every_update_is_that_of_the_plain_algorithm(iterations: int) -> None:
    # Absorbing potentials changes how an update is computed, not what it is.
    problem = _problem(3)
    plans = sinkhorn_plan(*problem, reg=0.03, iterations=iterations)
    for row in range(len(plans)):
        a, b, cost = _unpadded(problem, row)
        u, v, kernel = np.ones(len(a)), np.ones(len(b)), np.exp(-cost / 0.03)
        for _ in range(iterations):
            u = 1 / (kernel @ (b * v))
            v = 1 / (kernel.T @ (a * u))
        expected = (a * u)[:, None] * kernel * (b * v)[None]
        found = plans[row, : len(a), : len(b)].double().numpy()
        assert np.abs(found - expected).sum() < 1e-5


def _unequal(seed: int, batch: int = 400) -> Problem:
    """Small problems in which a token of either side has next to no mass, as ``[CLS]`` has by its
    inverse document frequency.
    """
    draw = torch.Generator().manual_seed(seed)
    cost = 2 * torch.rand(batch, 4, 5, generator=draw)
    masses = []
    for size in (4, 5):
        mass = torch.rand(batch, size, generator=draw) + 0.3
        mass[:, 0] *= 1e-5
        masses.append(mass / mass.sum(1, keepdim=True))
    return cost, masses[0], masses[1]


@pytest.mark.parametrize("settings", [{}, {"unbalanced": 0.5}, {"tolerance": 1e-9}], ids=str)
@pytest.mark.parametrize("reg", [0.001, 0.005, 0.02])
def test_very_unequal_masses_are_carried_as_the_plain_algorithm_carries_them(
    reg: float, settings: dict[str, float]
) -> None:
    """Potentials move further here between two absorptions than float32 has exponents for."""
    cost, a, b = (one.double() for one in _unequal(8))
    found = sinkhorn_plan(*(x.float() for x in (cost, a, b)), reg=reg, iterations=42, **settings)
    f, g, kernel = torch.zeros_like(a), torch.zeros_like(b), -cost / reg
    damping = 1 / (1 + reg / settings["unbalanced"]) if "unbalanced" in settings else 1.0
    for _ in range(42):
        f = -damping * torch.logsumexp(kernel + (g + b.log())[:, None, :], dim=2)
        g = -damping * torch.logsumexp(kernel + (f + a.log())[:, :, None], dim=1)
    expected = a[:, :, None] * b[:, None, :] * torch.exp(kernel + f[:, :, None] + g[:, None, :])
    # In float32 a potential of 2 / reg nats is known to 1e-7 of that.
    assert (found - expected).abs().sum((1, 2)).max() < 2e-6 / reg
    if not settings.get("unbalanced"):
        assert (found.sum(1) - b).abs().max() < 2e-7 / reg


def test_sharp_plans_stay_finite_and_keep_the_columns() -> None:
    cost, a, b = _problem(4, n=40, m=31)
    plan = sinkhorn_plan(cost, a, b, reg=1e-3, iterations=500)
    assert torch.isfinite(plan).all() and (plan >= 0).all()
    assert (plan.sum(1) - b).abs().max() < 1e-5


def test_the_tolerance_is_met_and_stops_each_pair_by_itself() -> None:
    cost, a, b = _problem(5, batch=8)
    plan = sinkhorn_plan(cost, a, b, reg=0.1, iterations=10_000, tolerance=1e-2)
    missed = _missed(plan, a, b)
    assert missed.max() <= 1.1e-2
    assert missed.max() > 1e-5  # and no further
    alone = torch.cat(
        [
            sinkhorn_plan(*(x[row : row + 1] for x in (cost, a, b)), reg=0.1, iterations=10_000,
                     tolerance=1e-2)
            for row in range(8)
        ]
    )  # fmt: skip
    assert (plan - alone).abs().max() < 1e-6


def test_a_plan_depends_neither_on_the_batch_nor_on_padding() -> None:
    cost, a, b = _problem(6)
    plan = sinkhorn_plan(cost, a, b, reg=0.02, iterations=40)
    wide = torch.nn.functional.pad(cost, (0, 5, 0, 3), value=1e4)
    padded = sinkhorn_plan(
        torch.cat([wide, torch.rand(2, *wide.shape[1:])]),
        torch.cat([torch.nn.functional.pad(a, (0, 3)), torch.full((2, 16), 1 / 16)]),
        torch.cat([torch.nn.functional.pad(b, (0, 5)), torch.full((2, 14), 1 / 14)]),
        reg=0.02,
        iterations=40,
    )
    assert (padded[:6, :13, :9] - plan).abs().max() < 1e-6
    assert padded[:6, 13:].abs().max() == 0 and padded[:6, :, 9:].abs().max() == 0


@pytest.mark.parametrize("settings", [{}, {"tolerance": 0.05}, {"unbalanced": 0.1}])
def test_a_large_batch_is_solved_in_parts(
    settings: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    cost, a, b = _problem(5)
    whole = sinkhorn_plan(cost, a, b, reg=0.05, iterations=40, **settings)
    for most in (1, 4 * cost[0].numel()):  # a pair at a time; four, and the two that are left
        monkeypatch.setattr(solvers, "_AT_ONCE", most)
        parts = sinkhorn_plan(cost, a, b, reg=0.05, iterations=40, **settings)
        assert torch.allclose(parts, whole, atol=1e-7)


def _like_an_encoders(seed: int, shared: float) -> Problem:
    """Sentences of 5 to 60 tokens. Their tokens share a direction, so that costs lie close
    together; a student's token is a noisy teacher's token, in another order, or one of no
    counterpart.
    """
    draw = torch.Generator().manual_seed(seed)
    batch, longest, width = 8, 60, 384
    lengths = torch.randint(5, longest + 1, (2, batch), generator=draw)
    common = shared * torch.randn(batch, 1, width, generator=draw)
    teacher, noise = torch.randn(2, batch, longest, width, generator=draw)
    order = torch.stack([torch.randperm(longest, generator=draw) for _ in range(batch)])
    student = torch.gather(teacher, 1, order[:, :, None].expand_as(teacher)) + noise
    unit = [torch.nn.functional.normalize(one + common, dim=2) for one in (student, teacher)]
    masses = [(torch.arange(longest) < length[:, None]).float() for length in lengths]
    a, b = (one / one.sum(1, keepdim=True) for one in masses)
    return 1 - torch.bmm(unit[0], unit[1].transpose(1, 2)), a, b


@pytest.mark.parametrize("shared", [0.5, 2.0])
@pytest.mark.parametrize("reg", [0.005, 0.02, 0.1])
def test_geomloss_reaches_the_marginal_error_of_alternating_updates(
    reg: float, shared: float
) -> None:
    cost, a, b = _like_an_encoders(int(1000 * reg), shared)
    settings = [
        PlanSettings(reg=reg, iterations=20, solver=solver) for solver in ("sinkhorn", "geomloss")
    ]
    alternating, geomloss = (solved(TransportProblem(cost, a, b), one) for one in settings)
    missed = [_missed(one, a, b).mean() for one in (alternating, geomloss)]
    assert missed[1] <= missed[0] + 2e-5  # the rounding of float32


def test_auto_takes_alternating_updates_on_the_cpu_bit_for_bit() -> None:
    problem = TransportProblem(*_problem(9))
    for more in ({}, {"tolerance": 0.01}, {"unbalanced": 0.1}):
        found, wanted = (
            solved(problem, PlanSettings(solver=solver, **more)) for solver in ("auto", "sinkhorn")
        )
        assert torch.equal(found, wanted)


def test_auto_takes_geomloss_on_a_gpu_where_it_can_do_what_is_asked_for() -> None:
    assert PlanSettings().resolved("cuda") == "geomloss"
    assert PlanSettings(unbalanced=0.1).resolved("cuda") == "geomloss"
    assert PlanSettings(tolerance=0.1).resolved("cuda") == "sinkhorn"
    assert PlanSettings().resolved("cpu") == PlanSettings().resolved("mps") == "sinkhorn"
    for solver in ("sinkhorn", "geomloss", "exact"):
        assert PlanSettings(solver=solver).resolved("cuda") == solver


def test_a_permutation_is_found() -> None:
    order = torch.randperm(12, generator=torch.Generator().manual_seed(7))
    cost = 1 - torch.eye(12)[order][None]
    uniform = torch.full((1, 12), 1 / 12)
    plan = sinkhorn_plan(cost, uniform, uniform, reg=0.02, iterations=20)
    assert (plan[0].argmax(1) == order).all()
    assert plan[0].max(1).values.sum().item() == pytest.approx(1, abs=1e-4)
