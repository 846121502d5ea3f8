"""What a source of bitext is, and the kinds that are pinned files.

A source knows where its sentence pairs come from, under which terms, and for which pairs of
languages it has them. It yields them as published: what is dropped, and why, is decided in
:mod:`clirot.bitext.filters`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, Self

from clirot.bitext.formats.aligned_text import read_aligned
from clirot.download import Upstream
from clirot.records import LanguagePair, ProgressSink, SentencePair


class Source(Protocol):
    """Sentence pairs from one place, for one or more pairs of languages."""

    @property
    def name(self) -> str:
        """As ``--source`` takes it, and as the store calls what came from it."""
        ...

    @property
    def title(self) -> str:
        """What is in it, in a few words."""
        ...

    @property
    def domain(self) -> str:
        """What it is about: ``news``, ``health``, ``names``, ..."""
        ...

    @property
    def licence(self) -> str:
        """SPDX identifier, or the terms in a few words."""
        ...

    @property
    def homepage(self) -> str:
        """Where people read about it."""
        ...

    @property
    def citation(self) -> str:
        """What to cite."""
        ...

    @property
    def revision(self) -> str:
        """Which state of it: decides, with the pair, what is read."""
        ...

    @property
    def recommended(self) -> bool:
        """Whether it is fetched where no source was named."""
        ...

    @property
    def evaluation(self) -> bool:
        """Whether people measure on it: then it is fetched only where it is named."""
        ...

    @property
    def word_list(self) -> bool:
        """Whether it is a list of words or names, not of sentences: its lines are not looked at for
        shifts, as a word or two on a line cannot tell, and are never realigned.
        """
        ...

    @property
    def languages(self) -> Sequence[str]:
        """Every language it has, English apart, as normalised codes, sorted."""
        ...

    def has(self, pair: LanguagePair) -> bool:
        """Whether it has bitext of a pair, in either direction."""
        ...

    def count(self, pair: LanguagePair) -> int | None:
        """How many sentence pairs, where that is known before reading them."""
        ...

    def resolved(self, pair: LanguagePair, *, home: Path, progress: ProgressSink) -> Source:
        """The same source with nothing left open: which version, which files.

        A source whose version is not named may have to ask a server for the latest one here.

        Raises:
            DownloadError: there is no answer.
            UsageError: it has no bitext of the pair.
        """
        ...

    def upstreams(self, pair: LanguagePair) -> tuple[Upstream, ...]:
        """The files it needs for a pair; empty where it needs none."""
        ...

    def read(self, pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
        """The pairs, ``pair.src`` first, from local copies of :meth:`upstreams` in that order.

        Raises:
            InputError: a file is not what it should be.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Described:
    """What every source of the table says of itself."""

    name: str
    title: str
    domain: str
    licence: str
    homepage: str
    citation: str
    revision: str
    recommended: bool = False
    evaluation: bool = False
    word_list: bool = False

    def resolved(self, pair: LanguagePair, *, home: Path, progress: ProgressSink) -> Self:
        """Itself: its files are pinned."""
        return self


@dataclass(frozen=True, kw_only=True)
class PairedSource(Described):
    """Files of their own for each pair of languages, and a way to read them."""

    files: Mapping[tuple[str, str], tuple[Upstream, ...]]
    """Two languages, in the order of the files -> the files."""
    counts: Mapping[tuple[str, str], int] | int | None = None
    """Sentence pairs of each, or of all of them; None: not known."""
    reader: Callable[[LanguagePair, Sequence[Path]], Iterator[SentencePair]]
    """The pair as the files have it, and local files -> pairs."""

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
        if published is None or self.counts is None:
            return None
        if isinstance(self.counts, int):
            return self.counts
        return self.counts.get((published.src, published.tgt))

    def upstreams(self, pair: LanguagePair) -> tuple[Upstream, ...]:
        """The pinned files of a pair."""
        published = self._published(pair)
        return () if published is None else self.files[published.src, published.tgt]

    def read(self, pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
        """The pairs in local copies of the files."""
        published = self._published(pair) or pair
        if published == pair:
            yield from self.reader(pair, files)
        else:
            for one in self.reader(published, files):
                yield replace(one, src=one.tgt, tgt=one.src)

    def _published(self, pair: LanguagePair) -> LanguagePair | None:
        if (pair.src, pair.tgt) in self.files:
            return pair
        if (pair.tgt, pair.src) in self.files:
            return LanguagePair(pair.tgt, pair.src)
        return None


def aligned_lines(
    id_prefix: str,
) -> Callable[[LanguagePair, Sequence[Path]], Iterator[SentencePair]]:
    """A reader of two files whose lines correspond; the prefix is that of the ids."""

    def read(pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
        first, second = files
        return read_aligned(first, second, id_prefix=id_prefix)

    return read


@dataclass(frozen=True, kw_only=True)
class ParallelText(Described):
    """A text in several languages, a file each, whose lines correspond: any two are bitext."""

    texts: Mapping[str, Upstream]
    """Language -> its file."""
    lines: int
    """Of each file."""
    id_prefix: str
    """What the line number follows in an id."""

    @property
    def languages(self) -> Sequence[str]:
        """The languages there are files for."""
        return sorted(set(self.texts) - {"en"})

    def has(self, pair: LanguagePair) -> bool:
        """Whether both languages have a file."""
        return pair.src in self.texts and pair.tgt in self.texts

    def count(self, pair: LanguagePair) -> int | None:
        """The lines, which are the same for all."""
        return self.lines if self.has(pair) else None

    def upstreams(self, pair: LanguagePair) -> tuple[Upstream, ...]:
        """The two files."""
        return (self.texts[pair.src], self.texts[pair.tgt]) if self.has(pair) else ()

    def read(self, pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
        """The lines that correspond."""
        return aligned_lines(self.id_prefix)(pair, files)
