"""The outcome of an evaluation: per-topic values, and everything that follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clirot.evaluation.config import EvaluateConfig
from clirot.evaluation.inputs import OVERALL
from clirot.evaluation.measures import Matching, Measure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clirot.evaluation.compared import Comparison, Gap
    from clirot.evaluation.significance import Interval
    from clirot.runs import Run

    Values = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Outcome:
    """One ``--expect`` and what came of it."""

    written: str
    system: str
    value: float
    met: bool


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Every figure of an evaluation.

    A *topic set* is ``""`` where there is only one. With several, the set ``overall`` stands for
    all together: the mean over the sets of their means, so that a set with few topics counts as
    much as one with many.
    """

    config: EvaluateConfig
    measures: tuple[Measure, ...]
    topics: Mapping[str, tuple[str, ...]]
    """Topic set -> its judged topics."""
    values: Mapping[tuple[str, str], Values]
    """(system, topic set) -> (measures, topics)."""
    matchings: Mapping[tuple[str, str], Matching]
    """(system, topic set) -> the ranks of its judged documents, from which all else is computed."""
    sources: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(system, topic set) -> the file, or the name and digest in the store, its run came from."""
    fused: Mapping[tuple[str, str], Run] = field(default_factory=dict)
    """(system, topic set) -> the run that fusion made."""
    comparisons: tuple[Comparison, ...] = ()
    gaps: tuple[Gap, ...] = ()
    intervals: Mapping[tuple[str, str, Measure], Interval] | None = None
    """(system, topic set, measure) -> of its mean, where they were asked for."""
    outcomes: tuple[Outcome, ...] = ()
    notes: tuple[str, ...] = ()
    """What a person should know: topics that count as 0, topics that were left out."""

    @property
    def systems(self) -> tuple[str, ...]:
        """In the order they were given; fused ones last."""
        return tuple(dict.fromkeys(system for system, _ in self.values))

    @property
    def topic_sets(self) -> tuple[str, ...]:
        """In the order they were given, with ``overall`` last where there are several."""
        sets = tuple(self.topics)
        return sets if len(sets) == 1 else (*sets, OVERALL)

    @property
    def multiple(self) -> bool:
        """Whether there are several topic sets."""
        return len(self.topics) > 1

    @property
    def main_set(self) -> str:
        """``overall``, or the only topic set."""
        return self.topic_sets[-1]

    @property
    def missed(self) -> tuple[Outcome, ...]:
        """The expectations that were not met."""
        return tuple(outcome for outcome in self.outcomes if not outcome.met)

    def figure(self, system: str, measure: Measure, topic_set: str | None = None) -> float | None:
        """The figure of a system: a mean, a sum for counts.

        None where the system was not run on that set, or not on all for ``overall``.
        """
        import numpy as np

        topic_set = self.main_set if topic_set is None else topic_set
        sets = tuple(self.topics) if topic_set == OVERALL else (topic_set,)
        if any((system, one) not in self.values for one in sets):
            return None
        place = self.measures.index(measure)
        rows = [self.values[system, one][place] for one in sets]
        aggregate = measure.definition.aggregate
        if aggregate == "sum":
            return float(sum(row.sum() for row in rows))
        mean = float(np.mean([row.mean() for row in rows]))
        return float(np.exp(mean)) if aggregate == "geometric" else mean

    def per_topic(self, system: str, topic_set: str = "") -> dict[str, dict[str, float]]:
        """Topic -> measure -> value, in the order of the judgements."""
        table = self.values[system, topic_set]
        names = [str(measure) for measure in self.measures]
        return {
            topic: dict(zip(names, column, strict=True))
            for topic, column in zip(self.topics[topic_set], table.T.tolist(), strict=True)
        }

    def comparison(self, system: str, measure: Measure, topic_set: str) -> Comparison | None:
        """The comparison of a system with the baseline, where there is one."""
        return next(
            (
                one
                for one in self.comparisons
                if (one.system, one.measure, one.topic_set) == (system, measure, topic_set)
            ),
            None,
        )

    def best(self, measure: Measure, topic_set: str) -> tuple[str, ...]:
        """The systems with the highest figure, where there are several to choose from."""
        if len(self.systems) < 2 or measure.definition.aggregate == "sum":
            return ()
        figures = {
            system: figure
            for system in self.systems
            if (figure := self.figure(system, measure, topic_set)) is not None
        }
        highest = max(figures.values(), default=None)
        # Equal to what is printed: four digits.
        return tuple(s for s, figure in figures.items() if f"{figure:.4f}" == f"{highest:.4f}")
