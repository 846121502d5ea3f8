"""What all pictures share: their colours, and how they are written to disk."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from clirot.errors import UsageError
from clirot.store import written

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DATED = {".png": "Software", ".svg": "Date", ".pdf": "CreationDate"}
"""Format -> the field in which matplotlib writes the time or its own version."""

INK, FAINT, GRID = "#222222", "#8a8a8a", "#e3e6ea"


def save(figure: Figure, path: Path) -> None:
    """Write a figure; the suffix decides the format (png, pdf, svg).

    The file says neither when it was written nor by which version of matplotlib, so the same figure
    always gives the same bytes.

    Raises:
        UsageError: the suffix is not that of a format that can be drawn.
        ArtefactError: the file cannot be written.
    """
    key = _DATED.get(path.suffix.lower())
    if key is None:
        raise UsageError(
            f"cannot draw a picture as {path.suffix or path.name!r}",
            hint="name it .png, .pdf or .svg",
        )
    drawn = BytesIO()  # matplotlib seeks in what it writes to, and ``path`` may be a pipe
    figure.savefig(drawn, format=path.suffix[1:].lower(), dpi=160, metadata={key: None})
    with written(path) as (stream,):
        stream.write(drawn.getbuffer())
