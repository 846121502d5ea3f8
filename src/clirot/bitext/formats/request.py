"""What the reader of a format gets: the parts that the user named, and what is wanted of them.

A part is bytes with a name. Of a table it is wanted which columns or fields hold the two sides of a
pair. The user names the fields, or they are found by their names: ``src`` and ``tgt``, ``source``
and ``target``, the codes of the languages in any spelling (``en``, ``som_Latn``,
``translation.en``), or their English names.
"""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from clirot.bitext.formats.language_variants import LanguageVariants, hint_of
from clirot.bitext.formats.zip_archive import listed, open_named
from clirot.compressed import kind_of, open_bytes, open_raw, without_compression
from clirot.errors import ChoiceNotice, InputError, LanguageError, UsageError
from clirot.languages import (
    closest_pair,
    language_code,
    language_name,
    parse_language,
    same_language,
)
from clirot.records import LanguagePair
from clirot.registry import closest

Malformed = Callable[[InputError], None]
"""What is told of a malformed row: :func:`refuse_row`, or something that counts."""

SKIPPED = "`fetch_bitext(skip_malformed=True)` leaves out what is broken, counts it and goes on"
"""The hint of a fault that need not end the reading."""

Note = Callable[[str], None]
"""What is told, in words, of something that was chosen or passed over and that is no fault."""

_SIDES = (("src", "tgt"), ("source", "target"))
_IDS = ("id", "tuid")
_LONGEST = 40
_NAME_THEM = "name them: PATH:SRC,TGT (or by number from 1, where there is no header)"
_MOST_NAMES = 1000


@dataclass(frozen=True)
class Part:
    """Bytes with a name."""

    path: Path
    """The file on disk."""
    member: str | None = None
    """The name in the archive, where ``path`` is one."""

    @property
    def label(self) -> Path:
        """Its name in errors: ``corpus.zip/train.en``."""
        if self.member is None:
            return self.path
        return Path(f"{self.path}/{listed([self.member])}")

    @property
    def name(self) -> str:
        """Its own name in small letters, without directories and the ending of a compression."""
        own = PurePosixPath(self.member).name if self.member is not None else self.path.name
        return without_compression(own.lower())

    def packed(self) -> bool:
        """Whether it is compressed or in an archive."""
        raw, _ = open_raw(self.path)
        with raw:
            return self.member is not None or kind_of(raw.peek(16)) is not None

    def open(self) -> io.BufferedReader:
        """The bytes, unpacked.

        Raises:
            InputError: it cannot be read.
        """
        if self.member is None:
            return open_bytes(self.path)
        return open_named(self.path, self.member)


def refuse(error: InputError) -> None:
    """Raise the error, so that a malformed row ends the reading."""
    raise error


def refuse_row(error: InputError) -> None:
    """Raise the error of a row or unit, and say in its hint that it could be left out."""
    error.hint = f"{error.hint}; {SKIPPED}" if error.hint else SKIPPED
    raise error


def chosen(note: str) -> None:
    """Say a note as a warning of Python."""
    warnings.warn(note, ChoiceNotice, stacklevel=2)


@dataclass(frozen=True)
class Fields:
    """The names of the columns, or their numbers from 1 where a table has no header."""

    src: str
    """The column of the source side. A dot leads into a nested field."""
    tgt: str
    """The column of the target side."""
    id: str | None = None
    """The column of the pair's id; None: the id is the number of the row."""

    @classmethod
    def parse(cls, text: str) -> Fields:
        """Read ``SRC,TGT`` or ``SRC,TGT,ID``; a name with a comma in it takes quotation marks.

        Raises:
            UsageError: not two or three names.
        """
        try:
            names = [name.strip() for name in next(csv.reader([text], strict=True))]
        except (csv.Error, StopIteration):
            names = []
        if len(names) not in (2, 3) or not all(names) or len(set(names)) < len(names):
            raise UsageError(
                f"not the names of columns: {text!r}",
                hint="write SRC,TGT or SRC,TGT,ID, for example english,somali or 2,3",
            )
        return cls(*names)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in this order."""
        return (self.src, self.tgt) if self.id is None else (self.src, self.tgt, self.id)

    @property
    def places(self) -> tuple[int, ...] | None:
        """The columns from 0 where all of them are numbers, else None."""
        if not all(name.isascii() and name.isdigit() and int(name) > 0 for name in self.names):
            return None
        return tuple(int(name) - 1 for name in self.names)

    def format(self) -> str:
        """``SRC,TGT[,ID]``, for a manifest."""
        return ",".join(f'"{name}"' if "," in name else name for name in self.names)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is wanted of a file."""

    pair: LanguagePair
    """The languages. By them columns are found, and files that name their languages are read in
    either direction."""
    fields: Fields | None = None
    """The columns of a table; None: found by their names."""
    malformed: Malformed = refuse_row
    """Told of the rows and units that cannot be read; they are left out if it does not raise."""
    note: Note = chosen
    """Told of what was recognised in a file, so that it can be said."""
    counted: LanguageVariants | None = None
    """Where the variants of the languages are noted; None: nobody asks for them."""

    @cached_property
    def variants(self) -> LanguageVariants:
        """The variants of the languages that the file has, counted while it is read."""
        return self.counted if self.counted is not None else LanguageVariants(self.pair)

    def found_in(self, names: Sequence[str]) -> Fields | None:
        """As :func:`found_in`; which variants of the languages were chosen is noted."""
        fields = found_in(names, self.pair)
        codes = _codes(names, self.pair)
        if fields is not None and {fields.src, fields.tgt} <= codes.keys():
            own = codes[fields.src], codes[fields.tgt]
            if own == closest_pair(self.pair.src, self.pair.tgt, tuple(codes.values())):
                self.variants.choose(list(codes.values()))
        return fields

    def names_other_variants(self, names: Sequence[str]) -> bool:
        """Whether a first line names both languages, but not both in the script that is asked for:
        it is a header then, whose table has other texts.
        """
        codes = set(_codes(names, self.pair).values())
        src, tgt = (
            {code for code in codes if same_language(side, code)}
            for side in (self.pair.src, self.pair.tgt)
        )
        return bool(src and tgt) and len(src | tgt) > 1


