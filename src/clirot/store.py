"""The artefact store: what clirot makes, whole or not at all, with where it came from.

An artefact is a directory ``CLIROT_HOME/<kind>/<name>`` holding its files and a ``clirot.json``
manifest. It is written in a hidden sibling, flushed to disk and renamed under a file lock, so that
two processes never write one artefact and a killed one leaves nothing that looks finished. What a
killed process had written stays in the hidden sibling, and the same request again finds it there
(:attr:`Draft.resumed`) and may continue from it.

The digest of an artefact covers its files and nothing else, so the same inputs, configuration and
seed give the same digest whenever and wherever they are run; time and command line are recorded
beside it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clirot.errors import ArtefactError, BusyError, UsageError
from clirot.registry import unknown_name

KINDS = ("bitext", "models", "indexes", "runs")
MANIFEST = "clirot.json"
_DRAFT = "draft.json"
_SWAP_TIME_S = 10.0  # more than the two renames of a replacement take
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_VERSIONED = ("clirot", "torch", "transformers", "sentence-transformers", "geomloss", "numpy")


@dataclass(frozen=True, kw_only=True)
class Input:
    """Something an artefact was made from."""

    kind: str
    """``bitext``, ``models``, ``indexes``, ``collection``, ``file`` or ``url``."""
    name: str
    """Its name in the store, or its path or address."""
    digest: str
    """SHA-256 of its content, hexadecimal."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """``clirot.json``: what an artefact is and what made it."""

    kind: str
    name: str
    config: Mapping[str, Any]
    """The configuration that, with the inputs, decides the content."""
    inputs: tuple[Input, ...] = ()
    results: Mapping[str, Any] = field(default_factory=dict)
    """What the making measured: counts kept and dropped, scores on the development split."""
    digest: str = ""
    """SHA-256 over the artefact's files (manifest excluded)."""
    seed: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    argv: tuple[str, ...] = ()
    created: str = ""
    """UTC, ISO 8601."""

    @property
    def fingerprint(self) -> str:
        """Digest of what decides the content: kind, configuration, inputs, seed."""
        return fingerprint(self.kind, self.config, self.inputs, self.seed)

    def to_json(self) -> str:
        """The manifest as it is written."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, sort_keys=True) + "\n"

    @classmethod
    def read(cls, directory: Path) -> Manifest:
        """Read the manifest of the artefact in ``directory``.

        Raises:
            ArtefactError: there is none, or it cannot be read.
        """
        path = directory / MANIFEST
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            raw["inputs"] = tuple(Input(**entry) for entry in raw.get("inputs", ()))
            raw["argv"] = tuple(raw.get("argv", ()))
            return cls(**raw)
        except FileNotFoundError:
            raise ArtefactError(f"{directory} is not an artefact: it has no {MANIFEST}") from None
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ArtefactError(
                f"{path} cannot be read as a manifest: {error}",
                hint="remove the artefact and make it again",
            ) from error


@dataclass(frozen=True)
class Artefact:
    """A finished artefact: where it is and its manifest."""

    path: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """Its name in the store."""
        return self.manifest.name

    @property
    def digest(self) -> str:
        """SHA-256 of its files."""
        return self.manifest.digest

    def as_input(self) -> Input:
        """The artefact as an input of the next."""
        return Input(kind=self.manifest.kind, name=self.manifest.name, digest=self.manifest.digest)


@dataclass
class Draft:
    """An artefact being written. Fill :attr:`path`; set :attr:`results` before leaving.

    ``resumed`` is true where an earlier, interrupted attempt at exactly this artefact left files in
    :attr:`path`. Put what must not become part of the artefact (checkpoints) under :attr:`scratch`.
    Set ``resumable`` to false where a failed attempt is of no use to the next: it is then removed.
    """

    path: Path
    scratch: Path
    resumed: bool
    resumable: bool = True
    results: dict[str, Any] = field(default_factory=dict)


def fingerprint(
    kind: str, config: Mapping[str, Any], inputs: tuple[Input, ...], seed: int | None
) -> str:
    """SHA-256 of everything that decides an artefact's content."""
    deciding = {
        "kind": kind,
        "config": dict(config),
        "inputs": [asdict(entry) for entry in inputs],
        "seed": seed,
    }
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def tree_digest(directory: Path) -> str:
    """SHA-256 over the relative names and contents of the files below ``directory``.

    The manifest is left out: it holds the time and the command line, which are not content.
    """
    whole = hashlib.sha256()
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    for path in files:
        relative = path.relative_to(directory).as_posix()
        if relative != MANIFEST:
            whole.update(f"{relative}\0{file_digest(path)}\n".encode())
    return whole.hexdigest()


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

    def has(self, kind: str, name: str) -> bool:
        """Whether a finished artefact of that name exists."""
        if not _NAME.fullmatch(name):
            return False
        path = self.path(kind, name)
        self._mend_abandoned(path)
        return (path / MANIFEST).is_file()

    def get(self, kind: str, name: str) -> Artefact:
        """The finished artefact of that name.

        Raises:
            UnknownNameError: there is none; the hint suggests a near miss.
            ArtefactError: its manifest is damaged.
        """
        if not self.has(kind, name):
            singular = {"models": "model", "indexes": "index", "runs": "run"}.get(kind, kind)
            raise unknown_name(singular, name, self.names(kind))
        path = self.path(kind, name)
        return Artefact(path, Manifest.read(path))

    def names(self, kind: str) -> list[str]:
        """The names of the finished artefacts of a kind, sorted."""
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
        """
        artefact = self.get(kind, name)
        with self._locked(artefact.path):
            doomed = _sibling(artefact.path, "removed")
            _clear(doomed)
            # First what _mend would otherwise take for the artefact to put back.
            _clear(_sibling(artefact.path, "replaced"))
            artefact.path.rename(doomed)
            _clear(doomed)
            _discard_draft(_sibling(artefact.path, "part"))

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

        Use :meth:`finished` first: what exists already need not be made. An artefact of the same
        name made from something else is replaced when the new one is whole, so callers ask for
        consent before (see :meth:`finished`). If the block raises, what was written stays in the
        hidden sibling for the next attempt with the same configuration, inputs and seed.

        Raises:
            BusyError: another process is writing it.
            ArtefactError: the disk is full, or may not be written.
        """
        target = self.path(kind, name)
        part = _sibling(target, "part")
        wanted = fingerprint(kind, config, inputs, seed)
        try:
            with self._locked(target):
                resumed = _draft_fingerprint(part) == wanted
                if not resumed:
                    _discard_draft(part)
                    part.mkdir(parents=True)
                content, scratch = part / "content", part / "scratch"
                content.mkdir(exist_ok=True)
                scratch.mkdir(exist_ok=True)
                if not resumed:
                    write_text(part / _DRAFT, json.dumps({"fingerprint": wanted}) + "\n")
                draft = Draft(path=content, scratch=scratch, resumed=resumed)
                try:
                    yield draft
                except BaseException:
                    if not draft.resumable:
                        _discard_draft(part)
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
                _flush_tree(content)
                _swap_in(content, target)
                _discard_draft(part)
        except OSError as error:
            if error.errno not in _DISK_HINTS:
                raise
            raise disk_error(error, target) from error

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

        Raises:
            ArtefactError: one of that name was made from something else and ``replace`` is false;
                the message says which settings differ.
        """
        if not self.has(kind, name):
            return None
        artefact = self.get(kind, name)
        wanted = fingerprint(kind, config, inputs, seed)
        if artefact.manifest.fingerprint == wanted:
            self._sweep(artefact.path, wanted)
            return artefact
        if replace:
            return None
        raise ArtefactError(
            f"{kind}/{name} exists and was made from something else: "
            + _difference(artefact.manifest, config, inputs, seed),
            hint="choose another --name, or --replace it",
        )

    @contextmanager
    def _locked(self, target: Path) -> Iterator[None]:
        """Hold the lock of one artefact; released by the system when the process dies."""
        import filelock

        target.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(_sibling(target, "lock"))
        try:
            with lock.acquire(timeout=0):
                self._mend(target)
                yield
        except filelock.Timeout:
            raise BusyError(
                f"another process is writing {target.parent.name}/{target.name}",
                hint="wait for it, or choose another --name",
            ) from None

    def _sweep(self, target: Path, finished: str) -> None:
        """Remove what a process left that died just after its artefact appeared."""
        part, replaced = _sibling(target, "part"), _sibling(target, "replaced")
        if part.is_dir() or replaced.is_dir():
            with suppress(ArtefactError, OSError), self._locked(target):
                _clear(replaced)
                if _draft_fingerprint(part) in (finished, None):
                    _discard_draft(part)

    @staticmethod
    def _mend(target: Path) -> None:
        """Put the old artefact back if a process died between the two renames of a replacement.

        Only under the lock: a living writer is about to put the new one there.
        """
        if _between_renames(target):
            _sibling(target, "replaced").rename(target)

    def _mend_abandoned(self, target: Path) -> None:
        """:meth:`_mend` for readers, who wait for a living writer and need not be able to write."""
        import filelock

        if _between_renames(target):
            lock = filelock.FileLock(_sibling(target, "lock"))
            with suppress(filelock.Timeout, OSError), lock.acquire(timeout=_SWAP_TIME_S):
                self._mend(target)


def write_text(path: Path, text: str) -> None:
    """Write a small file so that it is either the old one or the new one, never half of either."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


