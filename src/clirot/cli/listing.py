"""``clirot list``: the artefacts in the store."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from clirot.cli import console
from clirot.registry import unknown_name
from clirot.store import KINDS, Artefact, Store


def listing(
    kind: Annotated[
        str | None, typer.Argument(help="bitext, models, tables, indexes or runs; all by default.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """List what is in the store: bitext, models, tables, indexes and runs.

    A damaged artefact is named on stderr; `verify` says more of it. What is no artefact is listed
    by `clean --dry-run`.
    """
    if kind is not None and kind not in KINDS:
        raise unknown_name("kind of artefact", kind, KINDS)
    store = Store()
    found = [one for each in ([kind] if kind else KINDS) for one in store.all(each)]
    if as_json:
        console.emit_json([_entry(one) for one in found])
        return
    rows = [
        [
            one.manifest.kind,
            one.name,
            f"{_bytes(one) / 1e6:,.1f}",
            one.manifest.created[:10],
            ", ".join(dict.fromkeys(each.name for each in one.manifest.inputs)),
        ]
        for one in found
    ]
    console.emit_table(console.table_of(["kind", "name", "MB", "made", "from"], rows))


def _bytes(artefact: Artefact) -> int:
    return sum(one.bytes for one in artefact.manifest.files.values())


def _entry(artefact: Artefact) -> dict[str, Any]:
    manifest = artefact.manifest
    return {
        "kind": manifest.kind,
        "name": manifest.name,
        "path": str(artefact.path),
        "digest": manifest.digest,
        "bytes": _bytes(artefact),
        "created": manifest.created,
        "inputs": [
            {"kind": one.kind, "name": one.name, "digest": one.digest} for one in manifest.inputs
        ],
    }
