"""Which format a file has: by its first bytes if these show it, else by its name."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from contextlib import suppress
from xml.parsers import expat

from clirot.bitext.formats import parquet_table
from clirot.bitext.formats.gettext_catalogue import MO_MAGIC
from clirot.bitext.formats.part import Part

_ENDINGS = {
    "tsv": (".tsv", ".txt", ".tab"),
    "csv": (".csv",),
    "tmx": (".tmx",),
    "xliff": (".xlf", ".xliff", ".sdlxliff", ".mxliff", ".mqxliff"),
    "po": (".po", ".pot"),
    "mo": (".mo", ".gmo"),
    "jsonl": (".jsonl", ".ndjson", ".json"),
    "parquet": (".parquet",),
}
ENDINGS: Mapping[str, str] = {one: kind for kind, those in _ENDINGS.items() for one in those}
"""Ending of a name -> format."""

_ROOTS = {"tmx": "tmx", "xliff": "xliff"}
_PO = re.compile(r'(?:[ \t]*(?:#[^\n]*)?\n)*(?:msgid|msgctxt|domain)\s+"')
_JSON = re.compile(r'\{\s*["}]')
_HEAD = 1 << 16


def ending_of(name: str) -> str | None:
    """The format by the ending of a name (without that of a compression), or None."""
    return next((kind for ending, kind in ENDINGS.items() if name.endswith(ending)), None)


def format_of(part: Part) -> str:
    """The name of a part's format: by its content, else by its name, else tab-separated.

    Raises:
        InputError: it cannot be read.
    """
    with part.open() as stream:
        head = stream.peek(_HEAD)[:_HEAD]
    return by_content(head) or ending_of(part.name) or "tsv"


def by_content(head: bytes) -> str | None:
    """The format that the first bytes show, or None if they may be any table of text."""
    if head.startswith(parquet_table.MAGIC):
        return "parquet"
    if head[:4] in MO_MAGIC:
        return "mo"
    sixteen = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = head.decode("utf-16" if sixteen else "utf-8", "ignore").lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        return _ROOTS.get(_root(head).rpartition(":")[2])
    if _JSON.match(text):
        return "jsonl"
    return "po" if _PO.match(text) else None


def _root(head: bytes) -> str:
    """The first element of an XML document, or nothing."""
    names: list[str] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, _: names.append(name) if not names else None
    # The reader, which sees the whole document, refuses what is wrong after the root.
    with suppress(expat.ExpatError, LookupError, ValueError):
        parser.Parse(head, False)
    return names[0] if names else ""
