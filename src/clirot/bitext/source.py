"""What a source of bitext is, and the kind that is downloaded.

A source knows where its sentence pairs come from, under which terms, and for which languages it has
them. It yields them as published: what is dropped, and why, is decided in
:mod:`clirot.bitext.filters`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from clirot.download import Upstream
from clirot.records import SentencePair


class Source(Protocol):
    """Sentence pairs of English and another language, from one place."""

    @property
    def name(self) -> str:
        """As ``--source`` takes it."""
        ...

    @property
    def title(self) -> str:
        """What is in it, in a few words."""
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
        """Which state of it: decides, with the language, what is read."""
        ...

    @property
    def recommended(self) -> bool:
        """Whether it is fetched where no source was named."""
        ...

    @property
    def languages(self) -> Sequence[str]:
        """The languages it pairs with English, as normalised codes, sorted."""
        ...

    def upstreams(self, language: str) -> tuple[Upstream, ...]:
        """The files it needs for a language; empty where it needs none."""
        ...

    def read(self, language: str, files: Sequence[Path]) -> Iterator[SentencePair]:
        """The pairs, English first, from local copies of :meth:`upstreams` in that order.

        Raises:
            InputError: a file is not what it should be.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class DownloadedSource:
    """A source that is some pinned files for each language and a way to read them."""

    name: str
    title: str
    licence: str
    homepage: str
    citation: str
    revision: str
    recommended: bool
    files: Mapping[str, tuple[Upstream, ...]]
    """Language -> its files."""
    reader: Callable[[str, Sequence[Path]], Iterator[SentencePair]]
    """Language and local files -> pairs, English first."""

    @property
    def languages(self) -> Sequence[str]:
        """The languages there are files for."""
        return sorted(self.files)

    def upstreams(self, language: str) -> tuple[Upstream, ...]:
        """The pinned files of a language."""
        return self.files[language]

    def read(self, language: str, files: Sequence[Path]) -> Iterator[SentencePair]:
        """The pairs in local copies of the files."""
        return self.reader(language, files)
