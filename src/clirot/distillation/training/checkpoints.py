"""Checkpoints of a training that may be interrupted: which are whole, and which are damaged."""

from __future__ import annotations

import hashlib
import json
import shutil
import warnings
from pathlib import Path

from clirot.digests import file_digest
from clirot.errors import DamagedDraftWarning
from clirot.store import tree_digest, write_text

WEIGHTS = "student.safetensors"
"""The weights in a checkpoint."""

HISTORY = "history.json"
"""Beside the checkpoints: what was measured after each epoch, and the digests of what was kept."""

_EPOCHS = "epochs"

_WHOLE = "whole"
"""Written last; it has the digest of the other files."""


def mark_whole(checkpoint: Path) -> None:
    """Mark a checkpoint, or another directory, that was just written as complete."""
    write_text(checkpoint / _WHOLE, tree_digest(checkpoint))


def write_history(path: Path, text: str) -> None:
    """Write what was measured so far, with its digest in a line before it."""
    write_text(path, f"{_digest(text)}\n{text}")


def read_history(path: Path) -> str | None:
    """What was measured, as it was written; None: there is no such file, or it is damaged."""
    try:
        digest, text = path.read_text(encoding="utf-8").split("\n", 1)
    except (OSError, ValueError):
        return None
    return text if digest == _digest(text) else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def last_whole(checkpoints: Path, history: Path) -> Path | None:
    """The newest checkpoint that was completely written; incomplete and damaged ones are removed,
    the latter with a warning. Without a whole history of what was measured, or without the weights
    that were kept of an epoch, none is continued.
    """
    if (damaged := _damaged(history)) is not None:
        warnings.warn(
            f"{damaged.name} of the interrupted training is damaged, so it begins anew",
            DamagedDraftWarning,
            stacklevel=3,
        )
        history.unlink()
        shutil.rmtree(checkpoints, ignore_errors=True)
    found: list[tuple[int, Path]] = []
    for path in checkpoints.glob("checkpoint-*"):
        if _is_whole(path):
            found.append((int(path.name.rpartition("-")[2]), path))
        else:
            shutil.rmtree(path)
    return max(found)[1] if found else None


def _damaged(history: Path) -> Path | None:
    """The history, or the first weights of an epoch, that are not as they were written."""
    if not history.is_file():
        return None
    text = read_history(history)
    if text is None:
        return history
    for epoch, digest in enumerate(json.loads(text).get("weights", ())):
        weights = epoch_weights(history, epoch)
        if not weights.is_file() or file_digest(weights) != digest:
            return weights
    return None


def epoch_weights(history: Path, epoch: int) -> Path:
    """Where the weights of an epoch are kept until the best one is known."""
    return history.parent / _EPOCHS / f"epoch-{epoch}.safetensors"


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
