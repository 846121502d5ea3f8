"""Comparisons of systems with a baseline, and confidence intervals of means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from clirot.errors import UsageError
from clirot.evaluation import classes
from clirot.evaluation.contrasts import WrittenContrast, contrast, contrasts_of
from clirot.evaluation.gaps import gap_changes, gap_differences, gaps_of, parse_gap
from clirot.evaluation.measures import Measure
from clirot.evaluation.measures.neighbours import is_right
from clirot.evaluation.result import Comparison, Evaluation
from clirot.evaluation.samples import Term, interval_of, pieces, sample, tested
from clirot.evaluation.significance import TESTS, Interval, effect_size, holm
from clirot.records import ProgressSink, Step


def with_comparisons(
    evaluation: Evaluation, contrasts: tuple[WrittenContrast, ...], progress: ProgressSink
) -> Evaluation:
    """The evaluation with the intervals, comparisons and gaps that its configuration asks for."""
    config = evaluation.config
    written = [parse_gap(text, evaluation) for text in config.gaps]
    notes = evaluation.notes
    if config.test == "t":
        notes += tuple(
            f"{measure} is no mean over topics: it is tested by randomisation, and not by the "
            "t-test"
            for measure in evaluation.measures
            if measure.definition.aggregate == "macro_f1"
        )
    without = [one for one in evaluation.measures if one.definition.aggregate == "geometric"]
    if without:
        notes += (
            f"{', '.join(map(str, without))}: no mean over topics, so that there is no test and no "
            "interval",
        )
    return replace(
        evaluation,
        notes=notes,
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
        for measure in tested(evaluation.measures)
    ]
    intervals = {}
    for done, (system, topic_set, measure) in enumerate(wanted, 1):
        interval = _interval(evaluation, system, measure, evaluation.members(topic_set))
        if interval is not None:
            intervals[system, topic_set, measure] = interval
        progress(Step("bootstrap", done, len(wanted), unit="intervals"))
    return intervals


def _interval(
    evaluation: Evaluation, system: str, measure: Measure, sets: tuple[str, ...]
) -> Interval | None:
    if measure.definition.aggregate == "macro_f1":
        parts = pieces(evaluation, [Term(1, system, sets)], measure)
        config = evaluation.config
        if parts is None:
            return None
        return classes.interval(parts, confidence=config.confidence, seed=config.seed)
    drawn = sample(evaluation, system, measure, sets)
    return None if drawn is None else interval_of(evaluation, drawn.values)


def compare(evaluation: Evaluation, progress: ProgressSink) -> tuple[Comparison, ...]:
    """Every system against the baseline, on every topic set and in every measure that is tested.

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
        for measure in tested(evaluation.measures)
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
    if measure.definition.aggregate == "macro_f1":
        return _class_comparison(evaluation, [system, baseline], measure, topic_set)
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


def _class_comparison(
    evaluation: Evaluation, systems: Sequence[str], measure: Measure, topic_set: str
) -> Comparison | None:
    """A comparison in macro-F1; a topic of several sets counts as better where more of it is."""
    sets = evaluation.members(topic_set)
    terms = [Term(sign, system, sets) for sign, system in zip((1, -1), systems, strict=True)]
    found = contrast(evaluation, terms, measure, topic_set)
    if found is None:
        return None
    more: dict[str, int] = {}
    for one in pieces(evaluation, terms, measure) or []:
        sign = 1 if one.weight > 0 else -1
        for topic, right in zip(one.topics, is_right(one.codes).tolist(), strict=True):
            more[topic] = more.get(topic, 0) + sign * right
    return Comparison(
        system=systems[0],
        baseline=systems[1],
        measure=measure,
        topic_set=topic_set,
        difference=found.difference,
        interval=found.interval,
        test=found.test,
        effect=None,
        better=sum(value > 0 for value in more.values()),
        worse=sum(value < 0 for value in more.values()),
        topics=len(more),
    )