_DISK_HINTS = {
    errno.ENOSPC: "the disk is full: free some space and run the same command again; it resumes",
    errno.EDQUOT: "the disk quota is used up: free some and run the same command again; it resumes",
    errno.EFBIG: "files may not grow further here (see ulimit -f)",
    errno.EACCES: "choose another directory with CLIROT_HOME",
    errno.EROFS: "choose another directory with CLIROT_HOME",
}


def disk_error(error: OSError, target: Path) -> ArtefactError:
    """A full or forbidden disk, in words."""
    hint = _DISK_HINTS.get(error.errno or 0)
    place = error.filename or target
    return ArtefactError(f"cannot write {place}: {error.strerror or error}", hint=hint)


def _sibling(target: Path, role: str) -> Path:
    return target.with_name(f".{target.name}.{role}")


def _between_renames(target: Path) -> bool:
    return _sibling(target, "replaced").is_dir() and not target.exists()


def _discard_draft(part: Path) -> None:
    """Remove a draft, first of all what makes it look resumable: we may die half-way."""
    (part / _DRAFT).unlink(missing_ok=True)
    _clear(part)


def _draft_fingerprint(part: Path) -> str | None:
    try:
        return str(json.loads((part / _DRAFT).read_text(encoding="utf-8"))["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _swap_in(content: Path, target: Path) -> None:
    """Rename ``content`` to ``target``. A directory cannot be replaced in one step, so an old one
    steps aside first; :meth:`Store._mend` undoes that if we die in between.
    """
    replaced = _sibling(target, "replaced")
    _clear(replaced)
    if target.exists():
        target.rename(replaced)
    content.rename(target)
    _flush_directory(target.parent)
    _clear(replaced)


def _clear(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _flush_tree(directory: Path) -> None:
    for path in directory.rglob("*"):
        if path.is_dir():
            _flush_directory(path)
        else:
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
    _flush_directory(directory)


def _flush_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _versions() -> dict[str, str]:
    from importlib import metadata

    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in _VERSIONED:
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def _difference(
    old: Manifest, config: Mapping[str, Any], inputs: tuple[Input, ...], seed: int | None
) -> str:
    config = json.loads(json.dumps(config))  # as the manifest holds it: tuples are lists there
    parts = [
        f"{key} was {old.config.get(key)!r}, now {config.get(key)!r}"
        for key in sorted(set(old.config) | set(config))
        if old.config.get(key) != config.get(key)
    ]
    if old.seed != seed:
        parts.append(f"seed was {old.seed}, now {seed}")
    was = {(entry.kind, entry.name): entry.digest for entry in old.inputs}
    now = {(entry.kind, entry.name): entry.digest for entry in inputs}
    parts += [f"{kind} {name} is gone" for kind, name in sorted(was.keys() - now.keys())]
    parts += [f"{kind} {name} is new" for kind, name in sorted(now.keys() - was.keys())]
    parts += [
        f"{kind} {name} has changed"
        for kind, name in sorted(was.keys() & now.keys())
        if was[kind, name] != now[kind, name]
    ]
    return "; ".join(parts) or "its manifest is of another version"
