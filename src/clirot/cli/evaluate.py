"""``clirot evaluate``: runs against judgements."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from clirot.cli.console import emit, note, progress, warn
from clirot.cli.options import with_options
from clirot.errors import ExpectationError, UsageError
from clirot.evaluation.config import EvaluateConfig
from clirot.evaluation.report import ReportSettings
from clirot.settings import assembled, leaves

_RUNS = next(leaf for leaf in leaves(EvaluateConfig) if leaf.name == "runs")


@with_options(
    EvaluateConfig,
    names={
        "collection": ("--collection", "-c"),
        "metrics": ("--metric", "-m"),
        "rel_level": ("--rel-level", "-l"),
        "topic_sets": ("--topic-set",),
        "baseline": ("--baseline", "-b"),
        "intervals": ("--ci",),
        "gaps": ("--gap",),
        "contrasts": ("--contrast",),
    },
    metavars={
        "collection": "ID|DIR",
        "qrels": "FILE",
        "labels": "FILE",
        "answers": "FILE",
        "answers_lang": "LANG",
        "predictions": "NAME=FILE",
        "metrics": "MEASURE",
        "topic_sets": "NAME=FILE",
        "baseline": "NAME",
        "gaps": "A..B",
        "contrasts": "SUM",
        "fuse": "HOW",
        "tune_fusion": "FILE|SET",
        "tune_measure": "MEASURE",
        "expect": "MEASURE>=VALUE",
    },
    without=("runs",),
)
@with_options(
    ReportSettings,
    into="report_settings",
    names={leaf.name: (f"--report-{leaf.name}",) for leaf in leaves(ReportSettings)},
)
def evaluate(
    *,
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help=_RUNS.said.help, show_default=False),
    ] = None,
    save_fused: Annotated[
        Path | None, typer.Option("--save-fused", metavar="DIR", help="Write the fused runs there.")
    ] = None,
    output_format: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            help="table, json, csv, markdown or latex; or ranx: the table of ranx.compare.",
        ),
    ] = "table",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    per_topic: Annotated[
        bool, typer.Option("--per-topic", "-q", help="Figures of every topic.")
    ] = False,
    places: Annotated[int, typer.Option("--places", help="Decimals printed.", min=1, max=16)] = 4,
    pictures: Annotated[
        Path | None,
        typer.Option("--pictures", metavar="DIR", help="Draw the comparison: one PNG a picture."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="DIR",
            help="Write a web page there, DIR/index.html: tables, pictures, every topic with its "
            "rankings side by side, and where each figure is from.",
        ),
    ] = None,
    settings: dict[str, Any],
    report_settings: dict[str, Any],
) -> None:
    """Evaluate runs: a table of measures, compared, tested and fused on demand."""
    _import_numpy_without_threads()
    from clirot.cli import evaluate_output as output
    from clirot.evaluation import evaluate as run_evaluation

    written = "json" if as_json else output_format
    if as_json and output_format not in ("table", "json"):
        raise UsageError(f"--json and --format {output_format} contradict each other")
    named = tuple(runs or ([] if settings.get("predictions") else ["-"]))
    output.check(named, per_topic=per_topic, written=written)
    config = assembled(EvaluateConfig, {**settings, "runs": named})
    page = assembled(ReportSettings, report_settings)
    with _without_garbage_collection(), progress() as sink:
        evaluation = run_evaluation(config, progress=sink)
    for line in evaluation.notes:
        warn(line)
    emit(output.render(evaluation, written, per_topic=per_topic, places=places).rstrip("\n"))
    if save_fused is not None:
        note(f"wrote {', '.join(output.save_fused(evaluation, save_fused))}")
    if pictures is not None:
        from clirot.evaluation.pictures import draw_all

        note(f"drew {', '.join(str(path) for path in draw_all(evaluation, pictures))}")
    if report is not None:
        output.write_page(evaluation, report, page)
    missed = [one for one in evaluation.outcomes if not one.met]
    if missed:
        raise ExpectationError(
            "; ".join(
                f"expected {one.written}, and {one.system} has {one.value:.{places}f}"
                for one in missed
            )
        )


def _import_numpy_without_threads() -> None:
    """Import numpy with one thread of OpenBLAS, which saves a third of the time of the import.

    A number of threads that the user has set is left as it is.
    """
    name = "OPENBLAS_NUM_THREADS"
    if "numpy" in sys.modules or name in os.environ:
        return
    os.environ[name] = "1"
    try:
        import numpy  # noqa: F401
    finally:
        del os.environ[name]


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Leave the collector of reference cycles off, which looks at millions of rows again and again.

    Runs have no cycles: they are given back when nothing refers to them.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
