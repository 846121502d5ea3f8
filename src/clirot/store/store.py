"""The store: artefacts below one directory, found by kind and name and written under a lock."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clirot.errors import ArtefactError, BusyError, UsageError
from clirot.registry import unknown_name
from clirot.store.manifest import (
    MANIFEST,
    Artefact,
    Input,
    Manifest,
    difference,
    fingerprint,
    tree_digest,
)
from clirot.store.writing import (
    DISK_HINTS,
    Draft,
    between_renames,
    clear,
    discard_draft,
    disk_in_words,
    draft_fingerprint,
    flush_tree,
    mark_draft,
    sibling,
    swap_in,
    write_text,
)

KINDS = ("bitext", "models", "tables", "indexes", "runs")
_OTHERWISE = {
    "bitext": "",  # named after its source
    "models": "choose another `name`, or ",
    "tables": "choose another `name`, or ",
    "indexes": "choose another `name`, or ",
    "runs": "`save` it under another name, or ",
}
"""Kind -> what to do, besides replacing it, about an artefact that was made from something else."""
_SWAP_TIME_S = 10.0  # longer than the two renames of a replacement take
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_VERSIONED = (
    "clirot",
    "torch",
    "transformers",
    "sentence-transformers",
    "geomloss",
    "numpy",
    "pyarrow",
)


def default_home() -> Path:
    """``CLIROT_HOME``, or the platform's user data directory."""
    if configured := os.environ.get("CLIROT_HOME"):
        return Path(configured).expanduser()
    from platformdirs import user_data_path

    return user_data_path("clirot", appauthor=False)


