"""The other objectives, and what all have in common, against brute force and closed forms."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch

from clirot.distillation.objectives import contrastive
from clirot.distillation.objectives.contrastive import (
    Contrastive,
    ScoreKL,
    TokenContrast,
    TransportContrast,
)
from clirot.distillation.objectives.objective import (
    OBJECTIVES,
    Greedy,
    Objective,
    SentenceMSE,
    objective_of,
    unused,
)
from clirot.distillation.objectives.solvers import TransportProblem, geomloss_plan, sinkhorn_plan
from clirot.distillation.objectives.tokens import TokenBatch
from clirot.distillation.objectives.transport import Transport, centred, cosine_cost
from clirot.distillation.settings import (
    ContrastSettings,
    ObjectiveSettings,
    PlanSettings,
)
from clirot.errors import ClirotError, UnknownNameError, UsageError
from clirot.models import Side
from clirot.settings import assembled, leaves

SIDES = pytest.mark.parametrize("side", ["query", "document"])
LENGTHS_S, LENGTHS_T = [5, 3, 1, 4], [7, 2, 6, 3]


def _unit(*shape: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(*shape, generator=generator), dim=-1)


def _batch(vectors: torch.Tensor, lengths: list[int]) -> TokenBatch:
    mask = torch.arange(vectors.shape[1])[None, :] < torch.tensor(lengths)[:, None]
    return TokenBatch(vectors, mask)


def _sides() -> tuple[TokenBatch, TokenBatch]:
    return _batch(_unit(4, 5, 8, seed=1), LENGTHS_S), _batch(_unit(4, 7, 8, seed=2), LENGTHS_T)


def _transport(**settings: Any) -> Transport:
    return Transport(plan=PlanSettings(**settings))


def _objective(name: str, **settings: Any) -> Objective:
    return objective_of(name, assembled(ObjectiveSettings, settings))


def _sentences(tokens: TokenBatch) -> list[np.ndarray]:
    return [v[m].double().numpy() for v, m in zip(tokens.vectors, tokens.mask, strict=True)]


def _mean_maxsim(query: np.ndarray, document: np.ndarray) -> float:
    return float(np.mean([max(float(q @ d) for d in document) for q in query]))


def _score_table(queries: list[np.ndarray], documents: list[np.ndarray]) -> np.ndarray:
    return np.array([[_mean_maxsim(q, d) for d in documents] for q in queries])


def test_mse_is_the_squared_distance_of_the_means() -> None:
    student, teacher = _sides()
    means = [
        ((s.mean(axis=0) - t.mean(axis=0)) ** 2).sum()
        for s, t in zip(_sentences(student), _sentences(teacher), strict=True)
    ]
    assert float(SentenceMSE().loss(student, teacher)) == pytest.approx(np.mean(means), rel=1e-5)


def test_greedy_takes_the_nearest_teacher_token_for_each_student_token() -> None:
    student, teacher = _sides()
    distances = [
        1 - _mean_maxsim(s, t)
        for s, t in zip(_sentences(student), _sentences(teacher), strict=True)
    ]
    assert float(Greedy().loss(student, teacher)) == pytest.approx(np.mean(distances), rel=1e-5)


def _turned(side: Side) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The sentences that are queries, and those that are documents."""
    student, teacher = (_sentences(one) for one in _sides())
    return (student, teacher) if side == "query" else (teacher, student)


@SIDES
def test_contrastive_is_the_cross_entropy_of_the_own_translation(side: Side) -> None:
    student, teacher = _sides()
    logits = _score_table(*_turned(side)) / 0.1
    wanted = -np.mean(np.diag(scipy.special.log_softmax(logits, axis=1)))
    got = float(
        Contrastive(contrast=ContrastSettings(temperature=0.1)).loss(student, teacher, side)
    )
    assert got == pytest.approx(wanted, rel=1e-4)


