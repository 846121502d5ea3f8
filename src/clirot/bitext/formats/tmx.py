"""TMX, the XML format for translation memories (versions 1.1 to 1.4b), read as a stream.

Source: Translation Memory eXchange 1.4b, https://www.gala-global.org/tmx-14b
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from clirot.bitext.formats.language_variants import LanguageVariants, hint_of
from clirot.bitext.formats.request import Request
from clirot.bitext.formats.xml_recovery import Outline
from clirot.bitext.formats.xml_stream import XmlReader
from clirot.errors import InputError, LanguageError
from clirot.languages import parse_language
from clirot.records import SentencePair

# Elements inside a segment whose text is markup of the original document, not of the sentence.
_NATIVE_CODE = frozenset({"bpt", "ept", "it", "ph", "ut"})
_LONGEST_CODE = 40
_MOST_LANGUAGES = 64  # that an error needs to know


def read_tmx(stream: IO[bytes], path: Path, request: Request) -> Iterator[SentencePair]:
    """The units of a TMX document as pairs; the id is the unit's ``tuid``, or its number.

    A unit that lacks one of the two languages is a pair with an empty side. Of several variants of
    a language, the one that was asked for is taken, or else the nearest (``request.variants``); of
    several in one, the first.

    A unit in which something is not well-formed, or a variant has no language, is malformed.

    Raises:
        InputError: with the line, where a unit is malformed, the rest is not well-formed XML, not
            TMX or declares entities; or no unit has both languages.
    """
    pair = request.pair
    document = _Document(path, request.variants)
    yield from document.items(stream, request.malformed)
    if not document.both:
        found = ", ".join(sorted(document.languages)) or "none"
        found += f"; {document.broken} units are malformed" if document.broken else ""
        raise InputError(
            f"no unit has both {pair.src!r} and {pair.tgt!r}; languages found: {found}",
            path=path,
            hint=hint_of(pair, sorted(document.languages)),
        )


class _Document(XmlReader[SentencePair]):
    outline = Outline(
        units=frozenset({"tu"}), holders=frozenset({"body"}), around=frozenset({"tmx", "body"})
    )

    def __init__(self, path: Path, variants: LanguageVariants) -> None:
        super().__init__(path)
        self.both = False
        self.languages: set[str] = set()
        self._variants = variants
        self._name = ""
        self._segments: dict[str, str] = {}
        """Language code of a variant, as it is written -> its text."""
        self._language = ""
        self._words: list[str] | None = None
        """The text of the segment that is being read, if one is."""
        self._codes = 0
        """How many elements of native code are open."""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self._words is None:
            self.size = 0
        if self.depth == 1:
            if tag != "tmx":
                raise self.wrong(f"not TMX: the document is a <{tag[:60]}>")
        elif tag == "tu":
            self._name = attributes.get("tuid") or str(self.count)
            self._segments = {}
        elif tag == "tuv":
            self._language = self._language_of(attributes)
        elif tag == "seg":
            if self._language not in self._segments and self._variants.concerns(self._language):
                self._words, self._codes = [], 0
        elif tag in _NATIVE_CODE:
            self._codes += 1

    def end(self, tag: str) -> None:
        if tag == "tu":
            sides = self._variants.choose(list(self._segments))
            src, tgt = (self._segments.get(code) if code else None for code in sides)
            self.both = self.both or (src is not None and tgt is not None)
            self.finished.append(SentencePair(src or "", tgt or "", self._name, self.count))
        elif tag == "seg" and self._words is not None:
            self._segments[self._language] = "".join(self._words)
            self._words = None
        elif tag in _NATIVE_CODE:
            self._codes -= 1

    def text(self, text: str) -> None:
        if self._words is not None and not self._codes:
            self._words.append(text)

    def left_out(self, start: int, end: int, unit: int | None) -> None:
        """Nothing is kept of a unit that is malformed."""
        self._segments, self._words, self._codes = {}, None, 0

    def _language_of(self, attributes: Mapping[str, str]) -> str:
        written = attributes.get("xml:lang") or attributes.get("lang")
        if not written:
            raise self.fault("a <tuv> without xml:lang")
        written = written[:_LONGEST_CODE]
        try:
            language = parse_language(written)
        except LanguageError:
            language = written
        if len(self.languages) < _MOST_LANGUAGES:
            self.languages.add(language)
        return written
