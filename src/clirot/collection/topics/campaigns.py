"""Topics of TREC, CLEF, NTCIR and FIRE, from their elements in SGML and XML.

======================  ===========================================================================
TREC ad hoc, FIRE       ``<top>`` with ``<num>``, ``<title>``, ``<desc>``, ``<narr>``, closed or
                        not; "Number:", "Topic:", "Description:" and "Narrative:" are dropped
CLEF until 2007         the same with a language, ``<EN-title>``; TREC's ``<E-title>`` too
CLEF since 2008         ``<topic lang="en">`` with ``<identifier>``
NTCIR                   ``<TOPIC>`` with ``<NUM>``, ``<SLANG>`` and ``<TLANG>``
TREC's later tracks     ``<topic number="1">`` with ``<query>`` or ``<title>``, or a text alone
======================  ===========================================================================

The title is ``<title>``, or else ``<query>``; the description ``<desc>`` or ``<description>``, or
else ``<question>``; the narrative ``<narr>`` or ``<narrative>``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from clirot.collection.rows import Lines, Source, excerpt
from clirot.collection.topics.markup import ID_FIELDS, TEXT_FIELDS, Element, Field, elements
from clirot.collection.topics.wordings import (
    DESCRIPTION,
    NARRATIVE,
    TITLE,
    Wording,
    stated_language,
)
from clirot.errors import InputError

_ROLES = {
    TITLE: ("title", "query"),
    DESCRIPTION: ("desc", "description", "question"),
    NARRATIVE: ("narr", "narrative"),
}
"""Field of a topic -> the elements that may hold it, the first that is there."""
_NUMBER = re.compile(r"(?i)^number\s*:\s*")
_PREFIXES = {
    "title": re.compile(r"(?i)^topic\s*:\s*"),
    "desc": re.compile(r"(?i)^description\s*:\s*"),
    "narr": re.compile(r"(?i)^narrative\s*:\s*"),
}
_NTCIR = {
    "ch": "zh", "cs": "zh-Hans", "ct": "zh-Hant", "jp": "ja", "kr": "ko",
}  # fmt: skip
"""NTCIR's codes that are those of other languages elsewhere, or of none."""
_TREC = {"e": "en", "s": "es", "c": "zh", "f": "fr", "g": "de", "i": "it", "a": "ar"}
"""The letters of TREC's Spanish, Chinese and cross-language tracks."""
_CLEF = {"sp": "es", "cz": "cs"}


def campaign_wordings(lines: Lines, path: Source) -> Iterator[Wording]:
    """The topics of a document, in each of its languages.

    Raises:
        InputError: see :func:`~clirot.collection.topics.markup.elements`; or a topic without an id,
            with two fields of one kind, or with text in none.
    """
    for element in elements(lines, path):
        yield from _wordings(element, path)


def _wordings(element: Element, path: Source) -> Iterator[Wording]:
    identifier = _identifier(element, path)
    own = _language(element)
    texts: dict[str | None, dict[str, str]] = {}
    for one in element.fields:
        if one.name not in TEXT_FIELDS:
            continue
        language = own if one.language is None else _code(one.language)
        of_language = texts.setdefault(language, {})
        if one.name in of_language:
            raise InputError(f"a second <{one.name}> in one topic", path=path, line=one.line)
        of_language[one.name] = _text(one, element)
    bare = " ".join("".join(element.parts).split())
    if bare and element.fields:  # the end of a field that was closed too early, perhaps
        raise InputError(
            f"topic {identifier!r} has text in no field: {excerpt(bare)}",
            path=path,
            line=element.line,
        )
    if bare:
        texts[own] = {"title": bare}
    there = tuple(dict.fromkeys(one.name for one in element.fields))
    for language, found in (texts or {own: {}}).items():
        yield Wording(
            line=element.line,
            id=identifier,
            fields={
                role: next(found[name] for name in names if name in found)
                for role, names in _ROLES.items()
                if found.keys() & set(names)
            },
            language=language,
            there=there,
        )


def _identifier(element: Element, path: Source) -> str:
    written = [element.attributes[name] for name in ID_FIELDS if name in element.attributes]
    fields = [one for one in element.fields if one.name in ID_FIELDS]
    names = [one.name for one in fields]
    for one in fields:
        if names.count(one.name) > 1:
            line = [each.line for each in fields if each.name == one.name][1]
            raise InputError(f"a second <{one.name}> in one topic", path=path, line=line)
    found = [_NUMBER.sub("", one.text.strip()) for one in fields] + written
    if not found or not found[0].strip():
        how = "<num>" if element.name == "top" else "an id: <number>, <identifier>, or number=..."
        raise InputError(f"a topic without {how}", path=path, line=element.line)
    return found[0].strip()


def _text(one: Field, element: Element) -> str:
    text = one.text.strip()
    prefix = _PREFIXES.get(one.name) if element.name == "top" else None
    return prefix.sub("", text) if prefix is not None else text


def _language(element: Element) -> str | None:
    """The language that a topic states as a whole."""
    by_name = {one.name: one.text.strip().casefold() for one in element.fields}
    if written := by_name.get("tlang") or by_name.get("slang"):
        return stated_language(_NTCIR.get(written, written))
    return _code(element.language) if element.language is not None else None


def _code(written: str) -> str:
    code = written.strip().casefold()
    return stated_language(_TREC.get(code) or _CLEF.get(code) or code)
