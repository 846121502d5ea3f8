"""The values of measures for the topics of a run: trec_eval's, by way of ir_measures.

ir_measures hands most measures to trec_eval's own code (pytrec_eval); a few that it does not know
are asked of pytrec_eval itself. What trec_eval has no name for is either composed of its figures
(the F measure at a cut-off from precision and recall) or, for the few measures in
:mod:`clirot.evaluation.measures.ranked`, computed here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ir_measures as ir
import numpy as np

from clirot.errors import InputError
from clirot.evaluation.measures.names import Measure
from clirot.evaluation.measures.ranked import RANKED, Ranking, burges
from clirot.runs import Qrels, Run
from clirot.runs.source import is_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]

_ROWS = 500_000
"""The most rows that are handed to trec_eval at a time: some 100 MB."""
_LARGEST_GRADE = 10_000
"""trec_eval needs time and memory with the square of the largest relevance."""
_GM_MIN = 0.00001  # trec_eval's m_gm_map.c


def measure_values(
    measures: Sequence[Measure], run: Run, qrels: Qrels, *, level: int = 1
) -> Values:
    """The values of measures for every judged topic.

    A topic without results counts as 0. Topics that are not judged are left out.

    Args:
        measures: what to compute.
        run: the run.
        qrels: topic -> docno -> relevance.
        level: the relevance from which on a document is relevant, unless the measure says.

    Returns:
        (measures, topics), topics in the order of :func:`judged_topics`.

    Raises:
        InputError: a relevance is too large for trec_eval, or an id is none that it can hold.
    """
    topics = judged_topics(qrels)
    values = np.zeros((len(measures), len(topics)))
    longest = max((stop - start for start, stop in map(run.rows, topics)), default=0)
    step = max(1, _ROWS // max(1, longest))
    for first in range(0, len(topics), step):
        chunk = slice(first, first + step)
        judged = {topic: qrels[topic] for topic in topics[chunk]}
        scores = {topic: run.documents(topic) for topic in judged}
        check_ids(judged, "the judgements")
        check_ids(scores, f"run {run.name}")
        for judged_only in {measure.judged_only for measure in measures}:
            places = [i for i, one in enumerate(measures) if one.judged_only == judged_only]
            part = _Part(judged, _judged_only(scores, judged) if judged_only else scores, level)
            values[places, chunk] = part.values([measures[i] for i in places])
    return values


def check_ids(found: Mapping[str, Mapping[str, Any]], what: str) -> None:
    """Refuse ids at which trec_eval would end the process, or which it would take for others.

    Args:
        found: topic -> docno -> anything.
        what: whose they are, for the message.

    Raises:
        InputError: an id is no text, or one that UTF-8 cannot write, or holds NUL.
    """
    for topic, documents in found.items():
        ids = (topic, *documents)
        if all(isinstance(one, str) for one in ids) and is_text("".join(ids)):
            continue
        wrong = next(one for one in ids if not isinstance(one, str) or not is_text(one))
        raise InputError(
            f"{what}: {wrong!r} of topic {topic!r} is no id that trec_eval can hold",
            hint="an id is text that UTF-8 can write, without NUL",
        )


def judged_topics(qrels: Qrels) -> tuple[str, ...]:
    """The topics that have judgements, in the order of the qrels."""
    return tuple(topic for topic, documents in qrels.items() if documents)


def _judged_only(
    scores: Mapping[str, Mapping[str, float]], judged: Qrels
) -> dict[str, dict[str, float]]:
    """The ranking without its unjudged documents (condensed list).

    A relevance below 0 means that the document was not judged, as in trec_eval (``-J``).
    """
    return {
        topic: {d: score for d, score in documents.items() if judged[topic].get(d, -1) >= 0}
        for topic, documents in scores.items()
    }


@dataclass(frozen=True)
class _TrecEval:
    """A figure of trec_eval for which ir_measures has no name."""

    written: str
    """As pytrec_eval takes it and calls it."""
    level: int


@dataclass(frozen=True)
class _Part:
    """Some topics of a run, with their judgements."""

    qrels: Qrels
    scores: Mapping[str, Mapping[str, float]]
    """Topic -> docno -> score, best first; a topic without results is there and empty."""
    level: int

    def values(self, measures: Sequence[Measure]) -> list[Values]:
        """The values of each measure, ``(topics,)`` each."""
        asked = {
            measure: FORMULAS[measure.name].figures(measure, self)
            for measure in measures
            if measure.name in FORMULAS
        }
        figures = self._figures({figure for needed in asked.values() for figure in needed})
        return [
            FORMULAS[measure.name].combined(
                measure, *(figures[figure] for figure in asked[measure])
            )
            if measure in asked
            else self._ranked(measure)
            for measure in measures
        ]

    def relevant_from(self, measure: Measure) -> int:
        """The relevance from which on a document is relevant."""
        return self.level if measure.level is None else measure.level

    def gains(self, measure: Measure) -> dict[int, int]:
        """What each relevance counts in nDCG, where that is not the relevance itself."""
        given = dict(measure.gains or ())
        gain: Callable[[int], int] = burges if measure.name == "ndcg_burges" else int
        least = measure.level or 1
        grades = {one for documents in self.qrels.values() for one in documents.values()}
        mapped = {
            grade: given.get(grade, gain(grade)) if grade >= least or grade in given else 0
            for grade in grades
            if grade > 0 or grade in given
        }
        if measure.level is not None:
            mapped |= {grade: 0 for grade in mapped if grade < measure.level}
        return {grade: value for grade, value in mapped.items() if value != grade}

    def _figures(self, wanted: set[Any]) -> dict[Any, Values]:
        if not wanted:
            return {}
        self._check_grades(wanted)
        place = {topic: number for number, topic in enumerate(self.qrels)}
        figures: dict[Any, Values] = {figure: np.zeros(len(place)) for figure in wanted}
        theirs = [figure for figure in wanted if not isinstance(figure, _TrecEval)]
        if theirs:
            evaluator = ir.pytrec_eval.evaluator(sorted(theirs, key=str), self.qrels)
            for one in evaluator.iter_calc(self.scores):
                if not math.isnan(one.value):  # interpolated precision of an empty ranking
                    figures[one.measure][place[one.query_id]] = one.value
        own = [figure for figure in wanted if isinstance(figure, _TrecEval)]
        for level in {figure.level for figure in own}:
            self._ask_trec_eval([one for one in own if one.level == level], figures, place)
        return figures

    def _ask_trec_eval(
        self, asked: Sequence[_TrecEval], figures: dict[Any, Values], place: Mapping[str, int]
    ) -> None:
        """Put the figures that ir_measures has no name for in their places."""
        import pytrec_eval

        evaluator = pytrec_eval.RelevanceEvaluator(
            self.qrels, {one.written for one in asked}, relevance_level=asked[0].level
        )
        found = {topic: documents for topic, documents in self.scores.items() if documents}
        for topic, values in evaluator.evaluate(found).items():
            for one in asked:
                figures[one][place[topic]] = values[one.written]

    def _check_grades(self, wanted: set[Any]) -> None:
        gains = [
            one["gains"].values()
            for one in wanted
            if not isinstance(one, _TrecEval) and one.params.get("gains")
        ]
        for topic, documents in self.qrels.items():
            largest = max(documents.values())
            if max([largest, *(gain for mapped in gains for gain in mapped)]) > _LARGEST_GRADE:
                raise InputError(
                    f"topic {topic!r}: a relevance of {largest} is more than trec_eval can handle",
                    hint=f"grades go up to {_LARGEST_GRADE:,}, and to 13 where a gain is 2^grade",
                )

    def _ranked(self, measure: Measure) -> Values:
        value, cutoff = RANKED[measure.name], measure.cutoff
        level = self.relevant_from(measure)
        found = [
            value(
                measure,
                Ranking(
                    [documents.get(docno) for docno in list(self.scores[topic])[:cutoff]],
                    documents,
                    level,
                ),
            )
            for topic, documents in self.qrels.items()
        ]
        return np.array(found, dtype=np.float64)


def _alone(measure: Measure, figure: Values) -> Values:
    return figure


@dataclass(frozen=True)
class _Formula:
    """How a measure is made of the figures of trec_eval."""

    figures: Callable[[Measure, _Part], list[Any]]
    """The measures of ir_measures that it is made of."""
    combined: Callable[..., Values] = _alone
    """From the measure and these figures, ``(topics,)`` each, to its values."""


def _of(whole: Any, at_cutoff: Any = None) -> Callable[[Measure, _Part], list[Any]]:
    """One figure of trec_eval; another one where the measure has a cut-off."""

    def figures(measure: Measure, part: _Part) -> list[Any]:
        level = part.relevant_from(measure)
        if measure.cutoff is None or at_cutoff is None:
            return [whole(rel=level)]
        return [at_cutoff(rel=level, cutoff=measure.cutoff)]

    return figures


def _ndcg(measure: Measure, part: _Part) -> list[Any]:
    settings: dict[str, Any] = {"cutoff": measure.cutoff} if measure.cutoff is not None else {}
    if gains := part.gains(measure):
        settings["gains"] = gains
    return [ir.nDCG(**settings) if settings else ir.nDCG]


def _trec_eval(written: str) -> _Formula:
    """A figure that is asked of trec_eval; ``{}`` stands for the measure's parameter."""

    def figures(measure: Measure, part: _Part) -> list[Any]:
        at = measure.cutoff if measure.at is None else f"{measure.at:.2f}"
        return [_TrecEval(written.format(at), part.relevant_from(measure))]

    return _Formula(figures)


