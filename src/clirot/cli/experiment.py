"""``clirot experiment``: a whole table from one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clirot.cli import console
from clirot.cli.options import with_options
from clirot.errors import UsageError
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
            "lines of a stage may run at the same time; --stage prints one stage.",
        ),
    ] = False,
    output_format: Annotated[
        str, typer.Option("--format", "-f", help="table, json, csv, markdown or latex.")
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
    settings: dict[str, Any],
) -> None:
    """Run a plan: make what is missing of its cells, and print the table that answers its question.

    Every cell is an artefact. The same command again finds what is there and goes on with the rest.
    """
    from clirot.cli import evaluate_output as output
    from clirot.experiments import open_experiment

    if dry_run and commands:
        raise UsageError("--dry-run and --commands print different things", hint="choose one")
    if as_json and output_format not in ("table", "json"):
        raise UsageError(f"--json and --format {output_format} contradict each other")
    written = "json" if as_json else output_format
    output.check((), per_topic=per_topic, written=written)
    config = assembled(ExperimentConfig, {**settings, "plan": plan})
    opened = open_experiment(config)
    if dry_run:
        _list(opened)
        return
    if commands:
        _print_commands(opened)
        return
    if opened.plan.settings.question:
        console.note(" ".join(opened.plan.settings.question.split()))
    with console.shown_warnings(), console.progress() as sink:
        opened.run(sink, console.note)
        if config.stages:
            return
        table = opened.table(sink)
    for line in table.evaluation.notes:
        console.warn(line)
    text = output.render(table.evaluation, written, per_topic=per_topic, places=places)
    console.emit(text.rstrip("\n"))
    if pictures is not None:
        from clirot.evaluation.pictures import draw_all

        console.note(f"drew {', '.join(map(str, draw_all(table.evaluation, pictures)))}")


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

    stage = ""
    for cell in opened.cells:
        if cell.stage != stage and not opened.config.stages:
            stage = cell.stage
            console.emit(f"# {stage}")
        console.emit(command_line(cell, opened.store, command_named))
