"""``clirot clean``: what lies in the store besides artefacts, and how it is removed."""

from __future__ import annotations

from typing import Annotated

import typer

from clirot.cli import console
from clirot.registry import unknown_name
from clirot.store import Store


def clean(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what is there, and remove nothing.")
    ] = False,
    also: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GROUP",
            help="Remove this group too: caches, downloads, reports, experiments or logs.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Remove what interrupted commands left in the store, and list what else is no artefact.

    An interrupted command goes on with what it left when it is run again; after clean it begins
    anew. `list` lists the artefacts, and `rm` removes them.
    """
    from clirot.store.cleaning import REMOVABLE, leftovers
    from clirot.store.cleaning import clean as cleaned

    groups = ("unfinished", *(also or ()))
    for group in groups:
        if group not in REMOVABLE:
            raise unknown_name("group of files", group, REMOVABLE[1:])
    store = Store()
    if dry_run:
        found = leftovers(store)
        done = [one for one in found if one.group in groups]
    else:
        done = list(cleaned(store, groups))
        found = [*done, *leftovers(store)]
    gone = {one.path for one in done}
    if as_json:
        console.emit_json(
            {
                "dry_run": dry_run,
                "files": [
                    {
                        "path": str(one.path),
                        "group": one.group,
                        "bytes": one.bytes,
                        "files": one.files,
                        "removed": one.path in gone and not dry_run,
                    }
                    for one in found
                ],
            }
        )
        return
    word = "would go" if dry_run else "removed"
    rows = [
        [
            one.group,
            str(one.path.relative_to(store.home)),
            f"{one.bytes / 1e6:,.1f}",
            word if one.path in gone else "kept",
        ]
        for one in found
        if one.group != "locks"  # empty, and one for each artefact that there ever was
    ]
    if rows:
        console.emit_table(console.table_of(["group", "path", "MB", ""], rows))
    size = sum(one.bytes for one in done) / 1e6
    console.note(f"{word}: {len(done):,} of {len(found):,}, {size:,.1f} MB")
