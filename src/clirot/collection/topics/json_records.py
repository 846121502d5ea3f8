"""Topics in JSON: records a line, a list of records, and those of NeuCLIR and HC4.

A record is an id and a text, as BEIR, MTEB, DPR and MIRACL write them. Those of NeuCLIR and HC4
(Lawrie et al. 2022, arXiv 2201.09992) hold a topic in all its languages::

    {"topic_id": "7", "topics": [{"lang": "eng", "source": "original", "topic_title": ...,
     "topic_description": ..., "topic_narrative": ...}, {"lang": "fas", "source": "human
     translation", ...}]}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from clirot.collection.rows import Lines, Place, Source, excerpt, field_text, json_records
from clirot.collection.topics.wordings import (
    DESCRIPTION,
    NARRATIVE,
    TITLE,
    Wording,
    stated_language,
)
from clirot.errors import InputError
from clirot.json_values import json_value

_IDS = ("id", "_id", "query_id", "qid", "topic_id", "num", "number", "query-id", "question_id")
_TEXTS: Mapping[str, tuple[str, ...]] = {
    TITLE: ("text", "query", "title", "topic", "topic_title", "question"),
    DESCRIPTION: ("description", "desc", "topic_description"),
    NARRATIVE: ("narrative", "narr", "topic_narrative"),
}
_LANGUAGES = ("lang", "language")
_KNOWN = {
    "turn": "a conversation of TREC CAsT or iKAT",
    "turns": "a conversation of TREC CAsT or iKAT",
    "data": "a file of SQuAD's form",
    "paragraphs": "a file of SQuAD's form",
    "corpus-id": "a file of judgements",
}
"""Field -> the format that it is a sign of, which is not read."""


def json_wordings(lines: Lines, path: Source) -> Iterator[Wording]:
    """The topics of JSON lines, or of one JSON document.

    Raises:
        InputError: not JSON, or records without an id or a text (file and line).
    """
    numbered = list(lines)
    if _is_document(numbered):
        for record in _document(numbered, path):
            yield from _of_record(record, Place(path, None))
        return
    yield from record_wordings(json_records(numbered, path), path)


def record_wordings(
    records: Iterable[tuple[int, Mapping[str, Any]]], path: Source
) -> Iterator[Wording]:
    """The topics of records with their numbers.

    Raises:
        InputError: a record without an id or a text (file and number).
    """
    for number, record in records:
        yield from _of_record(record, Place(path, number))


def _is_document(lines: list[tuple[int, str]]) -> bool:
    """Whether the lines are one JSON value, and not a value a line."""
    first = lines[0][1].strip()
    if first.startswith("["):
        return True
    try:
        json_value(first)
    except ValueError:
        # A broken first line of many is an error of that line, with its number.
        return first == "{" or (len(lines) > 1 and not lines[1][1].lstrip().startswith("{"))
    return False


def _document(lines: list[tuple[int, str]], path: Source) -> list[Mapping[str, Any]]:
    try:
        whole = json_value("\n".join(line for _, line in lines))
    except ValueError as error:
        raise InputError(f"not JSON: {error}", path=path) from error
    records = [whole] if isinstance(whole, dict) else whole
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise InputError(
                f"element {number} of the list is not an object: {excerpt(json.dumps(record))}",
                path=path,
                hint='write {"id": ..., "text": ...} for each topic',
            )
    return list(records)


def _of_record(record: Mapping[str, Any], place: Place) -> Iterator[Wording]:
    if isinstance(record.get("topics"), list):
        yield from _of_campaign(record, place)
        return
    known = next((known for key, known in _KNOWN.items() if key in record), None)
    if known is not None and not any(name in record for name in _TEXTS[TITLE]):
        raise InputError(
            f"it seems to be {known}, which is not read",
            path=place.path,
            line=place.line,
            hint='write {"id": ..., "text": ...} for each topic',
        )
    if not any(name in record for names in _TEXTS.values() for name in names):
        field_text(record, _TEXTS[TITLE], place)  # says which fields it has
    yield _wording(record, place, field_text(record, _IDS, place))


def _of_campaign(record: Mapping[str, Any], place: Place) -> Iterator[Wording]:
    identifier = field_text(record, _IDS, place)
    for number, one in enumerate(record["topics"], start=1):
        if not isinstance(one, dict) or not isinstance(one.get("lang"), str):
            raise InputError(
                f"topic {identifier!r}: element {number} of 'topics' has no 'lang'",
                path=place.path,
                line=place.line,
                hint="as in NeuCLIR and HC4: lang, source, topic_title, topic_description",
            )
        yield _wording(one, place, identifier)


def _wording(record: Mapping[str, Any], place: Place, identifier: str) -> Wording:
    fields = {
        field: field_text(record, names, place)
        for field, names in _TEXTS.items()
        if any(record.get(name) is not None for name in names)
    }
    language = next((record[name] for name in _LANGUAGES if record.get(name)), None)
    source = record.get("source")
    return Wording(
        line=place.line or 0,
        id=identifier,
        fields=fields,
        language=stated_language(language) if isinstance(language, str) else None,
        source=source if isinstance(source, str) and "lang" in record else None,
        there=tuple(map(str, record)),
    )
