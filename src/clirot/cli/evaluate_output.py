"""What ``clirot evaluate`` prints and writes: the terminal table, and files on demand."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clirot.cli.console import stdout
from clirot.errors import UsageError

if TYPE_CHECKING:
    from clirot.evaluation.result import Evaluation

FORMATS = ("table", "json", "csv", "markdown", "latex", "ranx")


def known_format(name: str) -> str:
    """The format's name, checked."""
    from clirot.registry import unknown_name

    if name not in FORMATS:
        raise unknown_name("format", name, FORMATS)
    return name


def check(runs: Sequence[str], *, per_topic: bool, written: str) -> None:
    """Refuse what cannot work, before anything is read."""
    if "-" in runs and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError(
            "no run was named and nothing is piped in",
            hint="clirot evaluate RUN --qrels FILE, or clirot search ... | clirot evaluate ...",
        )
    if per_topic and written in ("markdown", "latex", "ranx"):
        raise UsageError(
            f"--per-topic has no {written} form", hint="use --format csv, json or table"
        )


def render(evaluation: Evaluation, written: str, *, per_topic: bool, places: int) -> str:
    """The evaluation in one of :data:`FORMATS`."""
    if written == "json":
        from clirot.evaluation.json_document import json_text

        return json_text(evaluation, per_topic=per_topic)
    if written == "csv":
        from clirot.evaluation.csv_table import csv_text

        return csv_text(evaluation, per_topic=per_topic)
    if written == "markdown":
        from clirot.evaluation.markdown import markdown_table

        return markdown_table(evaluation, places=places)
    if written == "latex":
        from clirot.evaluation.latex import latex_table

        return latex_table(evaluation, places=places)
    if written == "ranx":
        return _ranx_tables(evaluation, places)
    return (_topic_table if per_topic else _tables)(evaluation, places)


def save_fused(evaluation: Evaluation, directory: Path) -> list[str]:
    """Write the fused runs as TREC files; returns their paths."""
    from clirot.runs import format_run
    from clirot.store import written

    if not evaluation.fused:
        raise UsageError("there is no fused run to save", hint="ask for one with --fuse rrf")
    paths = []
    for (system, topic_set), run in evaluation.fused.items():
        label = re.sub(r"[^\w.=-]+", "_", system) + (f".{topic_set}" if topic_set else "")
        path = directory / f"{label}.trec"
        with written(path, parents=True) as (stream,):
            stream.writelines(line.encode() for line in format_run(run.named(label)))
        paths.append(str(path))
    return paths


def _ranx_tables(evaluation: Evaluation, places: int) -> str:
    """The table of ranx for each topic set, with a line that says whose statistics it has."""
    from clirot.evaluation.ranx_library import comparison_table

    config = evaluation.config
    parts = []
    for topic_set, qrels in evaluation.inputs.qrels.items():
        runs = {
            system: run for (system, of), run in evaluation.inputs.runs.items() if of == topic_set
        }
        table = comparison_table(
            runs, qrels, [(measure, config.rel_level) for measure in evaluation.measures],
            test=config.test, alpha=config.alpha, places=places,
        )  # fmt: skip
        parts.append(f"{topic_set}:\n{table}" if topic_set else table)
    test = {"randomisation": "Fisher's randomisation test", "t": "Student's paired t-test"}
    parts.append(
        "Measures and tests are those of ranx: the letters name the runs that a run is "
        f"significantly better than ({test[config.test]}, p <= {config.alpha:g}, not corrected for "
        "the number of tests)."
    )
    return "\n\n".join(parts)


def _tables(evaluation: Evaluation, places: int) -> str:
    from clirot.evaluation.tables import legend, rows_of

    several = evaluation.multiple
    head = [*(["topics"] if several else []), "run", *map(str, evaluation.measures)]
    rows = rows_of(evaluation)
    marked = any(cell.mark for row in rows for cell in row.cells)
    style = _Style(live=stdout().isatty(), no_mark=" " if marked else "")
    body = []
    for row in rows:
        labels = [row.topic_set, row.system][0 if several else 1 :]
        body.append([*labels, *(style.cell(c.text(places), c.best, c.mark) for c in row.cells)])
    parts = [_aligned(head, body, 2 if several else 1), legend(evaluation)]
    if evaluation.intervals is not None:
        parts.append(_interval_table(evaluation, places))
    if evaluation.comparisons:
        parts.append(_comparison_table(evaluation, places))
    if evaluation.gaps:
        parts.append(_gap_table(evaluation, places))
    return "\n\n".join(parts)


