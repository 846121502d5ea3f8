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

from clirot.cli.console import note, progress
from clirot.cli.options import with_options
from clirot.cli.output_options import (
    REPORT_NAMES,
    AsJson,
    Format,
    Page,
    PerTopic,
    Pictures,
    Places,
    Shown,
)
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
    names=REPORT_NAMES,
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
    output_format: Format = "table",
    as_json: AsJson = False,
    per_topic: PerTopic = False,
    places: Places = 4,
    pictures: Pictures = None,
    report: Page = None,
    settings: dict[str, Any],
    report_settings: dict[str, Any],
) -> None:
    """Evaluate runs: a table of measures, compared, tested and fused on demand."""
    _import_numpy_without_threads()
    from clirot.cli import evaluate_output as output
    from clirot.evaluation import evaluate as run_evaluation

    shown = Shown.of(
        output_format,
        as_json=as_json,
        per_topic=per_topic,
        places=places,
        pictures=pictures,
        report=report,
        page=assembled(ReportSettings, report_settings),
    )
    named = tuple(runs or ([] if settings.get("predictions") else ["-"]))
    output.check(named, shown)
    config = assembled(EvaluateConfig, {**settings, "runs": named})
    with _without_garbage_collection(), progress() as sink:
        evaluation = run_evaluation(config, progress=sink)
    output.show_table(evaluation, shown)
    if save_fused is not None:
        note(f"wrote {', '.join(output.save_fused(evaluation, save_fused))}")
    output.show_rest(evaluation, shown)


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
