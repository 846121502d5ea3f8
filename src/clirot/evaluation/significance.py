"""Whether a difference is more than chance: paired tests, Holm's correction, bootstrap intervals.

Everything here works on plain arrays of per-topic values and knows nothing of runs or measures.
Random numbers come from a seed and the number of topics alone, so a p-value does not depend on how
many other systems are compared, and is the same on every call.

Sources: Smucker, Allan and Carterette, CIKM 2007 (the paired randomisation test for retrieval);
Phipson and Smyth, 2010 (why the observed labelling is counted: p is never 0); Holm, 1979; Efron,
1987 (BCa intervals).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from clirot.registry import Registry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]

EXACT_UP_TO = 16
"""Topics that differ, up to which all 2^n labellings are counted instead of sampled."""
_CHUNK = 4_000_000
"""Random numbers drawn at a time: bounds memory to about 100 MB."""


@dataclass(frozen=True)
class PValue:
    """The outcome of a paired two-sided test of "the mean difference is 0"."""

    p: float
    exact: bool
    """Counted over every labelling rather than sampled or approximated."""


@dataclass(frozen=True)
class Interval:
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
    # A labelling whose sum equals the observed one must count although rounding may put it a hair
    # below; differences of measures are far coarser than this.
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
    from scipy.special import stdtr

    values = np.asarray(differences, dtype=np.float64)
    if not values.any():
        return PValue(1.0, exact=False)
    if len(values) < 2:
        return PValue(1.0, exact=False)
    deviation = float(values.std(ddof=1))
    if deviation <= 1e-14 * float(np.abs(values).max()):
        return PValue(0.0, exact=False)
    t = float(values.mean()) / (deviation / math.sqrt(len(values)))
    return PValue(2 * float(stdtr(len(values) - 1, -abs(t))), exact=False)


Test = Callable[..., PValue]

TESTS: Registry[Test] = Registry("test", {"randomisation": randomisation_test, "t": t_test})
"""The paired tests by name."""


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment: the chance of one false claim among all stays below alpha.

    Args:
        p_values: of the whole family of tests.

    Returns:
        Adjusted p-values, in the same order.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def effect_size(differences: Values) -> float:
    """Cohen's d of paired differences: their mean in standard deviations. 0 where all are 0.

    Infinite where all topics differ by exactly the same.
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2 or not values.any():
        return 0.0
    deviation = float(values.std(ddof=1))
    if deviation <= 1e-14 * float(np.abs(values).max()):
        return math.copysign(math.inf, float(values.mean()))
    return float(values.mean()) / deviation


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
    parts = [np.asarray(values, dtype=np.float64)]
    weights = [1.0]
    if minus is not None:
        parts.append(np.asarray(minus, dtype=np.float64))
        weights.append(-1.0)
    observed = sum(weight * float(part.mean()) for weight, part in zip(weights, parts, strict=True))
    means = np.zeros(samples)
    influence = []
    for place, (weight, part) in enumerate(zip(weights, parts, strict=True)):
        means += weight * _bootstrap_means(part, samples, seed + 7919 * place)
        influence.append(weight * (part - part.mean()) / len(part))
    spread = np.concatenate(influence)
    if not np.any(np.abs(spread) > 1e-15):
        return Interval(observed, observed)
    return Interval(*_bca(means, observed, spread, confidence))


def _bca(
    means: Values, observed: float, influence: Values, confidence: float
) -> tuple[float, float]:
    normal = NormalDist()
    below = (np.count_nonzero(means < observed) + np.count_nonzero(means <= observed)) / 2
    share = min(max(below / len(means), 1 / (2 * len(means))), 1 - 1 / (2 * len(means)))
    bias = normal.inv_cdf(share)
    acceleration = float((influence**3).sum() / (6 * (influence**2).sum() ** 1.5))

    def level(tail: float) -> float:
        z = bias + normal.inv_cdf(tail)
        return normal.cdf(bias + z / (1 - acceleration * z))

    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [level(tail), level(1 - tail)])
    return float(low), float(high)


def _random_signs(topics: int, samples: int, seed: int) -> Iterator[Values]:
    """(up to samples, topics) arrays of -1.0 and 1.0, ``samples`` rows in all."""
    rng = np.random.default_rng([seed, topics])
    rows = max(1, _CHUNK // topics)
    while samples > 0:
        count = min(rows, samples)
        bits = np.unpackbits(np.frombuffer(rng.bytes((count * topics + 7) // 8), np.uint8))
        yield bits[: count * topics].reshape(count, topics) * 2.0 - 1.0
        samples -= count


def _bootstrap_means(values: Values, samples: int, seed: int) -> Values:
    rng = np.random.default_rng([seed, len(values)])
    rows = max(1, _CHUNK // len(values))
    means = []
    for start in range(0, samples, rows):
        count = min(rows, samples - start)
        drawn = rng.integers(0, len(values), size=(count, len(values)), dtype=np.int32)
        means.append(values[drawn].mean(axis=1))
    return np.concatenate(means)