def _relative_p(measure: Measure, part: _Part) -> list[Any]:
    if measure.cutoff is None:
        return [ir.SetP(relative=True, rel=part.relevant_from(measure))]
    return [_TrecEval(f"relative_P_{measure.cutoff}", part.relevant_from(measure))]


def _logarithm(measure: Measure, values: Values) -> Values:
    """What trec_eval keeps of a topic for a geometric mean."""
    return np.log(np.maximum(values, _GM_MIN))


def _precision_and_recall(measure: Measure, part: _Part) -> list[Any]:
    return [*_of(ir.SetP, ir.P)(measure, part), *_of(ir.SetR, ir.R)(measure, part)]


def _f(measure: Measure, precision: Values, recall: Values) -> Values:
    # trec_eval's m_set_F.c: the weight x stands where textbooks write beta squared.
    x = 1.0 if measure.at is None else measure.at
    values: Values = np.zeros(len(precision))
    above, below = (x + 1) * precision * recall, recall + x * precision
    np.divide(above, below, out=values, where=below > 0)
    return values


def _mrr(measure: Measure, reciprocal: Values) -> Values:
    least = 0.0 if measure.cutoff is None else 1 / (measure.cutoff + 0.5)
    return np.where(reciprocal > least, reciprocal, 0.0)