def nested_names(row: Mapping[str, Any], levels: int = 3, before: str = "") -> Iterator[str]:
    """The dotted names of the values in an object and in the objects within it."""
    for name, value in list(row.items())[:_MOST_NAMES]:
        if isinstance(value, Mapping) and levels > 1:
            yield from nested_names(value, levels - 1, f"{before}{name}.")
        else:
            yield f"{before}{name}"


def nested_value(row: Mapping[str, Any], name: str) -> Any:
    """The value of a dotted name; a name that has the dot itself comes first.

    Raises:
        KeyError: there is none.
    """
    value: Any = row
    for step in [name] if name in row else name.split("."):
        if not isinstance(value, Mapping) or step not in value:
            raise KeyError(name)
        value = value[step]
    return value


def found_in(names: Sequence[str], pair: LanguagePair) -> Fields | None:
    """The fields for a pair among the names of a table, or None if a side has none.

    Args:
        names: the columns; nested ones with dots.
        pair: the languages.
    """
    by_name = {name.strip().casefold(): name for name in reversed(names)}
    for src, tgt in _SIDES:
        if src in by_name and tgt in by_name:
            return _with_id(by_name[src], by_name[tgt], by_name)
    codes = _codes(names, pair)
    src_code, tgt_code = closest_pair(pair.src, pair.tgt, tuple(codes.values()))
    if src_code is None or tgt_code is None:
        return None
    columns = {code: name for name, code in reversed(codes.items())}
    return _with_id(columns[src_code], columns[tgt_code], by_name)


def _codes(names: Sequence[str], pair: LanguagePair) -> dict[str, str]:
    """Column -> the language code that its name is, as it is spelled, or stands for."""
    found: dict[str, str] = {}
    for name in names:
        leaf = name.strip().rpartition(".")[2]
        # A longer text than any language tag is a sentence, and would only fill the cache.
        code = _code(leaf, pair) if len(leaf) <= _LONGEST else None
        if code is not None:
            found.setdefault(name, code)
    return found


def _with_id(src: str, tgt: str, by_name: dict[str, str]) -> Fields:
    # "id" may be the code of Indonesian; then the column is a side.
    own = [by_name[name] for name in _IDS if name in by_name and by_name[name] not in (src, tgt)]
    return Fields(src, tgt, own[0] if own else None)


@lru_cache(maxsize=512)
def _code(name: str, pair: LanguagePair) -> str | None:
    for code in (pair.src, pair.tgt):
        if name.casefold() == language_name(code).casefold():
            return code
    try:
        parse_language(name)
    except LanguageError:
        return language_code(name)
    return name


def missing(names: Sequence[str], pair: LanguagePair, fields: Fields | None) -> tuple[str, str]:
    """(message, hint) for a table that lacks the fields that were named, or any for the pair."""
    shown = ", ".join(repr(name[:40]) for name in names[:12]) + (", ..." if names[12:] else "")
    if fields is not None:
        absent = next((name for name in fields.names if name not in names), fields.src)
        near = closest(absent, names)
        hint = f"did you mean {near!r}?" if near else "name columns that it has: PATH:SRC,TGT"
        return f"no column {absent!r}; it has {shown or 'none'}", hint
    return (
        f"no columns for {pair.src!r} and {pair.tgt!r} among {shown or 'none'}",
        "; ".join([*filter(None, [hint_of(pair, _codes(names, pair).values())]), _NAME_THEM]),
    )
