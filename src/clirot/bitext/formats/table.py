"""The table of formats: what each is called and who reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clirot.bitext.formats.aligned_text import read_aligned
from clirot.bitext.formats.csv_table import read_csv_stream
from clirot.bitext.formats.fields import Fields
from clirot.bitext.formats.jsonl import read_jsonl_stream
from clirot.bitext.formats.lines import Malformed, refuse
from clirot.bitext.formats.mo import read_mo
from clirot.bitext.formats.parquet_table import read_parquet
from clirot.bitext.formats.part import Part
from clirot.bitext.formats.po import read_po
from clirot.bitext.formats.tmx import read_tmx
from clirot.bitext.formats.tsv import read_tsv_stream
from clirot.bitext.formats.xliff import read_xliff
from clirot.errors import InputError
from clirot.records import LanguagePair, SentencePair
from clirot.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is wanted of a file."""

    pair: LanguagePair
    """The languages."""
    fields: Fields | None = None
    """The columns of a table; None: found by their names."""
    malformed: Malformed = refuse
    """Told of rows that cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of bitext."""

    name: str
    """As ``--format`` takes it."""
    title: str
    """What it is, in a few words."""
    read: Callable[[tuple[Part, ...], Request], Iterator[SentencePair]]
    """The pairs of its parts: two of the Moses format, else one."""
    is_table: bool = False
    """Whether its columns have names."""
    parts: int = 1
    """How many files it is made of."""


_Reader = Callable[..., Iterator[SentencePair]]
"""Of a stream, with what else it asks for by name."""


def _streamed(
    read: _Reader, wanted: Callable[[Request], Mapping[str, Any]]
) -> Callable[[tuple[Part, ...], Request], Iterator[SentencePair]]:
    def pairs(parts: tuple[Part, ...], request: Request) -> Iterator[SentencePair]:
        (part,) = parts
        with part.open() as stream:
            yield from read(stream, path=part.label, **wanted(request))

    return pairs


def _of_tables(request: Request) -> dict[str, Any]:
    return {"pair": request.pair, "fields": request.fields, "malformed": request.malformed}


def _of_xml(request: Request) -> dict[str, Any]:
    return {"src": request.pair.src, "tgt": request.pair.tgt}


def _of_gettext(request: Request) -> dict[str, Any]:
    return {"pair": request.pair}


def _moses(parts: tuple[Part, ...], request: Request) -> Iterator[SentencePair]:
    src, tgt = parts
    return read_aligned(src, tgt)


def _parquet(parts: tuple[Part, ...], request: Request) -> Iterator[SentencePair]:
    (part,) = parts
    if part.packed():
        raise InputError(
            "parquet inside other compression", path=part.label, hint="unpack it: it has its own"
        )
    return read_parquet(part.path, pair=request.pair, fields=request.fields)


FORMATS: Registry[Format] = Registry(
    "format",
    {
        one.name: one
        for one in (
            Format(
                name="tsv",
                title="tab-separated text",
                read=_streamed(read_tsv_stream, _of_tables),
                is_table=True,
            ),
            Format(
                name="csv",
                title="comma-separated text",
                read=_streamed(read_csv_stream, _of_tables),
                is_table=True,
            ),
            Format(
                name="jsonl",
                title="JSON lines",
                read=_streamed(read_jsonl_stream, _of_tables),
                is_table=True,
            ),
            Format(name="parquet", title="Parquet", read=_parquet, is_table=True),
            Format(name="moses", title="two aligned text files", read=_moses, parts=2),
            Format(name="tmx", title="TMX 1.1 to 1.4b", read=_streamed(read_tmx, _of_xml)),
            Format(name="xliff", title="XLIFF 1.2 and 2.x", read=_streamed(read_xliff, _of_xml)),
            Format(name="po", title="gettext PO", read=_streamed(read_po, _of_gettext)),
            Format(name="mo", title="gettext MO", read=_streamed(read_mo, _of_gettext)),
        )
    },
)
"""The formats by name."""
