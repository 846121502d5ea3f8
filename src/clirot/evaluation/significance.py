"""Whether a difference is more than chance: paired tests, Holm's correction, bootstrap intervals.

The t-test and the intervals are scipy's. The randomisation test is clirot's own, because scipy's
takes thirty times as long for 200 topics (``docs/decisions/005-what-is-kept-by-hand.md``).

Everything here works on arrays of values by topic and knows nothing of runs or measures. Random
numbers depend on the seed and the number of topics only, so that a p-value is the same on every
call, and does not change with the number of systems that are compared.

Sources: Smucker, Allan and Carterette, CIKM 2007 (the paired randomisation test for retrieval);
Phipson and Smyth, 2010 (the observed labelling is counted, so that p is never 0); Holm, 1979;
Efron, 1987 (BCa intervals); Efron and Tibshirani, 1993 (the bootstrap test); Welch, 1947.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from clirot.registry import Registry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]

EXACT_UP_TO = 16
"""Up to this number of topics that differ, all 2^n labellings are counted instead of a sample."""
_CHUNK = 4_000_000
"""Random numbers that are drawn at a time: some 100 MB of memory."""


class PValue(NamedTuple):
    """The outcome of a paired, two-sided test of the hypothesis that the mean difference is 0."""

    p: float
    exact: bool
    """Whether every labelling was counted, rather than a sample of them."""


class Interval(NamedTuple):
    """A confidence interval."""

    low: float
    high: float


def randomisation_test(differences: Values, *, samples: int = 20_000, seed: int = 0) -> PValue:
    """Fisher's paired randomisation test, two-sided.

    The p-value is the share of random signs that give as large a mean. It is exact where at
    most :data:`EXACT_UP_TO` topics differ; otherwise the observed labelling and ``samples - 1``
    random ones are counted.

    Args:
        differences: (topics,), one system's value minus the other's.
        samples: labellings counted where there are too many for all.
        seed: of the random signs.
    """
    values = np.asarray(differences, dtype=np.float64)
    # A labelling with the same sum as the observed one must count, even where rounding makes it
    # slightly smaller. Differences of measures are much larger than this tolerance.
    least = abs(values.sum()) - 1e-10 * np.abs(values).sum()
    differing = values[values != 0]
    if len(differing) <= EXACT_UP_TO:
        sums = np.zeros(1)
        for value in differing:
            sums = np.concatenate([sums + value, sums - value])
        return PValue(float(np.mean(np.abs(sums) >= least)), exact=True)
    extreme = 1
    for signs in _random_signs(len(values), samples - 1, seed):
        extreme += int(np.count_nonzero(np.abs(signs @ values) >= least))
    return PValue(extreme / samples, exact=False)


def t_test(differences: Values, *, samples: int = 0, seed: int = 0) -> PValue:
    """Student's paired t-test, two-sided. ``samples`` and ``seed`` are not used."""
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2 or not values.any():
        return PValue(1.0, exact=False)
    if _constant(values):
        return PValue(0.0, exact=False)
    from scipy.stats import ttest_1samp

    return PValue(float(ttest_1samp(values, 0.0).pvalue), exact=False)


Test = Callable[..., PValue]

