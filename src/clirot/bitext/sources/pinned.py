"""The sources that are files of a repository at a commit: the rows of ``pinned.toml``.

Each is of one of two kinds: one text in several languages (:class:`ParallelText`), or files for
each pair of languages (:class:`PairedSource`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from clirot.bitext.formats.lines import read_aligned
from clirot.bitext.source import Described, Source
from clirot.bitext.sources.freedict import read_dictionaries
from clirot.bitext.sources.tico19 import read_published, read_realigned_somali, read_terms
from clirot.download import Upstream
from clirot.records import LanguagePair, SentencePair

Reader = Callable[[LanguagePair, Sequence[Path]], Iterator[SentencePair]]
"""From the pair as the files have it, and local copies of the files, to the pairs."""

READERS: Mapping[str, Reader] = {
    "dictionaries": read_dictionaries,
    "memory": read_published,
    "realigned memory": read_realigned_somali,
    "terms": read_terms,
}
"""How the files of a source are read, where their lines do not simply correspond."""


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
