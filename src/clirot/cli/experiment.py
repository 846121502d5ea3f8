"""``clirot experiment``: a whole table from one file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clirot.cli import console
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
from clirot.errors import UsageError
from clirot.evaluation.report import ReportSettings
from clirot.experiments.configuration import ExperimentConfig
from clirot.settings import assembled, leaves

if TYPE_CHECKING:
    from clirot.experiments import Experiment

_PLAN = next(leaf for leaf in leaves(ExperimentConfig) if leaf.name == "plan")


@with_options(
    ExperimentConfig,
    names={"stages": ("--stage",), "jobs": ("--jobs", "-j")},
    metavars={"only": "SYSTEM", "stages": "STAGE"},
    without=("plan",),
)
@with_options(ReportSettings, into="report_settings", names=REPORT_NAMES)
def experiment(
    *,
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help=_PLAN.said.help)],
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="List the cells and what exists of them; make nothing."),
    ] = False,
    commands: Annotated[
        bool,
        typer.Option(
            "--commands",
            help="Print the cells as shell commands, one a line, stage by stage; make nothing. The "
            "lines of a stage may run at the same time: cells of it that need each other are one "
            "line. --stage prints one stage.",
        ),
    ] = False,
    output_format: Format = "table",
    as_json: AsJson = False,
    per_topic: PerTopic = False,
    places: Places = 4,
    pictures: Pictures = None,
    report: Page = None,
    settings: dict[str, Any],
    report_settings: dict[str, Any],
) -> None:
    """Run a plan: make what is missing of its cells, and print the table that answers its question.

    Every cell is an artefact. The same command again finds what is there and goes on with the rest.
    """
    from clirot.cli import evaluate_output as output
    from clirot.experiments import open_experiment

    if dry_run and commands:
        raise UsageError("--dry-run and --commands print different things", hint="choose one")
    shown = Shown.of(
        output_format,
        as_json=as_json,
        per_topic=per_topic,
        places=places,
        pictures=pictures,
        report=report,
        page=assembled(ReportSettings, report_settings),
    )
    output.check((), shown)
    opened = open_experiment(assembled(ExperimentConfig, {**settings, "plan": plan}))
    if dry_run:
        _list(opened)
        return
    if commands:
        _print_commands(opened)
        return
    question = " ".join(opened.plan.settings.question.split())
    if question:
        console.note(question)
    with console.progress() as sink:
        opened.run(sink, console.note)
        if opened.config.stages:
            return
        table = opened.table(sink)
    output.show_table(table.evaluation, shown)
    if shown.written == "table":
        if len(table.by_seed) > 1:
            console.emit(f"\n{output.seed_table(table.by_seed, places)}")
        if table.students:
            console.emit(f"\n{output.student_table(table.students, places)}")
        if table.trained:
            console.emit(f"\n{output.trained_table(table.trained, places)}")
    page = replace(
        shown.page,
        title=shown.page.title or plan.stem,
        question=shown.page.question or question or None,
        made_with=table.made_with,
    )
    output.show_rest(table.evaluation, replace(shown, page=page), opened.texts(table))


def _list(opened: Experiment) -> None:
    rows = [
        [cell.stage, cell.name, "there" if cell.there(opened.store) else "to make"]
        for cell in opened.cells
    ]
    console.emit_table(console.table_of(["stage", "cell", "state"], rows))
    lacking = sum(row[2] == "to make" for row in rows)
    console.note(f"{len(rows)} cells, {len(rows) - lacking} of them there")


def _print_commands(opened: Experiment) -> None:
    from clirot.cli import command_named
    from clirot.cli.shell import command_line
    from clirot.experiments.cells import joined

    stage = ""
    for cells in joined(opened.cells):
        if cells[0].stage != stage and not opened.config.stages:
            stage = cells[0].stage
            console.emit(f"# {stage}")
        lines = (command_line(cell, opened.store, command_named) for cell in cells)
        console.emit(" && ".join(lines))
