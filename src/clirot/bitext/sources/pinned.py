"""The sources that are files of a repository at a commit: the rows of ``pinned.toml``.

Each is of one of two kinds: one text in several languages (:class:`ParallelText`), or files for
each pair of languages (:class:`PairedSource`). Most files have a sentence on each line; TICO-19 and
FreeDict have readers of their own.

TICO-19 has 3,071 sentences on the pandemic in English and dozens of languages, and terminologies.
Two sources share the sentences. ``tico-19`` is what was published. In the published Somali file the
two sides have come apart: an English sentence was left inside the Somali of ``Wikinews_6:1159``,
and after it the Somali is ahead by one unit, except for one stretch, up to the last but one.
``tico-19-realigned`` puts the 1,750 moved sentences back and leaves out the three that have no
counterpart. ``tico-19-terms`` has some 600 terms by translators of Facebook and of Google.

FreeDict has the dictionaries of English and Swahili, as pairs of a headword and an equivalent:
words, not sentences. The licence is the GPL, so this source is fetched only when it is named. The
format is TEI P5, chapter 9 (entry, form/orth, sense, def).

Sources: Anastasopoulos et al. 2020, https://tico-19.github.io; Banski and Wojtowicz 2009, "A
repository of free lexical resources for African languages", https://freedict.org
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from clirot.bitext.formats.lines import read_aligned, read_lines
from clirot.bitext.formats.request import Request
from clirot.bitext.formats.tmx import read_tmx
from clirot.bitext.formats.zip_archive import open_member
from clirot.bitext.source import Described, Source
from clirot.download import Upstream
from clirot.errors import InputError
from clirot.records import LanguagePair, SentencePair

Reader = Callable[[LanguagePair, Sequence[Path]], Iterator[SentencePair]]
"""From the pair as the files have it, and local copies of the files, to the pairs."""


@dataclass(frozen=True, kw_only=True)
class PairedSource(Described):
    """Files of their own for each pair of languages."""

    files: Mapping[tuple[str, str], tuple[Upstream, ...]]
    """Two languages, in the order of the files -> the files."""
    counts: Mapping[tuple[str, str], int]
    """Sentence pairs, where they were counted."""
    reader: Reader

    @property
    def languages(self) -> Sequence[str]:
        """The languages there are files for."""
        return sorted({language for pair in self.files for language in pair} - {"en"})

    def has(self, pair: LanguagePair) -> bool:
        """Whether there are files of the pair."""
        return self._published(pair) is not None

    def count(self, pair: LanguagePair) -> int | None:
        """Sentence pairs, as counted in the files."""
        published = self._published(pair)
        return self.counts.get((published.src, published.tgt)) if published is not None else None

    def upstreams(self, pair: LanguagePair) -> tuple[Upstream, ...]:
        """The pinned files of a pair."""
        published = self._published(pair)
        return () if published is None else self.files[published.src, published.tgt]

    def read(self, pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
        """The pairs in local copies of the files."""
        published = self._published(pair) or pair
        for one in self.reader(published, files):
            yield one if published == pair else replace(one, src=one.tgt, tgt=one.src)

    def _published(self, pair: LanguagePair) -> LanguagePair | None:
        both = pair, LanguagePair(pair.tgt, pair.src)
        return next((one for one in both if (one.src, one.tgt) in self.files), None)


@dataclass(frozen=True, kw_only=True)
class ParallelText(Described):
    """A text in several languages, a file each, whose lines correspond: any two are bitext."""

    texts: Mapping[str, Upstream]
    """Language -> its file."""
    lines: int
    """Of each file."""
    id_prefix: str
    """What stands before the line number in the id of a pair."""

    @property
    def languages(self) -> Sequence[str]:
        """The languages there are files for."""
        return sorted(set(self.texts) - {"en"})

    def has(self, pair: LanguagePair) -> bool:
        """Whether both languages have a file."""
        return pair.src in self.texts and pair.tgt in self.texts

    def count(self, pair: LanguagePair) -> int | None:
        """The number of lines, which is the same for all."""
        return self.lines if self.has(pair) else None

    def upstreams(self, pair: LanguagePair) -> tuple[Upstream, ...]:
        """The two files."""
        return (self.texts[pair.src], self.texts[pair.tgt]) if self.has(pair) else ()

    def read(self, pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
        """The lines that correspond."""
        return _read_lines(pair, files, id_prefix=self.id_prefix)


# The serial numbers of the units whose Somali stands in the unit before, and those that have none.
_AHEAD = (range(1161, 1701), range(1861, 3071))
_WITHOUT_SOMALI = (1159, 1160, 1860)


def read_published(pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
    """The units of one of TICO-19's translation memories, as they are."""
    (path,) = files
    with open_member(path, suffix=".tmx") as stream:
        yield from read_tmx(stream, path, Request(pair=pair))


