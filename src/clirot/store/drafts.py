"""An artefact being written: a hidden sibling of it that knows what it is a draft of.

Beside the artefact ``NAME`` stand, while something is going on, ``.NAME.part`` (the draft),
``.NAME.replaced`` (the old one, between two renames), ``.NAME.removed`` and ``.NAME.lock``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clirot.store.disk import clear, flush_directory, write_text

_DRAFT = "draft.json"


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


def sibling(target: Path, role: str) -> Path:
    """The hidden path beside an artefact that plays a role for it."""
    return target.with_name(f".{target.name}.{role}")


def between_renames(target: Path) -> bool:
    """Whether the old artefact has stepped aside and no new one is there yet."""
    return sibling(target, "replaced").is_dir() and not target.exists()


def mark_draft(part: Path, wanted: str) -> None:
    """Write down what ``part`` is a draft of; from here on it can be resumed."""
    write_text(part / _DRAFT, json.dumps({"fingerprint": wanted}) + "\n")


def draft_fingerprint(part: Path) -> str | None:
    """What ``part`` is a draft of; None: of nothing that can be resumed."""
    try:
        return str(json.loads((part / _DRAFT).read_text(encoding="utf-8"))["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def discard_draft(part: Path) -> None:
    """Remove a draft, first of all what makes it look resumable: we may die half-way."""
    (part / _DRAFT).unlink(missing_ok=True)
    clear(part)


def swap_in(content: Path, target: Path) -> None:
    """Rename ``content`` to ``target``.

    A directory cannot be replaced in one step, so an old one steps aside first; the store undoes
    that if we die in between.
    """
    replaced = sibling(target, "replaced")
    clear(replaced)
    if target.exists():
        target.rename(replaced)
    content.rename(target)
    flush_directory(target.parent)
    clear(replaced)
