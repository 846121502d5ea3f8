"""TMX, the XML format for translation memories (versions 1.1 to 1.4b), read as a stream.

Memory use does not grow with the file. Entity declarations are refused: no translation memory needs
them, and they are how a small XML file becomes a large one. An external DTD, which many exporters
name, is not read.

Source: Translation Memory eXchange 1.4b, https://www.gala-global.org/tmx-14b
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO
from xml.parsers import expat

from clirot.errors import InputError, LanguageError
from clirot.languages import parse_language
from clirot.records import SentencePair

_CHUNK = 1 << 16
# Elements inside a segment whose text is markup of the original document, not of the sentence.
_NATIVE_CODE = frozenset({"bpt", "ept", "it", "ph", "ut"})
_XML_LANG = "xml:lang"


def read_tmx(stream: IO[bytes], *, src: str, tgt: str, path: Path) -> Iterator[SentencePair]:
    """The units of a TMX document as pairs; the id is the unit's ``tuid``, or its number.

    A unit without one of the two languages yields a pair with that side empty. Of several variants
    in one language the first counts.

    Args:
        stream: the document.
        src: normalised code of the source language; ``xml:lang`` may spell it in any way.
        tgt: normalised code of the target language.
        path: what to call the document in errors.

    Raises:
        InputError: with the line, where it is not well-formed XML, not TMX, declares entities, or
            has a variant without a language; or no unit has both languages.
    """
    document = _Document(path)
    both = False
    for unit, segments in document.units(stream):
        pair = SentencePair(segments.get(src, ""), segments.get(tgt, ""), unit)
        both = both or (src in segments and tgt in segments)
        yield pair
    if not both:
        found = ", ".join(sorted(document.languages)) or "none"
        raise InputError(
            f"no unit has both {src!r} and {tgt!r}; languages found: {found}",
            path=path,
        )


class _Document:
    """The state between two expat events."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.languages: set[str] = set()
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.EntityDeclHandler = self._entity
        self._parser.SkippedEntityHandler = self._skipped
        self._seen_root = False
        self._finished: list[tuple[str, Mapping[str, str]]] = []
        self._count = 0
        self._unit = ""
        self._segments: dict[str, str] = {}
        self._language = ""
        self._words: list[str] | None = None
        self._codes = 0

    def units(self, stream: IO[bytes]) -> Iterator[tuple[str, Mapping[str, str]]]:
        """(id, {language: segment}) of each unit, as the bytes come in."""
        last = False
        while not last:
            chunk = stream.read(_CHUNK)
            last = not chunk
            try:
                self._parser.Parse(chunk, last)
            except expat.ExpatError as error:
                what = expat.ErrorString(error.code)
                raise InputError(
                    f"not well-formed XML: {what} at column {error.offset + 1}",
                    path=self.path,
                    line=error.lineno,
                ) from error
            yield from self._finished
            self._finished.clear()

    def _wrong(self, message: str, hint: str | None = None) -> InputError:
        return InputError(message, path=self.path, line=self._parser.CurrentLineNumber, hint=hint)

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if not self._seen_root:
            if tag != "tmx":
                raise self._wrong(f"not TMX: the document is a <{tag}>")
            self._seen_root = True
        elif tag == "tu":
            self._count += 1
            self._unit = attributes.get("tuid") or str(self._count)
            self._segments = {}
        elif tag == "tuv":
            self._language = self._language_of(attributes)
        elif tag == "seg":
            self._words, self._codes = [], 0
        elif tag in _NATIVE_CODE:
            self._codes += 1

    def _end(self, tag: str) -> None:
        if tag == "tu":
            self._finished.append((self._unit, self._segments))
        elif tag == "seg" and self._words is not None:
            self._segments.setdefault(self._language, "".join(self._words))
            self._words = None
        elif tag in _NATIVE_CODE:
            self._codes -= 1

    def _text(self, text: str) -> None:
        if self._words is not None and not self._codes:
            self._words.append(text)

    def _language_of(self, attributes: Mapping[str, str]) -> str:
        written = attributes.get(_XML_LANG) or attributes.get("lang")
        if not written:
            raise self._wrong("a <tuv> without xml:lang")
        try:
            language = parse_language(written)
        except LanguageError:
            language = written
        self.languages.add(language)
        return language

    def _entity(self, name: str, *_: object) -> None:
        raise self._wrong(
            f"declares the entity {name!r}; entity declarations are refused",
            hint="export the translation memory again without a document type of its own",
        )

    def _skipped(self, name: str, *_: object) -> None:
        raise self._wrong(f"the entity &{name}; is not defined")
