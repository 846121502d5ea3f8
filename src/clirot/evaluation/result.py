"""The outcome of an evaluation: values by topic, and everything that follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clirot.evaluation.config import EvaluateConfig
from clirot.evaluation.inputs import OVERALL, Inputs
from clirot.evaluation.measures import Measure
from clirot.evaluation.significance import Interval, PValue

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clirot.runs import Run

    Values = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Comparison:
    """One system against the baseline, in one measure on one topic set."""

    system: str
    baseline: str
    measure: Measure
    topic_set: str
    difference: float
    """The mean of the system minus the mean of the baseline."""
    interval: Interval
    """Of the difference."""
    test: PValue
    effect: float | None
    """Cohen's d of the paired differences; None where the figure is no mean over topics."""
    better: int
    """Topics on which the system is above the baseline; for macro-F1, that only it labels right."""
    worse: int
    topics: int
    p_adjusted: float = 1.0
    """The p-value after Holm's correction over all comparisons of the evaluation."""
    significant: bool = False
    """Whether ``p_adjusted`` is below the significance level."""


@dataclass(frozen=True)
class Gap:
    """How much lower a system is on one group of topic sets than on another."""

    system: str
    measure: Measure
    first: tuple[str, ...]
    second: tuple[str, ...]
    difference: float
    """The mean on the first group minus the mean on the second."""
    relative: float | None
    """The difference as a share of the mean on the first group; None where that mean is 0."""
    interval: Interval
    """Of the difference."""
    paired: bool
    """Whether both groups have the same topics, which are then compared one by one."""
    shared: int = 0
    """How many topics both groups have."""

    @property
    def name(self) -> str:
        """``clean..typo``."""
        return f"{','.join(self.first)}..{','.join(self.second)}"


@dataclass(frozen=True)
class Contrast:
    """A signed sum of means: of one system on several topic sets, of several systems, or both."""

    name: str
    """As it was written: ``[a] - [b]``, or the gap that it is about."""
    measure: Measure
    difference: float
    """The sum."""
    interval: Interval
    test: PValue
    """Of the hypothesis that the sum is 0."""
    how: str
    """Its test: ``randomisation`` or ``t``, on the sum of each topic, where all terms have the same
    topics; ``bootstrap`` or ``welch`` where they do not."""
    topics: int
    samples: int
    """The groups of topics that are resampled independently."""
    system: str | None = None
    """The system whose gaps these are; None where the name says the systems."""
    baseline: str | None = None
    """The system whose gap is subtracted."""
    p_adjusted: float = 1.0
    """The p-value after Holm's correction over all contrasts of its kind."""
    significant: bool = False
    """Whether ``p_adjusted`` is below the significance level."""


@dataclass(frozen=True)
class Outcome:
    """A figure that was expected, and the one that was found."""

    written: str
    system: str
    value: float
    met: bool


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Every figure of an evaluation.

    A *topic set* is ``""`` where there is only one. Where there are several, the set ``overall``
    stands for all of them together: its figure is the mean over the sets of their means, so that a
    set with few topics counts as much as one with many.
    """

    config: EvaluateConfig
    measures: tuple[Measure, ...]
    inputs: Inputs
    """The runs, fused ones included, and the judgements."""
    values: Mapping[tuple[str, str], Values]
    """(system, topic set) -> (measures, topics). Of a measure that is no mean over topics, what
    :mod:`~clirot.evaluation.measures.neighbours` keeps of each topic."""
    fused: Mapping[tuple[str, str], Run]
    """(system, topic set) -> the run that fusion made."""
    notes: tuple[str, ...]
    """What a person should know: topics that count as 0, topics that were left out."""
    comparisons: tuple[Comparison, ...] = ()
    gaps: tuple[Gap, ...] = ()
    gap_differences: tuple[Contrast, ...] = ()
    """One gap minus another."""
    gap_changes: tuple[Contrast, ...] = ()
    """The gap of a system minus that of the baseline."""
    contrasts: tuple[Contrast, ...] = ()
    intervals: Mapping[tuple[str, str, Measure], Interval] | None = None
    """(system, topic set, measure) -> the interval of the mean, where intervals were asked for."""
    outcomes: tuple[Outcome, ...] = ()

    @property
    def topics(self) -> Mapping[str, tuple[str, ...]]:
        """Topic set -> its judged topics."""
        return self.inputs.topics

    @property
    def systems(self) -> tuple[str, ...]:
        """In the order in which they were given, fused ones last."""
        return self.inputs.systems

    @property
    def topic_sets(self) -> tuple[str, ...]:
        """In the order in which they were given; ``overall`` is last where there are several."""
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

    def members(self, topic_set: str) -> tuple[str, ...]:
        """The topic sets that a name stands for: all of them for ``overall``."""
        return tuple(self.topics) if topic_set == OVERALL else (topic_set,)

    def figure(self, system: str, measure: Measure, topic_set: str | None = None) -> float | None:
        """The figure of a system: a mean over topics, or a sum where the measure counts.

        None where the system was not run on that set, or for ``overall`` not on all sets.
        """
        import numpy as np

        sets = self.members(self.main_set if topic_set is None else topic_set)
        if any((system, one) not in self.values for one in sets):
            return None
        place = self.measures.index(measure)
        rows = [self.values[system, one][place] for one in sets]
        aggregate = measure.definition.aggregate
        if aggregate == "sum":
            return float(sum(row.sum() for row in rows))
        if aggregate == "macro_f1":
            from clirot.evaluation.measures.neighbours import macro_f1

            return float(np.mean([macro_f1(row) for row in rows]))
        mean = float(np.mean([row.mean() for row in rows]))
        return float(np.exp(mean)) if aggregate == "geometric" else mean

    def per_topic(self, system: str, topic_set: str = "") -> dict[str, dict[str, float]]:
        """Topic -> measure -> value, in the order of the judgements.

        A measure that is no figure of single topics (macro-F1) is not there.
        """
        table = self.values[system, topic_set]
        places = [
            (str(measure), place)
            for place, measure in enumerate(self.measures)
            if measure.definition.aggregate != "macro_f1"
        ]
        return {
            topic: {name: column[place] for name, place in places}
            for topic, column in zip(self.topics[topic_set], table.T.tolist(), strict=True)
        }

    def comparison(self, system: str, measure: Measure, topic_set: str) -> Comparison | None:
        """The comparison of a system with the baseline, where there is one."""
        wanted = (system, measure, topic_set)
        return next(
            (c for c in self.comparisons if (c.system, c.measure, c.topic_set) == wanted), None
        )

    def best(self, measure: Measure, topic_set: str) -> tuple[str, ...]:
        """The systems with the highest figure, where there are several to choose from."""
        if len(self.systems) < 2 or measure.definition.aggregate == "sum":
            return ()
        figures = {
            system: f"{figure:.4f}"  # equal in what is printed: four digits
            for system in self.systems
            if (figure := self.figure(system, measure, topic_set)) is not None
        }
        highest = max(figures.values(), key=float, default="")
        return tuple(system for system, figure in figures.items() if figure == highest)
