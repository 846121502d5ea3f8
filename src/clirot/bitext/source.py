"""What a source of bitext is.

A source knows where its sentence pairs come from, under which terms, and for which pairs of
languages it has them. It yields them as published: what is dropped, and why, is decided in
:mod:`clirot.bitext.filters`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from clirot.download import Upstream
from clirot.records import LanguagePair, ProgressSink, SentencePair


class Source(Protocol):
    """Sentence pairs from one place, for one or more pairs of languages."""

    @property
    def name(self) -> str:
        """What a user calls it, and the store what came from it."""

    @property
    def title(self) -> str:
        """What is in it, in a few words."""

    @property
    def domain(self) -> str:
        """What it is about: ``news``, ``health``, ``names``, ..."""

    @property
    def licence(self) -> str:
        """SPDX identifier, or the terms in a few words."""

    @property
    def homepage(self) -> str:
        """Where people read about it."""

    @property
    def citation(self) -> str:
        """What to cite."""

    @property
    def revision(self) -> str:
        """Which state of it: decides, with the pair, what is read."""

    @property
    def recommended(self) -> bool:
        """Whether it is fetched where no source was named."""

    @property
    def evaluation(self) -> bool:
        """Whether people measure on it: then it is fetched only where it is named."""

    @property
    def word_list(self) -> bool:
        """Whether it is a list of words or names, not of sentences: its lines are not looked at for
        shifts, as a word or two on a line cannot tell, and are never realigned.
        """

    @property
    def languages(self) -> Sequence[str]:
        """Every language it has, English apart, as normalised codes, sorted."""

    def has(self, pair: LanguagePair) -> bool:
        """Whether it has bitext of a pair, in either direction."""

    def count(self, pair: LanguagePair) -> int | None:
        """How many sentence pairs, where that is known before reading them."""

    def resolved(self, pair: LanguagePair, *, home: Path, progress: ProgressSink) -> Source:
        """The same source with nothing left open: which version, which files.

        A source whose version is not named may have to ask a server for the latest one here.

        Raises:
            DownloadError: there is no answer.
            UsageError: it has no bitext of the pair.
        """

    def upstreams(self, pair: LanguagePair) -> tuple[Upstream, ...]:
        """The files it needs for a pair; empty where it needs none."""

    def read(self, pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
        """The pairs, ``pair.src`` first, from local copies of :meth:`upstreams` in that order.

        Raises:
            InputError: a file is not what it should be.
        """


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
