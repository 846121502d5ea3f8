"""Per-topic samples for tests and intervals, over one topic set or several together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from clirot.evaluation.inputs import OVERALL
from clirot.evaluation.measures import Measure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clirot.evaluation.result import Evaluation

    Values = NDArray[np.floating[Any]]


class Sample(NamedTuple):
    """Values by topic, in the alphabetical order of the topics."""

    topics: tuple[str, ...]
    values: Values
    """(topics,); their mean is the figure they are a sample of."""


def sample(
    evaluation: Evaluation, system: str, measure: Measure, sets: tuple[str, ...]
) -> Sample | None:
    """A system's values on topic sets taken together; None where it lacks one of them.

    Topics that several sets share by id, such as the translations of one question, are not
    independent and become one value: with n sets, the value in a set counts with weight
    topics / (n * topics of the set), so that the mean over all is the mean over the sets of their
    means. The order does not depend on any file's, so neither do tests with random signs.
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
    """What each topic of several sets adds to the mean of the sets' means: ``(topics,)`` a set."""
    return [1 / (len(sets) * len(values)) * values for values in sets]


def members(evaluation: Evaluation, topic_set: str) -> tuple[str, ...]:
    """The sets that a name stands for: itself, or all of them."""
    return tuple(evaluation.topics) if topic_set == OVERALL else (topic_set,)
