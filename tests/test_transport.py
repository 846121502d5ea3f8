"""The transport objective against independent judges: POT, finite differences, closed forms."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from clirot.distillation.objectives.solvers import TransportProblem, geomloss_plan, sinkhorn_plan
from clirot.distillation.objectives.tokens import TokenBatch
from clirot.distillation.objectives.transport import Transport, cosine_cost, distinctness
from clirot.distillation.settings import PlanSettings
from clirot.errors import UsageError

Solver = Callable[..., torch.Tensor]


@pytest.fixture(params=[sinkhorn_plan, geomloss_plan], ids=["sinkhorn", "geomloss"])
def solve(request: pytest.FixtureRequest) -> Solver:
    def plan(cost: torch.Tensor, a: torch.Tensor, b: torch.Tensor, **settings: Any) -> torch.Tensor:
        found: torch.Tensor = request.param(TransportProblem(cost, a, b), **settings)
        return found

    return plan


def _transport(**settings: Any) -> Transport:
    return Transport(plan=PlanSettings(**settings))


def _unit(*shape: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(*shape, generator=generator), dim=-1)


def _uniform(batch: int, length: int) -> torch.Tensor:
    return torch.full((batch, length), 1.0 / length)


def _batch(vectors: torch.Tensor, lengths: list[int] | None = None) -> TokenBatch:
    count, tokens, _ = vectors.shape
    lengths = lengths if lengths is not None else [tokens] * count
    mask = torch.arange(tokens)[None, :] < torch.tensor(lengths)[:, None]
    return TokenBatch(vectors, mask)


def _pot_sinkhorn(cost: np.ndarray, reg: float) -> np.ndarray:
    import ot

    n, m = cost.shape
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # POT's "did not converge" would make it no judge
        return ot.sinkhorn(
            np.full(n, 1 / n),
            np.full(m, 1 / m),
            cost,
            reg,
            method="sinkhorn_log",
            numItermax=5_000,
            stopThr=1e-6,
        )


@pytest.mark.parametrize("reg", [0.1, 0.05])
@pytest.mark.parametrize("shape", [(6, 6), (9, 5)])
def test_the_plan_is_pots_when_run_to_convergence(
    solve: Solver, shape: tuple[int, int], reg: float
) -> None:
    n, m = shape
    cost = cosine_cost(_unit(3, n, 8, seed=n), _unit(3, m, 8, seed=m + 50))
    plan = solve(cost, _uniform(3, n), _uniform(3, m), reg=reg, iterations=2000)
    for got, entry in zip(plan.numpy(), cost.double().numpy(), strict=True):
        judge = _pot_sinkhorn(entry, reg)
        # A plan's entries converge more slowly than its cost; an entry is at most 1/max(n, m).
        assert np.abs(got - judge).max() < 2e-3
        assert (got * entry).sum() == pytest.approx((judge * entry).sum(), abs=2e-3)


def test_with_twenty_iterations_the_cost_is_within_four_percent_of_pots(solve: Solver) -> None:
    cost = cosine_cost(_unit(16, 20, 32, seed=1), _unit(16, 17, 32, seed=2))
    plan = solve(cost, _uniform(16, 20), _uniform(16, 17), reg=0.1, iterations=20)
    ours = (plan * cost).sum(dim=(1, 2)).numpy()
    judged = [(_pot_sinkhorn(c, 0.1) * c).sum() for c in cost.double().numpy()]
    assert np.abs(ours / judged - 1).max() < 0.04


def test_a_sharp_plan_costs_what_the_exact_one_does(solve: Solver) -> None:
    import ot

    cost = cosine_cost(_unit(8, 7, 16, seed=3), _unit(8, 7, 16, seed=4))
    plan = solve(cost, _uniform(8, 7), _uniform(8, 7), reg=0.002, iterations=3000)
    for got, entry in zip(plan, cost.double().numpy(), strict=True):
        exact = ot.emd2(np.full(7, 1 / 7), np.full(7, 1 / 7), entry)
        assert float((got.double().numpy() * entry).sum()) == pytest.approx(exact, abs=5e-3)


def test_the_rows_and_columns_of_a_plan_sum_to_the_marginals(solve: Solver) -> None:
    a, b = _uniform(4, 9), _uniform(4, 6)
    cost = cosine_cost(_unit(4, 9, 8, seed=5), _unit(4, 6, 8, seed=6))
    plan = solve(cost, a, b, reg=0.05, iterations=2000)
    assert torch.allclose(plan.sum(2), a, atol=1e-3)
    assert torch.allclose(plan.sum(1), b, atol=1e-3)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 7), (7, 1)])
def test_one_token_takes_or_gives_everything(solve: Solver, n: int, m: int) -> None:
    cost = cosine_cost(_unit(2, n, 4, seed=7), _unit(2, m, 4, seed=8))
    plan = solve(cost, _uniform(2, n), _uniform(2, m), reg=0.02, iterations=20)
    assert torch.allclose(plan, torch.full((2, n, m), 1 / (n * m)), atol=1e-5)


def test_identical_sentences_are_carried_onto_themselves_at_no_cost() -> None:
    vectors = _unit(3, 8, 64, seed=9)
    loss = _transport(reg=0.01, iterations=100, marginals="uniform").loss(
        _batch(vectors), _batch(vectors)
    )
    assert float(loss) == pytest.approx(0.0, abs=1e-3)


def test_identical_tokens_within_a_sentence_share_alike(solve: Solver) -> None:
    same = _unit(1, 1, 8, seed=10).expand(1, 5, 8)
    plan = solve(cosine_cost(same, same), _uniform(1, 5), _uniform(1, 5), reg=0.02, iterations=20)
    assert torch.allclose(plan, torch.full((1, 5, 5), 1 / 25), atol=1e-5)


def test_a_permutation_of_the_teachers_tokens_is_recovered(solve: Solver) -> None:
    teacher = _unit(1, 12, 64, seed=11)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    cost = cosine_cost(teacher[:, order], teacher)
    plan = solve(cost, _uniform(1, 12), _uniform(1, 12), reg=0.02, iterations=20)
    assert torch.equal(plan[0].argmax(dim=1), order)
    assert float(plan[0, torch.arange(12), order].sum()) > 0.99


def _padded(vectors: torch.Tensor, more: int, fill: float) -> torch.Tensor:
    count, _, dim = vectors.shape
    return torch.cat([vectors, torch.full((count, more, dim), fill)], dim=1)


@pytest.mark.parametrize("fill", [0.0, 1.0, -40.0])
def test_padding_changes_nothing(fill: float) -> None:
    student, teacher = _unit(4, 6, 16, seed=12), _unit(4, 9, 16, seed=13)
    objective = _transport(reg=0.02, iterations=20, marginals="distinct")
    plain = objective.loss(_batch(student), _batch(teacher))
    padded = objective.loss(
        _batch(_padded(student, 5, fill), [6] * 4), _batch(_padded(teacher, 3, fill), [9] * 4)
    )
    assert float(padded) == pytest.approx(float(plain), abs=1e-6)


def test_a_plan_does_not_depend_on_the_rest_of_the_batch(solve: Solver) -> None:
    student, teacher = _unit(5, 6, 16, seed=14), _unit(5, 8, 16, seed=15)
    teacher[1:] = -teacher[1:]  # other costs elsewhere in the batch
    together = solve(
        cosine_cost(student, teacher), _uniform(5, 6), _uniform(5, 8), reg=0.02, iterations=20
    )
    alone = solve(
        cosine_cost(student[:1], teacher[:1]),
        _uniform(1, 6),
        _uniform(1, 8),
        reg=0.02,
        iterations=20,
    )
    assert torch.allclose(together[:1], alone, atol=1e-7)


def test_no_mass_reaches_padding_and_none_is_not_a_number(solve: Solver) -> None:
    mask = torch.tensor([[True, True, False, False]])
    a = mask.float() / 2
    plan = solve(torch.rand(1, 4, 4), a, a, reg=0.02, iterations=20)
    assert torch.isfinite(plan).all()
    assert float(plan[0, 2:].sum() + plan[0, :, 2:].sum()) == 0.0


def test_the_gradient_is_that_of_the_cost_under_the_plan_held_constant() -> None:
    student = _unit(2, 4, 6, seed=16).double().requires_grad_()
    teacher = _unit(2, 5, 6, seed=17).double()
    objective = _transport(reg=0.05, iterations=30, marginals="uniform")
    objective.loss(_batch(student), _batch(teacher)).backward()
    assert student.grad is not None
    base = student.detach()
    problem = TransportProblem(cosine_cost(base, teacher), _uniform(2, 4), _uniform(2, 5))
    plan = sinkhorn_plan(problem, reg=0.05, iterations=30)
    step = 1e-3
    for place in [(0, 0, 0), (0, 3, 5), (1, 2, 1)]:
        moved = []
        for sign in (1, -1):
            shifted = base.clone()
            shifted[place] += sign * step
            moved.append(float((plan * cosine_cost(shifted, teacher)).sum(dim=(1, 2)).mean()))
        numeric = (moved[0] - moved[1]) / (2 * step)
        assert float(student.grad[place]) == pytest.approx(numeric, rel=1e-2, abs=1e-4)


def test_following_the_gradient_carries_the_student_to_the_teacher() -> None:
    teacher = _unit(2, 6, 16, seed=18)
    free = _unit(2, 6, 16, seed=19).requires_grad_()
    objective = _transport(reg=0.02, iterations=20, marginals="uniform")
    optimiser = torch.optim.Adam([free], lr=0.05)
    losses = []
    for _ in range(150):
        loss = objective.loss(_batch(torch.nn.functional.normalize(free, dim=-1)), _batch(teacher))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.02 < losses[0]


def test_distinct_marginals_give_less_to_tokens_that_say_the_same() -> None:
    vectors = _unit(1, 4, 16, seed=20)
    vectors[0, 1] = vectors[0, 0]
    batch = _batch(vectors)
    masses = _transport(reg=0.02, iterations=20, marginals="distinct").masses(batch)
    assert float(masses.sum()) == pytest.approx(1.0)
    assert float(masses[0, 0]) == pytest.approx(float(masses[0, 1]))
    assert float(masses[0, 0]) < float(masses[0, 2])
    assert float(distinctness(batch)[0, 2]) > 0


@pytest.mark.parametrize("bad", [{"reg": 0.0}, {"reg": -1.0}, {"iterations": 0}])
def test_settings_that_make_no_sense_are_refused(bad: dict[str, float]) -> None:
    settings = {"reg": 0.02, "iterations": 20, "marginals": "uniform"} | bad
    with pytest.raises(UsageError, match="must be"):
        _transport(**settings)
