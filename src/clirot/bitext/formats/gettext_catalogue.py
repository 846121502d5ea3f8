"""gettext catalogues, which software is translated with: PO, and MO, its compiled form.

``msgid`` is the source (English, in most projects) and ``msgstr`` the target, unless the header's
``Language`` is the pair's source. Fuzzy and obsolete entries are no translations and are skipped;
an entry that is not translated is a pair with an empty side. Contexts and comments are not text.

Of an entry with plural forms, ``msgid`` goes with the form that the language uses for 1, and
``msgid_plural`` with the one that it uses for most numbers from 2 to 100, by the header's rule.

Source: GNU gettext manual, "PO Files", "MO Files", "Header Entry" and "Plural forms",
https://www.gnu.org/software/gettext/manual/
"""

from __future__ import annotations

import codecs
import io
import re
import struct
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from clirot.bitext.formats.language_variants import hint_of
from clirot.bitext.formats.lines import excerpt, numbered_lines
from clirot.bitext.formats.po_entries import entries_of, is_header
from clirot.bitext.formats.request import Request
from clirot.bitext.formats.toolkit import in_words, storage, whole
from clirot.errors import InputError, LanguageError
from clirot.languages import closest_pair, parse_language
from clirot.records import SentencePair

MO_MAGIC = {b"\xde\x12\x04\x95": "<", b"\x95\x04\x12\xde": ">"}
"""First bytes of MO -> byte order."""

# Charsets that contain ASCII, so that lines and quotation marks can be found before decoding.
_CHARSET = re.compile(
    r"utf-8|ascii|iso8859-\d+|koi8-[rut]|cp\d+|gb2312|gbk|gb18030|big5(hkscs)?|euc_(jp|kr)|"
    r"shift_jis|tis-620|mac-\w+|ptcp154|kz1048"
)
_ASCII = bytes(range(0x20, 0x7F)) + b"\n\t"
_NUMBERS = range(2, 101)
_HEAD = 1 << 16
_MO_OVERLAP = 4  # times the file's size that all strings together may have

_LINE = re.compile(
    r"(?:(?:msgctxt|msgid|msgid_plural|msgstr(?:\[\d{1,3}\])?)\s*)?" r'"(?:[^"\\]|\\.)*"'
)
_ESCAPE = re.compile(r"((?:\\[0-7]{1,3}|\\x[0-9A-Fa-f]{2})+)|\\(.)")
_RAW = {"b": "\b", "f": "\f", "v": "\v", "a": "\a"}
# What translate-toolkit unescapes; it takes other escapes for letters.
_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})

_Entry = tuple[list[str], Mapping[int, str], int, int]
"""``msgid`` with ``msgid_plural``, the translations by plural form, number, and place."""


def read_po(stream: IO[bytes], path: Path, request: Request) -> Iterator[SentencePair]:
    """The entries of a PO catalogue as pairs; the id is the entry's number.

    An entry with a line that is not PO or not in the declared charset, or with an escape that PO
    does not have, or which lacks a part, is malformed.

    Raises:
        InputError: with the line, where an entry is malformed; or the header is, or names another
            language.
        UsageError: translate-toolkit is not installed.
    """
    content = whole(stream, path)
    charset = _charset(content[:_HEAD].decode("ascii", "replace").partition("\n\n")[0], path)
    lines: list[str] = []
    unreadable: dict[int, InputError] = {}
    raw: list[bytes] = []  # all lines, split once, where some cannot be decoded

    def undecoded(error: InputError) -> None:
        number = error.line or 1
        unreadable[number] = error
        raw.extend(content.split(b"\n") if not raw else ())
        lines.append(raw[number - 1][:80].decode("ascii", "replace"))

    numbered = numbered_lines(io.BytesIO(content), path=path, charset=charset, malformed=undecoded)
    for number, line in numbered:
        try:
            lines.append(_checked(line.strip(), charset, path, number))
        except InputError as error:
            unreadable[number] = error
            lines.append(line)
    lost: list[int] = []
    try:
        if unreadable:
            raise unreadable[min(unreadable)]
        catalogue, begun = _parsed(lines, path)
    except InputError as error:
        lines, lost = _without_broken(lines, unreadable, error, request)
        catalogue, begun = _parsed(lines, path)
    yield from _pairs(catalogue, _entries(catalogue, begun, lost), request, path)