class Store:
    """The artefacts below one directory.

    Args:
        home: where they live; default :func:`default_home`.
    """

    def __init__(self, home: Path | None = None) -> None:
        self.home = (home if home is not None else default_home()).absolute()

    def __repr__(self) -> str:
        return f"Store({str(self.home)!r})"

    def path(self, kind: str, name: str) -> Path:
        """Where the artefact of that name is or would be.

        Raises:
            UsageError: the name could leave the directory or hide in it.
        """
        if kind not in KINDS:
            raise unknown_name("kind of artefact", kind, KINDS)
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"not a name for an artefact: {name!r}",
                hint="letters, digits and . _ + -, starting with a letter or digit",
            )
        return self.home / kind / name

    def folder(self, kind: str) -> Path:
        """The directory of a kind, made where it is missing.

        Raises:
            ArtefactError: it cannot be made.
        """
        folder = self.home / kind
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from error
        return folder

    def has(self, kind: str, name: str) -> bool:
        """Whether a finished artefact of that name exists."""
        if not _NAME.fullmatch(name):
            return False
        path = self.path(kind, name)
        self._check()
        self._mend_abandoned(path)
        return (path / MANIFEST).is_file()

    def get(self, kind: str, name: str) -> Artefact:
        """The finished artefact of that name.

        Raises:
            UnknownNameError: there is none; the hint suggests a near miss.
            ArtefactError: its manifest is damaged.
        """
        if not self.has(kind, name):
            singular = {
                "models": "model",
                "tables": "translation table",
                "indexes": "index",
                "runs": "run",
            }.get(kind, kind)
            raise unknown_name(singular, name, self.names(kind))
        path = self.path(kind, name)
        return Artefact(path, Manifest.read(path))

    def names(self, kind: str) -> list[str]:
        """The names of the finished artefacts of a kind, sorted."""
        self._check()
        folder = self.home / kind
        if not folder.is_dir():
            return []
        for replaced in folder.glob(".*.replaced"):
            self._mend_abandoned(folder / replaced.name[1:].removesuffix(".replaced"))
        return sorted(
            path.name
            for path in folder.iterdir()
            if not path.name.startswith(".") and (path / MANIFEST).is_file()
        )

    def all(self, kind: str) -> list[Artefact]:
        """The finished artefacts of a kind, by name."""
        return [self.get(kind, name) for name in self.names(kind)]

    def remove(self, kind: str, name: str) -> None:
        """Remove an artefact and what an interrupted attempt at it left.

        Raises:
            UnknownNameError: there is none.
            BusyError: another process is writing it.
            ArtefactError: the disk may not be written.
        """
        artefact = self.get(kind, name)
        with disk_in_words(artefact.path), self._locked(artefact.path):
            doomed = sibling(artefact.path, "removed")
            clear(doomed)
            # This goes first, or _mend would put it back as the artefact.
            clear(sibling(artefact.path, "replaced"))
            artefact.path.rename(doomed)
            clear(doomed)
            discard_draft(sibling(artefact.path, "part"))

    @contextmanager
    def draft(
        self,
        kind: str,
        name: str,
        *,
        config: Mapping[str, Any],
        inputs: tuple[Input, ...] = (),
        seed: int | None = None,
    ) -> Iterator[Draft]:
        """Write an artefact: it appears when the block ends well, and not before.

        Call :meth:`finished` first. It gives the artefact if it exists already, and refuses if one
        of that name was made from something else: here, such a one is replaced without asking. If
        the block raises, what was written is kept for the next attempt with the same configuration,
        inputs and seed.

        Raises:
            BusyError: another process is writing it.
            ArtefactError: the disk is full, or may not be written.
        """
        target = self.path(kind, name)
        part = sibling(target, "part")
        wanted = fingerprint(kind, config, inputs, seed)
        with disk_in_words(target), self._locked(target):
            resumed = draft_fingerprint(part) == wanted
            if not resumed:
                discard_draft(part)
                part.mkdir(parents=True)
            content, scratch = part / "content", part / "scratch"
            content.mkdir(exist_ok=True)
            scratch.mkdir(exist_ok=True)
            if not resumed:
                mark_draft(part, wanted)
            draft = Draft(path=content, scratch=scratch, resumed=resumed)
            try:
                yield draft
            except BaseException:
                if not draft.resumable:
                    discard_draft(part)
                raise
            manifest = Manifest(
                kind=kind,
                name=name,
                config=dict(config),
                inputs=inputs,
                results=draft.results,
                digest=tree_digest(content),
                seed=seed,
                versions=_versions(),
                argv=tuple(sys.argv),
                created=datetime.now(UTC).isoformat(timespec="seconds"),
            )
            write_text(content / MANIFEST, manifest.to_json())
            flush_tree(content)
            swap_in(content, target)
            discard_draft(part)

    def finished(
        self,
        kind: str,
        name: str,
        *,
        config: Mapping[str, Any],
        inputs: tuple[Input, ...] = (),
        seed: int | None = None,
        replace: bool = False,
    ) -> Artefact | None:
        """The artefact of that name if it was made from exactly this; None if there is none yet.

        With ``replace``, one that was made from this is looked through, and one that is damaged
        counts as none.

        Raises:
            ArtefactError: one of that name was made from something else, or its manifest cannot be
                read, and ``replace`` is false; the message says which settings differ.
        """
        if not self.has(kind, name):
            return None
        try:
            artefact = self.get(kind, name)
        except ArtefactError:
            if replace:
                return None
            raise
        wanted = fingerprint(kind, config, inputs, seed)
        if artefact.manifest.fingerprint == wanted:
            if replace and tree_digest(artefact.path) != artefact.manifest.digest:
                return None
            self._sweep(artefact.path, wanted)
            return artefact
        if replace:
            return None
        raise ArtefactError(
            f"{kind}/{name} exists and was made from something else: "
            + difference(artefact.manifest, config, inputs, seed),
            hint=f"{_OTHERWISE[kind]}`replace` it",
        )

    @contextmanager
    def _locked(self, target: Path) -> Iterator[None]:
        """Hold the lock of one artefact; released by the system when the process dies."""
        import filelock

        self.folder(target.parent.name)
        lock = filelock.FileLock(sibling(target, "lock"))
        try:
            with lock.acquire(timeout=0):
                self._mend(target)
                yield
        except filelock.Timeout:
            raise BusyError(
                f"another process is writing {target.parent.name}/{target.name}",
                hint="wait for it",
            ) from None

    def _check(self) -> None:
        """Refuse a home that is a file or may not be read. One that does not exist yet is empty."""
        try:
            os.scandir(self.home).close()
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> ArtefactError:
        return ArtefactError(
            f"the store {self.home} cannot be used: {error.strerror or error}",
            hint=DISK_HINTS.get(error.errno or 0, "choose another directory with CLIROT_HOME"),
        )

    def _sweep(self, target: Path, finished: str) -> None:
        """Remove what was left by a process that died just after it had finished the artefact."""
        part, replaced = sibling(target, "part"), sibling(target, "replaced")
        if part.is_dir() or replaced.is_dir():
            with suppress(ArtefactError, OSError), self._locked(target):
                clear(replaced)
                if draft_fingerprint(part) in (finished, None):
                    discard_draft(part)

    @staticmethod
    def _mend(target: Path) -> None:
        """Put the old artefact back if a process died between the two renames of a replacement.

        Call it under the lock only: without it, a running writer may be about to put the new one
        there.
        """
        if between_renames(target):
            sibling(target, "replaced").rename(target)

    def _mend_abandoned(self, target: Path) -> None:
        """:meth:`_mend` for readers: they wait for a running writer, and may lack write access."""
        import filelock

        if between_renames(target):
            lock = filelock.FileLock(sibling(target, "lock"))
            with suppress(filelock.Timeout, OSError), lock.acquire(timeout=_SWAP_TIME_S):
                self._mend(target)


def _versions() -> dict[str, str]:
    from importlib import metadata

    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in _VERSIONED:
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found
