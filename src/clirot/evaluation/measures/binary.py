"""Measures that know relevant and not relevant: one function each, over all topics at once.

Each takes a :class:`~clirot.evaluation.measures.view.View` and the measure's settings and returns a
float per judged topic. Where trec_eval has the measure, the definition is that of its ``m_*.c``;
"relevant" means judged at or above the level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clirot.evaluation.measures.matching import count_within
from clirot.evaluation.measures.view import NO_CUTOFF, View, over

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clirot.evaluation.measures.names import Measure

    Values = NDArray[np.floating[Any]]

_INFAP_EPSILON = 0.00001  # trec_eval's m_infap.c
_GM_MIN = 0.00001  # trec_eval's m_gm_map.c


def average_precision(view: View, measure: Measure) -> Values:
    """Average precision."""
    at_rank = view.nth / view.rank
    at_rank[view.rank > (measure.cutoff or NO_CUTOFF)] = 0
    return over(view.sum(at_rank), view.num_rel)


def gm_map(view: View, measure: Measure) -> Values:
    """Geometric mean of average precision."""
    # Per topic the logarithm, as trec_eval -q prints it.
    return np.log(np.maximum(average_precision(view, measure), _GM_MIN))


def precision(view: View, measure: Measure) -> Values:
    """Relevant among the first k."""
    depth = view.num_ret if measure.cutoff is None else np.full(len(view.num_ret), measure.cutoff)
    return over(view.found(measure.cutoff), depth)


def recall(view: View, measure: Measure) -> Values:
    """Found of the relevant."""
    return over(view.found(measure.cutoff), view.num_rel)


def f_measure(view: View, measure: Measure) -> Values:
    """Harmonic mean of precision and recall."""
    # m_set_F.c calls x what it weighs with; it stands where the textbooks write beta squared.
    x = 1.0 if measure.at is None else measure.at
    p, r = precision(view, measure), recall(view, measure)
    return over((x + 1) * p * r, r + x * p)


def rprec(view: View, measure: Measure) -> Values:
    """Precision at the number of relevant documents."""
    return over(view.sum((view.rank <= view.num_rel[view.topic]).astype(np.float64)), view.num_rel)


def mrr(view: View, measure: Measure) -> Values:
    """1 / rank of the first relevant document."""
    return np.where(view.first <= (measure.cutoff or NO_CUTOFF), 1 / view.first, 0.0)


def success(view: View, measure: Measure) -> Values:
    """Whether anything relevant was found."""
    return (view.found(measure.cutoff) > 0).astype(np.float64)


def hits(view: View, measure: Measure) -> Values:
    """How many relevant were found."""
    return view.found(measure.cutoff)


def bpref(view: View, measure: Measure) -> Values:
    """Relevant ranked above judged nonrelevant."""
    bound = np.minimum(view.matching.judgements.count(0, view.level), view.num_rel)[view.topic]
    above = view.judged_nonrelevant_above
    penalty = over(np.minimum(above, view.num_rel[view.topic]), bound)
    return over(view.sum(1 - penalty), view.num_rel)


def infap(view: View, measure: Measure) -> Values:
    """Inferred average precision."""
    # Yilmaz and Aslam, CIKM 2006, as in m_infap.c; "pool" there: judged, or negative in the qrels.
    matching = view.matching
    in_pool = count_within(matching.topic)[view.relevant] - 1
    relevant_above = view.nth - 1
    above = view.rank - 1.0
    share = (relevant_above + _INFAP_EPSILON) / (
        relevant_above + view.judged_nonrelevant_above + 2 * _INFAP_EPSILON
    )
    expected = 1 / view.rank + above / view.rank * over(in_pool, above) * share
    expected[view.rank == 1] = 1.0
    return over(view.sum(expected), view.num_rel)


def _iprec_at(view: View, recall: float) -> Values:
    # m_iprec_at_recall.c: the highest precision from the wanted relevant document on.
    wanted = (recall * view.num_rel + 0.9).astype(np.int64)
    values = np.zeros(len(view.num_ret))
    reached = view.nth >= wanted[view.topic]
    np.maximum.at(values, view.topic[reached], (view.nth / view.rank)[reached])
    return values


def iprec(view: View, measure: Measure) -> Values:
    """Interpolated precision."""
    assert measure.at is not None
    return _iprec_at(view, measure.at)


def eleven_points(view: View, measure: Measure) -> Values:
    """Interpolated precision, mean of 11 recall levels."""
    points: Values = np.mean([_iprec_at(view, step / 10) for step in range(11)], axis=0)
    return points


def set_map(view: View, measure: Measure) -> Values:
    """Precision times recall of the whole result."""
    return precision(view, measure) * recall(view, measure)


def set_relative_p(view: View, measure: Measure) -> Values:
    """Precision over the best possible."""
    return over(view.found(None), np.minimum(view.num_ret, view.num_rel))


def judged(view: View, measure: Measure) -> Values:
    """Judged among the first k."""
    # ir_measures: of the documents that are there, which a short ranking may have fewer of than k.
    depth = np.minimum(view.num_ret, measure.cutoff or NO_CUTOFF)
    rows = view.matching.rank <= (measure.cutoff or NO_CUTOFF)
    return over(view.matching.per_topic(rows), depth)


def rbp(view: View, measure: Measure) -> Values:
    """Rank-biased precision."""
    # Moffat and Zobel 2008, binary; p is .8 where it is not given, as in ir_measures.
    p = 0.8 if measure.at is None else measure.at
    weights = (1 - p) * p ** (view.rank - 1.0)
    weights[view.rank > (measure.cutoff or NO_CUTOFF)] = 0
    return view.sum(weights)


def num_q(view: View, measure: Measure) -> Values:
    """Topics."""
    return np.ones(len(view.num_ret))


def num_ret(view: View, measure: Measure) -> Values:
    """Documents retrieved."""
    return view.num_ret.astype(np.float64)


def num_rel(view: View, measure: Measure) -> Values:
    """Relevant documents known."""
    return view.num_rel.astype(np.float64)


def num_rel_ret(view: View, measure: Measure) -> Values:
    """Relevant documents found."""
    return view.found(None)
