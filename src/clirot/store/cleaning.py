"""What is on disk below the store's directory besides artefacts, and how it is removed.

Everything there is of one of these groups, so that nothing takes room that no command shows:

``unfinished``
    what interrupted commands left: drafts, which the same command would go on with, and what it
    was about to remove
``caches``
    translations, answers and teachers' vectors, which are computed again where they lack
``downloads``
    files of sources, which are fetched again where they lack
``reports``
    logs of trainings
``experiments``
    topics and tables of ``clirot experiment``, which it makes again
``logs``
    details of errors that were not foreseen
``digests``
    what downloads were when they first arrived, by which a changed one is noticed; it stays
``locks``
    empty files by which processes wait for each other; they stay
``unknown``
    what clirot did not write; it stays
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from clirot.store.files import MANIFEST
from clirot.store.store import KINDS, Store
from clirot.store.writing import ROLES, clear, discard_draft, disk_in_words

REMOVABLE = ("unfinished", "caches", "downloads", "reports", "experiments", "logs")
_FOLDERS = {
    "cache": "caches",
    "downloads": "downloads",
    "reports": "reports",
    "experiments": "experiments",
    "logs": "logs",
}


@dataclass(frozen=True)
class Leftover:
    """Something on disk that is no artefact."""

    path: Path
    group: str
    bytes: int
    files: int


def leftovers(store: Store) -> list[Leftover]:
    """Everything below the store's directory that is no artefact, by group and path."""
    found = []
    for kind in KINDS:
        store.names(kind)  # puts back what a killed replacement had moved aside
    for path in _listed(store.home):
        if path.name in KINDS and path.is_dir() and not path.is_symlink():
            found += [_measured(one, group) for one, group in _beside_artefacts(path)]
        else:
            found.append(_measured(path, _group(path)))
    return sorted(found, key=lambda one: (one.group, one.path))


def clean(store: Store, groups: Collection[str] = ("unfinished",)) -> Iterator[Leftover]:
    """Remove what belongs to some groups; gives each thing once it is removed.

    What another process is writing stays, as do the groups that are not :data:`REMOVABLE`.

    Raises:
        ArtefactError: the disk may not be written.
    """
    for one in leftovers(store):
        if one.group not in groups or one.group not in REMOVABLE:
            continue
        with disk_in_words(one.path):
            if one.group == "unfinished":
                name = one.path.name[1:].rpartition(".")[0]
                with store.unless_busy(one.path.parent.name, name) as free:
                    if not free:
                        continue
                    discard_draft(one.path)
            else:
                clear(one.path)
        yield one


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def _beside_artefacts(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in _listed(folder):
        if path.name.startswith("."):
            yield path, _group(path)
        elif not (path / MANIFEST).is_file():
            yield path, "unknown"


def _group(path: Path) -> str:
    if path.name.startswith("."):
        role = path.name.rpartition(".")[2]
        if role == "lock":
            return "locks"
        return "unfinished" if role in ROLES else "unknown"
    if path.name.endswith(".sha256"):
        return "digests"
    return _FOLDERS.get(path.name, "unknown") if path.is_dir() else "unknown"


def _measured(path: Path, group: str) -> Leftover:
    """Links are counted as links, and not followed."""
    if path.is_symlink() or not path.is_dir():
        return Leftover(path, group, path.lstat().st_size, 1)
    sizes = [
        (Path(folder) / name).lstat().st_size
        for folder, _, names in os.walk(path)
        for name in names
    ]
    return Leftover(path, group, sum(sizes), len(sizes))
