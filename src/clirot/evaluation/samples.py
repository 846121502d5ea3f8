"""Per-topic samples for tests and intervals, over one topic set or several together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from clirot.evaluation.inputs import OVERALL
from clirot.measures import Measure

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
    totals: dict[str, float] = {}
    for one in sets:
        topics = evaluation.topics[one]
        weight = 1.0 if len(sets) == 1 else 1 / (len(sets) * len(topics))
        for topic, value in zip(
            topics, evaluation.values[system, one][place].tolist(), strict=True
        ):
            totals[topic] = totals.get(topic, 0.0) + weight * value
    ordered = tuple(sorted(totals))
    values = np.array([totals[topic] for topic in ordered])
    return Sample(ordered, values if len(sets) == 1 else values * len(ordered))


def members(evaluation: Evaluation, topic_set: str) -> tuple[str, ...]:
    """The sets that a name stands for: itself, or all of them."""
    return tuple(evaluation.topics) if topic_set == OVERALL else (topic_set,)
