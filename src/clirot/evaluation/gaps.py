"""Gaps between topic sets, their differences, and what a system makes of them against a baseline.

``en..so`` is what Somali topics cost a system against English ones. ``en..so/en..sw`` is how much
more they cost it than Swahili ones: the first gap minus the second. With a baseline, the *change*
of either is that of the system minus that of the baseline; below 0 the system's gap is narrower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from clirot.errors import UsageError
from clirot.evaluation import classes
from clirot.evaluation.contrasts import contrast, corrected, strata, topic_sets
from clirot.evaluation.measures import Measure
from clirot.evaluation.result import Contrast, Evaluation, Gap
from clirot.evaluation.samples import Term, pieces, sample, tested
from clirot.evaluation.significance import interval_of_sum

_HINT = (
    "write FIRST..SECOND, such as clean..typo or en,fi..so,sw; or the difference of two gaps, "
    "such as de..de.typo/so..so.typo"
)


@dataclass(frozen=True)
class WrittenGap:
    """One gap, or the difference of two."""

    name: str
    gaps: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    """The sides of each."""

    def terms(self, system: str) -> list[Term]:
        """The gap of a system as a signed sum."""
        return [
            Term(sign * side_sign, system, side)
            for sign, sides in zip((1, -1), self.gaps, strict=False)
            for side_sign, side in zip((1, -1), sides, strict=True)
        ]


def parse_gap(text: str, evaluation: Evaluation) -> WrittenGap:
    """Read ``A..B`` or ``A..B/C..D``, where each is a topic set or several, with commas.

    Raises:
        UsageError: it is not written so, or a topic set is on both sides of a gap.
        UnknownNameError: no such topic set.
    """
    halves = [half.split("..") for half in text.split("/")]
    if len(halves) > 2 or any(
        len(sides) != 2 or not all(side.strip(" ,") for side in sides) for sides in halves
    ):
        raise UsageError(f"cannot read the gap {text!r}", hint=_HINT)
    gaps = []
    for first, second in halves:
        sides = topic_sets(first, evaluation), topic_sets(second, evaluation)
        if set(sides[0]) & set(sides[1]):
            raise UsageError(f"gap {text!r}: a topic set is on both sides")
        gaps.append(sides)
    if len(gaps) == 2 and gaps[0] == gaps[1]:
        raise UsageError(f"gap {text!r}: it is a gap minus itself")
    name = "/".join("..".join(map(",".join, sides)) for sides in gaps)
    return WrittenGap(name, tuple(gaps))


def gaps_of(evaluation: Evaluation, written: Sequence[WrittenGap]) -> tuple[Gap, ...]:
    """Every gap, those of a difference included, of every system that has both sides."""
    wanted = dict.fromkeys(sides for one in written for sides in one.gaps)
    return tuple(
        gap
        for sides in wanted
        for system in evaluation.systems
        for measure in tested(evaluation.measures)
        if (gap := _gap(evaluation, system, measure, *sides)) is not None
    )


def _gap(
    evaluation: Evaluation,
    system: str,
    measure: Measure,
    first: tuple[str, ...],
    second: tuple[str, ...],
) -> Gap | None:
    above = _figure(evaluation, system, measure, first)
    below = _figure(evaluation, system, measure, second)
    if above is None or below is None:
        return None
    config = evaluation.config
    level, seed = config.confidence, config.seed
    if measure.definition.aggregate == "macro_f1":
        terms = [Term(1, system, first), Term(-1, system, second)]
        interval = classes.interval(
            pieces(evaluation, terms, measure) or [], confidence=level, seed=seed
        )
    else:
        samples = [sample(evaluation, system, measure, side) for side in (first, second)]
        parts = strata([1, -1], [one for one in samples if one is not None])
        interval = interval_of_sum(parts, confidence=level, seed=seed)
    here, there = ({t for one in side for t in evaluation.topics[one]} for side in (first, second))
    return Gap(
        system=system,
        measure=measure,
        first=first,
        second=second,
        difference=above - below,
        relative=(above - below) / above if above else None,
        interval=interval,
        paired=here == there,
        shared=len(here & there),
    )


def _figure(
    evaluation: Evaluation, system: str, measure: Measure, sets: tuple[str, ...]
) -> float | None:
    figures = [evaluation.figure(system, measure, one) for one in sets]
    return None if None in figures else sum(map(float, filter(None, figures))) / len(sets)


def gap_differences(evaluation: Evaluation, written: Sequence[WrittenGap]) -> tuple[Contrast, ...]:
    """The differences of two gaps, of every system that has all sides; one family for Holm."""
    found = [
        replace(one, system=system)
        for gap in written
        if len(gap.gaps) == 2
        for system in evaluation.systems
        for measure in tested(evaluation.measures)
        if (one := contrast(evaluation, gap.terms(system), measure, gap.name)) is not None
    ]
    return corrected(found, evaluation)


def gap_changes(evaluation: Evaluation, written: Sequence[WrittenGap]) -> tuple[Contrast, ...]:
    """The gap of every system minus that of the baseline, where there is one; a family for Holm."""
    baseline = evaluation.config.baseline
    if baseline is None:
        return ()
    found = []
    for gap in written:
        minus = [Term(-sign, name, sets) for sign, name, sets in gap.terms(baseline)]
        for system in evaluation.systems:
            if system == baseline:
                continue
            for measure in tested(evaluation.measures):
                terms = [*gap.terms(system), *minus]
                one = contrast(evaluation, terms, measure, gap.name)
                if one is not None:
                    found.append(replace(one, system=system, baseline=baseline))
    return corrected(found, evaluation)
