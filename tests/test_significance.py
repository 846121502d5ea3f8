"""Tests of tests: exact cases against scipy, false positives, coverage, Holm in closed form."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from clirot.evaluation.significance import (
    EXACT_UP_TO,
    TESTS,
    Interval,
    bootstrap_interval,
    effect_size,
    holm,
    randomisation_test,
    t_test,
)

rng = np.random.default_rng(20_260_101)


def enumerated(differences: np.ndarray) -> float:
    """The p-value by writing down every labelling."""
    signs = np.array(list(itertools.product([-1, 1], repeat=len(differences))))
    sums = np.abs(signs @ differences)
    return float(np.mean(sums >= abs(differences.sum()) - 1e-12))


@pytest.mark.parametrize("topics", [1, 2, 5, 9, 12])
def test_small_cases_are_exact_and_agree_with_scipy(topics: int) -> None:
    for _ in range(5):
        differences = rng.normal(0.2, 1, topics).round(2)
        ours = randomisation_test(differences)
        assert ours.exact
        assert ours.p == pytest.approx(enumerated(differences), abs=1e-12)
        if topics > 1:
            theirs = stats.permutation_test(
                (differences, np.zeros(topics)),
                lambda a, b, axis: np.mean(a - b, axis=axis),
                permutation_type="samples",
                n_resamples=np.inf,
                vectorized=True,
            )
            assert ours.p == pytest.approx(theirs.pvalue, abs=1e-9)


def test_topics_that_do_not_differ_do_not_count() -> None:
    few = np.array([0.3, -0.1, 0.25, 0.2])
    assert randomisation_test(np.concatenate([few, np.zeros(500)])) == randomisation_test(few)
    assert randomisation_test(np.zeros(40)).p == 1.0
    assert t_test(np.zeros(40)).p == 1.0


def test_ties_that_rounding_splits_are_counted() -> None:
    # .1 + .2 - .3 is 5.6e-17: every labelling of these is as extreme as its mirror image.
    differences = np.array([0.1, 0.2, -0.3, 0.1, 0.2, -0.3])
    assert randomisation_test(differences).p == 1.0


def test_sampling_comes_near_the_exact_value() -> None:
    differences = np.concatenate([rng.normal(0.35, 1, EXACT_UP_TO), [1e-9]])  # one too many
    sampled = randomisation_test(differences, samples=200_000)
    assert not sampled.exact
    error = 4 * math.sqrt(0.25 / 200_000)
    assert sampled.p == pytest.approx(randomisation_test(differences[:-1]).p, abs=error)


def test_the_seed_decides_and_nothing_else_does() -> None:
    differences = rng.normal(0.2, 1, 60)
    first = randomisation_test(differences, seed=3)
    assert first == randomisation_test(differences, seed=3)
    assert first != randomisation_test(differences, seed=4)
    assert bootstrap_interval(differences, seed=3) == bootstrap_interval(differences, seed=3)
    assert bootstrap_interval(differences, seed=3) != bootstrap_interval(differences, seed=4)


def test_the_smallest_p_is_one_in_the_number_of_samples() -> None:
    assert randomisation_test(np.full(100, 0.5), samples=1000).p == 1 / 1000


@pytest.mark.parametrize("topics", [2, 10, 200])
def test_the_t_test_is_scipys(topics: int) -> None:
    differences = rng.normal(0.1, 1, topics)
    theirs = stats.ttest_rel(differences, np.zeros(topics)).pvalue
    assert t_test(differences).p == pytest.approx(theirs, abs=1e-12)


def test_the_t_test_without_spread() -> None:
    assert t_test(np.full(20, 0.25)).p == 0.0
    assert t_test(np.array([0.25])).p == 1.0


@pytest.mark.parametrize("name", [*TESTS])
def test_equal_systems_are_told_apart_as_often_as_alpha_says(name: str) -> None:
    """2,000 pairs of equal systems on 50 topics: 3.5 to 6.5 % rejected at .05.

    Values as average precision has them: skewed, between 0 and 1, hard and easy topics.
    """
    draw = np.random.default_rng(5)
    rejected = 0
    for pair in range(2000):
        easy = draw.beta(0.6, 1.2, size=50)
        first, second = (draw.beta(0.2 + 4 * easy, 0.2 + 4 * (1 - easy)) for _ in range(2))
        p = TESTS[name](first - second, samples=1000, seed=pair).p
        rejected += p < 0.05
    assert 0.035 <= rejected / 2000 <= 0.065


def test_holm_in_closed_form() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_holm_keeps_false_claims_below_alpha() -> None:
    draw = np.random.default_rng(6)
    wrong = sum(min(holm(draw.uniform(size=8).tolist())) < 0.05 for _ in range(4000))
    assert wrong / 4000 <= 0.06


def test_effect_size() -> None:
    values = np.array([1.0, 2.0, 3.0])
    assert effect_size(values) == pytest.approx(2.0)
    assert effect_size(-values) == pytest.approx(-2.0)
    assert effect_size(np.zeros(3)) == 0.0
    assert effect_size(np.full(3, -0.1)) == -math.inf


def test_the_interval_is_scipys_bca() -> None:
    values = rng.beta(0.5, 1.5, 80)
    ours = bootstrap_interval(values, samples=20_000)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    assert ours.low == pytest.approx(theirs.low, abs=0.004)
    assert ours.high == pytest.approx(theirs.high, abs=0.004)


def test_the_interval_of_two_independent_sets_is_scipys_bca() -> None:
    first, second = rng.beta(0.5, 1.5, 70), rng.beta(0.5, 2.5, 40)
    ours = bootstrap_interval(first, second, samples=20_000)
    theirs = stats.bootstrap(
        (first, second),
        lambda a, b, axis: np.mean(a, axis=axis) - np.mean(b, axis=axis),
        n_resamples=20_000,
        method="BCa",
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert ours.low == pytest.approx(theirs.low, abs=0.005)
    assert ours.high == pytest.approx(theirs.high, abs=0.005)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_intervals_hold_the_truth_as_often_as_they_say(confidence: float) -> None:
    draw = np.random.default_rng(7)
    truth = 0.6 / (0.6 + 1.2)
    held = 0
    for seed in range(800):
        ends = bootstrap_interval(
            draw.beta(0.6, 1.2, 60), confidence=confidence, samples=1000, seed=seed
        )
        held += ends.low <= truth <= ends.high
    # binomial noise of 800 draws (three deviations) and the bootstrap's known shortfall at n = 60
    assert held / 800 == pytest.approx(confidence, abs=0.045)


def test_values_that_do_not_vary_give_a_point() -> None:
    assert bootstrap_interval(np.full(10, 0.25)) == Interval(0.25, 0.25)
    assert bootstrap_interval(np.full(10, 0.5), np.full(7, 0.25)) == Interval(0.25, 0.25)
