"""Comparisons of systems with a baseline, and confidence intervals of means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clirot.errors import UsageError
from clirot.evaluation.contrasts import WrittenContrast, contrasts_of
from clirot.evaluation.gaps import gap_changes, gap_differences, gaps_of, parse_gap
from clirot.evaluation.measures import Measure
from clirot.evaluation.result import Comparison, Evaluation
from clirot.evaluation.samples import averaged, interval_of, sample
from clirot.evaluation.significance import TESTS, Interval, effect_size, holm
from clirot.records import ProgressSink, Step


def with_comparisons(
    evaluation: Evaluation, contrasts: tuple[WrittenContrast, ...], progress: ProgressSink
) -> Evaluation:
    """The evaluation with the intervals, comparisons and gaps that its configuration asks for."""
    config = evaluation.config
    written = [parse_gap(text, evaluation) for text in config.gaps]
    return replace(
        evaluation,
        intervals=mean_intervals(evaluation, progress) if config.intervals else None,
        comparisons=compare(evaluation, progress) if config.baseline is not None else (),
        gaps=gaps_of(evaluation, written),
        gap_differences=gap_differences(evaluation, written),
        gap_changes=gap_changes(evaluation, written),
        contrasts=contrasts_of(evaluation, contrasts),
    )


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