@SIDES
@pytest.mark.parametrize("name", ["contrastive", "transport-contrast"])
def test_a_sentence_that_occurs_twice_is_no_negative_of_its_copy(name: str, side: Side) -> None:
    student, teacher = _sides()
    objective = _objective(name, temperature=0.1)
    both = [one.rows([0, 1, 1]) for one in (student, teacher)]
    # Row 1 and its copy see one negative, as without the copy; row 0 sees its negative twice.
    costs = {
        pair: _pair_score(name, both[0], both[1], *pair, side)
        for pair in [(0, 0), (0, 1), (1, 0), (1, 1)]
    }
    first = np.logaddexp(costs[0, 0], np.log(2) + costs[0, 1]) - costs[0, 0]
    other = np.logaddexp(costs[1, 0], costs[1, 1]) - costs[1, 1]
    wanted = (first + 2 * other) / 3
    assert float(objective.loss(*both, side)) == pytest.approx(float(wanted), rel=1e-4)


@SIDES
@pytest.mark.parametrize("name", ["contrastive", "transport-contrast", "token-contrast"])
def test_two_translations_of_one_sentence_are_no_negatives_of_each_other(
    name: str, side: Side
) -> None:
    """Whichever side has the sentence twice, and however often it was padded or read."""
    student, teacher = _sides()
    objective = _objective(name, temperature=0.1)
    lone = [one.rows([row]) for row in (0, 1) for one in (student, teacher)]
    alone = (objective.loss(*lone[:2], side) + objective.loss(*lone[2:], side)) / 2
    pairs = [one.rows([0, 1]) for one in (student, teacher)]
    assert float(objective.loss(*pairs, side)) > float(alone) + 1e-3
    again, apart = torch.tensor([7, 7]), torch.tensor([7, 8])
    for numbers in ((again, apart), (apart, again)):
        told = [one._replace(sentences=which) for one, which in zip(pairs, numbers, strict=True)]
        assert float(objective.loss(*told, side)) == pytest.approx(float(alone), abs=1e-5)
    told = [one._replace(sentences=apart) for one in pairs]
    assert float(objective.loss(*told, side)) == float(objective.loss(*pairs, side))


def _pair_score(
    name: str, student: TokenBatch, teacher: TokenBatch, query: int, document: int, side: Side
) -> float:
    if name == "contrastive":
        queries, documents = (student, teacher) if side == "query" else (teacher, student)
        return _mean_maxsim(_sentences(queries)[query], _sentences(documents)[document]) / 0.1
    k, row = (query, document) if side == "query" else (document, query)
    return -float(Transport().loss(student.rows([k]), teacher.rows([row]))) / 0.1


@SIDES
def test_score_kl_is_the_divergence_from_the_teachers_ranking(side: Side) -> None:
    student, teacher = _sides()
    english = _sentences(teacher)
    wanted = scipy.special.softmax(_score_table(english, english) / 0.1, axis=1)
    found = scipy.special.softmax(_score_table(*_turned(side)) / 0.1, axis=1)
    divergence = np.mean([scipy.stats.entropy(w, f) for w, f in zip(wanted, found, strict=True)])
    assert float(
        ScoreKL(contrast=ContrastSettings(temperature=0.1)).loss(student, teacher, side)
    ) == pytest.approx(divergence, rel=1e-4)
    perfect = ScoreKL(contrast=ContrastSettings(temperature=0.1)).loss(teacher, teacher, side)
    assert float(perfect) == pytest.approx(0, abs=1e-6)


@SIDES
def test_transport_contrast_scores_every_sentence_by_its_transport_cost(side: Side) -> None:
    student, teacher = _sides()
    logits = np.array(
        [
            [_pair_score("transport-contrast", student, teacher, k, row, side) for row in range(4)]
            for k in range(4)
        ]
    )
    wanted = -np.mean(np.diag(scipy.special.log_softmax(logits, axis=1)))
    got = float(
        TransportContrast(contrast=ContrastSettings(temperature=0.1)).loss(student, teacher, side)
    )
    assert got == pytest.approx(wanted, rel=1e-4)


