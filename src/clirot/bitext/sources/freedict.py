"""FreeDict: the dictionaries of English and Swahili, as pairs of a headword and an equivalent.

Words, not sentences: something to start a vocabulary from. Under the GPL, so it is fetched where it
is named and not otherwise.

Source: https://freedict.org; Banski and Wojtowicz 2009, "A repository of free lexical resources for
African languages". The format is TEI P5, chapter 9 (entry, form/orth, sense, def).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

from clirot.bitext.source import PairedSource
from clirot.bitext.sources.github import Repository
from clirot.errors import InputError
from clirot.records import LanguagePair, SentencePair

_AT = Repository(
    slug="freedict/fd-dictionaries",
    commit="c4ec720264bdcc2e34ce604d9308f5948ae7b7b7",
    licence="GPL-2.0-or-later",
)
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
                # Some equivalents have markup within: their text is all of it.
                yield number, word, " ".join("".join(meaning.itertext()).split())
            entry.clear()
    except ElementTree.ParseError as error:
        raise InputError(f"not well-formed XML: {error}", path=path) from error


FREEDICT = PairedSource(
    name="freedict",
    title="words of a dictionary",
    domain="words",
    licence=_AT.licence,
    homepage="https://freedict.org",
    citation="Banski and Wojtowicz 2009. A repository of free lexical resources for African "
    "languages: the project and the method.",
    revision=_AT.commit,
    files={
        ("en", "sw"): (
            _AT.file(
                "eng-swh/eng-swh.tei",
                280674,
                "79586c52e741ee6282048a1fd0065b143dc7866603e633ba0fc75e8da210d7c8",
            ),
            _AT.file(
                "swh-eng/swh-eng.tei",
                959242,
                "1d9e2368eb30f0af33bb36055d246742924caadd750b6644ed2834b77dc1490c",
            ),
        )
    },
    counts=3849,
    word_list=True,
    reader=read_dictionaries,
)
