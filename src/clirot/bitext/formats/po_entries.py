"""The entries of a PO catalogue as runs of lines, so that a broken one can be left out.

A whole catalogue is not cut: translate-toolkit reads it (:mod:`.gettext_catalogue`), and it allows
what this module does not, such as an empty line inside an entry. One in which something is broken
is cut into entries at empty lines and where a new entry must begin. An entry that is not
``[msgctxt] msgid msgstr`` or ``[msgctxt] msgid msgid_plural msgstr[0] ...``, or that has a line
which cannot be read, is broken as a whole: half of an entry is never taken for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clirot.errors import InputError

_KINDS = (
    ("o", re.compile("#~")),
    ("c", re.compile("#")),
    ("x", re.compile("msgctxt")),
    ("p", re.compile("msgid_plural")),
    ("i", re.compile("msgid")),
    ("n", re.compile(r"msgstr\[")),
    ("s", re.compile("msgstr")),
    ("q", re.compile('"')),
)
"""A letter for each kind of line, and how such a line begins: obsolete, comment, msgctxt, plural,
msgid, numbered msgstr, msgstr, quoted string. A line that cannot be read is ``u``."""
_SOUND = re.compile("c*o*|c*(xq*)?iq*(sq*|pq*(nq*)+)")
_HEADER = re.compile("(Content-Type|Language|Plural-Forms|Project-Id-Version):")


@dataclass(frozen=True)
class Entry:
    """Lines that follow each other."""

    numbers: range
    """Their numbers, from 1."""
    kinds: str
    """A letter for the kind of each."""

    @property
    def sound(self) -> bool:
        """Whether they are a whole entry, or comments alone."""
        return _SOUND.fullmatch(self.kinds) is not None

    @property
    def counted(self) -> int:
        """How many entries they are in the numbering of the catalogue."""
        return self.kinds.count("i") or int("u" in self.kinds)


def entries_of(lines: Sequence[str], unreadable: Mapping[int, InputError]) -> Iterator[Entry]:
    """Cut a catalogue into entries.

    Args:
        lines: all lines; of those that cannot be read, what is known of them.
        unreadable: number of a line, from 1, -> why it cannot be read.
    """
    kinds, start = "", 1
    for number, line in enumerate([*lines, ""], start=1):
        kind = _kind(line.strip(), number in unreadable)
        if kinds and (kind == "" or _begins(kind, kinds)):
            yield Entry(range(start, start + len(kinds)), kinds)
            kinds = ""
        if kind:
            start = start if kinds else number
            kinds += kind


def is_header(lines: Sequence[str], entry: Entry) -> bool:
    """Whether an entry that is broken seems to be the header, without which nothing is sure."""
    return any(_HEADER.search(lines[number - 1]) for number in entry.numbers)


def _kind(line: str, unreadable: bool) -> str:
    if unreadable:
        # A comment that cannot be read may have said that the entry is fuzzy, and so goes with it.
        return "b" if line.startswith("#") else "u"
    return next((kind for kind, begin in _KINDS if begin.match(line)), "u" if line else "")


def _begins(kind: str, before: str) -> bool:
    """Whether a line begins an entry after lines of these kinds without an empty line."""
    if (kind == "o") != (before[-1] == "o") and "o" in kind + before[-1]:
        return before[-1] not in "cb"
    if kind == "i" and "i" in before:
        return True
    return kind in "bcxi" and any(end in before for end in "snu")
