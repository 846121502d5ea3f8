"""A matching seen at one relevance level: what the measures are sums over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from clirot.evaluation.measures.matching import Matching, count_within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]
    Whole = NDArray[np.signedinteger[Any]]

NO_CUTOFF = np.iinfo(np.int64).max


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
        return self.sum((self.rank <= (cutoff or NO_CUTOFF)).astype(np.float64))

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


def over(numerator: Values | Whole, denominator: Values | Whole) -> Values:
    """A quotient that is 0 where the denominator is."""
    result: Values = np.zeros(len(numerator))
    np.divide(numerator, denominator, out=result, where=denominator != 0)
    return result
