"""What an input holds: its bytes, or the rows of its JSON or its Parquet table.

An input is a path or standard input, compressed or not. These layouts of JSON are read::

    {"q1": {"d1": 1.5, "d2": 0.7}}                             ranx, pytrec_eval
    [{"query_id": "q1", "doc_id": "d1", "score": 1.5}, ...]    a list of records
    {"query_id": "q1", "doc_id": "d1", "relevance": 1}         the same, one record a line
    {"query-id": "q1", "corpus-id": "d1", "score": 1}          as MTEB names the fields
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from os import PathLike
from typing import Any, NamedTuple

from clirot.bounds import raised, whole
from clirot.errors import InputError, first_line
from clirot.input_streams import open_input, read_whole
from clirot.json_values import NestedError, json_value
from clirot.parquet_parts import parquet_parts
from clirot.runs.layouts import DOCNO, TOPIC, field_of

_CHECKED_TOGETHER = 1 << 24  # bytes
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PARQUET = b"PAR1"
_OTHERS = {
    b"\xff\xfe": ("UTF-16", "iconv -f UTF-16 -t UTF-8"),
    b"\xfe\xff": ("UTF-16", "iconv -f UTF-16 -t UTF-8"),
    b"\x04\x22\x4d\x18": (
        "LZ4, as ranx saves runs",
        "ranx.Run.from_file(FILE).save('file.trec'), or by lz4 -dc where it is not from ranx",
    ),
    b"PK\x03\x04": ("a zip archive", "unzip -p"),
    b"\x80\x04\x95": ("a pickle of Python, which may run programs", "saving it as JSON"),
}
"""How a file of another kind begins -> what it is, and what makes a file of it that is read."""


def read_bytes(
    path: str | PathLike[str],
    *,
    what: str,
    most: int | None = None,
    check: Callable[[bytes], object] | None = None,
) -> bytes:
    """The whole content of ``path`` (``-``: standard input), unpacked where it is compressed.

    Args:
        path: a file, or ``-``.
        what: what the file should be ("run", "qrels"), for messages.
        most: the bytes that it may have; None: as many as :func:`clirot.bounds.whole` allows.
        check: called with its first lines before the rest is read, and raises where they are
            wrong: an endless stream is refused at its beginning.

    Raises:
        InputError: it cannot be read, is empty, too large, or compressed data that is damaged.
    """
    try:
        with open_input(path) as stream:
            head = stream.peek().removeprefix(_BYTE_ORDER_MARK)
            _check_kind(head, path)
            if check is not None and not is_parquet(head) and not is_json(head):
                check(head[: head.rfind(b"\n") + 1])
            bound = whole() if most is None else raised(most)
            data = read_whole(stream, bound, what=what, path=path)
    except FileNotFoundError:
        raise InputError(f"there is no such {what} file", path=path) from None
    except IsADirectoryError:
        raise InputError(f"is a directory, not a {what} file", path=path) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path=path) from None
    _check_kind(data, path)
    data = data.removeprefix(_BYTE_ORDER_MARK)
    if not data or data.isspace():
        hint = (
            "the command before the pipe wrote nothing; look at its messages"
            if str(path) == "-"
            else f"a {what} has at least one line"
        )
        raise InputError(f"the {what} is empty", path=path, hint=hint)
    return data


def _check_kind(data: bytes, path: str | PathLike[str]) -> None:
    """Raise where the content, or its beginning, is that of another kind of file."""
    for begin, (kind, how) in _OTHERS.items():
        if data.startswith(begin):
            raise InputError(
                f"the file is {kind}, not text",
                path=path,
                hint=f"convert it by {how}",
            )
    if b"\0" in data and not is_parquet(data):
        line = data.count(b"\n", 0, data.find(b"\0")) + 1
        raise InputError(
            "there are NUL bytes in it, so that it is not text in UTF-8",
            path=path,
            line=line,
            hint="if it is UTF-16: iconv -f UTF-16LE -t UTF-8",
        )


def check_utf8(data: bytes, path: str | PathLike[str]) -> None:
    """Raise with the line of the first byte that is not UTF-8."""
    if data.isascii():
        return
    start = 0
    while start < len(data):  # some lines at a time: all of them as text would be a second copy
        stop = data.find(b"\n", start + _CHECKED_TOGETHER) + 1 or len(data)
        try:
            data[start:stop].decode("utf-8")
        except UnicodeDecodeError as error:
            place = start + error.start
            raise InputError(
                f"not UTF-8: byte 0x{data[place]:02x} ({error.reason})",
                path=path,
                line=data.count(b"\n", 0, place) + 1,
                hint="convert it, for example with iconv -f latin1 -t utf-8",
            ) from None
        start = stop


def is_text(identifier: str) -> bool:
    """Whether trec_eval can hold an id: no half of a surrogate pair, which JSON can write and UTF-8
    cannot, and no NUL, which ends a string in C.
    """
    if "\0" in identifier:
        return False
    try:
        identifier.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_parquet(data: bytes) -> bool:
    """Whether the content is a Parquet table."""
    return data.startswith(_PARQUET)


def parquet_rows(
    data: bytes, path: str | PathLike[str], *, values: tuple[str, ...]
) -> Iterator[Row]:
    """The rows of a Parquet table, whose columns are named as the fields of JSON are.

    Args:
        data: the content.
        path: where it came from, for messages.
        values: the accepted names of the value's column.

    Raises:
        InputError: damaged, without these columns, or too large once it is unpacked; or an id or a
            value is none.
    """
    import pyarrow as pa
    from pyarrow import parquet

    buffer = pa.BufferReader(data)
    try:
        names = parquet.read_schema(buffer).names
        places = [field_of(tuple(names), role) for role in (TOPIC, DOCNO, values)]
        if None in places:
            raise InputError(
                f"a Parquet table with the columns {', '.join(names)}, which do not name "
                "a topic, a document and a value",
                path=path,
                hint="name them query_id, doc_id and score",
            )
        chosen = [names[place] for place in places if place is not None]
        parts = parquet_parts(buffer, path, size=len(data), most=whole(), columns=chosen)
        for part in parts:
            columns = [part.column(name).to_pylist() for name in chosen]
            for row in zip(*columns, strict=True):
                yield _record(dict(zip(chosen, row, strict=True)), path, None, values)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"damaged Parquet: {first_line(error)}", path=path, hint="copy it again"
        ) from None


def is_json(data: bytes) -> bool:
    """Whether the content is JSON or JSON lines rather than TREC columns."""
    begin = re.match(rb"\s*([\[{])", data)  # lstrip would copy all of it
    return begin is not None


class Row(NamedTuple):
    """One judged or retrieved document. The line is known in JSON lines only."""

    topic: str
    docno: str
    value: float
    line: int | None


class _RepeatedKeyError(ValueError):
    pass


def json_rows(data: bytes, path: str | PathLike[str], *, values: tuple[str, ...]) -> Iterator[Row]:
    """The rows of a JSON or JSON-lines document.

    Args:
        data: the content.
        path: where it came from, for messages.
        values: the accepted names of the value's field, such as ``("score",)``.

    Raises:
        InputError: not JSON, not one of the three layouts, a repeated key, or a value that is no
            number (true and false included).
    """
    check_utf8(data, path)
    first, _, rest = data.strip().partition(b"\n")
    if rest.strip() and _is_record(first):
        for number, line in enumerate(data.split(b"\n"), 1):
            if line.strip():
                yield _record(_load(line, path, number), path, number, values)
        return
    document = _load(data, path, None)
    if isinstance(document, list):
        for record in document:
            yield _record(record, path, None, values)
    elif isinstance(document, dict) and _is_record(data):
        yield _record(document, path, 1, values)
    elif isinstance(document, dict):
        for topic, entries in document.items():
            if not isinstance(entries, dict):
                raise InputError(
                    f"topic {topic!r} holds {type(entries).__name__}, not an object of documents",
                    path=path,
                    hint="these are MTEB's results, figures that were computed already; its "
                    "predictions are a run"
                    if "task_name" in document
                    else 'write {"topic": {"docno": value}}',
                )
            for docno, value in entries.items():
                yield _row(topic, docno, value, path, None)
    else:
        raise InputError(
            f"expected a JSON object or list, got {type(document).__name__}", path=path
        )


def _row(topic: str, docno: str, value: Any, path: str | PathLike[str], line: int | None) -> Row:
    for identifier in (topic, docno):
        if not identifier or not is_text(identifier):
            raise InputError(
                f"{identifier!r} is no id: it is empty, or holds half a surrogate pair or NUL",
                path=path,
                line=line,
                hint="write the characters themselves",
            )
    if isinstance(value, dict):
        raise InputError(
            f"topic {topic!r}, document {docno!r}: an object where a number should be",
            path=path,
            line=line,
            hint="MTEB keeps predictions by subset and split; take one of them: "
            f'jq \'."{topic}"."{docno}"\'',
        )
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or (isinstance(value, int) and value.bit_length() > 1000):
        raise InputError(
            f"topic {topic!r}, document {docno!r}: {value!r:.40} is not a number",
            path=path,
            line=line,
        )
    return Row(topic, docno, float(value), line)


def _is_record(text: bytes) -> bool:
    try:
        first = json_value(text.decode())  # json.loads(bytes) would guess UTF-16 and UTF-32
    except ValueError:
        return False
    nested = isinstance(first, dict) and any(isinstance(v, dict | list) for v in first.values())
    return isinstance(first, dict) and bool(first) and not nested


def _load(text: bytes, path: str | PathLike[str], line: int | None) -> Any:
    try:
        return json_value(text.decode(), object_pairs_hook=_unrepeated)
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg}", path=path, line=line or error.lineno) from None
    except NestedError as error:
        raise InputError(f"not a run or qrels: its {error}", path=path, line=line) from None
    except _RepeatedKeyError as error:
        raise InputError(
            f"{error.args[0]!r} occurs twice in one object",
            path=path,
            line=line,
            hint="a document may be listed only once for a topic",
        ) from None
    except ValueError:
        raise InputError("a number of thousands of digits", path=path, line=line) from None


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise _RepeatedKeyError(next(key for key, _ in pairs if counts[key] > 1))
    return document


def _record(
    record: Any, path: str | PathLike[str], line: int | None, values: tuple[str, ...]
) -> Row:
    if not isinstance(record, dict):
        raise InputError(f"expected a record, got {record!r}", path=path, line=line)
    found = []
    fields = tuple(record)
    for names in (TOPIC, DOCNO, values):
        place = field_of(fields, names)
        if place is None:
            raise InputError(
                f"a record has no {' or '.join(repr(name) for name in names[:2])} "
                f"(it has: {', '.join(map(repr, record)) or 'nothing'})",
                path=path,
                line=line,
            )
        found.append(record[fields[place]])
    for value in found[:2]:
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise InputError(f"an id is no text: {value!r:.40}", path=path, line=line)
    return _row(str(found[0]), str(found[1]), found[2], path, line)
