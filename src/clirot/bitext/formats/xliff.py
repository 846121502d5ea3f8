"""XLIFF 1.0 to 1.2 and 2.x, the XML format that translation tools exchange, read as a stream.

Pairs are the source and target of each ``trans-unit`` (1.x) or ``segment`` (2.x). Where a 1.x unit
was cut into sentences (``seg-source`` and ``mrk mtype="seg"``) and both sides have the same pieces,
each piece is a pair. Inline elements are flattened: the text of ``g``, ``pc`` and ``mrk`` belongs
to the sentence, the native code in ``bpt``, ``ept``, ``it`` and ``ph`` does not. Proposals
(``alt-trans``, ``match``) are not read, and a target whose state is ``needs-translation`` is no
translation.

Source: XLIFF 1.2 (https://docs.oasis-open.org/xliff/v1.2/os/xliff-core.html) and 2.1
(https://docs.oasis-open.org/xliff/xliff-core/v2.1/xliff-core-v2.1.html)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from clirot.bitext.formats.xml_stream import Words
from clirot.errors import InputError, LanguageError
from clirot.languages import parse_language
from clirot.records import SentencePair

_NATIVE_CODE = frozenset({"bpt", "ept", "it", "ph"})
_SIDES = frozenset({"source", "seg-source", "target"})
_MOST_LANGUAGES = 64
_MOST_PIECES = 100_000


def read_xliff(stream: IO[bytes], *, src: str, tgt: str, path: Path) -> Iterator[SentencePair]:
    """The units of an XLIFF document as pairs; the id is the unit's, and its piece's or segment's.

    A document that translates from ``tgt`` to ``src`` is read the other way round; a file in it
    that translates between other languages is left out.

    Args:
        stream: the document.
        src: normalised code of the source language.
        tgt: normalised code of the target language.
        path: what to call the document in errors.

    Raises:
        InputError: with the line, where it is not well-formed XML, not XLIFF 1 or 2, or declares
            entities; or nothing in it is between the two languages.
    """
    document = _Document(path, src, tgt)
    yield from document.items(stream)
    if not document.found:
        between = ", ".join(sorted(document.languages)) or "none"
        raise InputError(
            f"nothing in it is between {src!r} and {tgt!r}; it translates: {between}",
            path=path,
        )


class _Document(Words[SentencePair]):
    def __init__(self, path: Path, src: str, tgt: str) -> None:
        super().__init__(path)
        self.found = False
        self.languages: set[str] = set()
        self._pair = (src, tgt)
        self._version = ""
        self._stack: list[str] = []
        self._languages: tuple[str, str] = ("", "")
        self._swapped = False
        self._wanted = False
        self._count = 0
        self._unit = ""
        self._segments = 0
        self._segment = ""
        self._side = ""
        self._texts: dict[str, str] = {}
        self._pieces: dict[str, dict[str, str]] = {}
        self._piece: str | None = None
        self._piece_depth = 0
        self._piece_text: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        parent = self._stack[-1] if self._stack else ""
        self._stack.append(tag)
        if self.depth == 1:
            self._root(tag, attributes)
        elif self.collecting:
            if tag in _NATIVE_CODE:
                self.code(1)
            elif tag == "mrk" and attributes.get("mtype") == "seg" and self._piece is None:
                self._piece, self._piece_depth = attributes.get("mid", ""), self.depth
                self._piece_text = []
        elif tag == "file" and self._version == "1":
            self._between(attributes.get("source-language"), attributes.get("target-language"))
        elif tag in {"trans-unit", "unit"}:
            self._unit, self._segments = attributes.get("id", ""), 0
            if tag == "trans-unit":
                self._begin("")
        elif tag == "segment":
            self._segments += 1
            self._begin(attributes.get("id", ""))
        elif tag in _SIDES and parent == ("trans-unit" if self._version == "1" else "segment"):
            untranslated = attributes.get("state") == "needs-translation"
            if tag == "target" and not self._languages[1]:
                self._between(self._languages[0], attributes.get("xml:lang"))
            if self._wanted and not untranslated and tag not in self._texts:
                self._side = tag
                self.collect()

    def end(self, tag: str) -> None:
        tag = self._stack.pop()
        if self.collecting:
            if tag in _NATIVE_CODE:
                self.code(-1)
            elif self._piece is not None and self.depth == self._piece_depth:
                pieces = self._pieces.setdefault(self._side, {})
                if len(pieces) >= _MOST_PIECES:
                    raise self.wrong(f"a unit of more than {_MOST_PIECES:,} segments")
                pieces.setdefault(self._piece, "".join(self._piece_text))
                self._piece = None
            elif tag == self._side:
                self._texts[tag] = self.collected()
        elif tag == ("trans-unit" if self._version == "1" else "segment") and self._wanted:
            self._finish()

    def text(self, text: str) -> None:
        before = self.so_far()
        super().text(text)
        if self._piece is not None and self.so_far() > before:
            self._piece_text.append(text)

    def _root(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag != "xliff":
            raise self.wrong(f"not XLIFF: the document is a <{tag[:60]}>")
        self._version = attributes.get("version", "").partition(".")[0]
        if self._version not in {"1", "2"}:
            raise self.wrong(
                f"XLIFF of version {attributes.get('version', 'none')[:20]!r}",
                "versions 1.0 to 1.2 and 2.x are read",
            )
        if self._version == "2":
            self._between(attributes.get("srcLang"), attributes.get("trgLang"))

    def _between(self, src: str | None, tgt: str | None) -> None:
        """Take the languages of what follows; a target language may be left out."""
        self._languages = (_normalised(src), _normalised(tgt))
        here, there = self._languages
        self._swapped = here == self._pair[1]
        matches = self._pair if not self._swapped else self._pair[::-1]
        self._wanted = here == matches[0] and there in (matches[1], "")
        self.found = self.found or (self._wanted and there != "")
        if len(self.languages) < _MOST_LANGUAGES:
            self.languages.add(f"{here or '?'} to {there or '?'}")

    def _begin(self, segment: str) -> None:
        self._count += 1
        self._segment = segment
        self._texts, self._pieces, self._piece = {}, {}, None

    def _finish(self) -> None:
        self.found = True
        name = self._unit or str(self._count)
        if self._version == "2":
            segment = self._segment or (str(self._segments) if self._segments > 1 else "")
            name = f"{name}.{segment}" if segment else name
        sources = self._pieces.get("seg-source") or {}
        targets = self._pieces.get("target") or {}
        if sources and sources.keys() == targets.keys():
            for piece, text in sources.items():
                own = name if len(sources) == 1 else f"{name}.{piece}"
                self._add(text, targets[piece], own)
            return
        self._add(self._texts.get("source", ""), self._texts.get("target", ""), name)

    def _add(self, one: str, other: str, name: str) -> None:
        src, tgt = (other, one) if self._swapped else (one, other)
        self.finished.append(SentencePair(src, tgt, name, self._count))


def _normalised(code: str | None) -> str:
    try:
        return parse_language(code) if code else ""
    except LanguageError:
        return (code or "")[:40]