def _parsed(lines: Sequence[str], path: Path) -> tuple[Any, list[int]]:
    """A catalogue as the library parses its lines, and the lines with a msgid."""
    pypo, parser = storage("pypo"), storage("poparser")
    begun = [number for number, line in enumerate(lines, start=1) if re.match(r'msgid\s*"', line)]
    catalogue = pypo.pofile()
    catalogue.units = []  # without the header of a new catalogue
    state = parser.PoParseState([f"{line}\n" for line in lines], catalogue.create_unit)
    with in_words(
        path,
        lambda: (f"no entry of PO goes on with {excerpt(state.next_line.strip())}", state.lineno),
    ):
        parser.parse_units(state, catalogue)
    # A msgid that begins with "_:" is a comment in KDE's old way, alone or before the msgid proper.
    units = [one for one in catalogue.units if one.msgid or one.msgidcomments]
    catalogue.units = [one for one in units if not one.isobsolete()]
    if len(catalogue.units) > len(begun):  # damaged: it has read a msgid where no line has one
        raise InputError(
            f"{len(catalogue.units)} entries, and {len(begun)} lines that begin with msgid",
            path=path,
            hint="is it PO, and whole?",
        )
    if len(catalogue.units) != len(begun):  # the library leaves out a last entry that is not whole
        raise InputError(f"the msgid of line {begun[-1]} has no msgstr", path=path, line=begun[-1])
    return catalogue, begun


def _without_broken(
    lines: list[str], unreadable: Mapping[int, InputError], first: InputError, request: Request
) -> tuple[list[str], list[int]]:
    """The lines with empty ones for those of broken entries; and the first line of each of these.

    Args:
        lines: all lines.
        unreadable: number of a line -> why it cannot be read.
        first: what was found first.
        request: told of each broken entry.
    """
    found = list(entries_of(lines, unreadable))
    broken = [entry for entry in found if not entry.sound]
    header = next((entry for entry in found if entry.kinds.strip("cob")), found[0])
    if not broken or (header in broken and is_header(lines, header)):
        raise first
    kept, lost = list(lines), []
    for entry in broken:
        start = entry.numbers[0]
        problem = next((unreadable[one] for one in entry.numbers if one in unreadable), None)
        if entry is broken[0]:
            problem = first
        if problem is None:
            what = f"not a whole entry of PO: {excerpt(lines[start - 1].strip())}"
            problem = InputError(what, path=first.path, line=start)
        request.malformed(problem)
        for number in entry.numbers:
            kept[number - 1] = ""
        lost += [start] * entry.counted
    return kept, lost


def _entries(catalogue: Any, begun: Sequence[int], lost: Sequence[int]) -> Iterator[_Entry]:
    """The entries that are translations, numbered with those that are lost."""
    pypo = storage("pypo")
    for number, (unit, line) in enumerate(zip(catalogue.units, begun, strict=True), start=1):
        if not unit.isfuzzy() and not unit.isheader():
            forms = unit.msgstr if isinstance(unit.msgstr, dict) else {0: unit.msgstr}
            strings = {form: pypo.unquotefrompo(quoted) for form, quoted in forms.items()}
            own = (unit.msgid or unit.msgidcomments, unit.msgid_plural)
            msgids = [pypo.unquotefrompo(one) for one in own if one]
            yield msgids, strings, number + bisect_left(lost, line), line


def read_mo(stream: IO[bytes], path: Path, request: Request) -> Iterator[SentencePair]:
    """The entries of a compiled catalogue as pairs; the id is the entry's number.

    Raises:
        InputError: it is not MO, an offset leads out of the file, or text is not in the charset
            that it declares; or the header names another language.
        UsageError: translate-toolkit is not installed.
    """
    content = whole(stream, path)
    _check_offsets(content, path)
    catalogue = storage("mo").mofile()
    catalogue.units = []
    with in_words(path, lambda: (f"entry {len(catalogue.units) + 1}", None)):
        catalogue.parse(content)
    header = catalogue.header()
    _charset(header.target if header else "", path)
    entries = (
        (_strings(unit.source), dict(enumerate(_strings(unit.target))), number, number)
        for number, unit in enumerate(catalogue.units, start=1)
    )
    yield from _pairs(catalogue, entries, request, path)


def _pairs(
    catalogue: Any, entries: Iterable[_Entry], request: Request, path: Path
) -> Iterator[SentencePair]:
    """The pairs of the entries: of each one, or two where it has plural forms."""
    turned = _turned(catalogue.parseheader().get("Language", "").strip(), request, path)
    forms = _forms(catalogue.getheaderplural()[1])
    for msgids, strings, number, place in entries:
        one, many = (forms or (0, max(strings))) if len(msgids) > 1 else (0, 0)
        names = ((one, str(number)), (many, f"{number}.plural"))
        for msgid, (form, name) in zip(msgids, names, strict=False):
            sides = msgid, strings.get(form, "")
            if msgids[0]:
                yield SentencePair(*(sides[::-1] if turned else sides), name, place)


