"""Drafts: artefacts that are being written, each in a hidden directory beside its final place.

Beside the artefact ``NAME`` there may be ``.NAME.part`` (the draft), ``.NAME.replaced`` (the old
artefact, between two renames), ``.NAME.removed`` (one that is being removed) and ``.NAME.lock``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clirot.store.writing import clear, flush_directory, write_text

_DRAFT = "draft.json"


@dataclass
class Draft:
    """An artefact being written. Write its files below :attr:`path`, and set :attr:`results`."""

    path: Path
    scratch: Path
    """For files that must not become part of the artefact, such as checkpoints."""
    resumed: bool
    """Whether an earlier, interrupted attempt at exactly this artefact left files here."""
    resumable: bool = True
    """False: what a failed attempt wrote is removed, because the next cannot use it."""
    results: dict[str, Any] = field(default_factory=dict)


def sibling(target: Path, role: str) -> Path:
    """The hidden path beside an artefact for one of the roles above, such as ``part``."""
    return target.with_name(f".{target.name}.{role}")


def between_renames(target: Path) -> bool:
    """Whether the old artefact was moved aside and the new one is not in its place yet."""
    return sibling(target, "replaced").is_dir() and not target.exists()


def mark_draft(part: Path, wanted: str) -> None:
    """Record what ``part`` is a draft of. From here on it can be resumed."""
    write_text(part / _DRAFT, json.dumps({"fingerprint": wanted}) + "\n")


def draft_fingerprint(part: Path) -> str | None:
    """The fingerprint of what ``part`` is a draft of; None: it cannot be resumed."""
    try:
        return str(json.loads((part / _DRAFT).read_text(encoding="utf-8"))["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def discard_draft(part: Path) -> None:
    """Remove a draft. Its record goes first, so that half of a draft never looks resumable."""
    (part / _DRAFT).unlink(missing_ok=True)
    clear(part)


def swap_in(content: Path, target: Path) -> None:
    """Rename ``content`` to ``target``.

    A directory cannot be replaced in one step, so an old one is moved aside first. Where the
    process dies between the two steps, the store moves it back.
    """
    replaced = sibling(target, "replaced")
    clear(replaced)
    if target.exists():
        target.rename(replaced)
    content.rename(target)
    flush_directory(target.parent)
    clear(replaced)
