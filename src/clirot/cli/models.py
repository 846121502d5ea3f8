"""``clirot models``: what the model registry holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from clirot.cli import console
from clirot.errors import UsageError
from clirot.known_models import KNOWN
from clirot.models import trained_languages, unknown
from clirot.store import Store

app = typer.Typer(no_args_is_help=True, help="List, show and remove what the model registry holds.")


@app.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """List the known models and those made here."""
    students = Store().all("models")
    if as_json:
        console.emit_json(
            {
                "known": {name: asdict(row) for name, row in KNOWN.items()},
                "made": {one.name: asdict(one.manifest) for one in students},
            }
        )
        return
    rows = [[name, row.role, row.licence, row.description] for name, row in KNOWN.items()]
    for one in students:
        config = one.manifest.config
        teacher = next((i.name for i in one.manifest.inputs if i.kind == "teacher"), "?")
        rows.append(
            [
                one.name,
                "student",
                "of its bitext",
                f"{trained_languages(config)}, teacher {teacher}, {config['objective']}, "
                f"made {one.manifest.created[:10]}",
            ]
        )
    console.emit_table(console.table_of(["name", "role", "licence", "what"], rows))


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A known model or one made here.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Draw how it was trained (.png, .pdf, .svg).")
    ] = None,
) -> None:
    """Show all that is known of a model: what it is, or what made it."""
    store = Store()
    if name in KNOWN:
        document: dict[str, Any] = {"name": name, **asdict(KNOWN[name])}
    elif store.has("models", name):
        artefact = store.get("models", name)
        document = {"path": str(artefact.path), **asdict(artefact.manifest)}
    else:
        raise unknown(name, store)
    if picture is not None:
        from clirot.distillation.diagnostics import draw_training

        draw_training(document.get("results", {}), picture, title=name)
        console.note(f"picture: {picture}")
    if as_json:
        console.emit_json(document)
    else:
        console.emit_table(console.table_of(["", name], list(_facts(document))))


def _facts(document: Mapping[str, Any], prefix: str = "") -> Iterator[list[str]]:
    """A document as rows of a path into it and what is there."""
    for key, value in document.items():
        if isinstance(value, Mapping):
            yield from _facts(value, f"{prefix}{key}.")
        elif key == "inputs":
            for one in value:
                yield [f"{prefix}{one['kind']}", f"{one['name']} ({one['digest'][:12]})"]
        elif value is not None:
            listed = isinstance(value, list | tuple)
            if listed and value and all(isinstance(one, Mapping) for one in value):
                # Figures epoch by epoch: a row a figure, like the development MAP.
                names = dict.fromkeys(name for one in value for name in one)
                yield from _facts(
                    {name: [one.get(name) for one in value] for name in names}, f"{prefix}{key}."
                )
                continue
            if listed and any(isinstance(one, Mapping | list | tuple) for one in value):
                continue  # curves: for --json and --picture
            yield [f"{prefix}{key}", " ".join(map(str, value)) if listed else str(value)]


@app.command("rm")
def remove(
    names: Annotated[list[str], typer.Argument(help="Models made here.")],
) -> None:
    """Remove models made here."""
    store = Store()
    chosen = list(dict.fromkeys(names))
    for name in chosen:  # all must exist before any is removed
        if name in KNOWN:
            raise UsageError(
                f"{name} is a known model, not one made here: there is nothing to remove",
                hint="the Hub's own cache is cleared by the command: hf cache",
            )
        store.get("models", name)
    for name in chosen:
        store.remove("models", name)
        console.note(f"removed {name}")