class _Style:
    """The best figures are bold on a terminal, and unmarked in a file."""

    def __init__(self, *, live: bool, no_mark: str) -> None:
        self._live = live
        self._no_mark = no_mark

    def cell(self, text: str, best: bool, mark: str) -> str:
        shown = f"\x1b[1m{text}\x1b[0m" if best and self._live else text
        return shown + (mark or self._no_mark)


def _width(text: str) -> int:
    return len(re.sub(r"\x1b\[\d*m", "", text))


def _aligned(head: Sequence[str], body: Sequence[Sequence[str]], labels: int) -> str:
    """Columns of text: the first ``labels`` are aligned to the left, the others to the right.

    This is not a table of rich, because importing rich takes longer than evaluating 200 topics.
    """
    columns = list(zip(*[head, *body], strict=True))
    widths = [max(_width(cell) for cell in column) for column in columns]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell + " " * (width - _width(cell))
            if place < labels
            else " " * (width - _width(cell)) + cell
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(padded).rstrip()

    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    return "\n".join([line(head), rule, *(line(row) for row in body)])


def _interval_table(evaluation: Evaluation, places: int) -> str:
    several = evaluation.multiple
    level = f"{evaluation.config.confidence:.0%}"
    head = [*(["topics"] if several else []), "run", "measure", "mean", f"{level} interval"]
    body = []
    for (system, topic_set, measure), ends in (evaluation.intervals or {}).items():
        figure = evaluation.figure(system, measure, topic_set)
        body.append(
            [
                *([topic_set] if several else []),
                system,
                str(measure),
                f"{figure:.{places}f}",
                f"{ends.low:.{places}f} to {ends.high:.{places}f}",
            ]
        )
    return _aligned(head, body, 3 if several else 2)


def _comparison_table(evaluation: Evaluation, places: int) -> str:
    several = evaluation.multiple
    level = f"{evaluation.config.confidence:.0%}"
    head = [
        *(["topics"] if several else []), "run", "measure", "difference", f"{level} interval",
        "p", "p (Holm)", "effect d", "better/worse/same",
    ]  # fmt: skip
    body = []
    for one in evaluation.comparisons:
        same = one.topics - one.better - one.worse
        body.append(
            [
                *([one.topic_set] if several else []),
                one.system,
                str(one.measure),
                f"{one.difference:+.{places}f}",
                f"{one.interval.low:+.{places}f} to {one.interval.high:+.{places}f}",
                _p(one.test.p),
                _p(one.p_adjusted),
                f"{one.effect:+.2f}",
                f"{one.better}/{one.worse}/{same}",
            ]
        )
    title = f"Against {evaluation.config.baseline}:\n"
    return title + _aligned(head, body, 3 if several else 2)


def _gap_table(evaluation: Evaluation, places: int) -> str:
    level = f"{evaluation.config.confidence:.0%}"
    head = ["gap", "run", "measure", "difference", f"{level} interval", "relative", "topics"]
    body = [
        [
            gap.name,
            gap.system,
            str(gap.measure),
            f"{gap.difference:+.{places}f}",
            f"{gap.interval.low:+.{places}f} to {gap.interval.high:+.{places}f}",
            "-" if gap.relative is None else f"{gap.relative:+.1%}",
            "paired" if gap.paired else "independent",
        ]
        for gap in evaluation.gaps
    ]
    return _aligned(head, body, 3)


def _p(value: float) -> str:
    return f"{value:.4f}" if value >= 0.0001 else f"{value:.0e}"


def _topic_table(evaluation: Evaluation, places: int) -> str:
    several = evaluation.multiple
    head = [*(["topics"] if several else []), "run", "topic", *map(str, evaluation.measures)]
    body = [
        [*([topic_set] if several else []), system, topic]
        + [f"{value:.{places}f}" for value in column]
        for (system, topic_set), table in evaluation.values.items()
        for topic, column in zip(evaluation.topics[topic_set], table.T.tolist(), strict=True)
    ]
    return _aligned(head, body, 3 if several else 2)
