"""What comparing gives: one system against the baseline, one topic set against another."""

from __future__ import annotations

from dataclasses import dataclass

from clirot.evaluation.measures import Measure
from clirot.evaluation.significance import Interval, PValue


@dataclass(frozen=True)
class Comparison:
    """One system against the baseline, in one measure on one topic set."""

    system: str
    baseline: str
    measure: Measure
    topic_set: str
    difference: float
    """The system's mean minus the baseline's."""
    interval: Interval
    """Of the difference."""
    test: PValue
    p_adjusted: float
    """Holm's, over all comparisons of the evaluation."""
    effect: float
    """Cohen's d of the paired differences."""
    better: int
    """Topics on which the system is above the baseline."""
    worse: int
    topics: int
    significant: bool
    """Whether ``p_adjusted`` is below the evaluation's alpha."""


@dataclass(frozen=True)
class Gap:
    """How much lower a system is on one group of topic sets than on another."""

    system: str
    measure: Measure
    first: tuple[str, ...]
    second: tuple[str, ...]
    difference: float
    """Mean on the first minus mean on the second: what the second costs."""
    relative: float | None
    """The same as a share of the first; None where that is 0."""
    interval: Interval
    """Of the difference."""
    paired: bool
    """Whether both have the same topics, which are then compared one by one."""

    @property
    def name(self) -> str:
        """``clean..typo``."""
        return f"{','.join(self.first)}..{','.join(self.second)}"
