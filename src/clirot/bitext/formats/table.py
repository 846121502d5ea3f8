"""The table of formats: what each is called, how a file of it is recognised, and who reads it.

A file has the format that its first bytes show, or else the one of its name's ending.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.parsers import expat

from clirot.bitext.formats.csv_table import read_csv
from clirot.bitext.formats.gettext_catalogue import MO_MAGIC, read_mo, read_po
from clirot.bitext.formats.jsonl import read_jsonl
from clirot.bitext.formats.lines import read_aligned
from clirot.bitext.formats.parquet_table import MAGIC, read_parquet
from clirot.bitext.formats.request import Part, Request
from clirot.bitext.formats.tab_table import read_tsv
from clirot.bitext.formats.tmx import read_tmx
from clirot.bitext.formats.xliff import read_xliff
from clirot.errors import InputError
from clirot.records import SentencePair
from clirot.registry import Registry

_Read = Callable[[tuple[Part, ...], Request], Iterator[SentencePair]]


@dataclass(frozen=True)
class Format:
    """A format of bitext."""

    name: str
    title: str
    """What it is, in a few words."""
    read: _Read
    """The pairs of its parts: two of the Moses format, else one."""
    is_table: bool = False
    """Whether its columns have names."""
    parts: int = 1
    """How many files it is made of."""


def _streamed(read: Callable[[IO[bytes], Path, Request], Iterator[SentencePair]]) -> _Read:
    """A format of one file that is read from its bytes."""

    def pairs(parts: tuple[Part, ...], request: Request) -> Iterator[SentencePair]:
        (part,) = parts
        with part.open() as stream:
            yield from read(stream, part.label, request)

    return pairs


def _moses(parts: tuple[Part, ...], request: Request) -> Iterator[SentencePair]:
    src, tgt = parts
    return read_aligned(src, tgt)


def _parquet(parts: tuple[Part, ...], request: Request) -> Iterator[SentencePair]:
    (part,) = parts
    if part.packed():
        raise InputError(
            "parquet inside other compression", path=part.label, hint="unpack it: it has its own"
        )
    return read_parquet(part.path, request)


_ALL = (
    Format("tsv", "tab-separated text", _streamed(read_tsv), is_table=True),
    Format("csv", "comma-separated text", _streamed(read_csv), is_table=True),
    Format("jsonl", "JSON lines", _streamed(read_jsonl), is_table=True),
    Format("parquet", "Parquet", _parquet, is_table=True),
    Format("moses", "two aligned text files", _moses, parts=2),
    Format("tmx", "TMX 1.1 to 1.4b", _streamed(read_tmx)),
    Format("xliff", "XLIFF 1.0 to 1.2 and 2.x", _streamed(read_xliff)),
    Format("po", "gettext PO", _streamed(read_po)),
    Format("mo", "gettext MO", _streamed(read_mo)),
)

FORMATS: Registry[Format] = Registry("format", {one.name: one for one in _ALL})
"""The formats by name."""


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
    if head.startswith(MAGIC):
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
