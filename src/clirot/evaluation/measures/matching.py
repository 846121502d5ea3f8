"""A run held against judgements: which documents are judged, at which rank.

Every measure here depends on a run only through the ranks of its judged documents and the number
of documents it retrieved. A run of ten million rows shrinks to as many rows as have judgements,
and the measures are sums over those.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from clirot.runs import Judgements, Run

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Matching:
    """The judged documents that a run retrieved, by topic and rank.

    ``topic`` is a place in ``judgements.topics``; rows are ordered by topic, then rank.
    """

    judgements: Judgements
    topic: NDArray[np.int64]
    """(rows,)"""
    rank: NDArray[np.int64]
    """(rows,), from 1."""
    relevance: NDArray[np.int64]
    """(rows,)"""
    retrieved: NDArray[np.int64]
    """(topics,): the number of documents retrieved."""
    unknown_topics: tuple[str, ...] = ()
    """Topics of the run without judgements: left out."""

    @property
    def missing_topics(self) -> tuple[str, ...]:
        """Judged topics for which the run retrieved nothing: every measure counts them as 0."""
        topics = self.judgements.topics
        return tuple(topics[place] for place in np.flatnonzero(self.retrieved == 0).tolist())

    @cached_property
    def judged_only(self) -> Matching:
        """The same as if the run had retrieved its judged documents only (condensed list)."""
        counts = np.bincount(self.topic, minlength=len(self.retrieved))
        return replace(self, rank=count_within(self.topic), retrieved=counts)

    def per_topic(
        self, rows: NDArray[np.bool_], values: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Per topic, the number of ``rows``, or the sum of their ``values`` (one a chosen row)."""
        counts = np.bincount(self.topic[rows], weights=values, minlength=len(self.retrieved))
        return counts.astype(np.float64)


def match(run: Run, judgements: Judgements) -> Matching:
    """Hold a run against judgements."""
    place = np.array([judgements.index.get(topic, -1) for topic in run.topics], dtype=np.int64)
    sizes = np.diff(run.bounds)
    rows, relevance = run.docnos.match(np.repeat(place, sizes), judgements)
    topic_in_run = np.searchsorted(run.bounds, rows, side="right") - 1
    topic = place[topic_in_run]
    rank = rows - run.bounds[topic_in_run] + 1
    order = np.argsort(topic, kind="stable")
    retrieved = np.zeros(len(judgements.topics), dtype=np.int64)
    retrieved[place[place >= 0]] = sizes[place >= 0]
    return Matching(
        judgements,
        topic[order],
        rank[order],
        relevance[order],
        retrieved,
        tuple(topic for topic in run.topics if topic not in judgements.index),
    )


def count_within(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """For sorted groups, each row's place within its own, from 1: [3, 3, 7] gives [1, 2, 1]."""
    rows = np.arange(len(group))
    starts = np.ones(len(group), dtype=bool)
    starts[1:] = group[1:] != group[:-1]
    return rows - np.maximum.accumulate(np.where(starts, rows, 0)) + 1
