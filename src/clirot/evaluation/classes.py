"""Intervals and tests of macro-F1, which is a figure of all topics and no mean over them.

The bootstrap draws topics and computes every macro-F1 anew. The randomisation test swaps what two
systems called a topic, topic by topic, and computes both macro-F1 anew; a topic that several topic
sets share is swapped in all of them.

Source: Yeh, COLING 2000 (randomisation tests of differences in F-scores).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from clirot.evaluation.measures.neighbours import (
    indicators,
    label_count,
    macro_f1,
    macro_f1_of,
)
from clirot.evaluation.significance import Interval, PValue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]

_CHUNK = 2_000_000
"""Numbers that are looked at together: some 100 MB of memory."""


class Piece(NamedTuple):
    """What a system called the topics of one topic set, as a term of a signed sum."""

    weight: float
    system: str
    topic_set: str
    topics: tuple[str, ...]
    codes: Values
    """(topics,)"""


def total(pieces: Iterable[Piece]) -> float:
    """The signed sum of macro-F1."""
    return float(sum(one.weight * macro_f1(one.codes) for one in pieces))


def interval(
    pieces: Sequence[Piece], *, confidence: float, seed: int, samples: int = 5_000
) -> Interval:
    """The BCa bootstrap interval of a signed sum of macro-F1.

    Args:
        pieces: the terms.
        confidence: the share of such intervals that hold the true value.
        seed: of the draws.
        samples: bootstrap samples.
    """
    from scipy.stats import DegenerateDataWarning, bootstrap

    sizes, statistic = _resampled(pieces)
    topics = max(sizes)
    with warnings.catch_warnings():
        # Where no draw differs there is no interval, and scipy divides nothing by nothing.
        warnings.simplefilter("ignore", DegenerateDataWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        found = bootstrap(
            [np.arange(max(size, 2)) % size for size in sizes],  # scipy refuses a sample of one
            statistic,
            n_resamples=samples,
            batch=max(1, _CHUNK // topics),
            vectorized=True,
            confidence_level=confidence,
            method="BCa",
            rng=np.random.default_rng([seed, topics]),
        )
    low, high = map(float, found.confidence_interval)
    if low != low or high != high:  # no draw differs from the observed one
        low = high = total(pieces)
    return Interval(low, high)


def swap_test(
    first: Sequence[Piece], second: Sequence[Piece], *, samples: int, seed: int
) -> PValue:
    """The paired randomisation test of a difference of two sums over the same topic sets.

    Args:
        first: the terms of one system.
        second: those of the other, each with the topics of its counterpart.
        samples: labellings counted, the observed one included.
        seed: of the labellings.
    """
    if all(np.array_equal(a.codes, b.codes) for a, b in zip(first, second, strict=True)):
        return PValue(1.0, exact=True)
    named = sorted({topic for one in first for topic in one.topics})
    number = {topic: place for place, topic in enumerate(named)}
    labels = label_count([one.codes for one in (*first, *second)])
    parts = []
    for one, other in zip(first, second, strict=True):
        here, there = indicators(one.codes, labels), indicators(other.codes, labels)
        # What the sums of the first system gain where a topic is swapped; the other loses as much.
        gains = np.zeros((len(named), 3 * labels))
        gains[[number[topic] for topic in one.topics]] = (there - here).reshape(len(here), -1)
        parts.append((one.weight, here.sum(axis=0), there.sum(axis=0), gains))
    least = abs(total(first) - total(second)) - 1e-10
    rng = np.random.default_rng([seed, len(named)])
    extreme, left = 1, samples - 1
    rows = max(1, _CHUNK // max(len(named), 3 * labels))
    while left > 0:
        count = min(rows, left)
        swapped = rng.integers(2, size=(count, len(named))).astype(np.float64)
        differences = np.zeros(count)
        for weight, here, there, gains in parts:
            moved = (swapped @ gains).reshape(count, 3, labels)
            differences += weight * (macro_f1_of(here + moved) - macro_f1_of(there - moved))
        extreme += int(np.count_nonzero(np.abs(differences) >= least))
        left -= count
    return PValue(extreme / samples, exact=False)


def bootstrap_test(pieces: Sequence[Piece], *, samples: int, seed: int) -> PValue:
    """The bootstrap test that a signed sum is 0: how often a draw is as far from the sum as 0 is.

    Args:
        pieces: the terms.
        samples: draws, the observed sum included.
        seed: of the draws.
    """
    sizes, statistic = _resampled(pieces)
    observed = total(pieces)
    if abs(observed) < 1e-12:
        return PValue(1.0, exact=False)
    rng = np.random.default_rng([seed, *sizes])
    extreme, left = 1, samples - 1
    rows = max(1, _CHUNK // sum(sizes))
    while left > 0:
        count = min(rows, left)
        drawn = statistic(*(rng.integers(size, size=(count, size)) for size in sizes), axis=-1)
        extreme += int(np.count_nonzero(np.abs(drawn - observed) >= abs(observed)))
        left -= count
    return PValue(extreme / samples, exact=False)


def group_count(pieces: Sequence[Piece]) -> int:
    """How many groups of topics are drawn independently."""
    return len(_groups(pieces))


def _groups(pieces: Sequence[Piece]) -> dict[tuple[str, ...], list[str]]:
    """The topic sets that a topic is in -> those topics, sorted."""
    sets_of: dict[str, list[str]] = {}
    for topic_set, topics in {one.topic_set: one.topics for one in pieces}.items():
        for topic in topics:
            sets_of.setdefault(topic, []).append(topic_set)
    groups: dict[tuple[str, ...], list[str]] = {}
    for topic in sorted(sets_of):
        groups.setdefault(tuple(sets_of[topic]), []).append(topic)
    return groups


def _resampled(pieces: Sequence[Piece]) -> tuple[list[int], Callable[..., Values]]:
    """The sizes of the groups of topics that are drawn independently, and the sum of a draw.

    Topics that are in the same topic sets are one group. A draw is an array of places in each.
    """
    groups = _groups(pieces)
    sizes = [len(topics) for topics in groups.values()]
    labels = label_count([one.codes for one in pieces])
    # The indicators of each piece, group by group; a group is in a piece wholly or not at all.
    parted = []
    for one in pieces:
        row = {topic: place for place, topic in enumerate(one.topics)}
        flat = indicators(one.codes, labels).reshape(len(row), -1)
        parted.append(
            [
                (number, flat[[row[topic] for topic in topics]])
                for number, (sets, topics) in enumerate(groups.items())
                if one.topic_set in sets
            ]
        )

    def statistic(*drawn: Any, axis: int = -1) -> Values:
        times = [
            _times(places, len(topics))
            for places, topics in zip(drawn, groups.values(), strict=True)
        ]
        sums: Any = 0.0
        for one, parts in zip(pieces, parted, strict=True):
            counted: Any = sum(times[number] @ part for number, part in parts)
            sums = sums + one.weight * macro_f1_of(counted.reshape(*counted.shape[:-1], 3, labels))
        return np.asarray(sums)

    return sizes, statistic


def _times(places: Any, size: int) -> Values:
    """(..., drawn) -> (..., size): how often each place was drawn."""
    rows = places.reshape(-1, places.shape[-1])
    flat = rows + np.arange(len(rows))[:, None] * size
    counts = np.bincount(flat.ravel(), minlength=len(rows) * size)
    return counts.reshape(*places.shape[:-1], size).astype(np.float64)