def _token_entropy(k: int, rows: list[int], plan: np.ndarray, side: Side) -> float:
    """Of the query ``k``, its plan the labels, among the document tokens of some sentences."""
    queries, documents = _turned(side)
    tokens, every = queries[k], np.concatenate([documents[row] for row in rows])
    start = sum(len(documents[row]) for row in rows[: rows.index(k)])
    own = slice(start, start + len(documents[k]))
    logs = scipy.special.log_softmax(tokens @ every.T / 0.1, axis=1)[:, own]
    labels = plan if side == "query" else plan.T
    return -float((labels[: len(tokens), : len(documents[k])] * logs).sum())


@SIDES
@pytest.mark.parametrize("settings", [{}, {"unbalanced": 0.1}, {"marginals": "distinct"}])
def test_token_contrast_is_the_cross_entropy_of_the_plans_labels(
    settings: dict[str, Any], side: Side
) -> None:
    student, teacher = _sides()
    plans = _transport(**settings).plan_and_cost(student, teacher)[0].double().numpy()
    each = [_token_entropy(k, [0, 1, 2, 3], plans[k], side) for k in range(4)]
    got = float(_objective("token-contrast", **settings).loss(student, teacher, side))
    assert got == pytest.approx(np.mean(each), rel=1e-4)


@SIDES
def test_tokens_of_a_copy_are_no_negatives(side: Side) -> None:
    student, teacher = _sides()
    plans = Transport().plan_and_cost(student, teacher)[0].double().numpy()
    # Row 1 and its copy see the tokens of row 0 as without a copy; row 0 sees those of row 1 twice.
    first = _token_entropy(0, [0, 1, 1], plans[0], side)
    other = _token_entropy(1, [0, 1], plans[1], side)
    twice = [one.rows([0, 1, 1]) for one in (student, teacher)]
    got = float(TokenContrast().loss(*twice, side))
    assert got == pytest.approx((first + 2 * other) / 3, rel=1e-4)


def _loss_gradient_and_memory(objective: Objective, side: Side) -> tuple[float, torch.Tensor, int]:
    """Of a batch of 16; the last, entries of what autograd keeps for the backward pass."""
    student = _batch(_unit(16, 6, 8, seed=1), [6, 3, 1, 4] * 4)
    teacher = _batch(_unit(16, 5, 8, seed=2), [5, 2, 4, 3] * 4)
    vectors = student.vectors.clone().requires_grad_()
    kept: dict[int, int] = {}  # by storage, as views of one tensor are kept once

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = objective.loss(student._replace(vectors=vectors), teacher, side)
    loss.backward()
    assert vectors.grad is not None
    return float(loss.detach()), vectors.grad, sum(kept.values())