def _iprec(*recalls: float) -> Callable[[Measure, _Part], list[Any]]:
    return lambda measure, part: [
        ir.IPrec(recall=recall, rel=part.relevant_from(measure))
        for recall in recalls or (measure.at,)
    ]


FORMULAS: Mapping[str, _Formula] = {
    "map": _Formula(_of(ir.AP, ir.AP)),
    "gm_map": _Formula(_of(ir.AP), _logarithm),
    "gm_bpref": _Formula(_of(ir.Bpref), _logarithm),
    "ndcg": _Formula(_ndcg),
    "ndcg_burges": _Formula(_ndcg),
    "precision": _Formula(_of(ir.SetP, ir.P)),
    "recall": _Formula(_of(ir.SetR, ir.R)),
    "f1": _Formula(_precision_and_recall, _f),
    "rprec": _Formula(_of(ir.Rprec)),
    "mrr": _Formula(_of(ir.RR), _mrr),
    "success": _Formula(_of(ir.SetR, ir.Success), lambda _, values: (values > 0) * 1.0),
    "hits": _Formula(
        _of(ir.NumRet, ir.P), lambda measure, values: np.rint(values * (measure.cutoff or 1))
    ),
    "bpref": _Formula(_of(ir.Bpref)),
    "infap": _Formula(_of(ir.infAP)),
    "iprec": _Formula(_iprec()),
    "11pt_avg": _Formula(
        _iprec(*(step / 10 for step in range(11))), lambda _, *levels: np.mean(levels, axis=0)
    ),
    "set_map": _Formula(_of(ir.SetAP)),
    "set_relative_p": _Formula(
        lambda measure, part: [ir.SetP(relative=True, rel=part.relevant_from(measure))]
    ),
    "relative_p": _Formula(_relative_p),
    "rprec_mult": _trec_eval("Rprec_mult_{}"),
    "ndcg_rel": _trec_eval("ndcg_rel"),
    "rndcg": _trec_eval("Rndcg"),
    "g": _trec_eval("G"),
    "bin_g": _trec_eval("binG"),
    "utility": _trec_eval("utility"),
    "num_nonrel_judged_ret": _trec_eval("num_nonrel_judged_ret"),
    "num_ret": _Formula(lambda measure, part: [ir.NumRet]),
    "num_rel_ret": _Formula(_of(ir.NumRet)),
}
"""Measures that are made of the figures of trec_eval."""
