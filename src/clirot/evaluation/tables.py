"""The table of an evaluation: its rows, cells and legend, for every format."""

from __future__ import annotations

from dataclasses import dataclass

from clirot.evaluation.measures import Measure
from clirot.evaluation.result import Evaluation

BETTER, WORSE = "†", "‡"


@dataclass(frozen=True)
class Cell:
    """One figure of the table."""

    value: float | None
    """None where the system was not run on the topic set."""
    count: bool
    """Whether it is a count rather than a share."""
    best: bool
    """Whether it is the highest of its column and topic set, to four digits."""
    mark: str
    """``†``: significantly better than the baseline; ``‡``: significantly worse; or empty."""

    def text(self, places: int = 4) -> str:
        """The figure without its mark."""
        if self.value is None:
            return "-"
        return f"{self.value:.0f}" if self.count else f"{self.value:.{places}f}"


@dataclass(frozen=True)
class Row:
    """A system on a topic set."""

    topic_set: str
    system: str
    cells: tuple[Cell, ...]


def rows_of(evaluation: Evaluation) -> list[Row]:
    """A row for each topic set and system, a cell for each measure."""
    rows = []
    for topic_set in evaluation.topic_sets:
        best = {measure: evaluation.best(measure, topic_set) for measure in evaluation.measures}
        for system in evaluation.systems:
            cells = tuple(
                Cell(
                    evaluation.figure(system, measure, topic_set),
                    count=measure.definition.aggregate == "sum",
                    best=system in best[measure],
                    mark=_mark(evaluation, system, measure, topic_set),
                )
                for measure in evaluation.measures
            )
            if any(cell.value is not None for cell in cells):
                rows.append(Row(topic_set, system, cells))
    return rows


def _mark(evaluation: Evaluation, system: str, measure: Measure, topic_set: str) -> str:
    comparison = evaluation.comparison(system, measure, topic_set)
    if comparison is None or not comparison.significant:
        return ""
    return BETTER if comparison.difference > 0 else WORSE


def legend(evaluation: Evaluation) -> str:
    """A caption: the number of topics, what the marks mean, and how differences were tested."""
    config = evaluation.config
    counts = {name: len(topics) for name, topics in evaluation.topics.items()}
    topics = (
        "; ".join(f"{name}: {count} topics" for name, count in counts.items())
        if evaluation.multiple
        else f"{next(iter(counts.values()))} topics"
    )
    if not evaluation.comparisons:
        return f"{topics}."
    how = {"randomisation": "paired randomisation test", "t": "paired t-test"}[config.test]
    tests = len(evaluation.comparisons)
    return (
        f"{topics}. {BETTER} better, {WORSE} worse than {config.baseline} "
        f"({how}, two-sided, p < {config.alpha:g} after Holm's correction for "
        f"{tests} {'tests' if tests > 1 else 'test'})."
    )


def paper_name(measure: Measure) -> str:
    """How papers write it: MAP, nDCG@20, P@5, R@1000."""
    return measure.definition.paper + str(measure).removeprefix(measure.name)
