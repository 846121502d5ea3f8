"""Artefacts that consist of others of their kind: an index in shards has its documents in these."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from clirot.errors import ArtefactError
from clirot.store.manifest import Input, Manifest
from clirot.store.store import Store

_KIND = "indexes"


def parts(manifest: Manifest) -> tuple[Input, ...]:
    """The artefacts that one consists of: none, unless it is an index in shards."""
    if manifest.kind != _KIND:
        return ()
    return tuple(one for one in manifest.inputs if one.kind == _KIND)


def parts_there(store: Store, kind: str, name: str) -> list[tuple[str, str]]:
    """Kind and name of the parts of an artefact that are in the store, in their order.

    Raises:
        ArtefactError: its manifest is damaged, so that nobody knows.
    """
    if kind != _KIND or not store.has(kind, name):
        return []
    found = parts(store.get(kind, name).manifest)
    return [(_KIND, one.name) for one in found if store.has(_KIND, one.name)]


def wholes(store: Store, kind: str, name: str) -> Iterator[tuple[str, str]]:
    """Kind and name of the artefacts in the store that an artefact is a part of. One whose
    manifest is damaged is not among them.
    """
    if kind != _KIND:
        return
    for one in store.names(_KIND):
        with suppress(ArtefactError):
            if name in {part.name for part in parts(store.get(_KIND, one).manifest)}:
                yield _KIND, one
