"""The table of formats: what each is called and who reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from clirot.bitext.formats.aligned_text import read_aligned
from clirot.bitext.formats.csv_table import read_csv
from clirot.bitext.formats.fields import Request
from clirot.bitext.formats.gettext_catalogue import read_mo, read_po
from clirot.bitext.formats.jsonl import read_jsonl
from clirot.bitext.formats.parquet_table import read_parquet
from clirot.bitext.formats.part import Part
from clirot.bitext.formats.tmx import read_tmx
from clirot.bitext.formats.tsv import read_tsv
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
