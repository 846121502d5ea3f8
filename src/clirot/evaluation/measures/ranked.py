"""The few measures that are computed here, from the relevances down the ranking.

trec_eval lacks them, ir_measures would start a Perl script for ERR and needs another package for
RBP, and its own ranking for the share of judged documents breaks ties the other way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from clirot.evaluation.measures.names import Measure

_ERR_MAX = 4  # gdeval.pl: the grades of ERR go up to 4


@dataclass(frozen=True)
class Ranking:
    """One topic: the relevances down the ranking to the cut-off, and all of its judgements."""

    grades: Sequence[int | None]
    """None where the document is not judged."""
    judged: Mapping[str, int]
    level: int

    def at_least(self, least: int) -> Iterator[tuple[int, int]]:
        """(rank, grade) of the documents of at least this relevance; ranks from 1."""
        for rank, grade in enumerate(self.grades, 1):
            if grade is not None and grade >= least:
                yield rank, grade


def burges(grade: int) -> int:
    """The gain of a relevance in the measures that ranx names after Burges et al. 2005."""
    return int(2**grade - 1)


def _dcg(gain: Callable[[int], int]) -> Callable[[Measure, Ranking], float]:
    def value(measure: Measure, ranking: Ranking) -> float:
        rows = ranking.at_least(max(1, measure.level or 1))
        return sum(gain(grade) / math.log2(rank + 1) for rank, grade in rows)

    return value


def _err(measure: Measure, ranking: Ranking) -> float:
    """Expected reciprocal rank: Chapelle et al. 2009, with the grades of gdeval.pl."""
    total, going_on = 0.0, 1.0
    for rank, grade in ranking.at_least(max(1, measure.level or 1)):
        satisfied = (2 ** min(grade, _ERR_MAX) - 1) / 2**_ERR_MAX
        total += going_on * satisfied / rank
        going_on *= 1 - satisfied
    return total


def _rbp(measure: Measure, ranking: Ranking) -> float:
    """Rank-biased precision: Moffat and Zobel 2008; p is .8 by default.

    A document counts 1, or its relevance where the name is ranx's (``rbp.95``).
    """
    p = 0.8 if measure.at is None else measure.at
    return sum(
        (1 - p) * p ** (rank - 1) * (grade if measure.graded else 1)
        for rank, grade in ranking.at_least(ranking.level)
    )


def _judged(measure: Measure, ranking: Ranking) -> float:
    """The share of judged documents among those retrieved, down to the cut-off."""
    known = sum(grade is not None for grade in ranking.grades)
    return known / len(ranking.grades) if ranking.grades else 0.0


def _num_rel(measure: Measure, ranking: Ranking) -> float:
    return float(sum(grade >= ranking.level for grade in ranking.judged.values()))


RANKED: Mapping[str, Callable[[Measure, Ranking], float]] = {
    "dcg": _dcg(int),
    "dcg_burges": _dcg(burges),
    "err": _err,
    "rbp": _rbp,
    "judged": _judged,
    "num_rel": _num_rel,  # pytrec_eval does not pass the level on to it
    "num_q": lambda measure, ranking: 1.0,
}
"""Measures that are computed here, topic by topic."""
