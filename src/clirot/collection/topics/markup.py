"""Topics in SGML and XML: their elements and fields, read without a strict parser.

TREC's old topics are SGML without most closing tags, and many that are called XML hold a bare "&"
or "<". So the structure is decided by the names of the tags alone: an element of a topic and the
fields that topics are known to have begin and end something, and any other tag inside a field is a
part of its text. Nothing of a field is lost, whatever stands in it.

Entities that a document declares itself are refused, so that none can grow. html.parser of the
standard library is not used: newer versions read ``<title>`` up to its closing tag, which TREC's
topics do not have.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from clirot.collection.rows import Lines, Source
from clirot.errors import InputError

ID_FIELDS = ("num", "number", "identifier", "id", "topic_id", "topicid", "qid", "query_id")
TEXT_FIELDS = (*("title", "query", "desc", "description", "question", "narr", "narrative"),)
_OTHERS = frozenset(
    # Of TREC's first topics and of NTCIR's.
    ("head", "dom", "smry", "con", "conc", "fac", "nat", "def", "time", "slang", "tlang", "purp")
)
_FIELDS = _OTHERS.union(ID_FIELDS, TEXT_FIELDS)
_INLINE = frozenset(
    (
        *("a", "abbr", "b", "big", "cite", "code", "em", "font", "i", "mark", "s", "small"),
        *("span", "strong", "sub", "sup", "tt", "u"),
    )
)
_BREAKS = frozenset(("br", "div", "hr", "li", "ol", "p", "ul"))
_LANGUAGE = re.compile(r"([a-z]{1,3})-(\w+)")
_TAG = re.compile(
    r"<!--.*?-->|<\?[^<>]*\?>|<!\[CDATA\[(?P<literal>.*?)\]\]>"
    r"|<(?P<closing>/?)(?P<name>[a-z][\w.:-]*)"
    r"(?P<attributes>(?:\s+[\w.:-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>/]+))*)\s*(?P<empty>/?)>",
    re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"([\w.:-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'<>/]+))")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.IGNORECASE)
_PROLOG = re.compile(
    # An atomic group: a comment is not tried again with a later end.
    r"(?>(?:\s+|<\?[^<>]*\?>|<!--.*?-->)*)<!doctype\b[^>\[]*(?:\[[^\]]*\])?\s*>",
    re.DOTALL | re.IGNORECASE,
)
_DECLARATION = re.compile(r"<!entity\b", re.IGNORECASE)
_ENDS = {"<!--": "-->", "<![CDATA[": "]]>"}


@dataclass
class Field:
    """A field of a topic."""

    name: str
    """In small letters, without the language that CLEF puts before it."""
    line: int
    language: str | None
    """As the file writes it; None: the field does not say."""
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its text, without markup for the eye, on as many lines as the file has."""
        return "".join(self.parts)


@dataclass
class Element:
    """A topic."""

    name: str
    """``top``, ``topic`` or ``query``."""
    line: int
    attributes: Mapping[str, str]
    language: str | None
    """As the element, or one around it, states it."""
    fields: list[Field] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    """Text that is in no field."""


def elements(lines: Lines, path: Source) -> Iterator[Element]:
    """The topics of a document, in their order.

    Raises:
        InputError: there is no topic in it; one that is not closed or stands in another one; a
            closing tag without its opening one; or it declares entities (file and line).
    """
    document = _Document(lines, path)
    found = False
    for element in _Reader(document).elements():
        found = True
        yield element
    if not found:
        root = document.root
        what = "it holds documents, not topics" if root == "doc" else "no topics in it"
        raise InputError(
            f"{what}: its first element is <{root}>" if root else f"{what}: no element in it",
            path=path,
            hint="topics are <top> (TREC, CLEF, FIRE), <topic> (TREC, CLEF, NTCIR) or <query> in "
            "<queries>",
        )


class _Document:
    """The text of a document and the lines of its places."""

    def __init__(self, lines: Lines, path: Source) -> None:
        self.path = path
        self._starts: list[int] = []
        self._numbers: list[int] = []
        texts, place = [], 0
        for number, line in lines:
            self._starts.append(place)
            self._numbers.append(number)
            texts.append(line)
            place += len(line) + 1
        self.text = "\n".join(texts)
        self._check()
        prolog = _PROLOG.match(self.text)
        self.start = prolog.end() if prolog else 0
        """Where the first element can begin."""
        self.root = ""
        """The name of the first element."""
        self.holder = self._holder()
        """The name of the elements that are topics."""

    def _check(self) -> None:
        """Refuse entities of its own, and what begins and does not end: it would hide the rest."""
        if declared := _DECLARATION.search(self.text):
            raise InputError(
                "declares entities, which are refused",
                path=self.path,
                line=self.line(declared.start()),
            )
        for begin, end in _ENDS.items():
            last = self.text.rfind(begin)
            if last >= 0 and self.text.find(end, last) < 0:
                raise InputError(
                    f"what begins with {begin} has no {end}", path=self.path, line=self.line(last)
                )

    def line(self, place: int) -> int:
        return self._numbers[max(bisect_right(self._starts, place) - 1, 0)]

    def _holder(self) -> str:
        """The first element that can be a topic; a query is one only among queries."""
        for tag in _TAG.finditer(self.text, self.start):
            name = (tag["name"] or "").casefold()
            self.root = self.root or name
            if name in ("top", "topic") or (name == "query" and self.root in ("queries", "query")):
                return name
        return ""


