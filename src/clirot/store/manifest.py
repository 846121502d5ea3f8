"""The manifest beside an artefact's files: what it is, what made it, and the digests of both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from clirot.digests import file_digest
from clirot.errors import ArtefactError, InputError

MANIFEST = "clirot.json"


@dataclass(frozen=True, kw_only=True)
class Input:
    """Something an artefact was made from."""

    kind: str
    """``bitext``, ``models``, ``indexes``, ``collection``, ``file`` or ``url``."""
    name: str
    """Its name in the store, or its path or address."""
    digest: str
    """SHA-256 of its content, hexadecimal."""

    @classmethod
    def of_file(cls, kind: str, path: Path) -> Input:
        """A file as an input.

        Raises:
            InputError: it cannot be read.
        """
        try:
            return cls(kind=kind, name=str(path), digest=file_digest(path))
        except OSError as error:
            raise InputError(error.strerror or "cannot be read", path=path) from error


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


def tree_digest(directory: Path, files: Iterable[Path] | None = None) -> str:
    """SHA-256 over the relative names and contents of the files below ``directory``.

    The manifest is left out: it holds the time and the command line, which are not content.

    Args:
        directory: what the names are relative to.
        files: which files of it; default all.
    """
    whole = hashlib.sha256()
    for path in sorted(directory.rglob("*") if files is None else files):
        if not path.is_file():
            continue
        relative = path.relative_to(directory).as_posix()
        if relative != MANIFEST:
            whole.update(f"{relative}\0{file_digest(path)}\n".encode())
    return whole.hexdigest()


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


def difference(
    old: Manifest, config: Mapping[str, Any], inputs: tuple[Input, ...], seed: int | None
) -> str:
    """Which settings, seed and inputs of an artefact are not those asked for, in words."""
    # Through JSON, because tuples are lists in a manifest.
    had, has = dict(_flat(old.config)), dict(_flat(json.loads(json.dumps(config))))
    parts = [
        f"{key} was {_shown(had.get(key))}, now {_shown(has.get(key))}"
        for key in sorted(had.keys() | has.keys())
        if had.get(key) != has.get(key)
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


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by dotted name: ``filters.min_length``."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _shown(value: Any) -> str:
    return "not set" if value is None else repr(value)
