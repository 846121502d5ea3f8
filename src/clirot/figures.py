"""What all pictures share: colours, fonts, and how they are written to disk.

Not every machine has a font for Devanagari, Ethiopic or Chinese, and matplotlib draws empty boxes
for characters without a font. Characters that no installed font has are spelled by their Unicode
names instead. That is rough, but can be read: ``भारत`` becomes ``bhaarata``.
"""

from __future__ import annotations

import unicodedata
from functools import cache
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


_BASE = "DejaVu Sans"  # matplotlib brings it


def families_for(text: str) -> tuple[list[str], frozenset[str]]:
    """Font families to try in turn, and the characters of ``text`` that none of them has."""
    missing = frozenset(one for one in text if not one.isspace()) - _characters(_base_file())
    families = [_BASE]
    for family, file in _others() if missing else ():
        if found := missing & _characters(file):
            families.append(family)
            missing -= found
            if not missing:
                break
    return families, missing


def spelled(token: str, missing: frozenset[str]) -> str:
    """``token`` with its ``missing`` characters spelled in Latin letters."""
    parts: list[str] = []
    for character in token:
        if character not in missing:
            parts.append(character)
            continue
        name = unicodedata.name(character, "")
        if not name or "IDEOGRAPH" in name:  # its name has no sound
            parts.append(f"U+{ord(character):04X}")
            continue
        # A vowel sign replaces the vowel that an Indic letter has without one.
        if ("VOWEL SIGN" in name or "VIRAMA" in name) and parts and parts[-1].endswith("a"):
            parts[-1] = parts[-1][:-1]
        parts.append(_sound(name))
    return "".join(parts)


def _sound(name: str) -> str:
    if "VIRAMA" in name or "NUKTA" in name:
        return ""
    if "ANUSVARA" in name or "CANDRABINDU" in name:
        return "m"
    return name.rpartition(" ")[2].rpartition("-")[2].lower()


def _base_file() -> str:
    from matplotlib import font_manager

    return font_manager.findfont(_BASE)


@cache
def _others() -> tuple[tuple[str, str], ...]:
    """Family and file of the upright fonts of this machine, without matplotlib's own."""
    from matplotlib import font_manager

    own = str(Path(_base_file()).parent)  # they have Latin letters only
    upright = [font for font in font_manager.fontManager.ttflist if font.style == "normal"]
    found = {font.name: font.fname for font in upright if not font.fname.startswith(own)}
    return tuple(sorted(found.items()))


@cache
def _characters(file: str) -> frozenset[str]:
    from matplotlib import font_manager

    return frozenset(map(chr, font_manager.get_font(file).get_charmap()))