class _Reader:
    """Reads the elements of a document, tag by tag."""

    def __init__(self, document: _Document) -> None:
        self._document = document
        self._element: Element | None = None
        self._field: Field | None = None
        self._language: str | None = None
        """What an element around the topics states."""

    def elements(self) -> Iterator[Element]:
        if not self._document.holder:
            return
        text, place = self._document.text, self._document.start
        for tag in _TAG.finditer(text, place):
            self._add(_unescaped(text[place : tag.start()]))
            place = tag.end()
            if tag["literal"] is not None:
                self._add(tag["literal"])
            elif tag["name"]:
                done = self._on_tag(tag)
                if done is not None:
                    yield done
        if self._element is not None:
            raise InputError(
                f"the topic that opens here has no </{self._document.holder}>",
                path=self._document.path,
                line=self._element.line,
            )

    def _on_tag(self, tag: re.Match[str]) -> Element | None:
        """Take a tag in; gives the topic that it ends."""
        name, closing = tag["name"].casefold(), bool(tag["closing"])
        if name == self._document.holder:
            return self._on_holder(tag, name, closing)
        if self._element is None:
            stated = _attributes(tag)
            self._language = stated.get("lang", stated.get("xml:lang", self._language))
            return None
        language, base = _split(name)
        if closing:
            self._on_closing(tag, base)
        elif base in _FIELDS or (self._field is None and base not in _INLINE | _BREAKS):
            self._on_opening(tag, base, language)
        else:
            self._add(_seen(tag))
        return None

    def _on_holder(self, tag: re.Match[str], name: str, closing: bool) -> Element | None:
        if closing and self._element is None:
            raise self._wrong(tag, f"</{name}> closes nothing")
        if closing:
            done, self._element, self._field = self._element, None, None
            return done
        if self._element is not None:
            raise self._wrong(
                tag, f"<{name}> inside the topic that opens in line {self._element.line}"
            )
        attributes = _attributes(tag)
        self._element = Element(
            name=name,
            line=self._document.line(tag.start()),
            attributes=attributes,
            language=attributes.get("lang", attributes.get("xml:lang", self._language)),
        )
        if tag["empty"]:
            raise self._wrong(tag, f"<{name}/> is a topic without anything in it")
        return None

    def _on_opening(self, tag: re.Match[str], base: str, language: str | None) -> None:
        assert self._element is not None
        attributes = _attributes(tag)
        stated = attributes.get("lang", attributes.get("xml:lang", language))
        made = Field(base, self._document.line(tag.start()), stated)
        self._element.fields.append(made)
        self._field = None if tag["empty"] else made

    def _on_closing(self, tag: re.Match[str], base: str) -> None:
        if self._field is not None and base == self._field.name:
            self._field = None
        elif base in _OTHERS and (self._field is None or self._field.name in _OTHERS):
            self._field = None  # TREC's first topics: <fac> ... <nat> ... </fac>
        elif base in _FIELDS:
            # What is read so far may be a part only, or two fields in one.
            raise self._wrong(tag, f"{tag[0]} closes nothing")
        elif self._field is not None:
            self._add(_seen(tag))

    def _add(self, text: str) -> None:
        if self._field is not None:
            self._field.parts.append(text)
        elif self._element is not None:
            self._element.parts.append(text)

    def _wrong(self, tag: re.Match[str], message: str) -> InputError:
        line = self._document.line(tag.start())
        return InputError(message, path=self._document.path, line=line)


def _seen(tag: re.Match[str]) -> str:
    """What a person sees of a tag inside a text: nothing, a space, or the characters themselves."""
    name = tag["name"].casefold()
    return "" if name in _INLINE else " " if name in _BREAKS else _unescaped(tag[0])


def _unescaped(text: str) -> str:
    return _ENTITY.sub(lambda found: html.unescape(found[0]), text)


def _split(name: str) -> tuple[str | None, str]:
    """The language and the field of a tag such as CLEF's ``EN-title``, and TREC's ``E-title``."""
    match = _LANGUAGE.fullmatch(name)
    return (match[1], match[2]) if match and match[2] in _FIELDS else (None, name)


def _attributes(tag: re.Match[str]) -> dict[str, str]:
    found = _ATTRIBUTE.findall(tag["attributes"] or "")
    return {
        name.casefold(): html.unescape(double or single or bare)
        for name, double, single, bare in found
    }
