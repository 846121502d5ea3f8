"""Topics from a file or a pipe: TSV, JSON lines, or TREC ``<top>`` markup.

The first line that is not blank tells the format. The text of a TREC topic is its title, as in the
title-only runs of the field; description and narrative are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from clirot.collection.rows import (
    Lines,
    Row,
    Source,
    json_rows,
    numbered_lines,
    tab_rows,
    with_distinct_ids,
)
from clirot.errors import InputError
from clirot.records import Topic

_ID_KEYS = ("id", "_id", "query_id", "qid", "topic_id", "num", "number")
_TEXT_KEYS = ("text", "query", "title", "topic")
_TAG = re.compile(r"<(/?)(\w+)[^>]*>")


def read_topics(path: Source) -> list[Topic]:
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
    lines = chain([first], lines)
    opening = first[1].lstrip()
    if opening.startswith("{"):
        rows = json_rows(lines, path, ids=_ID_KEYS, texts=_TEXT_KEYS)
    elif opening.startswith("<"):
        rows = _trec_rows(lines, path)
    else:
        hint = "topics are TSV (id TAB text), JSON lines or TREC <top> markup"
        rows = tab_rows(lines, path, hint=hint)
    topics: list[Topic] = []
    for number, identifier, text in with_distinct_ids(rows, "topic", path):
        text = " ".join(text.split())
        if not text:
            raise InputError(f"topic {identifier!r} has no text", path=path, line=number)
        topics.append(Topic(identifier, text))
    if not topics:
        raise InputError("no topics in it", path=path, hint="<top> <num> ... <title> ... </top>")
    return topics


def _trec_rows(lines: Lines, path: Source) -> Iterator[Row]:
    """Titles of ``<top>`` elements; closing tags of the fields are optional, as in TREC's files."""
    start = 0  # the line of the open <top>, 0 between topics
    tag = ""
    fields: dict[str, list[str]] = {}
    for number, line in lines:
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


def _trec_topic(fields: dict[str, list[str]], path: Source, number: int) -> tuple[str, str]:
    for wanted in ("num", "title"):
        if wanted not in fields:
            raise InputError(f"a topic without <{wanted}>", path=path, line=number)
    written = " ".join(fields["num"]).strip()
    title = " ".join(fields["title"]).strip()
    return (
        re.sub(r"(?i)^number:\s*", "", written),
        re.sub(r"(?i)^topic:\s*", "", title),
    )
