"""What is tested and resampled: the values of a system by topic, on one topic set or on several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from clirot.evaluation.classes import Piece
from clirot.evaluation.measures import Measure
from clirot.evaluation.result import Evaluation
from clirot.evaluation.significance import Interval, bootstrap_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]


class Term(NamedTuple):
    """One mean of a signed sum."""

    sign: int
    system: str
    sets: tuple[str, ...]


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
    """The measures whose figure is a mean over topics."""
    return [measure for measure in measures if measure.definition.aggregate == "mean"]


def tested(measures: Sequence[Measure]) -> list[Measure]:
    """The measures that have intervals and tests: means over topics, and macro-F1."""
    known = ("mean", "macro_f1")
    return [measure for measure in measures if measure.definition.aggregate in known]


def pieces(evaluation: Evaluation, terms: Sequence[Term], measure: Measure) -> list[Piece] | None:
    """The macro-F1 of which a signed sum consists; None where a system lacks a topic set.

    Topics are sorted, as in :func:`sample`.
    """
    place = evaluation.measures.index(measure)
    found = []
    for term in terms:
        for one in term.sets:
            if (term.system, one) not in evaluation.values:
                return None
            topics = evaluation.topics[one]
            order = sorted(range(len(topics)), key=topics.__getitem__)
            codes = evaluation.values[term.system, one][place][order]
            weight = term.sign / len(term.sets)
            named = tuple(topics[number] for number in order)
            found.append(Piece(weight, term.system, one, named, codes))
    return found
