"""Topics from a file or a pipe: TSV, JSON lines, or TREC ``<top>`` markup.

The first line that is not blank tells the format. Of a TREC topic the title is taken, which is what
the field's title-only runs use; description and narrative are not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from os import PathLike
from typing import Any

from clirot.collection.lines import excerpt, numbered_lines, take_id
from clirot.errors import InputError
from clirot.records import Topic

_ID_KEYS = ("id", "_id", "query_id", "qid", "topic_id", "num", "number")
_TEXT_KEYS = ("text", "query", "title", "topic")
_TAG = re.compile(r"<(/?)(\w+)[^>]*>")


def read_topics(path: str | PathLike[str]) -> list[Topic]:
    """Read topics in the order of the file.

    Args:
        path: a file, gzip-compressed or not, or ``-`` for standard input. TSV rows are
            ``id TAB text``; JSON lines need an id (``id``, ``_id``, ``query_id``, ``qid`` ...) and
            a text (``text``, ``query``, ``title``); TREC topics ``<num>`` and ``<title>``.

    Raises:
        InputError: unreadable, not UTF-8, malformed, an id twice, a topic without text (file and
            line), or no topic at all.
    """
    lines = numbered_lines(path)
    first = next(lines, None)
    if first is None:
        raise InputError("no topics: the file is empty", path=path)
    rows = chain([first], lines)
    opening = first[1].lstrip()
    if opening.startswith("{"):
        read = _json_rows(rows, path)
    elif opening.startswith("<"):
        read = _trec_rows(rows, path)
    else:
        read = _tsv_rows(rows, path)
    topics: list[Topic] = []
    first_seen: dict[str, int] = {}
    for number, identifier, text in read:
        identifier = take_id(identifier, first_seen, "topic", path, number)
        text = " ".join(text.split())
        if not text:
            raise InputError(f"topic {identifier!r} has no text", path=path, line=number)
        topics.append(Topic(identifier, text))
    if not topics:
        raise InputError("no topics in it", path=path, hint="<top> <num> ... <title> ... </top>")
    return topics


def json_object(line: str, path: str | PathLike[str], number: int) -> Mapping[str, Any]:
    """One line of a JSON-lines file.

    Raises:
        InputError: it is not a JSON object.
    """
    try:
        record = json.loads(line)
    except ValueError as error:
        raise InputError(f"not JSON: {error}", path=path, line=number) from error
    if not isinstance(record, dict):
        raise InputError(f"not a JSON object: {excerpt(line)}", path=path, line=number)
    return record


def json_field(
    record: Mapping[str, Any], keys: tuple[str, ...], path: str | PathLike[str], number: int
) -> str:
    """The first of several possible fields that a record has, as text.

    Raises:
        InputError: it has none of them, or that field is neither text nor a number.
    """
    for key in keys:
        if key in record:
            value = record[key]
            if isinstance(value, str):
                return value
            if isinstance(value, int) and not isinstance(value, bool):
                return str(value)
            raise InputError(f"field {key!r} is not text: {value!r}", path=path, line=number)
    raise InputError(
        f"none of the fields {', '.join(keys)}; it has {', '.join(map(str, record)) or 'none'}",
        path=path,
        line=number,
    )


def _tsv_rows(
    rows: Iterator[tuple[int, str]], path: str | PathLike[str]
) -> Iterator[tuple[int, str, str]]:
    for number, line in rows:
        columns = line.split("\t")
        if len(columns) != 2:
            raise InputError(
                f"{len(columns)} column{'s' * (len(columns) != 1)} where id TAB text was expected: "
                + excerpt(line),
                path=path,
                line=number,
                hint="topics are TSV (id TAB text), JSON lines or TREC <top> markup",
            )
        yield number, columns[0], columns[1]


def _json_rows(
    rows: Iterator[tuple[int, str]], path: str | PathLike[str]
) -> Iterator[tuple[int, str, str]]:
    for number, line in rows:
        record = json_object(line, path, number)
        yield (
            number,
            json_field(record, _ID_KEYS, path, number),
            json_field(record, _TEXT_KEYS, path, number),
        )


def _trec_rows(
    rows: Iterator[tuple[int, str]], path: str | PathLike[str]
) -> Iterator[tuple[int, str, str]]:
    """Titles of ``<top>`` elements; closing tags of the fields are optional, as in TREC's files."""
    start = 0  # the line of the open <top>, 0 between topics
    tag = ""
    fields: dict[str, list[str]] = {}
    for number, line in rows:
        place = 0
        for match in _TAG.finditer(line):
            _add(fields, tag, line[place : match.start()])
            place = match.end()
            closing, tag = match[1], match[2].casefold()
            if tag == "top" and closing:
                yield start or number, *_trec_topic(fields, path, start or number)
                start, fields = 0, {}
            elif tag == "top":
                if start:
                    raise InputError(
                        f"<top> inside the topic that opens in line {start}", path=path, line=number
                    )
                start = number
            elif not closing and tag in fields and tag in ("num", "title"):
                raise InputError(f"a second <{tag}> in one topic", path=path, line=number)
            elif not closing:
                fields[tag] = []
            if closing:
                tag = ""
        _add(fields, tag, line[place:])
    if start:
        raise InputError("the topic that opens here has no </top>", path=path, line=start)


def _add(fields: dict[str, list[str]], tag: str, text: str) -> None:
    if tag in fields:
        fields[tag].append(text)


def _trec_topic(
    fields: dict[str, list[str]], path: str | PathLike[str], number: int
) -> tuple[str, str]:
    for wanted in ("num", "title"):
        if wanted not in fields:
            raise InputError(f"a topic without <{wanted}>", path=path, line=number)
    written = " ".join(fields["num"]).strip()
    title = " ".join(fields["title"]).strip()
    return (
        re.sub(r"(?i)^number:\s*", "", written),
        re.sub(r"(?i)^topic:\s*", "", title),
    )