@SIDES
@pytest.mark.parametrize("objective", [Contrastive(), ScoreKL(), TokenContrast()])
def test_in_blocks_a_loss_is_the_same_and_keeps_less(
    objective: Objective, side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss, gradient, memory = _loss_gradient_and_memory(objective, side)
    monkeypatch.setattr(
        contrastive, "BLOCK_ENTRIES", 3 * 6 * 80
    )  # three sentences, or some 18 tokens
    got, by_blocks, less = _loss_gradient_and_memory(objective, side)
    assert got == pytest.approx(loss, rel=1e-6)
    assert torch.allclose(by_blocks, gradient, rtol=1e-4, atol=1e-7)
    assert less < memory / 3


def test_tokens_that_the_plan_drops_stay_negatives() -> None:
    student, teacher = (
        one._replace(special=torch.zeros_like(one.mask).index_fill(1, torch.tensor([0]), True))
        for one in (
            _batch(_unit(4, 5, 8, seed=1), [5, 3, 2, 4]),
            _batch(_unit(4, 7, 8, seed=2), LENGTHS_T),
        )
    )
    objective = _objective("token-contrast", special_tokens="drop")
    vectors = student.vectors.clone().requires_grad_()
    plain = objective.loss(student._replace(vectors=vectors), teacher)
    plain.backward()
    assert vectors.grad is not None
    assert not vectors.grad[:, 0].any() and vectors.grad[:, 1].any(dim=1).all()
    moved = teacher.vectors.clone()
    moved[0, 0] = student.vectors[1, 1]  # a dropped teacher token that lures another sentence's
    assert objective.loss(student, teacher._replace(vectors=moved)) > plain + 0.01


@pytest.mark.parametrize("penalty", [0.05, 0.5, 5.0])
@pytest.mark.parametrize("solve", [sinkhorn_plan, geomloss_plan])
def test_an_unbalanced_plan_is_pots(solve: Callable[..., torch.Tensor], penalty: float) -> None:
    import ot

    cost = cosine_cost(_unit(3, 6, 8, seed=3), _unit(3, 9, 8, seed=4))
    a, b = torch.full((3, 6), 1 / 6), torch.full((3, 9), 1 / 9)
    plan = solve(TransportProblem(cost, a, b), reg=0.1, iterations=2000, unbalanced=penalty)
    for got, entry in zip(plan.double().numpy(), cost.double().numpy(), strict=True):
        judge = ot.unbalanced.sinkhorn_unbalanced(
            np.full(6, 1 / 6), np.full(9, 1 / 9), entry, 0.1, penalty, numItermax=20_000
        )
        assert np.abs(got - judge).max() < 2e-3
        assert got.sum() == pytest.approx(judge.sum(), abs=5e-3)


def test_an_unbalanced_plan_leaves_out_what_has_no_counterpart() -> None:
    teacher = _unit(1, 4, 64, seed=5)
    student = torch.cat([teacher, -teacher[:, :1]], dim=1)  # the last one is like no other
    batches = [_batch(student, [5]), _batch(teacher, [4])]
    kept = _transport(iterations=200).plan_and_cost(*batches)[0][0].sum(dim=1)
    left = _transport(iterations=200, unbalanced=0.1).plan_and_cost(*batches)[0][0].sum(dim=1)
    assert float(kept[4]) == pytest.approx(0.2, abs=1e-2)
    assert float(left[4]) < 0.02 < float(left[0])


def test_centring_is_for_the_plan_and_not_for_the_loss() -> None:
    student, teacher = _sides()
    objective = _transport(centring="sentence")
    plans = objective.plan_and_cost(student, teacher)[0]
    for k, (s, t) in enumerate(zip(_sentences(student), _sentences(teacher), strict=True)):
        rest = [side - side.mean(axis=0) if len(side) > 1 else side for side in (s, t)]
        units = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in rest]
        cost = torch.from_numpy(1 - units[0] @ units[1].T).float()[None]
        n, m = cost.shape[1:]
        uniform = torch.full((1, n), 1 / n), torch.full((1, m), 1 / m)
        wanted = sinkhorn_plan(TransportProblem(cost, *uniform), reg=0.02, iterations=20)
        assert torch.allclose(plans[k, :n, :m], wanted[0], atol=1e-5)
    loss = (plans * cosine_cost(student.vectors, teacher.vectors)).sum(dim=(1, 2)).mean()
    assert float(objective.loss(student, teacher)) == pytest.approx(float(loss), rel=1e-6)


def test_a_mean_shared_by_all_tokens_hides_the_alignment_and_centring_finds_it() -> None:
    own = _unit(1, 8, 64, seed=6)
    shared = 6 * _unit(1, 1, 64, seed=7)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(1))
    teacher = torch.nn.functional.normalize(own + shared, dim=2)
    student = torch.nn.functional.normalize(own[:, order] + shared, dim=2)
    sides = [_batch(student, [8]), _batch(teacher, [8])]
    place = (0, torch.arange(8), order)
    blurred = _transport(reg=0.1).plan_and_cost(*sides)[0][place].sum()
    found = _transport(reg=0.1, centring="sentence").plan_and_cost(*sides)[0][place].sum()
    assert float(found) > 0.95 > 0.5 > float(blurred)
    one = centred(_batch(_unit(2, 1, 8, seed=8), [1, 1])).vectors
    assert torch.isfinite(one).all()


def _all() -> list[Objective]:
    return [objective_of(name) for name in OBJECTIVES] + [
        objective_of("transport+0.5*contrastive"),
        _transport(unbalanced=0.2),
        _transport(centring="sentence"),
    ]


