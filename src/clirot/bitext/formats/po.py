"""gettext PO, the catalogues of software translators, read as a stream.

``msgid`` is the source (English, in most projects) and ``msgstr`` the target, unless the header's
``Language`` is the pair's source. Fuzzy and obsolete entries are not translations and are skipped;
contexts and comments are not text.

Why not a library: polib and Babel hold the whole catalogue and read on after much that is broken
(see docs/decisions/059). The tests hold this reader against polib.

Source: GNU gettext manual, "PO Files", https://www.gnu.org/software/gettext/manual/
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from clirot.bitext.formats.gettext_header import Header, charset_of
from clirot.bitext.formats.lines import MAX_LINE, excerpt, numbered_lines
from clirot.errors import InputError
from clirot.records import LanguagePair, SentencePair

_KEYWORD = re.compile(r"(msgctxt|msgid_plural|msgid|msgstr|domain)(?:\[(\d{1,3})\])?\s*(?=\"|$)")
_STRING = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*')
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{2})|(.))")
_CONTROL = {"n": "\n", "t": "\t", "b": "\b", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_CONTROL |= {"\\": "\\", '"': '"'}
_HEAD = 1 << 16


class _Wrong(Protocol):
    """Makes an error with the line that is being read."""

    def __call__(self, message: str, hint: str | None = None) -> InputError: ...


def read_po(stream: io.BufferedReader, *, path: Path, pair: LanguagePair) -> Iterator[SentencePair]:
    """The entries of a catalogue as pairs; the id is the entry's number.

    An entry with plural forms is two pairs; one that is not translated has an empty side.

    Args:
        stream: the bytes.
        path: what to call them in errors.
        pair: the languages.

    Raises:
        InputError: with the line, where it is not PO, has an escape that PO does not have, or is
            not in the charset it declares; or the header names another language.
    """
    head = stream.peek(_HEAD)[:_HEAD].decode("ascii", "replace")
    charset = charset_of(head.partition("\n\n")[0], path)
    header, swapped = Header(), False
    for number, entry in enumerate(_entries(stream, path, charset), start=1):
        if number == 1 and not entry.msgid and entry.context is None:
            header = Header.parse(entry.strings.get(0, ""))
            swapped = header.swapped(pair, path)
        elif entry.fuzzy or not entry.msgid:
            continue
        else:
            found = header.pairs(entry.msgid, entry.plural, entry.strings, number, entry.line)
            for one in found:
                yield SentencePair(one.tgt, one.src, one.id, one.place) if swapped else one


@dataclass
class _Entry:
    """What was read of one entry."""

    fuzzy: bool = False
    line: int = 0
    context: str | None = None
    msgid: str | None = None
    plural: str | None = None
    strings: dict[int, str] = field(default_factory=dict)
    size: int = 0


def _entries(stream: io.BufferedReader, path: Path, charset: str) -> Iterator[_Entry]:
    entry = _Entry()
    target: str | int | None = None  # what a line of nothing but a string goes on with
    number = 0

    def wrong(message: str, hint: str | None = None) -> InputError:
        return InputError(message, path=path, line=number, hint=hint)

    def whole() -> bool:
        if entry.msgid is not None and not entry.strings:
            raise wrong(f"the msgid of line {entry.line} has no msgstr")
        return bool(entry.strings)

    for number, line in numbered_lines(stream, path=path, charset=charset):
        line = line.strip()
        if not line:
            continue
        if line[0] == "#":
            if whole():
                yield entry
                entry, target = _Entry(), None
            if line.startswith("#,") and "fuzzy" in re.split(r"[,\s]+", line[2:]):
                entry.fuzzy = True
            continue
        keyword = _KEYWORD.match(line)
        rest = line
        if keyword is not None:
            rest = line[keyword.end() :]
            name, index = keyword[1], keyword[2]
            if name in {"msgctxt", "msgid", "domain"} and whole():
                yield entry
                entry = _Entry()
            target = _begun(entry, name, index, number, wrong_of=wrong)
        elif line[0] != '"' or target is None:
            raise wrong(
                f"not PO: {excerpt(line)}", "a line is a comment, a keyword or a quoted string"
            )
        text = _unquoted(rest, charset, wrong_of=wrong)
        entry.size += len(text)
        if entry.size > MAX_LINE:
            raise wrong(f"an entry of more than {MAX_LINE:,} characters")
        _append(entry, target, text)
    if whole():
        yield entry


def _begun(
    entry: _Entry, name: str, index: str | None, number: int, *, wrong_of: _Wrong
) -> str | int:
    """Note that a keyword begins; what its strings go to."""
    if name == "domain":
        return "domain"
    if name == "msgctxt":
        if entry.context is not None or entry.msgid is not None:
            raise wrong_of("msgctxt in the middle of an entry")
        entry.context = ""
        return "context"
    if name == "msgid":
        if entry.msgid is not None:
            raise wrong_of("a second msgid without a msgstr between")
        entry.msgid, entry.line = "", number
        return "msgid"
    if entry.msgid is None:
        raise wrong_of(f"{name} without a msgid before it")
    if name == "msgid_plural":
        if entry.plural is not None or entry.strings:
            raise wrong_of("msgid_plural in the wrong place")
        entry.plural = ""
        return "plural"
    form = int(index) if index is not None else 0
    if form in entry.strings:
        raise wrong_of(f"a second msgstr for the msgid of line {entry.line}")
    if (index is None) != (entry.plural is None):
        raise wrong_of("msgstr[N] goes with msgid_plural, and msgstr without")
    entry.strings[form] = ""
    return form


def _append(entry: _Entry, target: str | int | None, text: str) -> None:
    if isinstance(target, int):
        entry.strings[target] += text
    elif target == "msgid":
        entry.msgid = (entry.msgid or "") + text
    elif target == "plural":
        entry.plural = (entry.plural or "") + text


def _unquoted(rest: str, charset: str, *, wrong_of: _Wrong) -> str:
    """The text of the strings in the rest of a line."""
    parts: list[str] = []
    at = 0
    while at < len(rest):
        string = _STRING.match(rest, at)
        if string is None:
            raise wrong_of(f"not a quoted string: {excerpt(rest[at:])}")
        parts.append(string[1])
        at = string.end()
    text = "".join(parts)
    return text if "\\" not in text else _unescaped(text, charset, wrong_of=wrong_of)


def _unescaped(text: str, charset: str, *, wrong_of: _Wrong) -> str:
    out = bytearray()  # octal and hexadecimal escapes are bytes of the charset
    at = 0
    try:
        for escape in _ESCAPE.finditer(text):
            out += text[at : escape.start()].encode(charset)
            octal, hexadecimal, letter = escape.groups()
            if letter is not None:
                if letter not in _CONTROL:
                    raise wrong_of(f"PO has no escape \\{letter}", "a backslash is written twice")
                out += _CONTROL[letter].encode("ascii")
            else:
                value = int(octal, 8) if octal is not None else int(hexadecimal, 16)
                if value > 0xFF:
                    raise wrong_of(f"PO has no escape {escape[0]}")
                out.append(value)
            at = escape.end()
        return (bytes(out) + text[at:].encode(charset)).decode(charset)
    except UnicodeError as error:
        raise wrong_of(f"escapes that are not {charset.upper()}") from error
