"""Parquet: columns named as in the other tables, read in batches of rows with pyarrow.

A column may be nested (``translation.en``). Only the two or three columns of the pair are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clirot.bitext.formats.request import Request, missing
from clirot.bounds import STREAM
from clirot.errors import InputError, first_line
from clirot.parquet_parts import parquet_parts
from clirot.records import SentencePair

MAGIC = b"PAR1"

_MAX_LEVELS = 4


def read_parquet(path: Path, request: Request) -> Iterator[SentencePair]:
    """The rows of a file; where there is no column of ids, the row number is the id.

    The file must be one of its own, as its end is read first.

    Raises:
        InputError: not parquet, a damaged file, no such column, one that is not text, or far too
            much once it is unpacked.
    """
    import pyarrow as pa

    broken = (pa.ArrowException, OSError, ValueError, KeyError, MemoryError, TypeError)
    try:
        with path.open("rb") as stream:
            yield from _rows(stream, path, request)
    except InputError:
        raise
    except broken as error:
        raise InputError(
            f"not readable parquet: {first_line(error)}", path=path, hint="copy it again"
        ) from error


def _rows(stream: Any, path: Path, request: Request) -> Iterator[SentencePair]:
    import pyarrow.parquet as pq

    pair, fields = request.pair, request.fields
    types = dict(_leaves(pq.read_schema(stream)))
    names = list(types)
    chosen = fields if fields is not None else request.found_in(names)
    if chosen is None or not set(chosen.names) <= set(names):
        message, hint = missing(names, pair, fields)
        raise InputError(message, path=path, hint=hint)
    for name in (chosen.src, chosen.tgt):
        if not _is_text(types[name]):
            raise InputError(f"the column {name!r} is of type {types[name]}, not text", path=path)
    number = 0
    size = path.stat().st_size
    parts = parquet_parts(stream, path, size=size, most=STREAM, columns=list(chosen.names))
    for batch in parts:
        columns = [_values(batch, name) for name in chosen.names]
        for values in zip(*columns, strict=True):
            number += 1
            own = str(values[2]).strip() if len(values) == 3 and values[2] is not None else ""
            yield SentencePair(values[0] or "", values[1] or "", own or str(number), number)


def _leaves(fields: Any, level: int = 1, before: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, type) of each column that is not made of columns."""
    import pyarrow as pa

    for field in fields:
        if pa.types.is_struct(field.type) and level < _MAX_LEVELS:
            yield from _leaves(field.type, level + 1, f"{before}{field.name}.")
        else:
            yield f"{before}{field.name}", field.type


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_null(kind)
    )


def _values(batch: Any, name: str) -> list[Any]:
    import pyarrow.compute as pc

    if name in batch.schema.names:
        column = batch.column(name)
    else:
        first, *rest = name.split(".")
        column = pc.struct_field(batch.column(first), rest)
    return list(column.to_pylist())
