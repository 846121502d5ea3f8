"""What an input holds: its bytes, the columns of its lines, or the rows of its JSON.

An input is a path or standard input, gzipped or not. These layouts of JSON are read::

    {"q1": {"d1": 1.5, "d2": 0.7}}                             ranx, pytrec_eval
    [{"query_id": "q1", "doc_id": "d1", "score": 1.5}, ...]    a list of records
    {"query_id": "q1", "doc_id": "d1", "relevance": 1}         the same, one record a line
"""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from clirot.errors import InputError

_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TOPIC = ("query_id", "q_id", "qid", "topic_id", "topic")
_DOCNO = ("doc_id", "docno", "docid", "pid")


def read_bytes(path: str | PathLike[str], *, what: str) -> bytes:
    """The whole content of ``path`` (``-``: standard input), decompressed where it is gzip.

    Gzip is recognised by the content, not by the name, so that a compressed stream can be read.

    Args:
        path: a file, or ``-``.
        what: what the file should be ("run", "qrels"), for messages.

    Raises:
        InputError: it cannot be read, is empty, or is damaged gzip.
    """
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"there is no such {what} file", path=path) from None
    except IsADirectoryError:
        raise InputError(f"is a directory, not a {what} file", path=path) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path=path) from None
    if data.startswith(_GZIP):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(
                f"damaged gzip: {error}", path=path, hint="the file was cut off; copy it again"
            ) from None
    data = data.removeprefix(_BYTE_ORDER_MARK)
    if not data.strip():
        hint = (
            "the command before the pipe wrote nothing; look at its messages"
            if str(path) == "-"
            else f"a {what} has at least one line"
        )
        raise InputError(f"the {what} is empty", path=path, hint=hint)
    return data


def check_utf8(data: bytes, path: str | PathLike[str]) -> None:
    """Raise with the line of the first byte that is not UTF-8."""
    if data.isascii():
        return
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"not UTF-8: byte 0x{data[error.start]:02x} ({error.reason})",
            path=path,
            line=line,
            hint="convert it, for example with iconv -f latin1 -t utf-8",
        ) from None


def is_json(data: bytes) -> bool:
    """Whether the content is JSON or JSON lines rather than TREC columns."""
    return data.lstrip()[:1] in (b"{", b"[")


def show(line: bytes) -> str:
    """A line for a message: readable and short."""
    text = line.decode("utf-8", "replace").strip()
    return repr(text if len(text) <= 60 else text[:57] + "...")


def columns(
    data: bytes, path: str | PathLike[str], names: str, hints: Mapping[int, str]
) -> Iterator[tuple[int, list[bytes]]]:
    """The number and the fields of each line that is not blank.

    Args:
        data: the content.
        path: where it came from, for messages.
        names: of the columns, separated by spaces.
        hints: the number of columns that a line has instead -> what the reader should do.

    Raises:
        InputError: the content is not UTF-8, or a line has not as many columns as names.
    """
    check_utf8(data, path)
    expected = len(names.split())
    for number, line in enumerate(data.split(b"\n"), 1):
        fields = line.split()
        if len(fields) == expected:
            yield number, fields
        elif fields:
            raise InputError(
                f"expected {expected} columns ({names}), got {len(fields)}: {show(line)}",
                path=path,
                line=number,
                hint=hints.get(len(fields)),
            )


class JsonRow(NamedTuple):
    """One judged or retrieved document. The line is known in JSON lines only."""

    topic: str
    docno: str
    value: float
    line: int | None


class _RepeatedKeyError(ValueError):
    pass


def json_rows(
    data: bytes, path: str | PathLike[str], *, values: tuple[str, ...]
) -> Iterator[JsonRow]:
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
                    hint='write {"topic": {"docno": value}}',
                )
            for docno, value in entries.items():
                yield _row(topic, docno, value, path, None)
    else:
        raise InputError(
            f"expected a JSON object or list, got {type(document).__name__}", path=path
        )


def _row(
    topic: str, docno: str, value: Any, path: str | PathLike[str], line: int | None
) -> JsonRow:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or (isinstance(value, int) and value.bit_length() > 1000):
        raise InputError(
            f"topic {topic!r}, document {docno!r}: {value!r:.40} is not a number",
            path=path,
            line=line,
        )
    return JsonRow(topic, docno, float(value), line)


def _is_record(text: bytes) -> bool:
    try:
        first = json.loads(text.decode())  # json.loads(bytes) would guess UTF-16 and UTF-32
    except (ValueError, RecursionError):
        return False
    nested = isinstance(first, dict) and any(isinstance(v, dict | list) for v in first.values())
    return isinstance(first, dict) and bool(first) and not nested


def _load(text: bytes, path: str | PathLike[str], line: int | None) -> Any:
    try:
        return json.loads(text.decode(), object_pairs_hook=_unrepeated)
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg}", path=path, line=line or error.lineno) from None
    except RecursionError:
        raise InputError(
            "JSON nested too deeply for a run or qrels", path=path, line=line
        ) from None
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
) -> JsonRow:
    if not isinstance(record, dict):
        raise InputError(f"expected a record, got {record!r}", path=path, line=line)
    found = []
    for names in (_TOPIC, _DOCNO, values):
        name = next((name for name in names if name in record), None)
        if name is None:
            raise InputError(
                f"a record has no {' or '.join(repr(name) for name in names[:2])} "
                f"(it has: {', '.join(map(repr, record)) or 'nothing'})",
                path=path,
                line=line,
            )
        found.append(record[name])
    return _row(str(found[0]), str(found[1]), found[2], path, line)
