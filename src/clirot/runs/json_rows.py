"""JSON inputs as rows: nested objects (ranx), lists and JSON lines of records (ir_datasets).

::

    {"q1": {"d1": 1.5, "d2": 0.7}}                             ranx, pytrec_eval
    [{"query_id": "q1", "doc_id": "d1", "score": 1.5}, ...]    a list of records
    {"query_id": "q1", "doc_id": "d1", "relevance": 1}         the same, one record a line
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from os import PathLike
from typing import Any, NamedTuple

from clirot.errors import InputError
from clirot.runs.source import check_utf8

_TOPIC = ("query_id", "q_id", "qid", "topic_id", "topic")
_DOCNO = ("doc_id", "docno", "docid", "pid")


class JsonRow(NamedTuple):
    """One judged or retrieved document. The line is known in JSON lines only."""

    topic: str
    docno: str
    value: Any
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
        InputError: not JSON, not one of the three layouts, or a repeated key.
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
                yield JsonRow(topic, docno, value, None)
    else:
        raise InputError(
            f"expected a JSON object or list, got {type(document).__name__}", path=path
        )


def number_of(row: JsonRow, path: str | PathLike[str]) -> float:
    """The row's value as a number.

    Raises:
        InputError: it is anything else (true and false included).
    """
    number = isinstance(row.value, int | float) and not isinstance(row.value, bool)
    if not number or (isinstance(row.value, int) and row.value.bit_length() > 1000):
        raise InputError(
            f"topic {row.topic!r}, document {row.docno!r}: {row.value!r:.40} is not a number",
            path=path,
            line=row.line,
        )
    return float(row.value)


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
        raise InputError(
            f"not JSON: {error.msg}", path=path, line=line if line is not None else error.lineno
        ) from None
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
    return JsonRow(str(found[0]), str(found[1]), found[2], line)
