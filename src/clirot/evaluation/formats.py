"""An evaluation written down: its table, in Markdown and CSV, and its JSON document.

LaTeX is in :mod:`clirot.evaluation.latex`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import isinf
from typing import Any

from clirot.evaluation.contrast_tables import (
    LABELS,
    contrast_tables,
    csv_lines,
    json_fields,
)
from clirot.evaluation.measures import Measure
from clirot.evaluation.result import Comparison, Evaluation
from clirot.version import __version__

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
    return measure.definition.paper + str(measure).removeprefix(measure.called)


def marked(cell: Cell, places: int, bold: str, marks: tuple[str, str]) -> str:
    """The figure, bold where it is the best, with the mark for better or for worse."""
    text = cell.text(places)
    mark = {BETTER: marks[0], WORSE: marks[1]}.get(cell.mark, "")
    return (bold.format(text) if cell.best else text) + mark


def markdown_table(evaluation: Evaluation, *, places: int = 4) -> str:
    """A pipe table, best figures bold, with a line that says what the marks mean."""
    head = [*(["topics"] if evaluation.multiple else []), "run"]
    names = [paper_name(measure) for measure in evaluation.measures]
    lines = [
        "| " + " | ".join([*head, *names]) + " |",
        "|" + "---|" * len(head) + "---:|" * len(names),
    ]
    for row in rows_of(evaluation):
        labels = [_piped(label) for label in (row.topic_set, row.system)[-len(head) :]]
        cells = [marked(cell, places, "**{}**", (BETTER, WORSE)) for cell in row.cells]
        lines.append("| " + " | ".join([*labels, *cells]) + " |")
    lines += ["", legend(evaluation), ""]
    for table in contrast_tables(evaluation, places=places):
        head = list(table.rows[0])
        if table.heading:
            lines += [f"{table.heading}:", ""]
        lines += [
            "| " + " | ".join(head) + " |",
            "|" + "".join("---|" if name in LABELS else "---:|" for name in head),
        ]
        lines += ["| " + " | ".join(map(_piped, one.values())) + " |" for one in table.rows]
        lines.append("")
    return "\n".join(lines)


def _piped(text: str) -> str:
    return text.replace("|", "\\|")


def csv_text(evaluation: Evaluation, *, per_topic: bool = False) -> str:
    """A line for each figure, with its interval and its comparison; or a line for each topic.

    Gaps and contrasts are lines of their own, with the name of the gap as topic set or that of the
    contrast as run; ``kind`` tells them apart.
    """
    text = io.StringIO()
    lines = _topic_lines(evaluation) if per_topic else _figure_lines(evaluation)
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


def _topic_lines(evaluation: Evaluation) -> Iterator[list[object]]:
    head: list[object] = ["run", "topic_set", "topic"]
    for system, topic_set in evaluation.values:
        for topic, values in evaluation.per_topic(system, topic_set).items():
            if head:
                yield [*head, *values]
                head = []
            yield [system, topic_set, topic, *values.values()]


def _figure_lines(evaluation: Evaluation) -> Iterator[list[object]]:
    columns = [
        "run", "topic_set", "measure", "value", "low", "high", "baseline", "difference",
        "difference_low", "difference_high", "p", "p_holm", "significant", "effect", "topics",
        "better", "worse", "kind",
    ]  # fmt: skip
    yield list(columns)
    for row in rows_of(evaluation):
        for measure, cell in zip(evaluation.measures, row.cells, strict=True):
            if cell.value is None:
                continue
            interval = (evaluation.intervals or {}).get((row.system, row.topic_set, measure))
            one = evaluation.comparison(row.system, measure, row.topic_set)
            compared: list[object] = [""] * 11
            if one is not None:
                compared = [
                    one.baseline, one.difference, *one.interval, one.test.p, one.p_adjusted,
                    one.significant, one.effect, one.topics, one.better, one.worse,
                ]  # fmt: skip
            yield [
                row.system,
                row.topic_set,
                str(measure),
                cell.value,
                *(interval or ["", ""]),
                *compared,
                "mean",
            ]
    for line in csv_lines(evaluation):
        yield [line.get(name, "") for name in columns]


def json_text(evaluation: Evaluation, *, per_topic: bool = False) -> str:
    """The document as text."""
    document = json_document(evaluation, per_topic=per_topic)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def json_document(evaluation: Evaluation, *, per_topic: bool = False) -> dict[str, Any]:
    """Everything of an evaluation, as one document of plain values.

    ``runs`` has an entry for each system and topic set, with ``means`` by the canonical names of
    the measures; where there are several topic sets, also an entry for ``overall``.
    """
    config = evaluation.config
    runs = []
    for topic_set in evaluation.topic_sets:
        for system in evaluation.systems:
            means = {
                str(measure): evaluation.figure(system, measure, topic_set)
                for measure in evaluation.measures
            }
            if None in means.values():
                continue
            entry: dict[str, Any] = {"name": system, "topic_set": topic_set or None, "means": means}
            if evaluation.intervals is not None:
                entry["intervals"] = {
                    str(measure): list(evaluation.intervals[system, topic_set, measure])
                    for measure in evaluation.measures
                    if (system, topic_set, measure) in evaluation.intervals
                }
            if (system, topic_set) in evaluation.values:
                run = evaluation.inputs.runs[system, topic_set]
                topics = evaluation.topics[topic_set]
                judged = evaluation.inputs.judged
                entry["source"] = evaluation.inputs.sources.get((system, topic_set))
                entry["topics"] = len(topics)
                entry["topics_without_results"] = [t for t in topics if t not in run.index]
                entry["topics_not_judged"] = [t for t in run.topics if t not in judged]
                if (system, topic_set) in evaluation.inputs.own_left_out:
                    left_out = evaluation.inputs.own_left_out[system, topic_set]
                    entry["own_documents_left_out"] = left_out
                if per_topic:
                    entry["per_topic"] = evaluation.per_topic(system, topic_set)
            runs.append(entry)
    return {
        "clirot": __version__,
        "judgements": config.collection or str(config.qrels or config.answers or ""),
        "rel_level": config.rel_level,
        "measures": [str(measure) for measure in evaluation.measures],
        "runs": runs,
        "baseline": config.baseline,
        "test": {
            "name": config.test,
            "alpha": config.alpha,
            "correction": "holm",
            "samples": config.samples,
            "seed": config.seed,
            "confidence": config.confidence,
        }
        if config.baseline or config.gaps or config.intervals or config.contrasts
        else None,
        "comparisons": [_comparison_fields(one) for one in evaluation.comparisons],
        **json_fields(evaluation),
        "expectations": [
            {"expected": o.written, "run": o.system, "value": o.value, "met": o.met}
            for o in evaluation.outcomes
        ],
        "notes": list(evaluation.notes),
    }


def _comparison_fields(one: Comparison) -> dict[str, Any]:
    return {
        "run": one.system,
        "baseline": one.baseline,
        "topic_set": one.topic_set or None,
        "measure": str(one.measure),
        "difference": one.difference,
        "interval": list(one.interval),
        "p": one.test.p,
        "exact": one.test.exact,
        "p_holm": one.p_adjusted,
        "significant": one.significant,
        "effect": None if one.effect is None or isinf(one.effect) else one.effect,
        "topics": one.topics,
        "better": one.better,
        "worse": one.worse,
    }
