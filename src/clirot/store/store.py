"""The store: artefacts below one directory, found by kind and name and written under a lock."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clirot.errors import ArtefactError, BusyError, DamagedArtefactWarning, UsageError
from clirot.registry import unknown_name
from clirot.store.artefact import Artefact
from clirot.store.files import MANIFEST, file_records, records_digest
from clirot.store.locking import locked, mend_abandoned
from clirot.store.manifest import Input, Manifest, difference, fingerprint, installed_versions
from clirot.store.writing import (
    DISK_HINTS,
    Draft,
    clear,
    discard_draft,
    disk_in_words,
    draft_fingerprint,
    flush_tree,
    open_draft,
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
_MOST = 200  # characters of a name: `.NAME.replaced.lock` must fit the 255 of a file system
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._+-]{{0,{_MOST - 1}}}")


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
                f"not a name for an artefact: {name!r:.100}",
                hint="letters, digits and . _ + -, starting with a letter or digit, and at most "
                f"{_MOST} of them",
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
        mend_abandoned(path)
        return (path / MANIFEST).is_file()

    def get(self, kind: str, name: str) -> Artefact:
        """The finished artefact of that name.

        Raises:
            UnknownNameError: there is none; the hint suggests a near miss.
            ArtefactError: its manifest is damaged, or that of another artefact.
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
        manifest = Manifest.read(path)
        if (manifest.kind, manifest.name) != (kind, name):
            raise ArtefactError(
                f"{kind}/{name} is damaged: its manifest is that of "
                f"{manifest.kind}/{manifest.name}",
                hint="make the artefact again, or remove it",
            )
        return Artefact(path, manifest)

    def names(self, kind: str) -> list[str]:
        """The names of the finished artefacts of a kind, sorted."""
        self._check()
        folder = self.home / kind
        if not folder.is_dir():
            return []
        for replaced in folder.glob(".*.replaced"):
            mend_abandoned(folder / replaced.name[1:].removesuffix(".replaced"))
        return sorted(
            path.name
            for path in folder.iterdir()
            if not path.name.startswith(".") and (path / MANIFEST).is_file()
        )

    def all(self, kind: str) -> list[Artefact]:
        """The finished artefacts of a kind, by name; one whose manifest is damaged is left out
        with a warning (DamagedArtefactWarning).
        """
        found = []
        for name in self.names(kind):
            try:
                found.append(self.get(kind, name))
            except ArtefactError as error:
                warnings.warn(error.message, DamagedArtefactWarning, stacklevel=2)
        return found

    def occupied(self, kind: str, name: str) -> bool:
        """Whether anything is there of an artefact of that name: whole, damaged or unfinished."""
        target = self.path(kind, name)
        self._check()
        beside = (sibling(target, role) for role in ("part", "replaced", "removed"))
        return any(map(os.path.lexists, (target, *beside)))

    def check_there(self, kind: str, name: str) -> None:
        """Refuse a name that :meth:`remove` would find nothing of.

        Raises:
            UnknownNameError: nothing is there; the hint suggests a near name.
        """
        if not self.occupied(kind, name):
            self.get(kind, name)

    def remove(self, kind: str, name: str) -> None:
        """Remove an artefact, damaged or whole, and what interrupted attempts at it left.

        Raises:
            UnknownNameError: there is none, and nothing was left.
            BusyError: another process is writing it.
            ArtefactError: the disk may not be written, or what is there is no artefact.
        """
        target = self.path(kind, name)
        self.check_there(kind, name)
        self._refuse_foreign(target)
        with disk_in_words(target), self._locked(target):
            doomed = sibling(target, "removed")
            clear(doomed)
            # This goes first, or _mend would put it back as the artefact.
            clear(sibling(target, "replaced"))
            if os.path.lexists(target):
                target.rename(doomed)
            clear(doomed)
            discard_draft(sibling(target, "part"))

    @contextmanager
    def draft(
        self,
        kind: str,
        name: str,
        *,
        config: Mapping[str, Any],
        inputs: tuple[Input, ...] = (),
        seed: int | None = None,
        continued: bool = False,
    ) -> Iterator[Draft]:
        """Write an artefact: it appears when the block ends well, and not before.

        Call :meth:`finished` first. It gives the artefact if it exists already, and refuses if one
        of that name was made from something else: here, such a one is replaced without asking. If
        the block raises, the scratch files are kept for the next attempt with the same
        configuration, inputs and seed; with ``continued`` the files of the artefact are too, and
        the block must know which of them are whole.

        Raises:
            BusyError: another process is writing it.
            ArtefactError: the disk is full, or may not be written; or a directory of that name is
                no artefact.
        """
        target = self.path(kind, name)
        part = sibling(target, "part")
        wanted = fingerprint(kind, config, inputs, seed)
        with disk_in_words(target), self._locked(target):
            self._refuse_foreign(target)
            draft = open_draft(part, wanted, continued=continued)
            try:
                yield draft
            except BaseException:
                if not draft.resumable:
                    discard_draft(part)
                raise
            files = file_records(draft.path)
            manifest = Manifest(
                kind=kind,
                name=name,
                config=dict(config),
                inputs=inputs,
                results=draft.results,
                digest=records_digest(files),
                files=files,
                seed=seed,
                versions=installed_versions(),
                argv=tuple(sys.argv),
                created=datetime.now(UTC).isoformat(timespec="seconds"),
            )
            # Beside the files, so that nothing temporary is ever among what is digested.
            write_text(part / MANIFEST, manifest.to_json())
            (part / MANIFEST).replace(draft.path / MANIFEST)
            flush_tree(draft.path)
            swap_in(draft.path, target)
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

        With ``replace``, one that is damaged counts as none, and all of it is looked through.

        Raises:
            ArtefactError: one of that name was made from something else, or is damaged, and
                ``replace`` is false; the message says which settings differ, or what is damaged.
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
            try:
                artefact.check(whole=replace)
            except ArtefactError:
                if replace:
                    return None
                raise
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
    def unless_busy(self, kind: str, name: str) -> Iterator[bool]:
        """Hold the lock of one artefact; gives false where another process has it."""
        with ExitStack() as stack:
            try:
                stack.enter_context(self._locked(self.home / kind / name))
            except BusyError:
                yield False
                return
            yield True

    @staticmethod
    def _refuse_foreign(target: Path) -> None:
        """Keep from removing or replacing what clirot did not write.

        Raises:
            ArtefactError: something without a manifest has the artefact's name.
        """
        if os.path.lexists(target) and not (target / MANIFEST).is_file():
            raise ArtefactError(
                f"{target} is no artefact: it has no {MANIFEST}, so it is left as it is",
                hint="move it away, or remove it yourself",
            )

    @contextmanager
    def _locked(self, target: Path) -> Iterator[None]:
        """Hold the lock of one artefact; see :func:`clirot.store.locking.locked`."""
        self.folder(target.parent.name)
        with locked(target):
            yield

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