@pytest.mark.parametrize("objective", _all(), ids=str)
def test_padding_changes_no_objective(objective: Objective) -> None:
    student, teacher = _sides()
    plain = objective.loss(student, teacher)
    wider = [
        TokenBatch(
            torch.cat([side.vectors, torch.full((4, 3, 8), fill)], dim=1),
            torch.cat([side.mask, torch.zeros(4, 3, dtype=torch.bool)], dim=1),
        )
        for side, fill in ((student, 1.0), (teacher, -3.0))
    ]
    assert float(objective.loss(*wider)) == pytest.approx(float(plain), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("objective", _all(), ids=str)
def test_every_objective_reaches_every_real_token_and_no_padding(objective: Objective) -> None:
    student, teacher = _sides()
    vectors = student.vectors.clone().requires_grad_()
    objective.loss(TokenBatch(vectors, student.mask), teacher).backward()
    assert vectors.grad is not None and torch.isfinite(vectors.grad).all()
    assert torch.equal(vectors.grad.abs().sum(dim=2) > 0, student.mask)


@pytest.mark.parametrize("objective", _all(), ids=str)
def test_following_any_objective_makes_the_translation_the_nearest(objective: Objective) -> None:
    """Free student tokens end nearer to their own sentence than to the others'."""
    _, teacher = _sides()
    free = _unit(4, 5, 8, seed=9).requires_grad_()
    optimiser = torch.optim.Adam([free], lr=0.05)
    for _ in range(120):
        unit = torch.nn.functional.normalize(free, dim=-1)
        optimiser.zero_grad()
        objective.loss(_batch(unit, [5] * 4), teacher).backward()
        optimiser.step()
    found = _batch(torch.nn.functional.normalize(free.detach(), dim=-1), [5] * 4)
    table = _score_table(_sentences(found), _sentences(teacher))
    assert (table.argmax(axis=1) == np.arange(4)).all()


@SIDES
@pytest.mark.parametrize("name", ["mse", "greedy", "contrastive", "score-kl", "token-contrast"])
def test_gradients_are_those_of_finite_differences(
    name: str, side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    student, teacher = _sides()
    objective = _objective(name, temperature=0.2, token_temperature=0.2)
    if name == "token-contrast":  # the plan is held constant
        plan = Transport().plan_and_cost(student, teacher)[0]
        monkeypatch.setattr(
            TokenContrast,
            "plan_and_cost",
            lambda _, own, other: (plan, cosine_cost(own.vectors, other.vectors)),
        )
    vectors = student.vectors.clone().requires_grad_()
    objective.loss(TokenBatch(vectors, student.mask), teacher, side).backward()
    assert vectors.grad is not None
    for place in [(0, 0, 0), (0, 4, 5), (1, 2, 1), (3, 1, 7)]:
        moved = []
        for sign in (1, -1):
            shifted = student.vectors.clone()
            shifted[place] += sign * 1e-2
            moved.append(float(objective.loss(TokenBatch(shifted, student.mask), teacher, side)))
        assert float(vectors.grad[place]) == pytest.approx(
            (moved[0] - moved[1]) / 2e-2, rel=3e-2, abs=2e-4
        )


def test_a_sum_is_the_weighted_sum_of_its_terms() -> None:
    student, teacher = _sides()
    settings = {"temperature": 0.1, "reg": 0.05}
    parts = [float(_objective(n, **settings).loss(student, teacher)) for n in ("transport", "mse")]
    both = _objective("transport + 2.5*mse", **settings).loss(student, teacher)
    assert float(both) == pytest.approx(parts[0] + 2.5 * parts[1], rel=1e-6)
    assert _objective("transport", **settings) == _transport(reg=0.05)
    assert _objective("1*transport", **settings) == _transport(reg=0.05)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "transport+",
        "0*mse",
        "-1*mse",
        "mse*2",
        "nan*mse",
        "1.2.3*mse",
        "mse+2*mse",
        "..*mse",
        ".*mse",
        "1e999*mse",
    ],
)
def test_expressions_that_make_no_sense_are_refused(expression: str) -> None:
    with pytest.raises(UsageError, match="objective"):
        objective_of(expression)