def read_realigned_somali(pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
    """The units of the Somali file, each English sentence with its own translation.

    Raises:
        InputError: the units are not numbered as in the file this correction was made for.
    """
    units = list(read_published(pair, files))
    if [_serial(unit) for unit in units] != list(range(1, 3072)):
        raise InputError("not the translation memory this correction is for", path=files[0])
    yield units[0]
    for before, unit in pairwise(units):
        serial = _serial(unit)
        if serial in _WITHOUT_SOMALI:
            continue
        ahead = any(serial in stretch for stretch in _AHEAD)
        yield SentencePair(unit.src, before.tgt if ahead else unit.tgt, unit.id, unit.place)


def _serial(unit: SentencePair) -> int:
    """``Wikinews_6:1159`` -> 1159: units are numbered through the whole collection."""
    number = unit.id.rpartition(":")[2]
    return int(number) if number.isdigit() else -1


def read_terms(pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
    """The terms of CSV files with the columns ``sourceString`` and ``targetString``.

    Raises:
        InputError: a file has other columns, or is no CSV.
    """
    for path in files:
        prefix = path.name.split("_")[0]
        # A line break inside a quoted cell belongs to the cell, so it is put back.
        rows = csv.DictReader(f"{line}\n" for line in read_lines(path))
        try:
            for number, row in enumerate(rows, start=1):
                source, target = row["sourceString"], row["targetString"]
                yield SentencePair(source or "", target or "", f"{prefix}{number}")
        except KeyError as error:
            raise InputError(f"no column {error}", path=path, line=1) from error
        except csv.Error as error:
            raise InputError(f"not CSV: {error}", path=path, line=rows.line_num) from error


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


READERS: Mapping[str, Reader] = {
    "dictionaries": read_dictionaries,
    "memory": read_published,
    "realigned memory": read_realigned_somali,
    "terms": read_terms,
}
"""How the files of a source are read, where their lines do not simply correspond."""


def pinned_sources() -> list[Source]:
    """The sources of the table, by name."""
    with Path(__file__).with_suffix(".toml").open("rb") as stream:
        table = tomllib.load(stream)
    return [_source(name, row) for name, row in table.items()]


def _source(name: str, row: Mapping[str, Any]) -> Source:
    known = {path: (int(size), digest) for path, size, digest in _rows(row.get("known", ""))}
    base = f"https://raw.githubusercontent.com/{row['repository']}/{row['commit']}/"
    directory = f"{row['directory']}/" if "directory" in row else ""

    def file(path: str) -> Upstream:
        size, digest = known.get(path, (None, None))
        url = f"{base}{directory}{path}"
        return Upstream(url=url, sha256=digest, licence=row["licence"], size=size)

    said = {
        "name": name,
        "homepage": f"https://github.com/{row['repository']}",
        "revision": row["commit"],
        **{key: row[key] for key in Described.__dataclass_fields__ if key in row},
    }
    if "texts" in row:
        names = (entry.split("=") for entry in row["texts"].split())
        texts = {language: file(row["path"].format(written)) for language, written in names}
        return ParallelText(**said, texts=texts, lines=row["lines"], id_prefix=row["id_prefix"])
    files, counts = {}, {}
    for one, other, written, *count in _rows(row["pairs"]):
        paths = (path.format(*written.split(","), one=one) for path in row["paths"])
        files[one, other] = tuple(file(path) for path in paths)
        if count:
            counts[one, other] = int(count[0])
    lines = partial(_read_lines, id_prefix=row.get("id_prefix", ""))
    reader = READERS[row["reader"]] if "reader" in row else lines
    return PairedSource(**said, files=files, counts=counts, reader=reader)


def _rows(text: str) -> Iterator[list[str]]:
    return (line.split() for line in text.strip().splitlines())


def _read_lines(
    pair: LanguagePair, files: Sequence[Path], *, id_prefix: str
) -> Iterator[SentencePair]:
    first, second = files
    return read_aligned(first, second, id_prefix=id_prefix)
