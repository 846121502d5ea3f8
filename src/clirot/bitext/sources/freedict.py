"""FreeDict: the dictionaries of English and Swahili, as pairs of a headword and an equivalent.

The pairs are words, not sentences. The licence is the GPL, so this source is fetched only when it
is named.

Source: https://freedict.org; Banski and Wojtowicz 2009, "A repository of free lexical resources for
African languages". The format is TEI P5, chapter 9 (entry, form/orth, sense, def).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

from clirot.errors import InputError
from clirot.records import LanguagePair, SentencePair

_TEI = "{http://www.tei-c.org/ns/1.0}"


def read_dictionaries(pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
    """Each headword with each of its equivalents, English first.

    Args:
        pair: English and the other language.
        files: the dictionary from English, and the one into English.

    Raises:
        InputError: a file is not well-formed XML.
    """
    from_english, into_english = files
    for number, word, meaning in _entries(from_english):
        yield SentencePair(word, meaning, f"{pair.src}-{pair.tgt}:{number}")
    for number, word, meaning in _entries(into_english):
        yield SentencePair(meaning, word, f"{pair.tgt}-{pair.src}:{number}")


def _entries(path: Path) -> Iterator[tuple[int, str, str]]:
    number = 0
    try:
        for _, entry in ElementTree.iterparse(path):
            if entry.tag != f"{_TEI}entry":
                continue
            word = " ".join((entry.findtext(f"{_TEI}form/{_TEI}orth") or "").split())
            for meaning in entry.iter(f"{_TEI}def"):
                number += 1
                # Some equivalents have elements inside; all of their text is taken.
                yield number, word, " ".join("".join(meaning.itertext()).split())
            entry.clear()
    except ElementTree.ParseError as error:
        raise InputError(f"not well-formed XML: {error}", path=path) from error
