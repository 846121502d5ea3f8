"""What ``clirot evaluate`` prints and writes: the terminal table, and files on demand."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from clirot.cli.console import emit, note, printable, progress, stdout, warn
from clirot.cli.output_options import Shown
from clirot.errors import ExpectationError, UsageError
from clirot.evaluation.contrast_tables import (
    LABELS,
    contrast_tables,
    interval_cell,
    p_text,
)
from clirot.evaluation.formats import (
    Cell,
    csv_text,
    json_text,
    legend,
    markdown_table,
    rows_of,
)
from clirot.evaluation.latex import latex_table
from clirot.evaluation.report import ReportSettings, SetTexts
from clirot.evaluation.result import Evaluation
from clirot.registry import unknown_name
from clirot.runs import format_run

FORMATS = ("table", "json", "csv", "markdown", "latex", "ranx")


def check(runs: Sequence[str], shown: Shown) -> None:
    """Refuse what cannot work, before anything is read."""
    if shown.written not in FORMATS:
        raise unknown_name("format", shown.written, FORMATS)
    if "-" in runs and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError(
            "no run was named and nothing is piped in",
            hint="clirot evaluate RUN --qrels FILE, or clirot search ... | clirot evaluate ...",
        )
    if shown.per_topic and shown.written in ("markdown", "latex", "ranx"):
        raise UsageError(
            f"--per-topic has no {shown.written} form", hint="use --format csv, json or table"
        )


def show_table(evaluation: Evaluation, shown: Shown) -> None:
    """The notes on stderr, the table on stdout."""
    for line in evaluation.notes:
        warn(line)
    text = render(evaluation, shown.written, per_topic=shown.per_topic, places=shown.places)
    if shown.written in ("table", "ranx"):  # for a person; the others are files
        text = printable(text, bold=True)
    emit(text.rstrip("\n"))


def show_rest(
    evaluation: Evaluation, shown: Shown, sets: Mapping[str, SetTexts] | None = None
) -> None:
    """Pictures and page, where they were asked for.

    Args:
        evaluation: the evaluation.
        shown: what was asked for.
        sets: where the page has texts from; None: the collection that was evaluated on.

    Raises:
        ExpectationError: a figure is not what was expected.
    """
    if shown.pictures is not None:
        from clirot.evaluation.pictures import draw_all

        note(f"drew {', '.join(str(path) for path in draw_all(evaluation, shown.pictures))}")
    if shown.report is not None:
        _write_page(evaluation, shown.report, shown.page, sets)
    missed = [one for one in evaluation.outcomes if not one.met]
    if missed:
        raise ExpectationError(
            "; ".join(
                f"expected {one.written}, and {one.system} has {one.value:.{shown.places}f}"
                for one in missed
            )
        )


def render(evaluation: Evaluation, written: str, *, per_topic: bool, places: int) -> str:
    """The evaluation in one of :data:`FORMATS`."""
    if written == "json":
        return json_text(evaluation, per_topic=per_topic)
    if written == "csv":
        return csv_text(evaluation, per_topic=per_topic)
    if written == "markdown":
        return markdown_table(evaluation, places=places)
    if written == "latex":
        return latex_table(evaluation, places=places)
    if written == "ranx":
        return _ranx_tables(evaluation, places)
    return (_topic_table if per_topic else _tables)(evaluation, places)


def save_fused(evaluation: Evaluation, directory: Path) -> list[str]:
    """Write the fused runs as TREC files; returns their paths."""
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


def _write_page(
    evaluation: Evaluation,
    directory: Path,
    settings: ReportSettings,
    sets: Mapping[str, SetTexts] | None,
) -> None:
    """Write the page of the evaluation, and say what is not on it."""
    from clirot.evaluation.report import write_report
    from clirot.evaluation.report.texts import texts_of
    from clirot.store import Store

    with progress() as sink:
        sets = texts_of(evaluation, Store()) if sets is None else sets
        report = write_report(evaluation, directory, sets, settings=settings, progress=sink)
    for line in report.notes:
        note(f"page: {line}")
    note(f"wrote {report.path} ({report.bytes / 1e6:.1f} MB)")


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
    rows = rows_of(evaluation)
    no_mark = " " if any(cell.mark for row in rows for cell in row.cells) else ""
    names = [str(measure) for measure in evaluation.measures]

    def shown(cell: Cell) -> str:
        text = cell.text(places)
        bold = f"\x1b[1m{text}\x1b[0m" if cell.best and stdout().isatty() else text
        return bold + (cell.mark or no_mark)

    main = [
        _labels(evaluation, row.topic_set, run=row.system)
        | dict(zip(names, map(shown, row.cells), strict=True))
        for row in rows
    ]
    parts = [_aligned(main, ["topics", "run"]), legend(evaluation)]
    if evaluation.intervals is not None:
        parts.append(_interval_table(evaluation, places))
    if evaluation.comparisons:
        parts.append(_comparison_table(evaluation, places))
    for table in contrast_tables(evaluation, places=places):
        heading = f"{table.heading}:\n" if table.heading else ""
        parts.append(heading + _aligned(table.rows, LABELS))
    return "\n\n".join(parts)


def _labels(evaluation: Evaluation, topic_set: str, **labels: str) -> dict[str, str]:
    """The first columns of a row; the topic set is one of them where there are several."""
    return {"topics": topic_set, **labels} if evaluation.multiple else dict(labels)


def _width(text: str) -> int:
    return len(re.sub(r"\x1b\[\d*m", "", text))


def _aligned(rows: Sequence[Mapping[str, str]], labels: Sequence[str]) -> str:
    """A table of text, whose head has the keys of the rows.

    The columns in ``labels`` are aligned to the left, the others to the right. This is not a table
    of rich, because importing rich takes longer than evaluating 200 topics.
    """
    columns = [[head, *(row[head] for row in rows)] for head in rows[0]]
    padded = []
    for column in columns:
        width = max(map(_width, column))
        spaces = [" " * (width - _width(cell)) for cell in column]
        left = column[0] in labels
        padded.append([c + s if left else s + c for c, s in zip(column, spaces, strict=True)])
    head, *body = ("  ".join(cells).rstrip() for cells in zip(*padded, strict=True))
    rule = "─" * (sum(_width(column[0]) for column in padded) + 2 * (len(padded) - 1))
    return "\n".join([head, rule, *body])


def seed_table(by_seed: Mapping[int, Evaluation], places: int) -> str:
    """The figures of every seed, over all topic sets, and how far they lie apart."""
    first = next(iter(by_seed.values()))
    rows = []
    for system in first.systems:
        for measure in first.measures:
            figures = [one.figure(system, measure) for one in by_seed.values()]
            values = [value for value in figures if value is not None]
            if not values:  # not run on every topic set
                continue
            row = {"run": system, "measure": str(measure)}
            for seed, value in zip(by_seed, values, strict=True):
                row[f"seed {seed}"] = f"{value:.{places}f}"
            rows.append(row | {"range": f"{max(values) - min(values):.{places}f}"})
    return "Seeds:\n" + _aligned(rows, ["run", "measure"])


def trained_table(trained: Mapping[str, tuple[str, float, float, int]], places: int) -> str:
    """What was measured on the topics that a training on judgements held out."""
    rows = [
        {
            "model": name,
            "measure": measure,
            "before training": f"{before:.{places}f}",
            "kept": f"{kept:.{places}f}",
            "epoch": str(epoch),
        }
        for name, (measure, before, kept, epoch) in trained.items()
    ]
    return "Held-out topics:\n" + _aligned(rows, ["model", "measure"])


def student_table(students: Mapping[str, tuple[float, float, int]], places: int) -> str:
    """MAP on the development split, by which settings are chosen."""
    rows = [
        {
            "student": name,
            "before training": f"{before:.{places}f}",
            "kept": f"{kept:.{places}f}",
            "epoch": str(epoch),
        }
        for name, (before, kept, epoch) in students.items()
    ]
    return "Development split (MAP):\n" + _aligned(rows, ["student"])


def _interval_table(evaluation: Evaluation, places: int) -> str:
    rows = [
        _labels(evaluation, topic_set, run=system, measure=str(measure))
        | {
            "mean": f"{evaluation.figure(system, measure, topic_set):.{places}f}",
            **interval_cell(evaluation, ends, f".{places}f"),
        }
        for (system, topic_set, measure), ends in (evaluation.intervals or {}).items()
    ]
    return _aligned(rows, ["topics", "run", "measure"])


def _comparison_table(evaluation: Evaluation, places: int) -> str:
    rows = [
        _labels(evaluation, one.topic_set, run=one.system, measure=str(one.measure))
        | {
            "difference": f"{one.difference:+.{places}f}",
            **interval_cell(evaluation, one.interval, f"+.{places}f"),
            "p": p_text(one.test.p),
            "p (Holm)": p_text(one.p_adjusted),
            "effect d": "-" if one.effect is None else f"{one.effect:+.2f}",
            "better/worse/same": f"{one.better}/{one.worse}/{one.topics - one.better - one.worse}",
        }
        for one in evaluation.comparisons
    ]
    return f"Against {evaluation.config.baseline}:\n" + _aligned(rows, ["topics", "run", "measure"])


def _topic_table(evaluation: Evaluation, places: int) -> str:
    rows = [
        _labels(evaluation, topic_set, run=system, topic=topic)
        | {name: f"{value:.{places}f}" for name, value in values.items()}
        for system, topic_set in evaluation.values
        for topic, values in evaluation.per_topic(system, topic_set).items()
    ]
    return _aligned(rows, ["topics", "run", "topic"])
