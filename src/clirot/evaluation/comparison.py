"""Comparisons with a baseline, confidence intervals, and gaps between topic sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from clirot.errors import UsageError
from clirot.evaluation.measures import Measure
from clirot.evaluation.result import Comparison, Evaluation, Gap
from clirot.evaluation.significance import (
    TESTS,
    Interval,
    bootstrap_interval,
    effect_size,
    holm,
)
from clirot.records import ProgressSink, Step
from clirot.registry import unknown_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]


def with_comparisons(evaluation: Evaluation, progress: ProgressSink) -> Evaluation:
    """The evaluation with the intervals, comparisons and gaps that its configuration asks for."""
    config = evaluation.config
    return replace(
        evaluation,
        intervals=mean_intervals(evaluation, progress) if config.intervals else None,
        comparisons=compare(evaluation, progress) if config.baseline is not None else (),
        gaps=gaps_of(evaluation),
    )


class Sample(NamedTuple):
    """Values by topic, in the alphabetical order of the topics."""

    topics: tuple[str, ...]
    values: Values
    """(topics,); their mean is the figure that they are a sample of."""


def sample(
    evaluation: Evaluation, system: str, measure: Measure, sets: Sequence[str]
) -> Sample | None:
    """The values of a system on several topic sets together; None where it lacks one of them.

    Topics that several sets share by their id, such as the translations of one question, are not
    independent and become one value. With n sets, the value of a topic in a set has the weight
    topics / (n * topics of the set), so that the mean over all is the mean over the sets of their
    means. Topics are sorted, so that tests with random signs do not depend on the order of files.
    """
    if any((system, one) not in evaluation.values for one in sets):
        return None
    place = evaluation.measures.index(measure)
    values = [evaluation.values[system, one][place] for one in sets]
    totals: dict[str, float] = {}
    for one, part in zip(sets, values if len(sets) == 1 else shares(values), strict=True):
        for topic, value in zip(evaluation.topics[one], part.tolist(), strict=True):
            totals[topic] = totals.get(topic, 0.0) + value
    ordered = tuple(sorted(totals))
    summed = np.array([totals[topic] for topic in ordered])
    return Sample(ordered, summed if len(sets) == 1 else summed * len(ordered))


def shares(sets: Sequence[Values]) -> list[Values]:
    """What each topic of several sets adds to the mean of the means of the sets: (topics,) each."""
    return [values / (len(sets) * len(values)) for values in sets]


def interval_of(evaluation: Evaluation, values: Values, minus: Values | None = None) -> Interval:
    """The bootstrap interval of a mean, or of a difference of means, as the configuration says."""
    config = evaluation.config
    return bootstrap_interval(values, minus, confidence=config.confidence, seed=config.seed)


def averaged(measures: Sequence[Measure]) -> list[Measure]:
    """The measures whose figure is a mean over topics: only these can be tested."""
    return [measure for measure in measures if measure.definition.aggregate == "mean"]


def mean_intervals(
    evaluation: Evaluation, progress: ProgressSink
) -> dict[tuple[str, str, Measure], Interval]:
    """The bootstrap interval of every mean."""
    wanted = [
        (system, topic_set, measure)
        for topic_set in evaluation.topic_sets
        for system in evaluation.systems
        for measure in averaged(evaluation.measures)
    ]
    intervals = {}
    for done, (system, topic_set, measure) in enumerate(wanted, 1):
        drawn = sample(evaluation, system, measure, evaluation.members(topic_set))
        if drawn is not None:
            intervals[system, topic_set, measure] = interval_of(evaluation, drawn.values)
        progress(Step("bootstrap", done, len(wanted), unit="intervals"))
    return intervals


def compare(evaluation: Evaluation, progress: ProgressSink) -> tuple[Comparison, ...]:
    """Every system against the baseline, on every topic set and in every averaged measure.

    All of these tests are one family for Holm's correction.
    """
    baseline = evaluation.config.baseline
    assert baseline is not None
    others = [system for system in evaluation.systems if system != baseline]
    if not others:
        raise UsageError(
            f"{baseline!r} is the only run: there is nothing to compare with it",
            hint="name the runs to compare before it or after it",
        )
    wanted = [
        (topic_set, measure, system)
        for topic_set in evaluation.topic_sets
        for measure in averaged(evaluation.measures)
        for system in others
    ]
    found = []
    for done, (topic_set, measure, system) in enumerate(wanted, 1):
        one = _comparison(evaluation, system, baseline, measure, topic_set)
        if one is not None:
            found.append(one)
        progress(Step("comparing", done, len(wanted), unit="tests"))
    adjusted = holm([one.test.p for one in found])
    alpha = evaluation.config.alpha
    return tuple(
        replace(one, p_adjusted=p, significant=p < alpha)
        for one, p in zip(found, adjusted, strict=True)
    )


def _comparison(
    evaluation: Evaluation, system: str, baseline: str, measure: Measure, topic_set: str
) -> Comparison | None:
    sets = evaluation.members(topic_set)
    here = sample(evaluation, system, measure, sets)
    there = sample(evaluation, baseline, measure, sets)
    if here is None or there is None:
        return None
    config = evaluation.config
    differences = here.values - there.values
    return Comparison(
        system=system,
        baseline=baseline,
        measure=measure,
        topic_set=topic_set,
        difference=float(differences.mean()),
        interval=interval_of(evaluation, differences),
        test=TESTS[config.test](differences, samples=config.samples, seed=config.seed),
        effect=effect_size(differences),
        better=int(np.count_nonzero(differences > 0)),
        worse=int(np.count_nonzero(differences < 0)),
        topics=len(differences),
    )


def gaps_of(evaluation: Evaluation) -> tuple[Gap, ...]:
    """The gaps that the configuration asks for, of every system that has both sides."""
    return tuple(
        gap
        for written in evaluation.config.gaps
        for sides in [_sides(evaluation, written)]
        for system in evaluation.systems
        for measure in averaged(evaluation.measures)
        if (gap := _gap(evaluation, system, measure, *sides)) is not None
    )


def _sides(evaluation: Evaluation, written: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    sides = [tuple(filter(None, side.split(","))) for side in written.split("..")]
    if len(sides) != 2 or not all(sides):
        raise UsageError(
            f"cannot read the gap {written!r}",
            hint="write FIRST..SECOND, such as clean..typo or en,fi..so,sw",
        )
    for name in (*sides[0], *sides[1]):
        if name not in evaluation.topics:
            raise unknown_name(
                "topic set",
                name,
                filter(None, evaluation.topics),
                more="name topic sets by NAME@SET=PATH or by `topic_sets`",
            )
    if set(sides[0]) & set(sides[1]):
        raise UsageError(f"gap {written!r}: a topic set is on both sides")
    return sides[0], sides[1]


def _gap(
    evaluation: Evaluation,
    system: str,
    measure: Measure,
    first: tuple[str, ...],
    second: tuple[str, ...],
) -> Gap | None:
    high = sample(evaluation, system, measure, first)
    low = sample(evaluation, system, measure, second)
    if high is None or low is None:
        return None
    paired = high.topics == low.topics
    if not paired and set(high.topics) & set(low.topics):
        raise UsageError(
            f"gap {','.join(first)}..{','.join(second)}: the two sides share some of their topics "
            "but not all of them, so they are neither paired nor independent",
            hint="make the topic sets the same, or disjoint",
        )
    interval = (
        interval_of(evaluation, high.values - low.values)
        if paired
        else interval_of(evaluation, high.values, low.values)
    )
    above = float(high.values.mean())
    difference = above - float(low.values.mean())
    relative = difference / above if above else None
    return Gap(system, measure, first, second, difference, relative, interval, paired)
