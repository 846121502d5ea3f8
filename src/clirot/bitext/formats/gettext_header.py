"""What a gettext catalogue says of itself, and how its entries become pairs.

Of an entry with plural forms, ``msgid`` goes with the form that the language uses for 1, and
``msgid_plural`` with the one it uses for most numbers from 2 to 100, by the rule in the header.

Source: GNU gettext manual, "Header Entry" and "Plural forms",
https://www.gnu.org/software/gettext/manual/
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from clirot.errors import InputError, LanguageError
from clirot.languages import parse_language
from clirot.records import LanguagePair, SentencePair

# Charsets that contain ASCII, so that lines and quotation marks can be found before decoding.
_CHARSET = re.compile(
    r"utf-8|ascii|iso8859-\d+|koi8-[rut]|cp\d+|gb2312|gbk|gb18030|big5(hkscs)?|euc_(jp|kr)|"
    r"shift_jis|tis-620|mac-\w+|ptcp154|kz1048"
)
_ASCII = bytes(range(0x20, 0x7F)) + b"\n\t"
_SCRIPTS = {"latin": "Latn", "cyrillic": "Cyrl", "arabic": "Arab", "devanagari": "Deva"}
_SAMPLE = range(2, 101)


@dataclass(frozen=True)
class Header:
    """The header of a catalogue: the translation of the empty string."""

    language: str | None = None
    """Normalised code of what it translates into, where it says so."""
    forms: tuple[int, int] | None = None
    """The plural forms of 1 and of most numbers, where it gives a rule."""

    @classmethod
    def parse(cls, text: str) -> Header:
        """Read ``Name: value`` lines; what makes no sense counts as not given."""
        values = {
            name.strip().casefold(): value.strip()
            for name, colon, value in (line.partition(":") for line in text.split("\n"))
            if colon
        }
        return cls(_language(values.get("language", "")), _forms(values.get("plural-forms", "")))

    def swapped(self, pair: LanguagePair, path: Path) -> bool:
        """Whether the translations are in the pair's source language.

        Raises:
            InputError: they are in neither language of the pair.
        """
        if self.language not in (None, pair.src, pair.tgt):
            raise InputError(f"translates into {self.language!r}, not {pair.tgt!r}", path=path)
        return self.language == pair.src

    def pairs(
        self, msgid: str, plural: str | None, strings: Mapping[int, str], number: int, place: int
    ) -> Iterator[SentencePair]:
        """The pairs of an entry: one, or two where it has plural forms."""
        if plural is None:
            yield SentencePair(msgid, strings.get(0, ""), str(number), place)
            return
        one, many = self.forms or (0, max(strings, default=0))
        yield SentencePair(msgid, strings.get(one, ""), str(number), place)
        yield SentencePair(plural, strings.get(many, ""), f"{number}.plural", place)


def charset_of(text: str, path: Path) -> str:
    """The charset that a header declares, as Python calls it; UTF-8 where it declares none.

    Raises:
        InputError: a charset that is not known, or does not contain ASCII.
    """
    declared = re.search(r"charset=([A-Za-z0-9_.:+-]{1,40})", text)
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


def _language(written: str) -> str | None:
    code, _, modifier = written.partition("@")  # sr@latin
    script = _SCRIPTS.get(modifier.strip().casefold())
    try:
        return parse_language(code if script is None else f"{code.split('_')[0]}-{script}")
    except LanguageError:
        return None


def _forms(written: str) -> tuple[int, int] | None:
    from gettext import c2py

    rule = re.search(r"nplurals\s*=\s*(\d{1,2})\s*;\s*plural\s*=\s*([^;]{1,1000})", written)
    if rule is None:
        return None
    try:
        form_of = c2py(rule[2].strip())
        one = form_of(1)
        (many, _), *_ = Counter(form_of(number) for number in _SAMPLE).most_common(1)
    except (ValueError, ArithmeticError, RecursionError, MemoryError, SyntaxError):
        return None
    return one, many
