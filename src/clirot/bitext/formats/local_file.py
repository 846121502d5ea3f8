"""Bitext from a file of the user, in any format.

A file is named in one of these ways::

    mine.tsv.gz                    any format, compressed or not
    data.csv:english,somali        a table, and its columns for source and target (and for ids)
    data.tsv:3,4                   columns by number: there is no header
    train.en,train.so              two files whose lines correspond
    corpus.en-so.zip               an archive of such two files, or of one of another format
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path

from clirot.bitext.formats.language_variants import LanguageVariants
from clirot.bitext.formats.request import (
    Fields,
    Malformed,
    Note,
    Part,
    Request,
    chosen,
    refuse_row,
)
from clirot.bitext.formats.sides import checked
from clirot.bitext.formats.table import ENDINGS, FORMATS, Format, ending_of, format_of
from clirot.bitext.formats.zip_archive import listed, member_names
from clirot.compressed import is_zip, open_raw, without_compression
from clirot.digests import file_digest
from clirot.errors import InputError, UsageError
from clirot.languages import is_language
from clirot.places import is_there
from clirot.records import LanguagePair, SentencePair

_LONGEST_CODE = 16
_BESIDE = ("readme", "license", "licence", "info", "citation", "copying")


@dataclass(frozen=True, kw_only=True)
class LocalFile:
    """A file that the user named, or two whose lines correspond."""

    paths: tuple[Path, ...]
    """One file, or two whose lines correspond."""
    fields: Fields | None = None
    """The columns of a table; None: found by their names."""
    format: str | None = None
    """A name of :data:`~clirot.bitext.formats.FORMATS`; None: told from content and name."""

    def __post_init__(self) -> None:
        if Path("-") in self.paths:
            raise UsageError(
                "bitext is read more than once and cannot come from standard input",
                hint="save it to a file and name that",
            )
        kind = FORMATS[self.format] if self.format is not None else None
        name = ",".join(map(str, self.paths))
        if kind is not None and self.fields is not None and not kind.is_table:
            raise UsageError(f"{name}: {kind.title} has no columns to name")
        if len(self.paths) == 2 and self.fields is not None:
            raise UsageError(f"{name}: two aligned files have no columns to name")
        if len(self.paths) == 2 and kind is not None and kind.parts != 2:
            raise UsageError(f"{name}: two files, but {kind.title} is one")

    @classmethod
    def parse(cls, text: str | os.PathLike[str], *, kind: str | None = None) -> LocalFile:
        """Read ``PATH``, ``PATH:SRC,TGT[,ID]`` or ``PATH,PATH``.

        If a file has exactly the name that was written, commas and colons included, it is meant.

        Args:
            text: what the user wrote.
            kind: the format; None: told from content and name.

        Raises:
            UsageError: the format is not known or does not go with what was named, or it is no
                file or two.
        """
        written = os.fspath(text)
        if not written:
            raise UsageError("a file without a name", hint="is a variable of the shell empty?")
        if _exists(written):
            return cls(paths=(Path(written),), format=kind)
        for at in _places(written, ":"):
            paths = _paths(written[:at])
            if paths is not None:
                return cls(paths=paths, fields=Fields.parse(written[at + 1 :]), format=kind)
        paths = _paths(written)
        if paths is not None:
            return cls(paths=paths, format=kind)
        # No such file exists. The error should be about the most likely meaning.
        path, colon, names = written.rpartition(":")
        if colon and "," in names and "/" not in names:
            return cls(paths=(Path(path),), fields=Fields.parse(names), format=kind)
        if sum(bool(one) and _exists(one) for one in written.split(",")) > 1:
            raise UsageError(
                f"{written}: at most two files go together",
                hint="give each other one as a file of its own",
            )
        one, comma, other = written.partition(",")
        if comma and one and other and (_exists(one) or _exists(other)):
            return cls(paths=(Path(one), Path(other)), format=kind)
        return cls(paths=(Path(written),), format=kind)

    def __str__(self) -> str:
        named = ",".join(map(str, self.paths))
        return named if self.fields is None else f"{named}:{self.fields.format()}"

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """The digest of each file, computed when it is first asked for.

        Raises:
            InputError: one is not there, is not a regular file, or may not be read.
        """
        for path in self.paths:
            open_raw(path)[0].close()
        try:
            return tuple(file_digest(path) for path in self.paths)
        except OSError as error:
            raise InputError(
                f"cannot be read: {error.strerror or error}", path=error.filename
            ) from error

    @cached_property
    def source_name(self) -> str:
        """``file-<stem>-<8 digits>``: the name of the source in the store.

        The digits are of the content, the columns and the format: other columns of one file are
        another source.

        Raises:
            InputError: a file cannot be read.
        """
        stem = self.paths[0].name
        if len(self.paths) == 2:
            same = takewhile(
                lambda two: two[0] == two[1], zip(stem, self.paths[1].name, strict=False)
            )
            stem = "".join(letter for letter, _ in same).rstrip(".-_") or stem
        settings = [one for one in (self.fields and self.fields.format(), self.format) if one]
        digest = self.digests[0]
        if settings or len(self.digests) > 1:
            digest = hashlib.sha256("\0".join([*self.digests, *settings]).encode()).hexdigest()
        return local_name(Path(stem), digest)


def read_local(
    file: LocalFile | Path,
    pair: LanguagePair,
    *,
    malformed: Malformed = refuse_row,
    note: Note = chosen,
    variants: LanguageVariants | None = None,
) -> Iterator[SentencePair]:
    """The pairs of a file, in the order they stand in it.

    Args:
        file: the file, or two; what :meth:`LocalFile.parse` gives.
        pair: the languages. Columns that the user names are in this order; formats that name
            their languages are read in either direction.
        malformed: told of rows of TSV, CSV and JSON lines, of units of TMX and XLIFF and of entries
            of PO that cannot be read; they are left out where it does not raise.
        note: told of what was recognised in the file; a warning of Python if nothing is given.
        variants: notes which variants of the languages were read; None: once the file is read, a
            Python warning says it (LanguageWarning, ChoiceNotice).

    Raises:
        InputError: with the line, where it is not what it should be.
    """
    if not isinstance(file, LocalFile):
        file = LocalFile(paths=(file,))
    said = variants if variants is not None else LanguageVariants(pair)
    parts = _parts(file, said)
    if len(parts) == 2:
        name = "moses"
    else:
        name = file.format or format_of(parts[0])
        if FORMATS[name].parts == 2:
            raise UsageError(
                f"{file}: {FORMATS[name].title}, but one file",
                hint="name both with a comma: train.en,train.so",
            )
    if file.fields is not None and not FORMATS[name].is_table:
        raise UsageError(f"{file}: {FORMATS[name].title} has no columns to name")
    request = Request(pair=pair, fields=file.fields, malformed=malformed, note=note, counted=said)
    pairs = _believable(FORMATS[name], parts, request, file)
    return pairs if variants is not None else said.told_after(pairs, str(file))


def _believable(
    kind: Format, parts: tuple[Part, ...], request: Request, file: LocalFile
) -> Iterator[SentencePair]:
    """The pairs, unless the columns that were found for the sides hold something else.

    What the user named himself is read, and what contradicts it is only said.
    """
    pairs, doubt = checked(kind.read(parts, request), request.pair, table=kind.is_table)
    if doubt is not None and kind.is_table and request.fields is None:
        raise InputError(
            doubt,
            path=parts[0].label,
            hint="name the columns of both sides: PATH:SRC,TGT",
        )
    if doubt is not None:
        request.note(f"{file}: {doubt}")
    yield from pairs


def local_name(path: Path, digest: str) -> str:
    """``file-<stem>-<first 8 digits of the digest>``: the source name of a local file.

    The digest is in it because two files of one name are two sources, and a changed file is
    another.
    """
    stem = path.name
    while (shorter := _shortened(stem)) != stem:
        stem = shorter
    stem = re.sub(r"[^A-Za-z0-9._+-]+", "-", stem).strip("-.") or "bitext"
    return f"file-{stem[:80]}-{digest[:8]}"


def _shortened(name: str) -> str:
    bare = without_compression(name)
    endings = (*ENDINGS, ".zip")
    return next((bare[: -len(ending)] for ending in endings if bare.lower().endswith(ending)), bare)


def _parts(file: LocalFile, variants: LanguageVariants) -> tuple[Part, ...]:
    if len(file.paths) == 2:
        one, other = (Part(path) for path in file.paths)
        codes = [_language(one), _language(other)]
        sides = variants.choose([code for code in codes if code])
        # Whoever names two files says by their order which is which, unless their names do.
        return (other, one) if None not in sides and sides[0] == codes[1] else (one, other)
    (path,) = file.paths
    raw, _ = open_raw(path)
    with raw:
        packed = is_zip(raw.peek(4)[:4])
    return _members(path, variants, file.format) if packed else (Part(path),)


def _members(path: Path, variants: LanguageVariants, format_: str | None) -> tuple[Part, ...]:
    """The one or two files of an archive that are the bitext.

    Two whose names end in the codes of the languages come first; then the only one whose ending is
    that of a format; then the only one there is.
    """
    names = member_names(path)
    parts = [Part(path, name) for name in names]
    if format_ in (None, "moses"):
        codes = [code for part in parts if (code := _language(part))]
        sides = variants.choose(codes)
        src, tgt = ([part for part in parts if side and _language(part) == side] for side in sides)
        if len(src) == len(tgt) == 1:
            return src[0], tgt[0]
    inside = [part for part in parts if not part.name.startswith(_BESIDE)]
    known = [part for part in inside if ending_of(part.name) == format_ or format_ is None]
    known = [part for part in known if ending_of(part.name) is not None]
    for candidates in (known, inside):
        if len(candidates) == 1:
            return (candidates[0],)
    pair = variants.pair
    raise InputError(
        f"which of its {len(names)} files is the bitext? It holds: {listed(names)}",
        path=path,
        hint=f"an archive holds one file, or two that end in .{pair.src} and .{pair.tgt}; "
        "unpack it and name the file",
    )


def _language(part: Part) -> str | None:
    """The language code that a name ends in, as it is written: ``so`` of ``corpus.en-so.so``."""
    ending = part.name.rpartition(".")[2]
    return ending if 2 <= len(ending) <= _LONGEST_CODE and is_language(ending) else None


def _exists(name: str) -> bool:
    try:
        return is_there(name)
    except (OSError, ValueError):  # a name that no file can have
        return False


def _places(text: str, mark: str) -> list[int]:
    return [at for at, character in enumerate(text) if character == mark and at > 0]


def _paths(written: str) -> tuple[Path, ...] | None:
    """The file, or the two files with a comma between them, where they exist."""
    if _exists(written):
        return (Path(written),)
    for at in _places(written, ","):
        one, other = written[:at], written[at + 1 :]
        if _exists(one) and other and _exists(other):
            return Path(one), Path(other)
    return None