TESTS: Registry[Test] = Registry("test", {"randomisation": randomisation_test, "t": t_test})
"""The paired tests by name."""


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction, which keeps the chance of a single false claim below alpha.

    Args:
        p_values: the p-values of the whole family of tests.

    Returns:
        The corrected p-values, in the same order.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def effect_size(differences: Values) -> float:
    """Cohen's d of paired differences: their mean in standard deviations.

    It is 0 where all differences are 0, and infinite where they are all equal and not 0.
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2 or not values.any():
        return 0.0
    if _constant(values):
        return math.copysign(math.inf, float(values.mean()))
    return float(values.mean() / values.std(ddof=1))


def _constant(values: Values) -> bool:
    """Whether all values are equal but for rounding."""
    return float(values.std()) <= 1e-14 * float(np.abs(values).max())


def bootstrap_interval(
    values: Values,
    minus: Values | None = None,
    *,
    confidence: float = 0.95,
    samples: int = 5_000,
    seed: int = 0,
) -> Interval:
    """The bias-corrected and accelerated bootstrap interval (BCa) of a mean.

    Topics are drawn with replacement. For a paired difference give the differences as ``values``;
    for two independent sets of topics, whose means are subtracted, give the second as ``minus``.

    Args:
        values: (topics,).
        minus: (topics,) of another set, or None.
        confidence: the share of such intervals that hold the true value.
        samples: bootstrap samples.
        seed: of the draws.

    Returns:
        The interval; a point where the values do not vary.
    """
    parts = [values] if minus is None else [values, -np.asarray(minus)]
    return interval_of_sum(parts, confidence=confidence, samples=samples, seed=seed)


def interval_of_sum(
    parts: Sequence[Values], *, confidence: float = 0.95, samples: int = 5_000, seed: int = 0
) -> Interval:
    """The BCa bootstrap interval of the sum of the means of independent samples.

    Args:
        parts: (topics,) each; topics are drawn with replacement within each.
        confidence: the share of such intervals that hold the true value.
        samples: bootstrap samples.
        seed: of the draws.

    Returns:
        The interval; a point where no sample varies.
    """
    parts = [np.asarray(part, dtype=np.float64) for part in parts]
    if all(map(_constant, parts)):
        point = float(sum(part.mean() for part in parts))
        return Interval(point, point)
    from scipy.stats import bootstrap

    # scipy refuses a sample of one, which is constant like the same value twice.
    parts = [part if len(part) > 1 else part.repeat(2) for part in parts]
    topics = max(map(len, parts))
    ends = bootstrap(
        parts,
        _sum_of_means,
        n_resamples=samples,
        batch=max(1, _CHUNK // topics),
        vectorized=True,
        confidence_level=confidence,
        method="BCa",
        rng=np.random.default_rng([seed, topics]),
    ).confidence_interval
    return Interval(float(ends.low), float(ends.high))


def _sum_of_means(*parts: Values, axis: int) -> Values:
    total: Values = sum(part.mean(axis=axis) for part in parts)
    return total


def bootstrap_test(parts: Sequence[Values], *, samples: int = 20_000, seed: int = 0) -> PValue:
    """The studentised bootstrap test that the means of independent samples sum to 0, two-sided.

    The samples are drawn with replacement from values that are shifted to a mean of 0, and the
    p-value is the share of draws whose sum is as many standard errors from 0 as the observed one
    (Efron and Tibshirani 1993, section 16.4). The observed sum counts as one of the draws.

    Args:
        parts: (topics,) each.
        samples: draws, the observed one included.
        seed: of the draws.
    """
    parts = [np.asarray(part, dtype=np.float64) for part in parts]
    total = float(sum(part.mean() for part in parts))
    largest = max(float(np.abs(part).max()) for part in parts)
    if abs(total) <= 1e-10 * largest:
        return PValue(1.0, exact=False)
    error = math.sqrt(sum(float(_error_of_mean(part[None])[0]) for part in parts))
    if error == 0:
        return PValue(1 / samples, exact=False)
    observed = abs(total) / error
    rng = np.random.default_rng([seed, *map(len, parts)])
    extreme, left = 1, samples - 1
    rows = max(1, _CHUNK // sum(map(len, parts)))
    while left > 0:
        count = min(rows, left)
        sums, errors = np.zeros(count), np.zeros(count)
        for part in parts:
            drawn = part[rng.integers(len(part), size=(count, len(part)))] - part.mean()
            sums += drawn.mean(axis=1)
            errors += _error_of_mean(drawn)
        # Draws without spread are compared by their sum alone: they count where it is not 0.
        extreme += int(np.count_nonzero(np.abs(sums) >= observed * np.sqrt(errors) + 1e-12))
        left -= count
    return PValue(extreme / samples, exact=False)


def _error_of_mean(values: Values) -> Values:
    """(rows, topics) -> (rows,): the squared standard error of the mean of each row."""
    topics = values.shape[1]
    return values.var(axis=1, ddof=1) / topics if topics > 1 else np.zeros(len(values))


def welch_test(parts: Sequence[Values]) -> PValue:
    """Welch's t-test that the means of independent samples sum to 0, two-sided.

    The degrees of freedom are those of Satterthwaite (1946), for any number of samples.

    Args:
        parts: (topics,) each.
    """
    total = float(sum(np.mean(part) for part in parts))
    shares = [float(_error_of_mean(np.asarray(part)[None])[0]) for part in parts]
    error = sum(shares)
    if error == 0:
        return PValue(1.0 if total == 0 else 0.0, exact=False)
    from scipy.stats import t

    freedom = error**2 / sum(
        share**2 / (len(part) - 1) for share, part in zip(shares, parts, strict=True) if share
    )
    return PValue(float(2 * t.sf(abs(total) / math.sqrt(error), freedom)), exact=False)


def _random_signs(topics: int, samples: int, seed: int) -> Iterator[Values]:
    """Arrays of -1.0 and 1.0 with a column for each topic, ``samples`` rows in all."""
    rng = np.random.default_rng([seed, topics])
    rows = max(1, _CHUNK // topics)
    while samples > 0:
        count = min(rows, samples)
        bits = np.unpackbits(np.frombuffer(rng.bytes((count * topics + 7) // 8), np.uint8))
        yield bits[: count * topics].reshape(count, topics) * 2.0 - 1.0
        samples -= count
