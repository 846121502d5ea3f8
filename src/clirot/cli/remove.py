"""``clirot rm``: artefacts of any kind, whole or damaged, and what was left of unfinished ones."""

from __future__ import annotations

from typing import Annotated

import typer

from clirot.cli import console
from clirot.errors import UsageError
from clirot.registry import unknown_name
from clirot.store import KINDS, Store


def remove(
    names: Annotated[
        list[str],
        typer.Argument(help="Artefacts, by name; as KIND/NAME where two kinds have the name."),
    ],
) -> None:
    """Remove artefacts of any kind: bitext, models, tables, indexes or runs.

    Damaged ones too, and what an interrupted command left of one. All are looked up before the
    first is removed.
    """
    store = Store()
    chosen = dict.fromkeys(_found(store, name) for name in names)
    for kind, name in chosen:
        store.remove(kind, name)
        console.note(f"removed {kind}/{name}")


def _found(store: Store, wanted: str) -> tuple[str, str]:
    kind, _, name = wanted.rpartition("/")
    matching = [each for each in ([kind] if kind else KINDS) if store.occupied(each, name)]
    if not matching:
        known = [one for each in KINDS for one in store.names(each)]
        raise unknown_name("artefact", wanted, known, more="`list` lists them")
    if len(matching) > 1:
        raise UsageError(
            f"there are several of the name {name}: "
            + ", ".join(f"{each}/{name}" for each in matching),
            hint="give the kind too",
        )
    return matching[0], name
