"""The options of transport, against POT, scipy, brute force, closed forms and each other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from clirot.distillation.objectives.contrastive import TransportContrast
from clirot.distillation.objectives.objective import (
    Objective,
    informed,
    objective_of,
    transports,
)
from clirot.distillation.objectives.solvers import TransportProblem, exact_plan, sinkhorn_plan
from clirot.distillation.objectives.tokens import TokenBatch
from clirot.distillation.objectives.transport import (
    CorpusStatistics,
    Lexicon,
    Transform,
    Transport,
    cosine_cost,
    inverse_document_frequency,
    ordinary,
)
from clirot.distillation.settings import (
    ContrastSettings,
    ObjectiveSettings,
    PlanSettings,
)
from clirot.errors import ClirotError, UsageError
from clirot.settings import assembled

LENGTHS_S, LENGTHS_T = [5, 3, 1, 4], [7, 2, 6, 3]
VOCABULARY = 30


def _unit(*shape: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(*shape, generator=generator), dim=-1)


def _tokens(lengths: list[int], seed: int) -> TokenBatch:
    """Sentences with all that an option may ask for; what is at padding would do harm if read."""
    generator = torch.Generator().manual_seed(seed)
    shape = len(lengths), max(lengths)
    mask = torch.arange(shape[1])[None, :] < torch.tensor(lengths)[:, None]
    special = torch.rand(shape, generator=generator) < 0.3
    special[:, 0] = True
    return TokenBatch(
        _unit(*shape, 8, seed=seed),
        mask,
        ids=torch.randint(VOCABULARY, shape, generator=generator),
        special=special,
        norms=torch.rand(shape, generator=generator) * 9 + 1,
        layer=5 * torch.randn(*shape, 6, generator=generator),
    )


def _missed(plan: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (plan.sum(2) - a).abs().sum(1) + (plan.sum(1) - b).abs().sum(1)


def _sides() -> tuple[TokenBatch, TokenBatch]:
    return _tokens(LENGTHS_S, seed=1), _tokens(LENGTHS_T, seed=2)


def _lexicon() -> Lexicon:
    generator = torch.Generator().manual_seed(7)
    keys = torch.randperm(VOCABULARY**2, generator=generator)[:200]
    chances = torch.rand(200, generator=generator) ** 4
    return Lexicon(keys // VOCABULARY, keys % VOCABULARY, chances.clamp_min(1e-9))


def _corpus(dim: int = 8) -> CorpusStatistics:
    generator = torch.Generator().manual_seed(8)
    counts = torch.randint(0, 40, (2, VOCABULARY), generator=generator)
    return CorpusStatistics(
        student_idf=inverse_document_frequency(counts[0], 40),
        teacher_idf=inverse_document_frequency(counts[1], 40),
        transform=Transform.fitted(_unit(500, dim, seed=9) + 0.3, whiten=True),
        lexicon=_lexicon(),
    )


OPTIONS: list[dict[str, Any]] = [
    {},
    {"special_tokens": "drop"},
    {"marginals": "idf"},
    {"marginals": "norm"},
    {"marginals": "idf", "special_tokens": "drop"},
    {"marginals": "distinct", "special_tokens": "drop"},
    {"teacher_layer": 3},
    {"teacher_layer": 3, "centring": "sentence"},
    {"teacher_layer": 3, "centring": "whiten", "corpus": _corpus(6)},
    {"centring": "corpus"},
    {"centring": "whiten"},
    {"lexical_prior": 0.3},
    {"solver": "exact"},
    {"solver": "exact", "marginals": "idf", "special_tokens": "drop", "lexical_prior": 0.3},
    {"tolerance": 0.02, "iterations": 640},
    {"unbalanced": 0.2, "special_tokens": "drop", "lexical_prior": 0.2},
]


def _name(options: dict[str, Any]) -> str:
    """The same in every process: test processes compare what they collected."""
    return ",".join(f"{name}={value}" for name, value in options.items() if name != "corpus")


every_option = pytest.mark.parametrize("options", OPTIONS, ids=_name)


def _transport(corpus: CorpusStatistics | None = None, **settings: Any) -> Transport:
    return Transport(plan=PlanSettings(**settings), corpus=corpus or _corpus())


def _objective(name: str, **settings: Any) -> Objective:
    return objective_of(name, assembled(ObjectiveSettings, settings))


@every_option
def test_padding_changes_no_loss(options: dict[str, Any]) -> None:
    student, teacher = _sides()
    objective = _transport(**options)

    def wider(side: TokenBatch, fill: float) -> TokenBatch:
        count = len(side.mask)
        parts = []
        for part in side[:-1]:  # what there is of a token; the last is of a sentence
            assert part is not None
            value = torch.full((count, 3, *part.shape[2:]), fill).to(part.dtype)
            parts.append(torch.cat([part, value if part is not side.mask else value & False], 1))
        return TokenBatch(*parts)

    plain = objective.loss(student, teacher)
    padded = objective.loss(wider(student, 1.0), wider(teacher, 2.0))
    assert float(padded) == pytest.approx(float(plain), rel=1e-5, abs=1e-6)


@every_option
def test_a_plan_does_not_depend_on_the_rest_of_the_batch(options: dict[str, Any]) -> None:
    student, teacher = _sides()
    objective = _transport(**options)
    together = objective.plan_and_cost(student, teacher)[0]
    for row in range(4):
        alone = objective.plan_and_cost(student.rows([row]), teacher.rows([row]))[0]
        assert torch.allclose(together[row], alone[0], atol=1e-6)
        assert float(alone[0][~student.mask[row]].abs().sum()) == 0
        assert float(alone[0][:, ~teacher.mask[row]].abs().sum()) == 0


@every_option
def test_the_order_of_the_tokens_does_not_matter(options: dict[str, Any]) -> None:
    student, teacher = _sides()
    objective = _transport(**options)
    shuffled = [
        TokenBatch(*(None if part is None else part.flip(dims=[1]) for part in side))
        for side in (student, teacher)
    ]
    turned = objective.plan_and_cost(*shuffled)[0].flip(dims=[1, 2])
    assert torch.allclose(turned, objective.plan_and_cost(student, teacher)[0], atol=1e-5)


@every_option
def test_the_marginals_are_met_and_dropped_tokens_have_none(options: dict[str, Any]) -> None:
    student, teacher = _sides()
    objective = _transport(**({"iterations": 800, "reg": 0.1} | options | {"unbalanced": 0.0}))
    plan = objective.plan_and_cost(student, teacher)[0]
    a, b = objective.masses(student), objective.masses(teacher, of="teacher")
    assert float(_missed(plan, a, b).max()) < max(1e-2, 2 * objective.plan.tolerance)
    assert torch.allclose(a.sum(1), torch.ones(4)) and torch.allclose(b.sum(1), torch.ones(4))
    if objective.plan.special_tokens == "drop":
        assert student.special is not None and teacher.special is not None
        several = [0, 1, 3]  # a sentence of one special token keeps it
        gone = student.special[several][:, :, None] | teacher.special[several][:, None, :]
        kept = ordinary(teacher)[several].any(dim=1)
        assert bool(kept.all())
        assert float(plan[several][gone].sum()) == 0


@every_option
def test_the_gradient_is_that_of_finite_differences_under_the_plan(options: dict[str, Any]) -> None:
    student, teacher = _sides()
    objective = _transport(**options)
    free = student.vectors.clone().requires_grad_()
    objective.loss(student._replace(vectors=free), teacher).backward()
    assert free.grad is not None
    plan = objective.plan_and_cost(student, teacher)[0]
    for place in [(0, 0, 0), (0, 4, 5), (1, 2, 1), (3, 1, 7)]:
        moved = []
        for sign in (1, -1):
            shifted = student.vectors.clone()
            shifted[place] += sign * 1e-2
            cost = cosine_cost(shifted, teacher.vectors)
            moved.append(float((plan * cost).sum(dim=(1, 2)).mean()))
        numeric = (moved[0] - moved[1]) / 2e-2
        assert float(free.grad[place]) == pytest.approx(numeric, rel=1e-2, abs=1e-4)


@pytest.mark.parametrize(
    "options", [one for one in OPTIONS if "unbalanced" not in one and len(one) < 3], ids=_name
)
def test_a_contrast_of_transport_scores_by_the_same_plans(options: dict[str, Any]) -> None:
    student, teacher = _sides()
    plain = _transport(**options)
    table = torch.tensor(
        [
            [float(plain.loss(student.rows([k]), teacher.rows([row]))) for row in range(4)]
            for k in range(4)
        ]
    )
    wanted = -torch.log_softmax(-table / 0.1, dim=1).diagonal().mean()
    contrast = TransportContrast(
        plan=plain.plan, contrast=ContrastSettings(temperature=0.1), corpus=plain.corpus
    )
    assert float(contrast.loss(student, teacher)) == pytest.approx(float(wanted), rel=1e-4)


def test_the_loss_is_of_the_tokens_as_scored_whatever_the_plan_goes_by() -> None:
    student, teacher = _sides()
    for options in OPTIONS:
        objective = _transport(**options)
        plan, cost = objective.plan_and_cost(student, teacher)
        assert torch.equal(cost, cosine_cost(student.vectors, teacher.vectors))
        loss = (plan * cost).sum(dim=(1, 2)).mean()
        assert float(objective.loss(student, teacher)) == pytest.approx(float(loss))


# The exact solver


def _masses(generator: np.random.Generator, count: int, length: int) -> np.ndarray:
    found = generator.random((count, length)) + 0.05
    return found / found.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 6), (7, 7), (9, 4), (5, 12)])
def test_an_exact_plan_costs_what_pots_network_simplex_finds(n: int, m: int) -> None:
    import ot

    generator = np.random.default_rng(n * 100 + m)
    cost = generator.random((4, n, m)) * 2
    a, b = _masses(generator, 4, n), _masses(generator, 4, m)
    plans = exact_plan(TransportProblem(*(torch.from_numpy(x) for x in (cost, a, b)))).numpy()
    for plan, table, rows, columns in zip(plans, cost, a, b, strict=True):
        assert (plan * table).sum() == pytest.approx(ot.emd2(rows, columns, table), abs=1e-9)
        assert np.allclose(plan.sum(axis=1), rows) and np.allclose(plan.sum(axis=0), columns)
        assert np.allclose(plan, ot.emd(rows, columns, table), atol=1e-9)  # costs are in no tie
        assert (plan > 1e-12).sum() <= n + m - 1


def test_an_exact_plan_of_equal_lengths_is_the_assignment() -> None:
    cost = cosine_cost(_unit(3, 8, 16, seed=1), _unit(3, 8, 16, seed=2))
    uniform = torch.full((3, 8), 1 / 8)
    plans = exact_plan(TransportProblem(cost, uniform, uniform))
    for plan, table in zip(plans, cost, strict=True):
        rows, columns = linear_sum_assignment(table.numpy())
        wanted = np.zeros((8, 8))
        wanted[rows, columns] = 1 / 8
        assert np.allclose(plan.numpy(), wanted, atol=1e-6)


def test_a_sharp_entropic_plan_tends_to_the_exact_one() -> None:
    student, teacher = _sides()
    exact = float(_transport(solver="exact").loss(student, teacher))
    found = [
        float(_transport(reg=reg, iterations=3000).loss(student, teacher)) for reg in (0.2, 0.01)
    ]
    assert abs(found[1] - exact) < 2e-3 < abs(found[0] - exact)


# Early stopping


def test_every_pair_stops_within_the_tolerance_or_at_the_end() -> None:
    cost = cosine_cost(_unit(12, 9, 16, seed=3), _unit(12, 6, 16, seed=4))
    cost[:4] = 0.5  # the plan is even from the first iteration on
    cost[4:8] *= 0.3
    a, b = torch.full((12, 9), 1 / 9), torch.full((12, 6), 1 / 6)

    def error(iterations: int, tolerance: float = 0.0) -> torch.Tensor:
        plan = sinkhorn_plan(
            TransportProblem(cost, a, b), reg=0.02, iterations=iterations, tolerance=tolerance
        )
        return _missed(plan, a, b)

    stopped, first, last = error(102, 0.02), error(12), error(102)
    assert bool(((stopped <= 0.0201) | torch.isclose(stopped, last)).all())
    early = first <= 0.02
    assert 4 <= int(early.sum()) < 12 and int((last > 0.02).sum()) < int((~early).sum())
    assert torch.allclose(stopped[early], first[early], atol=1e-6)


def test_a_tolerance_that_is_never_met_gives_the_plan_of_all_iterations() -> None:
    student, teacher = _sides()
    stopped = _transport(iterations=20, tolerance=1e-9).plan_and_cost(student, teacher)[0]
    every = _transport(iterations=20).plan_and_cost(student, teacher)[0]
    assert torch.allclose(stopped, every, atol=1e-7)


# Marginals


def test_idf_is_that_of_the_formula_and_positive_for_what_every_sentence_has() -> None:
    found = inverse_document_frequency(torch.tensor([0, 1, 5, 10]), 10)
    wanted = [math.log(1 + (10 - df + 0.5) / (df + 0.5)) for df in (0, 1, 5, 10)]
    assert found.tolist() == pytest.approx(wanted, rel=1e-6)
    assert float(inverse_document_frequency(torch.tensor([10**7]), 10**7)) > 0


def test_masses_are_in_proportion_to_what_was_asked_for() -> None:
    student, teacher = _sides()
    corpus = _corpus()
    assert corpus.student_idf is not None and corpus.teacher_idf is not None
    idf, norm = _transport(marginals="idf"), _transport(marginals="norm")
    both = _transport(marginals="idf", special_tokens="drop")
    assert student.ids is not None and teacher.ids is not None and teacher.norms is not None
    assert student.special is not None
    for row, (n, m) in enumerate(zip(LENGTHS_S, LENGTHS_T, strict=True)):
        own = corpus.student_idf[student.ids[row, :n]]
        other = corpus.teacher_idf[teacher.ids[row, :m]]
        assert torch.allclose(idf.masses(student)[row, :n], own / own.sum())
        assert torch.allclose(idf.masses(teacher, of="teacher")[row, :m], other / other.sum())
        lengths = teacher.norms[row, :m]
        assert torch.allclose(norm.masses(teacher, of="teacher")[row, :m], lengths / lengths.sum())
        assert torch.allclose(norm.masses(student)[row, :n], torch.full((n,), 1 / n))
        if n > 1:
            text = own * ~student.special[row, :n]
            assert torch.allclose(both.masses(student)[row, :n], text / text.sum())


def test_a_sentence_of_special_tokens_alone_keeps_them() -> None:
    special = torch.tensor([[True, True, False], [True, False, True]])
    mask = torch.tensor([[True, True, False], [True, True, True]])
    batch = TokenBatch(_unit(2, 3, 4, seed=1), mask, special=special)
    assert _transport(special_tokens="drop").masses(batch).tolist() == [[0.5, 0.5, 0], [0, 1, 0]]


# Costs


@pytest.mark.parametrize("whiten", [False, True])
def test_a_transform_is_that_of_numpy(whiten: bool) -> None:
    generator = np.random.default_rng(1)
    sample = generator.standard_normal((4000, 5)) @ generator.standard_normal((5, 5)) + 3
    transform = Transform.fitted(torch.from_numpy(sample), whiten=whiten, shrinkage=0.0)
    rest = sample - sample.mean(axis=0)
    if whiten:
        inverse = np.linalg.inv(np.cov(sample.T, bias=True))
        # The cosine of whitened vectors is the Mahalanobis one, whatever square root was taken.
        product = rest[:20] @ inverse @ rest[20:40].T
        size = [
            np.sqrt(np.einsum("ij,jk,ik->i", one, inverse, one)) for one in (rest[:20], rest[20:40])
        ]
    else:
        product = rest[:20] @ rest[20:40].T
        size = [np.linalg.norm(one, axis=1) for one in (rest[:20], rest[20:40])]
    units = transform(torch.from_numpy(sample[:40]))
    assert np.allclose((units[:20] @ units[20:].T).numpy(), product / np.outer(*size), atol=1e-4)


def test_shrinkage_bounds_how_far_a_direction_is_stretched() -> None:
    sample = torch.randn(3000, 6, generator=torch.Generator().manual_seed(1))
    sample[:, 5] = 0  # nothing varies there
    matrix = Transform.fitted(sample, whiten=True).matrix
    assert matrix is not None
    assert float(torch.linalg.matrix_norm(matrix, 2)) == pytest.approx(0.1**-0.5, rel=1e-3)


def test_whitening_finds_the_alignment_that_a_few_loud_directions_hide() -> None:
    generator = torch.Generator().manual_seed(2)
    loud = torch.ones(64)
    loud[:3] = 30.0
    corpus = torch.randn(4000, 64, generator=generator) * loud + 5
    teacher = corpus[:8]
    order = torch.randperm(8, generator=generator)
    quiet = torch.randn(8, 64, generator=generator)
    noise = torch.full((64,), 0.3)
    noise[:3] = 60.0  # what is loud says nothing
    student = teacher[order] + quiet * noise
    unit = torch.nn.functional.normalize
    batches = [
        TokenBatch(unit(one, dim=1)[None], torch.ones(1, 8).bool()) for one in (student, teacher)
    ]
    statistics = CorpusStatistics(transform=Transform.fitted(unit(corpus, dim=1), whiten=True))
    place = (0, torch.arange(8), order)
    hidden = _transport(reg=0.1).plan_and_cost(*batches)[0][place].sum()
    whitened = _transport(statistics, reg=0.1, centring="whiten")
    found = whitened.plan_and_cost(*batches)[0][place].sum()
    assert float(found) > 0.85 > float(hidden) + 0.4


def test_a_lexicon_is_a_dictionary_of_surprise() -> None:
    entries = {(2, 5): 1.0, (2, 0): 0.1, (0, 5): 1e-4, (3, 3): 1e-9, (9, 7): 0.5}
    pairs = torch.tensor(list(entries))
    lexicon = Lexicon(pairs[:, 0], pairs[:, 1], torch.tensor(list(entries.values())))
    own, other = torch.tensor([[0, 2, 3, 9, 4]]), torch.tensor([[5, 0, 3, 7, 99]])
    found = lexicon.surprise(own, other)[0]
    for i, f in enumerate(own[0].tolist()):
        for j, e in enumerate(other[0].tolist()):
            chance = max(entries.get((f, e), 0.0), 1e-4)
            assert float(found[i, j]) == pytest.approx(math.log(chance) / math.log(1e-4), abs=1e-6)
    nothing = Lexicon(*(torch.zeros(0, dtype=torch.long) for _ in range(2)), torch.zeros(0))
    assert torch.equal(nothing.surprise(own, other), torch.ones(1, 5, 5))


def test_a_lexical_prior_decides_where_the_vectors_do_not() -> None:
    order = torch.randperm(6, generator=torch.Generator().manual_seed(3))
    same = _unit(1, 1, 8, seed=1).expand(1, 6, 8)
    ids = torch.arange(6)
    lexicon = Lexicon(ids, order, torch.full((6,), 0.9))
    sides = [TokenBatch(same, torch.ones(1, 6).bool(), ids=ids[None]) for _ in range(2)]
    even = Transport().plan_and_cost(*sides)[0]
    found = _transport(CorpusStatistics(lexicon=lexicon), lexical_prior=0.3).plan_and_cost(*sides)[
        0
    ]
    assert torch.allclose(even, torch.full((1, 6, 6), 1 / 36), atol=1e-5)
    assert torch.equal(found[0].argmax(dim=1), order)
    assert float(found[0, ids, order].sum()) > 0.99


def test_what_a_table_does_not_have_is_neither_drawn_nor_pushed() -> None:
    """A row or a column that is dearer as a whole does not move a balanced plan."""
    student, teacher = _sides()
    unknown = CorpusStatistics(
        lexicon=Lexicon(torch.tensor([VOCABULARY]), torch.tensor([0]), torch.ones(1))
    )
    plain = _transport(iterations=2000, reg=0.05).plan_and_cost(student, teacher)[0]
    prior = _transport(unknown, iterations=2000, reg=0.05, lexical_prior=0.5)
    found = prior.plan_and_cost(student, teacher)[0]
    assert torch.allclose(found, plain, atol=1e-3)


# What is refused, and what is asked for


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"special_tokens": "lose"}, "unknown `special_tokens` 'lose'"),
        ({"marginals": "tf"}, "unknown `marginals` 'tf'"),
        ({"centring": "mean"}, "unknown `centring` 'mean'"),
        ({"solver": "emd"}, "unknown `solver` 'emd'"),
        ({"tolerance": -0.1}, "`tolerance` must be from 0 to 4"),
        ({"tolerance": math.nan}, "`tolerance` must be a finite number, from 0 to 4, got nan"),
        ({"lexical_prior": -1.0}, "`lexical_prior` must be from 0 to 10"),
        ({"teacher_layer": -2}, "`teacher_layer` must be at least -1"),
        ({"tolerance": 0.1, "unbalanced": 0.1}, "does not meet the marginals"),
        ({"solver": "exact", "unbalanced": 0.1}, "takes no `unbalanced`"),
        ({"solver": "exact", "tolerance": 0.1}, "takes no `tolerance`"),
        ({"solver": "geomloss", "tolerance": 0.1}, "takes no `tolerance`"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        PlanSettings(**settings)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"special_tokens": "drop"}, "special"),
        ({"marginals": "idf"}, "ids"),
        ({"marginals": "norm"}, "norms"),
        ({"teacher_layer": 2}, "layer"),
        ({"lexical_prior": 0.1}, "ids"),
    ],
)
def test_what_a_plan_asks_for_is_named_and_missed(settings: dict[str, Any], field: str) -> None:
    student, teacher = _sides()
    objective = _transport(**settings)
    assert objective.plan.asks_for == {field}
    objective.loss(student, teacher)
    with pytest.raises(ClirotError, match=r"need|not known"):
        objective.loss(student, teacher._replace(**{field: None}))
    assert PlanSettings().asks_for == frozenset()


@pytest.mark.parametrize(
    "settings", [{"marginals": "idf"}, {"centring": "whiten"}, {"lexical_prior": 0.1}]
)
def test_statistics_of_a_corpus_reach_every_plan_of_a_sum(settings: dict[str, Any]) -> None:
    student, teacher = _sides()
    total = _objective("mse+0.5*transport+transport-contrast", **settings)
    with pytest.raises(ClirotError, match="need"):
        total.loss(student, teacher)
    known = informed(total, _corpus())
    assert [type(one) for one in transports(known)] == [Transport, TransportContrast]
    assert torch.isfinite(known.loss(student, teacher))
    assert informed(objective_of("mse"), _corpus()) == objective_of("mse")
