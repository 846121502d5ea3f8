"""``clirot verify``: whether what the store says of its artefacts is still true."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from clirot.cli import console
from clirot.errors import ArtefactError


def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Artefacts, by name or as KIND/NAME, indexes with their shards; all by default."
        ),
    ] = None,
    seal: Annotated[
        bool,
        typer.Option(
            help="Seal the manifests that an earlier clirot wrote without a seal, where the files "
            "are as they say."
        ),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(help="Fail also where an input of an artefact is gone or is another one now."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Read every file of the store's artefacts, and compare it with what was written.

    Says of each artefact what is damaged, and which of the things that it was made from are gone
    or are others now. Exit code 1 where something is damaged.
    """
    from clirot.store.verifying import verify as verified

    with console.progress() as progress:
        found = list(verified(names or (), seal=seal, progress=progress))
    damaged = [one for one in found if one.faults]
    broken = [one for one in found if one.broken]
    if as_json:
        console.emit_json({"artefacts": [asdict(one) for one in found]})
    else:
        for one in found:
            for fault in one.faults:
                console.emit(f"damaged  {one.kind}/{one.name}: {fault}")
            for link in one.broken:
                console.emit(f"broken   {one.kind}/{one.name}: {link}")
            if one.sealed:
                console.emit(f"sealed   {one.kind}/{one.name}")
    total = sum(one.bytes for one in found) / 1e6
    console.note(
        f"verified: {len(found):,} artefacts, {total:,.1f} MB: {len(damaged):,} damaged; of "
        f"{len(broken):,} an input is gone or another one now"
    )
    if damaged or (strict and broken):
        counted = len({(one.kind, one.name) for one in [*damaged, *(broken if strict else [])]})
        raise ArtefactError(
            f"{counted:,} of {len(found):,} artefacts are not what they say",
            hint="make the damaged ones again with `replace`, or remove them",
        )