def test_an_unknown_objective_suggests_a_near_one() -> None:
    with pytest.raises(UnknownNameError, match="contrastiv") as caught:
        objective_of("transport+contrastiv")
    assert "contrastive" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["Transport", "transprot", "transport_contrast"])
def test_misspelt_objectives_are_recognised(name: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        objective_of(name)
    assert "did you mean 'transport" in str(caught.value.hint)


def test_an_unbalanced_plan_is_no_score() -> None:
    """It would carry least, and cost nothing, where two sentences have least in common."""
    with pytest.raises(UsageError, match="needs balanced plans"):
        _objective("transport-contrast", unbalanced=0.1)
    with pytest.raises(UsageError, match="needs balanced plans"):
        _objective("mse+transport-contrast", unbalanced=0.1)


@pytest.mark.parametrize("solve", [sinkhorn_plan, geomloss_plan])
def test_a_plan_that_is_not_finite_is_an_error(solve: Callable[..., torch.Tensor]) -> None:
    mass = torch.full((1, 2), 0.5)
    problem = TransportProblem(torch.full((1, 2, 2), math.nan), mass, mass)
    with pytest.raises(ClirotError, match=r"not finite at reg 0\.1 \("):
        solve(problem, reg=0.1, iterations=20)
    with pytest.raises(ClirotError, match=r"not finite at reg 0\.1 and unbalanced 0\.2"):
        solve(problem, reg=0.1, iterations=20, unbalanced=0.2)


def test_which_objectives_compare_the_sentences_of_a_batch() -> None:
    compares = {name for name in OBJECTIVES if objective_of(name).in_batch}
    assert compares == {"contrastive", "score-kl", "transport-contrast", "token-contrast"}
    for name in OBJECTIVES:
        student = TokenBatch(_unit(1, 3, 8, seed=1).requires_grad_(), torch.ones(1, 3).bool())
        teacher = _batch(_unit(1, 4, 8, seed=2), [4])
        objective_of(name).loss(student, teacher).backward()
        assert student.vectors.grad is not None
        # A token has the others of its own sentence to be told from.
        alone = name not in compares or name == "token-contrast"
        assert bool(student.vectors.grad.any()) is alone, name
    assert objective_of("mse+contrastive").in_batch
    assert not objective_of("mse+greedy").in_batch


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("contrastive", {"temperature": 0.0}),
        ("score-kl", {"temperature": math.nan}),
        ("transport-contrast", {"temperature": -1.0}),
        ("transport-contrast", {"reg": 0.0}),
        ("token-contrast", {"token_temperature": 0.0}),
        ("transport", {"unbalanced": -1.0}),
        ("transport", {"unbalanced": math.inf}),
        ("transport", {"unbalanced": 0.01}),
        ("transport", {"centring": "corpse"}),
        ("transport", {"marginals": "tf"}),
    ],
)
def test_settings_that_make_no_sense_are_refused(name: str, setting: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=f"`{next(iter(setting))}`"):
        _objective(name, **setting)


def test_every_setting_is_used_by_some_objective_and_told_of_where_it_is_not() -> None:
    names = {leaf.name for leaf in leaves(ObjectiveSettings)}
    assert names == frozenset().union(*(one.uses for one in OBJECTIVES.values()))
    assert set(unused(names, None)) == set(unused(names, objective_of("mse+greedy"))) == names
    told = unused([*names, "epochs"], objective_of("transport+0.5*contrastive"))
    assert told == {"token_temperature": "only token-contrast uses it"}
    exact = unused(names, _objective("transport-contrast", solver="exact"))
    assert set(exact) == {"reg", "iterations", "token_temperature"}


def test_settings_are_light_and_objectives_hold_them() -> None:
    """Commands read the settings for their help, and must not load torch for it."""
    code = (
        "import sys, clirot.distillation.settings\n"
        "assert not {'torch', 'numpy', 'scipy'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    settings = ObjectiveSettings(plan=PlanSettings(reg=0.3, iterations=7))
    objective = objective_of("transport-contrast", settings)
    assert isinstance(objective, TransportContrast)
    assert objective.plan is settings.plan and objective.contrast is settings.contrast
