"""Files of topics, in the formats in which campaigns and benchmarks publish them.

====================  ======================================================================
:mod:`.tabbed`        ``id TAB text``, with or without a header line
:mod:`.json_records`  records of BEIR, MTEB, DPR and others; NeuCLIR and HC4
:mod:`.campaigns`     SGML and XML of TREC, CLEF, NTCIR and FIRE
====================  ======================================================================

The first line that is not blank tells the format; the name of the file does not matter. Which
language, source and field become the topics is decided in :mod:`.wordings`, for all formats alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from clirot.collection.rows import Lines, Source, numbered_lines
from clirot.collection.topics.campaigns import campaign_wordings
from clirot.collection.topics.json_records import json_wordings, record_wordings
from clirot.collection.topics.tabbed import tabbed_wordings
from clirot.collection.topics.wordings import FIELDS, TITLE, TopicFile, Wanted, Wording, chosen
from clirot.errors import InputError
from clirot.languages import parse_language
from clirot.records import Topic
from clirot.registry import unknown_name

__all__ = ["FIELDS", "TITLE", "TopicFile", "read_records", "read_topic_file", "read_topics"]


def read_topics(
    path: Source,
    language: str | None = None,
    *,
    variant: str | None = None,
    field: str = TITLE,
) -> list[Topic]:
    """Read topics in the order of the file; see :func:`read_topic_file`."""
    return read_topic_file(path, language, variant=variant, field=field).topics


def read_topic_file(
    path: Source,
    language: str | None = None,
    *,
    variant: str | None = None,
    field: str = TITLE,
) -> TopicFile:
    """Read topics in the order of the file, and their language.

    Args:
        path: a file, gzip-compressed or not, or ``-`` for standard input.
        language: of the topics, in any accepted spelling. Of a file in several languages it says
            which one; where the file says no language, it is what the topics are in.
        variant: the source whose wording is taken, where a file has several of a language
            (``human translation``).
        field: what the text of a topic is, one of :data:`FIELDS`.

    Raises:
        InputError: unreadable, not UTF-8, malformed, a format that is not read, an id twice, a
            topic without text (file and line), or no topic at all.
        UsageError: the topics are in another language, or in several and none was named.
        UnknownNameError: no such source, or no such field.
    """
    if field not in FIELDS:
        raise unknown_name("field of topics", field, FIELDS)
    lines = numbered_lines(path)
    first = next(lines, None)
    if first is None:
        raise InputError("no topics: the file is empty", path=path)
    wordings = list(_reader(first[1])(chain([first], lines), path))
    if not wordings:
        raise InputError("no topics: there is only a header line", path=path)
    asked = parse_language(language) if language is not None else None
    return chosen(wordings, path, Wanted(asked, variant, field))


def read_records(
    records: Iterable[tuple[int, Mapping[str, Any]]],
    path: Source,
    language: str | None = None,
    *,
    field: str = TITLE,
) -> TopicFile:
    """Topics from records with their numbers, such as the rows of a Parquet file.

    Raises:
        InputError: as :func:`read_topic_file`.
        UsageError: as :func:`read_topic_file`.
    """
    wordings = list(record_wordings(records, path))
    if not wordings:
        raise InputError("no topics in it", path=path)
    asked = parse_language(language) if language is not None else None
    return chosen(wordings, path, Wanted(asked, None, field))


def _reader(first: str) -> Callable[[Lines, Source], Iterator[Wording]]:
    text = first.lstrip()
    # An id of TSV may begin with a bracket; a list in JSON holds objects.
    tabbed = "\t" in text.rstrip() and text[1:].lstrip()[:1] != "{"
    if text[:1] == "{" or (text[:1] == "[" and not tabbed):
        return json_wordings
    return campaign_wordings if text[:1] == "<" else tabbed_wordings
