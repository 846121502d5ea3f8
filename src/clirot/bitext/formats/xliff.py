"""XLIFF 1.0 to 1.2 and 2.x, the XML format that translation tools exchange, read whole.

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

import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from clirot.bitext.formats.language_variants import hint_of
from clirot.bitext.formats.request import Request
from clirot.bitext.formats.toolkit import in_words, storage, whole
from clirot.bitext.formats.xml_recovery import Bytes, Outline
from clirot.bitext.formats.xml_stream import XmlReader
from clirot.errors import InputError, LanguageError
from clirot.languages import closest_language, closest_pair, parse_language
from clirot.records import SentencePair

_NATIVE_CODE = frozenset({"bpt", "ept", "it", "ph"})
_UNIT = re.compile(rb"<(?:trans-)?unit[\s/>]")
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def read_xliff(stream: IO[bytes], path: Path, request: Request) -> Iterator[SentencePair]:
    """The units of an XLIFF document as pairs; the id is the unit's, and its piece's or segment's.

    A document that translates from the pair's target language into its source language is read the
    other way round; a file in it that translates between other languages is left out. A unit in
    which something is not well-formed is malformed.

    Raises:
        InputError: with the line, where a unit is malformed, the rest is not well-formed XML, not
            XLIFF 1 or 2, or declares entities; or nothing in it is between the two languages.
        UsageError: translate-toolkit is not installed.
    """
    pair = request.pair
    content = whole(stream, path)
    checked = _Checked(path)
    for _ in checked.items(io.BytesIO(content), request.malformed):
        pass
    if checked.cuts:
        content = _without(content, checked.cuts)
    module, store = ("xliff", "Xliff1File") if checked.old else ("xliff2", "Xliff2File")
    document = getattr(storage(module), store)()
    document.units = []
    with in_words(path, lambda: ("not readable XLIFF", None)):
        document.parse(content)
    languages = [_languages(unit.xmlelement, checked.old) for unit in document.units]
    between = {f"{_code(one) or '?'} to {_code(other) or '?'}" for one, other in languages}
    wanted = _wanted(list(dict.fromkeys(languages)), request)
    found = False
    places = (number for number in range(1, checked.count + 1) if number not in checked.lost)
    for count, (unit, own_languages) in enumerate(
        zip(document.units, languages, strict=True), start=1
    ):
        place = next(places, count) if checked.old else count
        if own_languages in wanted:
            found, swapped = True, wanted[own_languages]
            name = unit.xmlelement.get("id") if checked.old else unit.getid()
            for one, other, own in _rows(unit.xmlelement, name or str(place)):
                sides = (other, one) if swapped else (one, other)
                yield SentencePair(*sides, own, place)
    if not found:
        raise InputError(
            f"nothing in it is between {pair.src!r} and {pair.tgt!r}; it translates: "
            f"{', '.join(sorted(between)[:20]) or 'nothing'}"
            + (f"; {checked.broken} units are malformed" if checked.broken else ""),
            hint="? is a language that the file does not state"
            if "?" in str(between)
            else hint_of(pair, [one for two in languages for one in two]),
            path=path,
        )


def _wanted(languages: list[tuple[str, str]], request: Request) -> dict[tuple[str, str], bool]:
    """The source and target languages whose units are read, as they are written -> whether they are
    read the other way round. Where the document translates into several variants of the language
    that is asked for, the nearest is read.
    """
    pair = request.pair
    read = {}
    for two in languages:
        src, tgt = closest_pair(pair.src, pair.tgt, two)
        # A file that does not name its target is taken to have what was asked for.
        side = next((one for one in (src, tgt) if one), None) if not two[1] else src and tgt
        if side:
            read[two] = two[0] == tgt
    targets = dict.fromkeys(two[not turned] for two, turned in read.items())
    best = closest_language(pair.tgt, targets)
    kept = {
        two: turned
        for two, turned in read.items()
        if not two[1] or _code(two[not turned]) == _code(best)
    }
    for two in kept:
        if two[1]:
            request.variants.choose(list(dict.fromkeys([*two, *targets])))
    return kept


class _Checked(XmlReader[None]):
    """Refuses what is hostile or no XLIFF, before the library has it.

    The library's parser reads no other file either, but leaves out entities without a word.
    """

    outline = Outline(
        units=frozenset({"trans-unit", "unit"}),
        holders=frozenset({"body", "group", "file"}),
        around=frozenset({"xliff", "file", "body", "group"}),
    )

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.old = True
        """Whether it is of version 1."""
        self.cuts: list[tuple[int, int]] = []
        """Where the tag before each fault begins, and the first byte after what is left out."""
        self.lost: set[int] = set()
        """Numbers of the units that are malformed, from 1."""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.size = 0
        if self.depth > 1:
            return
        if tag != "xliff":
            raise self.wrong(f"not XLIFF: the document is a <{tag[:60]}>")
        version = attributes.get("version", "none")
        self.old = version.startswith("1.")
        if not self.old and not version.startswith("2."):
            raise self.wrong(
                f"XLIFF of version {version[:20]!r}", "versions 1.0 to 1.2 and 2.x are read"
            )

    def left_out(self, start: int, end: int, unit: int | None) -> None:
        """Note what the library must not get."""
        self.cuts.append((start, end))
        self.lost |= {unit} if unit is not None else set()


def _without(content: bytes, cuts: list[tuple[int, int]]) -> bytes:
    """A document without some of its bytes. Their lines stay, and UTF-16 becomes UTF-8."""
    source = Bytes(io.BytesIO(content))
    content = b"".join(iter(source.read, b""))
    parts, at = [], 0
    for start, end in cuts:
        if not _UNIT.match(content, start):
            start = content.index(b">", start, end) + 1  # after the tag of something else
        parts += [content[at:start], b"\n" * content.count(b"\n", start, end)]
        at = end
    whole = b"".join([*parts, content[at:]])
    return whole if source.encoding is None else re.sub(rb"<\?xml[^>]*\?>", b"", whole, count=1)


def _languages(unit: Any, old: bool) -> tuple[str, str]:
    """The languages of a unit as its file, or the document, names them; an empty one: not named."""
    holder = next(unit.iterancestors("{*}file" if old else "{*}xliff"), unit)
    names = ("source-language", "target-language") if old else ("srcLang", "trgLang")
    src, tgt = (holder.get(name) for name in names)
    target = unit.find("{*}target")
    if not tgt and target is not None:
        tgt = target.get(_XML_LANG)
    return src or "", tgt or ""


def _code(written: str | None) -> str:
    """The normalised code; what is none as it is written."""
    try:
        return parse_language(written) if written else ""
    except LanguageError:
        return (written or "")[:40]


def _rows(unit: Any, name: str) -> Iterator[tuple[str, str, str]]:
    """(source, target, id) of a unit, or of each of the pieces that it was cut into."""
    target = unit.find("{*}target")
    if target is not None and target.get("state") == "needs-translation":
        target = None
    sources, targets = _pieces(unit.find("{*}seg-source")), _pieces(target)
    if sources and sources.keys() == targets.keys():
        for piece, text in sources.items():
            yield text, targets[piece], name if len(sources) == 1 else f"{name}.{piece}"
    else:
        yield _text(unit.find("{*}source")), _text(target), name


def _pieces(side: Any) -> dict[str, str]:
    pieces: dict[str, str] = {}
    for mark in () if side is None else side.iter("{*}mrk"):
        if mark.get("mtype") == "seg":
            pieces.setdefault(mark.get("mid", ""), _text(mark))
    return pieces


def _text(element: Any) -> str:
    """The text of an element; comments and native code are left out."""
    if element is None:
        return ""
    parts = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str) and child.tag.rpartition("}")[2] not in _NATIVE_CODE:
            parts.append(_text(child))
        parts.append(child.tail or "")
    return "".join(parts)