def _turned(written: str, request: Request, path: Path) -> bool:
    """Whether the language that a header names is the pair's source, not its target.

    Raises:
        InputError: it is neither.
    """
    pair = request.pair
    try:
        language = parse_language(written)
    except LanguageError:
        return False  # it names none, or none that is known
    src, tgt = closest_pair(pair.src, pair.tgt, (written,))
    if src is None and tgt is None:
        raise InputError(
            f"translates into {language!r}, not {pair.tgt!r}",
            path=path,
            hint=hint_of(pair, [written]),
        )
    request.variants.choose([written, pair.src if tgt else pair.tgt])
    return tgt is None


def _forms(rule: str | None) -> tuple[int, int] | None:
    """The plural forms of 1 and of most numbers, or None where the rule makes no sense."""
    from gettext import c2py

    try:
        form_of = c2py((rule or "")[:1000].strip())
        one = form_of(1)
        (many, _), *_ = Counter(form_of(number) for number in _NUMBERS).most_common(1)
    except (ValueError, ArithmeticError, RecursionError, MemoryError, SyntaxError):
        return None
    return one, many


def _charset(header: str, path: Path) -> str:
    """The charset that a header declares, as Python calls it; UTF-8 where it declares none."""
    declared = re.search(r"charset=([A-Za-z0-9_.:+-]{1,40})", header)
    if declared is None or declared[1] == "CHARSET":  # as in a template that nobody filled in
        return "utf-8"
    try:
        name = codecs.lookup(declared[1]).name
        known = _CHARSET.fullmatch(name) is not None and _ASCII.decode(name) == _ASCII.decode()
    except (LookupError, UnicodeDecodeError):
        known = False
    if not known:
        raise InputError(
            f"the charset {declared[1]!r} is not known",
            path=path,
            hint="convert it, for example with: msgconv -t UTF-8",
        )
    return name


def _checked(line: str, charset: str, path: Path, number: int) -> str:
    """A line of PO in which only escapes are left that the library knows."""
    if not line or line.startswith("#"):
        return line
    if not _LINE.fullmatch(line):
        raise InputError(
            f"not a line of PO: {excerpt(line)}",
            path=path,
            line=number,
            hint="a line is a comment, or a quoted string with or without a keyword before it",
        )

    def known(escape: re.Match[str]) -> str:
        try:
            if escape[2] is not None:
                return escape[0] if f"\\{escape[2]}" in _ESCAPED.values() else _RAW[escape[2]]
            steps = re.findall(r"\\(?:x(..)|([0-7]+))", escape[1])
            numbers = bytes(int(one, 16) if one else int(octal, 8) for one, octal in steps)
            return numbers.decode(charset).translate(_ESCAPED)
        except (KeyError, ValueError) as error:
            raise InputError(
                f"unknown escape {escape[0]}, or bytes that are not {charset.upper()}",
                path=path,
                line=number,
                hint="a backslash is written twice",
            ) from error

    return _ESCAPE.sub(known, line)


def _strings(text: str) -> list[str]:
    """The one string of an entry, or its plural forms, as plain strings."""
    return ["".join([one, ""]) for one in getattr(text, "strings", [text])]


def _check_offsets(content: bytes, path: Path) -> None:
    """Refuse a catalogue whose strings are not all in it: the library would cut them short."""
    order = MO_MAGIC.get(content[:4])
    if order is None or len(content) < 28:
        raise InputError("not a compiled gettext catalogue", path=path)
    revision, count, *tables = struct.unpack_from(f"{order}4I", content, 4)
    if revision >> 16:
        raise InputError(f"MO of revision {revision >> 16} is not supported", path=path)
    left = _MO_OVERLAP * len(content)
    for number in range(count):
        for at in (table + 8 * number for table in tables):
            inside = at + 8 <= len(content)
            length, start = struct.unpack_from(f"{order}2I", content, at) if inside else (0, 0)
            left -= length
            if not inside or start + length > len(content) or left < 0:
                raise InputError(
                    f"entry {number + 1} of {count} leads out of the file",
                    path=path,
                    hint="compile it again with msgfmt",
                )
