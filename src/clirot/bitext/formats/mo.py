"""gettext MO, compiled catalogues: read whole, as their strings are found by offsets.

The standard library's reader keeps no ``msgid_plural`` and trusts the offsets; this one checks
them.

Source: GNU gettext manual, "MO Files", https://www.gnu.org/software/gettext/manual/
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from clirot.bitext.formats.gettext_header import Header, charset_of
from clirot.errors import InputError
from clirot.records import LanguagePair, SentencePair

MAGIC = {b"\xde\x12\x04\x95": "<", b"\x95\x04\x12\xde": ">"}
"""First bytes -> byte order."""

MAX_BYTES = 1 << 28
"""The largest catalogue: 256 MiB, some million entries."""
_OVERLAP = 4  # times the file's size that all strings together may have


def read_mo(stream: IO[bytes], *, path: Path, pair: LanguagePair) -> Iterator[SentencePair]:
    """The entries of a compiled catalogue as pairs; the id is the entry's number.

    Args:
        stream: the bytes.
        path: what to call them in errors.
        pair: the languages.

    Raises:
        InputError: not MO, an offset that leads out of the file, text that is not in the charset
            it declares, more than :data:`MAX_BYTES`; or the header names another language.
    """
    content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise InputError(f"a compiled catalogue of more than {MAX_BYTES:,} bytes", path=path)
    header, charset, swapped = Header(), "utf-8", False
    for number, (original, translated) in enumerate(_strings(content, path), start=1):
        try:
            if number == 1 and not original:
                charset = charset_of(translated.decode("ascii", "replace"), path)
                header = Header.parse(translated.decode(charset))
                swapped = header.swapped(pair, path)
                continue
            key, strings = original.decode(charset), translated.decode(charset)
        except UnicodeDecodeError as error:
            raise InputError(
                f"entry {number} is not {charset.upper()}: {error.reason}", path=path
            ) from error
        msgid, plural, *_ = [*key.rpartition("\x04")[2].split("\0"), None]
        if msgid:
            forms = dict(enumerate(strings.split("\0")))
            for one in header.pairs(msgid, plural, forms, number, number):
                yield SentencePair(one.tgt, one.src, one.id, one.place) if swapped else one


def _strings(content: bytes, path: Path) -> Iterator[tuple[bytes, bytes]]:
    """(original, translation) of each entry, as bytes.

    Raises:
        InputError: not MO, or it is cut short.
    """
    order = MAGIC.get(content[:4])
    if order is None or len(content) < 20:
        raise InputError("not a compiled gettext catalogue", path=path)
    revision, count, originals, translations = struct.unpack_from(f"{order}4I", content, 4)
    if revision >> 16 > 1:
        raise InputError(f"a compiled catalogue of revision {revision >> 16}", path=path)
    left = _OVERLAP * len(content)
    for number in range(count):
        found = []
        for table in (originals, translations):
            at = table + 8 * number
            length, start = (
                struct.unpack_from(f"{order}2I", content, at)
                if at + 8 <= len(content)
                else (1, len(content))
            )
            left -= length
            if start + length > len(content) or left < 0:
                raise InputError(
                    f"entry {number + 1} of {count} leads out of the file",
                    path=path,
                    hint="compile it again with msgfmt",
                )
            found.append(content[start : start + length])
        yield found[0], found[1]
