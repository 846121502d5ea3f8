"""``clirot models``: what the model registry holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from clirot.cli import console
from clirot.models import KNOWN, made, unknown
from clirot.store import Store

app = typer.Typer(no_args_is_help=True, help="List, show and remove what the model registry holds.")


@app.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """List the known models and those made here."""
    students = made(Store())
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
                f"{config['src']}-{config['tgt']}, teacher {teacher}, {config['objective']}, "
                f"made {one.manifest.created[:10]}",
            ]
        )
    console.emit_table(console.table_of(["name", "role", "licence", "what"], rows))


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="A known model or one made here.")]) -> None:
    """Show all that is known of a model, as JSON."""
    store = Store()
    if name in KNOWN:
        console.emit_json({"name": name, **asdict(KNOWN[name])})
    elif store.has("models", name):
        artefact = store.get("models", name)
        console.emit_json({"path": str(artefact.path), **asdict(artefact.manifest)})
    else:
        raise unknown(name, store)


@app.command("rm")
def remove(
    names: Annotated[list[str], typer.Argument(help="Models made here.")],
) -> None:
    """Remove models made here."""
    store = Store()
    for name in names:
        store.get("models", name)  # all must exist before any is removed
    for name in names:
        store.remove("models", name)
        console.note(f"removed {name}")
