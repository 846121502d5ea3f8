"""A collection whose documents were read: whether it stayed the same, and how it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clirot.errors import InputError
from clirot.store import Draft

if TYPE_CHECKING:
    from clirot.collection import Collection


def check_unchanged(collection: Collection, draft: Draft) -> None:
    """Refuse documents that changed while they were read; what was made of them is thrown away."""
    try:
        collection.check_unchanged()
    except InputError:
        draft.resumable = False
        raise


def reading(collection: Collection) -> dict[str, Any]:
    """What the manifest says of how the documents were read, where that is worth saying."""
    notes = collection.reading_notes
    return {"reading": list(notes)} if notes else {}
