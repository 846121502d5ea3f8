"""The manifest beside an artefact's files: what it is, what made it, and the digests of both."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from clirot.digests import file_digest
from clirot.errors import ArtefactError, InputError
from clirot.json_values import json_object_in
from clirot.store.files import MANIFEST, FileRecord

_VERSIONED = (
    "clirot",
    "torch",
    "transformers",
    "sentence-transformers",
    "geomloss",
    "numpy",
    "pyarrow",
)
_SEAL = "seal"
_AGAIN = "make it again with `replace`, or remove it"


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
    files: Mapping[str, FileRecord] = field(default_factory=dict)
    """Each of these files as it was written, by its name relative to the artefact."""
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
        """The manifest as it is written: with a seal, which tells one that was changed."""
        said = asdict(self)
        text = json.dumps(
            {**said, _SEAL: _seal(said)}, indent=2, ensure_ascii=False, sort_keys=True
        )
        # A path that is not UTF-8 has lone surrogates, which JSON can hold escaped only.
        return text.encode("utf-8", "backslashreplace").decode() + "\n"

    @classmethod
    def read(cls, directory: Path) -> Manifest:
        """Read the manifest of the artefact in ``directory``.

        Raises:
            ArtefactError: there is none, it is damaged, or it is not as clirot wrote it.
        """
        path = directory / MANIFEST
        try:
            raw = json_object_in(path)
        except FileNotFoundError:
            raise ArtefactError(f"{directory} is not an artefact: it has no {MANIFEST}") from None
        except (OSError, ValueError) as error:
            raise ArtefactError(
                f"{path} cannot be read as a manifest: it is damaged: {error}", hint=_AGAIN
            ) from error
        seal = raw.pop(_SEAL, None)
        if seal is None:
            raise ArtefactError(
                f"{path} cannot be read as a manifest: it has no seal, so it was changed, or an "
                "earlier clirot wrote it",
                hint=f"{_AGAIN}; `verify(seal=True)` seals it where its files are as recorded",
            )
        if seal != _seal(raw):
            raise ArtefactError(
                f"{path} cannot be read as a manifest: it was changed after clirot wrote it "
                "(its seal is that of another text)",
                hint=_AGAIN,
            )
        return cls.of_json(raw, path)

    @classmethod
    def of_json(cls, raw: dict[str, Any], path: Path) -> Manifest:
        """The manifest of a parsed file without its seal.

        Args:
            raw: what was parsed.
            path: where it is from, for the error.

        Raises:
            ArtefactError: a field is missing, unknown or of another type.
        """
        try:
            raw = raw | {
                "inputs": tuple(_input(**entry) for entry in raw.get("inputs", ())),
                "argv": tuple(raw.get("argv", ())),
                "files": {
                    name: FileRecord(bytes=int(one["bytes"]), sha256=str(one["sha256"]))
                    for name, one in raw.get("files", {}).items()
                },
            }
            manifest = cls(**raw)
            for name, kind in _TYPES.items():
                if not isinstance(getattr(manifest, name), kind):
                    raise TypeError(f"{name} is {getattr(manifest, name)!r}")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ArtefactError(
                f"{path} cannot be read as a manifest: {error}", hint=_AGAIN
            ) from error
        return manifest


def sealed_again(directory: Path, files: Mapping[str, FileRecord]) -> Manifest | None:
    """A manifest without a seal as it would be with one; None where there is no such manifest.

    Args:
        directory: of the artefact.
        files: the records of its files, which manifests without a seal may lack.
    """
    path = directory / MANIFEST
    try:
        raw = json_object_in(path)
        if _SEAL in raw:
            return None
        return replace(Manifest.of_json(raw, path), files=dict(files))
    except (OSError, ValueError, ArtefactError):
        return None


_TYPES: dict[str, Any] = {
    "kind": str,
    "name": str,
    "config": Mapping,
    "results": Mapping,
    "digest": str,
    "seed": int | None,
    "versions": Mapping,
    "created": str,
}


def _input(kind: str, name: str, digest: str) -> Input:
    if not all(isinstance(one, str) for one in (kind, name, digest)):
        raise TypeError(f"an input is {kind!r}, {name!r}, {digest!r}")
    return Input(kind=kind, name=name, digest=digest)


def _seal(said: Mapping[str, Any]) -> str:
    """SHA-256 of everything that a manifest says."""
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


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


def installed_versions() -> dict[str, str]:
    """The versions of Python and of the packages whose release can change an artefact."""
    from importlib import metadata

    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in _VERSIONED:
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found
