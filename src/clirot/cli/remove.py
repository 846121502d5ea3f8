"""``clirot rm``: artefacts of any kind, whole or damaged, and what was left of unfinished ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated

import typer

from clirot.cli import console
from clirot.counted import counted
from clirot.errors import ArtefactError, UsageError
from clirot.registry import unknown_name
from clirot.store import KINDS, Store

_NAMED = 4
"""Shards that are named one by one."""


def remove(
    names: Annotated[
        list[str],
        typer.Argument(help="Artefacts, by name; as KIND/NAME where two kinds have the name."),
    ],
    with_shards: Annotated[
        bool,
        typer.Option(
            "--with-shards",
            help="Remove the shards of indexes too. Refused where an index that stays has them.",
        ),
    ] = False,
) -> None:
    """Remove artefacts of any kind: bitext, models, tables, indexes or runs.

    Damaged ones too, and what an interrupted command left of one. All are looked up before the
    first is removed. The shards of an index stay, which is said.
    """
    from clirot.store.parts import parts_there

    store = Store()
    chosen = dict.fromkeys(_found(store, name) for name in names)
    shards: dict[tuple[str, str], None] = {}
    for one in chosen:
        try:
            shards.update(dict.fromkeys(parts_there(store, *one)))
        except ArtefactError:  # damaged
            if with_shards:
                raise
    if with_shards:
        _check_unshared(store, [*shards], {*chosen, *shards})
        chosen |= shards
    for kind, name in chosen:
        store.remove(kind, name)
        console.note(f"removed {kind}/{name}")
    left = [name for kind, name in shards if (kind, name) not in chosen]
    if left:
        which = " ".join(left) if len(left) <= _NAMED else f"{left[0]} to {left[-1]}"
        console.note(
            f"{counted(len(left), 'shard is', 'shards are')} left: {which} "
            "(--with-shards removes an index with its shards)"
        )


def _check_unshared(
    store: Store, shards: Sequence[tuple[str, str]], doomed: Collection[tuple[str, str]]
) -> None:
    """Refuse to remove a shard of an index that stays."""
    from clirot.store.parts import wholes

    for kind, name in shards:
        for whole in wholes(store, kind, name):
            if whole not in doomed:
                raise UsageError(
                    f"{kind}/{name} is a shard of {whole[0]}/{whole[1]} too, so nothing was "
                    "removed",
                    hint=f"remove {whole[1]} as well, or leave --with-shards out",
                )


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
