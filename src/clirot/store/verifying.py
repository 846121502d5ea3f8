"""Whether what the store says of its artefacts is still true: files, digests, and what made them.

As ``git fsck`` does it: every file of every artefact is read and compared with its digest, and
every input that is still on this machine with the digest that the manifest has of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from clirot.digests import file_digest
from clirot.errors import ArtefactError
from clirot.records import ProgressSink, Step, silent
from clirot.registry import unknown_name
from clirot.store.artefact import Artefact
from clirot.store.files import MANIFEST, file_records, records_digest
from clirot.store.manifest import Input, Manifest, sealed_again
from clirot.store.parts import parts, parts_there
from clirot.store.store import KINDS, Store
from clirot.store.writing import disk_in_words, write_text

_KIND_OF = {kind: kind for kind in KINDS} | {"teacher": "models"}
"""Kind of an input -> the kind of artefact that it may be."""


@dataclass(frozen=True)
class Verified:
    """What was found of one artefact."""

    kind: str
    name: str
    bytes: int
    """Of its files that were read."""
    faults: tuple[str, ...]
    """What is not as it was written; empty for a whole artefact."""
    broken: tuple[str, ...]
    """Inputs that are no longer what it was made from, or gone: the artefact itself is whole."""
    sealed: bool = False
    """Whether a manifest without a seal got one."""


def verify(
    names: Sequence[str] = (),
    *,
    store: Store | None = None,
    seal: bool = False,
    progress: ProgressSink = silent,
) -> Iterator[Verified]:
    """Hold artefacts against their manifests, and these against what they were made from.

    Args:
        names: which ones, ``NAME`` or ``KIND/NAME``, with the shards of indexes; default all.
        store: where they are.
        seal: give a manifest without a seal one, where the files are as it says. Manifests of an
            earlier clirot have none.
        progress: told of the bytes that were read.

    Raises:
        UnknownNameError: there is none of that name.
        ArtefactError: a seal cannot be written.
    """
    store = store if store is not None else Store()
    chosen = _chosen(store, names)
    total = sum(_bytes(store.path(*one)) for one in chosen)
    read = 0

    def advance(size: int) -> None:
        nonlocal read
        read += size
        progress(Step("verify", read, total, unit="bytes"))

    for kind, name in chosen:
        before = read
        directory = store.path(kind, name)
        manifest, faults, unsealed = _read(directory, seal=seal)
        broken: tuple[str, ...] = ()
        own: tuple[Input, ...] = ()
        if manifest is not None:
            faults = tuple(_faults(Artefact(directory, manifest), kind, name, advance))
            own = parts(manifest)
            broken = tuple(_broken([one for one in manifest.inputs if one not in own], store))
        sealed = unsealed and not faults
        if manifest is not None and sealed:
            with disk_in_words(directory):
                write_text(directory / MANIFEST, manifest.to_json())
        if manifest is not None:  # without a part of it, an artefact is not whole
            faults = (*faults, *_broken(own, store))
        yield Verified(kind, name, read - before, faults, broken, sealed)


def _read(directory: Path, *, seal: bool) -> tuple[Manifest | None, tuple[str, ...], bool]:
    """The manifest of an artefact, or what is wrong with it, and whether it lacks a seal.

    Args:
        directory: of the artefact.
        seal: take a manifest without a seal, where the files have the digest that it says.
    """
    try:
        return Manifest.read(directory), (), False
    except ArtefactError as error:
        manifest = _unsealed(directory) if seal else None
        return manifest, () if manifest is not None else (error.message,), manifest is not None


def _faults(
    artefact: Artefact, kind: str, name: str, advance: Callable[[int], None]
) -> Iterator[str]:
    """What of an artefact's files and names is not as its manifest says."""
    manifest = artefact.manifest
    try:
        yield from artefact.faults(advance=advance)
    except OSError as error:
        yield f"{error.filename} cannot be read: {error.strerror or error}"
        return
    if (manifest.kind, manifest.name) != (kind, name):
        yield f"its manifest is that of {manifest.kind}/{manifest.name}"
    elif records_digest(manifest.files) != manifest.digest:
        yield "its digest is not that of its files"


def _chosen(store: Store, names: Sequence[str]) -> list[tuple[str, str]]:
    every = [(kind, name) for kind in KINDS for name in store.names(kind)]
    if not names:
        return every
    found: dict[tuple[str, str], None] = {}
    for wanted in names:
        kind, _, name = wanted.rpartition("/")
        matching = [one for one in every if one[1] == name and kind in ("", one[0])]
        if not matching:
            raise unknown_name("artefact", wanted, [one for _, one in every])
        found.update(dict.fromkeys(matching))
        for one in matching:
            with suppress(ArtefactError):  # a damaged manifest is told of in its place
                found.update(dict.fromkeys(parts_there(store, *one)))
    return list(found)


def _bytes(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def _unsealed(directory: Path) -> Manifest | None:
    """A manifest as an earlier clirot wrote it, with the records of its files; None: it is none,
    or the files have another digest than it says.
    """
    manifest = sealed_again(directory, file_records(directory))
    if manifest is None or records_digest(manifest.files) != manifest.digest:
        return None
    return manifest


def _broken(inputs: Sequence[Input], store: Store) -> Iterator[str]:
    for one in inputs:
        if one.kind == "file":
            yield from _changed_file(one)
            continue
        kind = _KIND_OF.get(one.kind)
        # A teacher, or the model of an index, may be no artefact but a directory or the Hub's.
        if kind is None or (kind == "models" and not store.has(kind, one.name)):
            continue
        if not store.has(kind, one.name):
            yield f"{one.kind} {one.name}, which it was made from, is not in the store any more"
            continue
        try:
            digest = store.get(kind, one.name).digest
        except ArtefactError as error:
            yield f"{one.kind} {one.name}, which it was made from: {error.message}"
            continue
        if digest != one.digest:
            yield (
                f"{one.kind} {one.name} is not the one that it was made from "
                f"({one.digest[:12]}), but another ({digest[:12]})"
            )


def _changed_file(one: Input) -> Iterator[str]:
    try:
        if file_digest(Path(one.name)) != one.digest:
            yield f"file {one.name} has changed since"
    except OSError:
        yield f"file {one.name} is gone"
