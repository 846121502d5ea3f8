"""Scores brought to one range before they are fused: ranx's normalisations, and where they end.

The arithmetic is ranx's. Where a topic's scores have no spread (a single hit, or hits of one
score), ranx divides what is left, 0, by 1e-9, so that a document that was found counts as much as
one that was not. Here it counts as found: 1 of a range from 0 to 1 (``min-max``,
``min-max-inverted``), and an equal share of what sums to 1 (``sum``). A spread below 1e-9 would be
divided by 1e-9 too; such scores are enlarged first, which these normalisations do not notice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from clirot.errors import UsageError
from clirot.runs import Run
from clirot.runs.run import single

FOUND: Mapping[str, Callable[[int], float]] = {
    "min-max": lambda hits: 1.0,
    "min-max-inverted": lambda hits: 1.0,
    "sum": lambda hits: 1 / hits,
}
"""Normalisation -> what each of some hits of one score counts."""
_DIVIDED = frozenset({"max", "min-max", "min-max-inverted", "sum", "zmuv"})
"""Those that divide by something of at least 1e-9."""
_SMALL = 1e-3


def flat_topics(run: Run) -> list[str]:
    """The topics for which a run has a single hit, or hits of one score, as 32-bit floats."""
    scores = single(run.scores)
    ends = ((topic, *run.rows(topic)) for topic in run.topics)
    return [topic for topic, start, stop in ends if scores[start] == scores[stop - 1]]


def check_scores(runs: Sequence[Run], norm: str | None) -> None:
    """Refuse scores that cannot be normalised.

    Raises:
        UsageError: some are infinite; or the highest of a topic is not above 0, and scores are to
            be divided by it.
    """
    for run in runs:
        if norm in _DIVIDED and not np.isfinite(single(run.scores)).all():
            raise UsageError(
                f"run {run.name!r} has infinite scores, which {norm} cannot normalise",
                hint="use rrf, which looks at ranks only",
            )
        if norm == "max":
            below = [topic for topic in run.topics if run.scores[run.rows(topic)[0]] <= 0]
            if below:
                raise UsageError(
                    f"run {run.name!r} has no score above 0 for topic {below[0]!r}, and max "
                    "divides by the highest",
                    hint="use norm=min-max",
                )


def enlarged(scores: Any, norm: str | None) -> Any:
    """The scores of one topic, best first, ``(hits,)``; a small spread is made 1."""
    if norm not in _DIVIDED or not len(scores):
        return scores
    spread = float(scores[0]) if norm == "max" else float(scores[0]) - float(scores[-1])
    return scores.astype(np.float64) / spread if 0 < spread < _SMALL else scores


def normalised(
    norm_switch: Callable[[str], Any], made: Sequence[Any], runs: Sequence[Run], norm: str | None
) -> list[Any]:
    """Runs of ranx with normalised scores.

    Args:
        norm_switch: that of ranx: from a name to what normalises.
        made: the runs, as ranx has them.
        runs: the same.
        norm: ranx's name of the normalisation; None: they are left as they are.
    """
    if norm is None:
        return list(made)
    normalise = norm_switch(norm)
    if norm == "borda":
        return list(normalise(list(made)))
    found = [normalise(one) for one in made]
    if norm in FOUND:
        for one, run in zip(found, runs, strict=True):
            for topic in flat_topics(run):
                if topic in one.run:
                    hits = one.run[topic]
                    for docno in list(hits):
                        hits[docno] = FOUND[norm](len(hits))
    return found
