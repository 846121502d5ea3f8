"""Measures that use the grades: DCG and its normalised forms, and expected reciprocal rank."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from clirot.evaluation.measures.matching import count_within
from clirot.evaluation.measures.view import NO_CUTOFF, View, over

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clirot.evaluation.measures.names import Measure

    Values = NDArray[np.floating[Any]]
    Whole = NDArray[np.signedinteger[Any]]

_ERR_MAX = 4  # gdeval.pl: grades are out of 4


def _linear(relevance: Whole) -> Values:
    return relevance.astype(np.float64)


def _exponential(relevance: Whole) -> Values:
    return np.exp2(relevance) - 1


if TYPE_CHECKING:
    Gain = Callable[[Whole], Values]


def _dcg_with(gain: Gain) -> Callable[[View, Measure], Values]:
    def values(view: View, measure: Measure) -> Values:
        matching = view.matching
        rows = (matching.relevance >= _least_gain(measure)) & (
            matching.rank <= (measure.cutoff or NO_CUTOFF)
        )
        gains = gain(matching.relevance[rows]) / np.log2(matching.rank[rows] + 1)
        return matching.per_topic(rows, gains)

    return values


def _ndcg_with(gain: Gain) -> Callable[[View, Measure], Values]:
    dcg = _dcg_with(gain)

    def values(view: View, measure: Measure) -> Values:
        judgements = view.matching.judgements
        kept = judgements.relevance >= _least_gain(measure)
        topic, relevance = judgements.topic[kept], judgements.relevance[kept]
        order = np.lexsort((-relevance, topic))
        rank = count_within(topic)
        gains = gain(relevance[order]) / np.log2(rank + 1)
        gains[rank > (measure.cutoff or NO_CUTOFF)] = 0
        ideal = np.bincount(topic, weights=gains, minlength=len(judgements.topics))
        return over(dcg(view, measure), ideal)

    return values


def _least_gain(measure: Measure) -> int:
    # trec_eval's -l does not touch nDCG; a level written with the measure (ndcg@10-l2) is ranx's
    # and takes lower grades out.
    return max(1, measure.level or 1)


def err(view: View, measure: Measure) -> Values:
    """Expected reciprocal rank, grades out of 4."""
    # Chapelle et al. 2009, as in gdeval.pl: a grade g satisfies with (2^g - 1) / 2^4.
    matching = view.matching
    rows = (matching.relevance >= _least_gain(measure)) & (
        matching.rank <= (measure.cutoff or NO_CUTOFF)
    )
    grades = np.minimum(matching.relevance[rows], _ERR_MAX)
    satisfied = (np.exp2(grades) - 1) / 2**_ERR_MAX
    topic, rank = matching.topic[rows], matching.rank[rows]
    # The product of (1 - satisfied) above a row, as a running sum of logarithms in its topic.
    logs = np.cumsum(np.log1p(-satisfied))
    nth = count_within(topic)
    start = np.arange(len(topic)) - (nth - 1)
    above = logs - np.log1p(-satisfied)
    going_on = np.exp(above - above[start]) if len(topic) else above
    return matching.per_topic(rows, going_on * satisfied / rank)


dcg = _dcg_with(_linear)
"""DCG, linear gains."""
dcg_burges = _dcg_with(_exponential)
"""DCG, gains 2^relevance - 1."""
ndcg = _ndcg_with(_linear)
"""Normalised DCG, linear gains."""
ndcg_burges = _ndcg_with(_exponential)
"""Normalised DCG, gains 2^relevance - 1."""
