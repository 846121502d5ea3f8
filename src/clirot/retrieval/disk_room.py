"""Whether the disk has room for an index, said before hours of encoding and not after."""

from __future__ import annotations

import shutil
from itertools import islice
from pathlib import Path

from clirot.errors import ArtefactError
from clirot.records import Document
from clirot.retrieval.encoded_windows import Sources
from clirot.store.files import files_below

_AROUND = 8
"""Characters that the tokens around a text are worth, roughly."""


def check_room(directory: Path, needed: int, what: str) -> None:
    """Refuse to go on where the disk has too little room.

    Args:
        directory: where the index is written.
        needed: bytes that are still to be written.
        what: what takes them.

    Raises:
        ArtefactError: fewer are free.
    """
    free = shutil.disk_usage(directory).free
    if needed > free:
        raise ArtefactError(
            f"{what} needs about {_size(needed)} more, and the disk of {directory.parent.parent} "
            f"has {_size(free)} free",
            hint="free some space, or choose another disk with CLIROT_HOME; the same command goes "
            "on where it stopped",
        )


def check_room_for_rest(directory: Path, size: int, written: range, sources: Sources) -> None:
    """Refuse to encode documents for which the disk has no room, told from those that are written.

    Args:
        directory: where the index is written.
        size: bytes that were written now.
        written: the documents that they hold.
        sources: all documents; they are read where the average of the written ones is not enough
            to go by. Where it is not known how many there are, nothing is refused.

    Raises:
        ArtefactError: there is too little room.
    """
    if not written or sources.count is None or sources.count <= written.stop:
        return
    expected = size / len(written) * (sources.count - written.stop)
    if expected <= shutil.disk_usage(directory).free / 2:
        return
    # These documents may be longer or shorter than the rest. A text that is longer than any of them
    # is counted as the longest, since encoders read no more than so much of it.
    rows = islice(sources.documents(), written.start, None)
    lengths = [_length(one) for one in islice(rows, len(written))]
    rest = sum(min(_length(one), max(lengths)) for one in rows)
    check_room(directory, size * rest // sum(lengths), f"the index of {sources.total:,} documents")


def bytes_below(directory: Path) -> int:
    """Bytes of the files of an index."""
    return sum(path.stat().st_size for path in files_below(directory).values())


def _length(document: Document) -> int:
    """In characters; an empty text has tokens too, those around it."""
    return len(document.text) + _AROUND


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.1f} MB"
