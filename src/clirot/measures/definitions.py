"""The measures: one function each, over all topics of a run at once.

Each takes a :class:`View` (a run matched with judgements at a relevance level) and the measure's
settings and returns a float per judged topic. Where trec_eval has the measure, the definition is
that of its ``m_*.c``; "relevant" means judged at or above the level.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from clirot.measures.matching import Matching, count_within
from clirot.registry import Registry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clirot.measures.names import Measure

    Values = NDArray[np.floating[Any]]
    Whole = NDArray[np.signedinteger[Any]]

Aggregate = Literal["mean", "sum", "geometric"]
_INFINITY = np.iinfo(np.int64).max
_INFAP_EPSILON = 0.00001  # trec_eval's m_infap.c
_GM_MIN = 0.00001  # trec_eval's m_gm_map.c
_ERR_MAX = 4  # gdeval.pl: grades are out of 4


@dataclass(frozen=True, eq=False)
class View:
    """A matching, seen at one relevance level."""

    matching: Matching
    level: int

    @cached_property
    def relevant(self) -> NDArray[np.bool_]:
        """Which matched rows are relevant, (rows,)."""
        return self.matching.relevance >= self.level

    @cached_property
    def rank(self) -> Whole:
        """Ranks of the relevant rows."""
        return self.matching.rank[self.relevant]

    @cached_property
    def topic(self) -> Whole:
        """Topics of the relevant rows."""
        return self.matching.topic[self.relevant]

    @cached_property
    def nth(self) -> Whole:
        """Of each relevant row, how many relevant ones its topic has down to it."""
        return count_within(self.topic)

    @cached_property
    def num_rel(self) -> Whole:
        """Relevant documents known, (topics,)."""
        return self.matching.judgements.count(self.level)

    @property
    def num_ret(self) -> Whole:
        """Documents retrieved, (topics,)."""
        return self.matching.retrieved

    def sum(self, values: Values) -> Values:
        """Per topic, the sum of a value for each relevant row."""
        sums = np.bincount(self.topic, weights=values, minlength=len(self.num_ret))
        return sums.astype(np.float64)

    def found(self, cutoff: int | None) -> Values:
        """Per topic, the relevant documents down to the cut-off."""
        return self.sum((self.rank <= (cutoff or _INFINITY)).astype(np.float64))

    @cached_property
    def first(self) -> Values:
        """Per topic, the rank of the first relevant document; infinite where there is none."""
        ranks = np.full(len(self.num_ret), np.inf)
        first = self.nth == 1
        ranks[self.topic[first]] = self.rank[first]
        return ranks

    @cached_property
    def judged_nonrelevant_above(self) -> Whole:
        """Of each relevant row, the judged documents above it that are not relevant."""
        matching = self.matching
        nonrelevant = (matching.relevance >= 0) & ~self.relevant
        running = np.cumsum(nonrelevant)
        per_topic = np.bincount(matching.topic, weights=nonrelevant, minlength=len(self.num_ret))
        before_topic = np.concatenate([[0], np.cumsum(per_topic)[:-1]]).astype(np.int64)
        return (running - before_topic[matching.topic])[self.relevant]


def compute(measure: Measure, matching: Matching, *, level: int = 1) -> Values:
    """The value of a measure for every judged topic.

    Args:
        measure: what to compute.
        matching: a run held against judgements.
        level: the relevance from which on a document is relevant, unless the measure says.

    Returns:
        (topics,), in the order of ``matching.judgements.topics``.
    """
    seen = matching.judged_only if measure.judged_only else matching
    view = View(seen, measure.level if measure.level is not None else level)
    return measure.definition.function(view, measure)


def over(numerator: Values | Whole, denominator: Values | Whole) -> Values:
    """A quotient that is 0 where the denominator is."""
    result: Values = np.zeros(len(numerator))
    np.divide(numerator, denominator, out=result, where=denominator != 0)
    return result


def _map(view: View, measure: Measure) -> Values:
    precision = view.nth / view.rank
    precision[view.rank > (measure.cutoff or _INFINITY)] = 0
    return over(view.sum(precision), view.num_rel)


def _gm_map(view: View, measure: Measure) -> Values:
    # Per topic the logarithm, as trec_eval -q prints it.
    return np.log(np.maximum(_map(view, measure), _GM_MIN))


def _precision(view: View, measure: Measure) -> Values:
    depth = view.num_ret if measure.cutoff is None else np.full(len(view.num_ret), measure.cutoff)
    return over(view.found(measure.cutoff), depth)


def _recall(view: View, measure: Measure) -> Values:
    return over(view.found(measure.cutoff), view.num_rel)


def _f(view: View, measure: Measure) -> Values:
    # m_set_F.c calls x what it weighs with; it stands where the textbooks write beta squared.
    x = 1.0 if measure.at is None else measure.at
    precision, recall = _precision(view, measure), _recall(view, measure)
    return over((x + 1) * precision * recall, recall + x * precision)


def _rprec(view: View, measure: Measure) -> Values:
    return over(view.sum((view.rank <= view.num_rel[view.topic]).astype(np.float64)), view.num_rel)


def _mrr(view: View, measure: Measure) -> Values:
    return np.where(view.first <= (measure.cutoff or _INFINITY), 1 / view.first, 0.0)


def _success(view: View, measure: Measure) -> Values:
    return (view.found(measure.cutoff) > 0).astype(np.float64)


def _hits(view: View, measure: Measure) -> Values:
    return view.found(measure.cutoff)


def _bpref(view: View, measure: Measure) -> Values:
    bound = np.minimum(view.matching.judgements.count(0, view.level), view.num_rel)[view.topic]
    above = view.judged_nonrelevant_above
    penalty = over(np.minimum(above, view.num_rel[view.topic]), bound)
    return over(view.sum(1 - penalty), view.num_rel)


def _infap(view: View, measure: Measure) -> Values:
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


def _iprec(view: View, measure: Measure) -> Values:
    assert measure.at is not None
    return _iprec_at(view, measure.at)


def _eleven_points(view: View, measure: Measure) -> Values:
    points: Values = np.mean([_iprec_at(view, step / 10) for step in range(11)], axis=0)
    return points


def _set_map(view: View, measure: Measure) -> Values:
    return _precision(view, measure) * _recall(view, measure)


def _set_relative_p(view: View, measure: Measure) -> Values:
    return over(view.found(None), np.minimum(view.num_ret, view.num_rel))


def _judged(view: View, measure: Measure) -> Values:
    # ir_measures: of the documents that are there, which a short ranking may have fewer of than k.
    depth = np.minimum(view.num_ret, measure.cutoff or _INFINITY)
    rows = view.matching.rank <= (measure.cutoff or _INFINITY)
    return over(view.matching.per_topic(rows), depth)


def _linear(relevance: Whole) -> Values:
    return relevance.astype(np.float64)


def _exponential(relevance: Whole) -> Values:
    return np.exp2(relevance) - 1


if TYPE_CHECKING:
    Gain = Callable[[Whole], Values]


def _dcg_with(gain: Gain) -> Callable[[View, Measure], Values]:
    def dcg(view: View, measure: Measure) -> Values:
        matching = view.matching
        rows = (matching.relevance >= _least_gain(measure)) & (
            matching.rank <= (measure.cutoff or _INFINITY)
        )
        gains = gain(matching.relevance[rows]) / np.log2(matching.rank[rows] + 1)
        return matching.per_topic(rows, gains)

    return dcg


def _ndcg_with(gain: Gain) -> Callable[[View, Measure], Values]:
    dcg = _dcg_with(gain)

    def ndcg(view: View, measure: Measure) -> Values:
        judgements = view.matching.judgements
        kept = judgements.relevance >= _least_gain(measure)
        topic, relevance = judgements.topic[kept], judgements.relevance[kept]
        order = np.lexsort((-relevance, topic))
        rank = count_within(topic)
        gains = gain(relevance[order]) / np.log2(rank + 1)
        gains[rank > (measure.cutoff or _INFINITY)] = 0
        ideal = np.bincount(topic, weights=gains, minlength=len(judgements.topics))
        return over(dcg(view, measure), ideal)

    return ndcg


def _least_gain(measure: Measure) -> int:
    # trec_eval's -l does not touch nDCG; a level written with the measure (ndcg@10-l2) is ranx's
    # and takes lower grades out.
    return max(1, measure.level or 1)


def _rbp(view: View, measure: Measure) -> Values:
    # Moffat and Zobel 2008, binary; p is .8 where it is not given, as in ir_measures.
    p = 0.8 if measure.at is None else measure.at
    weights = (1 - p) * p ** (view.rank - 1.0)
    weights[view.rank > (measure.cutoff or _INFINITY)] = 0
    return view.sum(weights)


def _err(view: View, measure: Measure) -> Values:
    # Chapelle et al. 2009, as in gdeval.pl: a grade g satisfies with (2^g - 1) / 2^4.
    matching = view.matching
    rows = (matching.relevance >= _least_gain(measure)) & (
        matching.rank <= (measure.cutoff or _INFINITY)
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


def _num_q(view: View, measure: Measure) -> Values:
    return np.ones(len(view.num_ret))


def _num_ret(view: View, measure: Measure) -> Values:
    return view.num_ret.astype(np.float64)


def _num_rel(view: View, measure: Measure) -> Values:
    return view.num_rel.astype(np.float64)


def _num_rel_ret(view: View, measure: Measure) -> Values:
    return view.found(None)


@dataclass(frozen=True)
class Definition:
    """How a measure is computed and which settings it takes."""

    function: Callable[[View, Measure], Values]
    says: str
    """What it measures, for people."""
    cutoff: bool = False
    """Whether it takes one."""
    at: str | None = None
    """The name of its other parameter, where it has one."""
    needs: Literal["", "cutoff", "at"] = ""
    aggregate: Aggregate = "mean"
    """How topics become one figure."""
    example: str = ""

    @property
    def needs_said(self) -> str:
        """The missing setting, for a message."""
        return "a recall level" if self.needs == "at" else "a cut-off"


DEFINITIONS: Registry[Definition] = Registry(
    "measure",
    {
        "map": Definition(_map, "average precision", cutoff=True),
        "gm_map": Definition(_gm_map, "geometric mean of average precision", aggregate="geometric"),
        "ndcg": Definition(_ndcg_with(_linear), "normalised DCG, linear gains", cutoff=True),
        "ndcg_burges": Definition(
            _ndcg_with(_exponential), "normalised DCG, gains 2^relevance - 1", cutoff=True
        ),
        "dcg": Definition(_dcg_with(_linear), "DCG, linear gains", cutoff=True),
        "dcg_burges": Definition(
            _dcg_with(_exponential), "DCG, gains 2^relevance - 1", cutoff=True
        ),
        "precision": Definition(_precision, "relevant among the first k", cutoff=True),
        "recall": Definition(_recall, "found of the relevant", cutoff=True),
        "f1": Definition(_f, "harmonic mean of precision and recall", cutoff=True, at="beta"),
        "rprec": Definition(_rprec, "precision at the number of relevant documents"),
        "mrr": Definition(_mrr, "1 / rank of the first relevant document", cutoff=True),
        "success": Definition(_success, "whether anything relevant was found", cutoff=True),
        "hits": Definition(_hits, "how many relevant were found", cutoff=True),
        "bpref": Definition(_bpref, "relevant ranked above judged nonrelevant"),
        "infap": Definition(_infap, "inferred average precision"),
        "iprec": Definition(
            _iprec, "interpolated precision", at="recall", needs="at", example="iprec@0.1"
        ),
        "11pt_avg": Definition(_eleven_points, "interpolated precision, mean of 11 recall levels"),
        "set_map": Definition(_set_map, "precision times recall of the whole result"),
        "set_relative_p": Definition(_set_relative_p, "precision over the best possible"),
        "rbp": Definition(_rbp, "rank-biased precision", cutoff=True, at="p"),
        "err": Definition(_err, "expected reciprocal rank, grades out of 4", cutoff=True),
        "judged": Definition(_judged, "judged among the first k", cutoff=True),
        "num_q": Definition(_num_q, "topics", aggregate="sum"),
        "num_ret": Definition(_num_ret, "documents retrieved", aggregate="sum"),
        "num_rel": Definition(_num_rel, "relevant documents known", aggregate="sum"),
        "num_rel_ret": Definition(_num_rel_ret, "relevant documents found", aggregate="sum"),
    },
)
