"""Checkpoints of a training that may be interrupted: which are whole, and which are damaged."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

from clirot.errors import DamagedDraftWarning
from clirot.store import tree_digest, write_text

WEIGHTS = "student.safetensors"
"""The weights in a checkpoint."""

_WHOLE = "whole"
"""Written last; it has the digest of the other files."""


def mark_whole(checkpoint: Path) -> None:
    """Mark a checkpoint, or another directory, that was just written as complete."""
    write_text(checkpoint / _WHOLE, tree_digest(checkpoint))


def last_whole(checkpoints: Path) -> Path | None:
    """The newest checkpoint that was completely written; incomplete and damaged ones are removed,
    the latter with a warning.
    """
    found: list[tuple[int, Path]] = []
    for path in checkpoints.glob("checkpoint-*"):
        if _is_whole(path):
            found.append((int(path.name.rpartition("-")[2]), path))
        else:
            shutil.rmtree(path)
    return max(found)[1] if found else None


def is_marked(directory: Path) -> bool:
    """Whether :func:`mark_whole` was called for a directory."""
    return (directory / _WHOLE).is_file()


def is_as_marked(directory: Path) -> bool:
    """Whether the files of a marked directory are those that it was marked with."""
    mark = directory / _WHOLE
    files = [path for path in directory.rglob("*") if path != mark]
    return mark.read_bytes() == tree_digest(directory, files).encode()


def _is_whole(checkpoint: Path) -> bool:
    if not is_marked(checkpoint):
        return False
    whole = is_as_marked(checkpoint)
    if not whole:
        warnings.warn(
            f"{checkpoint.name} of the interrupted training is damaged, so it is not continued",
            DamagedDraftWarning,
            stacklevel=4,
        )
    return whole
