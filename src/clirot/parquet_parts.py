"""Parquet in parts of bounded size, whatever the file claims and unpacks to.

A Parquet file unpacks twice. Its pages are compressed, which a footer tells; and a value may stand
in a dictionary and be referred to a million times by a few bytes, which nothing tells. So texts are
read as dictionaries, their size is counted before they are written out, and no part that is given
out has more than some megabytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from clirot.bounds import LINE, hint_to_raise, raised, too_long
from clirot.compressed import FREE_BYTES, MAX_RATIO, DamagedError

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 4096
_NESTED_ROWS = 64
"""Rows at a time where a column is inside of another: Arrow reads no dictionaries there."""
_PART = 1 << 26
"""Bytes of a part: 64 MiB."""
_BUFFER = 1 << 18  # without it pyarrow reads a whole column of a row group at once
_FLAT = {"BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY"}


def parquet_parts(
    stream: Any,
    path: str | PathLike[str],
    *,
    size: int,
    most: int,
    columns: Sequence[str] | None = None,
) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, some at a time, with dictionaries written out.

    Args:
        stream: the file, open for reading, of which any part can be asked for.
        path: its name in errors.
        size: its bytes.
        most: the bytes that all values may have together; the environment may raise it.
        columns: the columns to read, ``a.b`` for one inside of another. None: all that are not
            inside of others.

    Raises:
        DamagedError: it claims to unpack to far more than text does.
        InputError: a row or all rows have too many bytes.
        pyarrow.ArrowException: it is damaged, or no Parquet. OSError as well.
    """
    import pyarrow.parquet as pq

    with pq.ParquetFile(stream) as plain:
        _check_claim(plain.metadata, path, size, most)
        kinds = _flat_columns(plain)
    names = list(kinds) if columns is None else list(columns)
    most, longest = raised(most), raised(LINE)
    file = pq.ParquetFile(
        stream,
        read_dictionary=[name for name in names if kinds.get(name) == "BYTE_ARRAY"],
        buffer_size=_BUFFER,
        pre_buffer=False,
        page_checksum_verification=True,
    )
    rows = _ROWS if all(name in kinds for name in names) else _NESTED_ROWS
    number = read = 0
    for batch in file.iter_batches(batch_size=rows, columns=names):
        for part, part_bytes in _parts(batch):
            read += part_bytes
            number += len(part)
            if len(part) == 1 and part_bytes > longest:
                raise too_long("a row", longest, path=path, line=number)
            if read > most:
                raise too_long("a table", most, path=path, line=number)
            yield _written_out(part)


def _check_claim(metadata: Any, path: str | PathLike[str], size: int, most: int) -> None:
    """Refuse what unpacks to too much by its own words."""
    # Of whole row groups: a column's metadata ends the process where they are damaged (pyarrow 26).
    groups = range(metadata.num_row_groups)
    claimed = sum(metadata.row_group(group).total_byte_size for group in groups)
    allowed = raised(min(max(FREE_BYTES, MAX_RATIO * size), most))
    if claimed > allowed:
        raise DamagedError(
            f"{size:,} bytes unpack to {claimed:,}, more than {allowed:,}: refused as a zip bomb",
            path=path,
            hint=hint_to_raise(),
        )


def _flat_columns(file: Any) -> dict[str, str]:
    """The columns that are not inside of others -> Parquet's type of them."""
    leaves = [file.schema.column(place) for place in range(len(file.schema))]
    kinds = {leaf.path: leaf.physical_type for leaf in leaves if leaf.physical_type in _FLAT}
    return {name: kinds[name] for name in file.schema_arrow.names if name in kinds}


def _parts(batch: pa.RecordBatch) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Parts of rows with their bytes, of :data:`_PART` bytes at most or of one row."""
    size = sum(_bytes(column) for column in batch.columns)
    if size <= _PART or len(batch) < 2:
        yield batch, size
    else:
        middle = len(batch) // 2
        yield from _parts(batch.slice(0, middle))
        yield from _parts(batch.slice(middle))


def _bytes(column: Any) -> int:
    """The bytes of a column's values, each as often as it is referred to."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    lengths = pc.cast(pc.binary_length(column.dictionary), pa.int64())
    return int(pc.sum(pc.take(lengths, column.indices)).as_py() or 0)


def _written_out(part: pa.RecordBatch) -> pa.RecordBatch:
    import pyarrow as pa

    columns = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        for column in part.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=part.schema.names)
