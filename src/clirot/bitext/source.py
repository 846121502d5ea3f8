"""What a source of bitext is, and how its pairs come into an artefact.

A source knows where its sentence pairs come from, under which terms, and for which pairs of
languages it has them. It yields them as published: what is dropped, and why, is decided in
:mod:`clirot.bitext.filters`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self

from clirot.download import Upstream, fetch, identified
from clirot.languages import closest_pair
from clirot.records import LanguagePair, ProgressSink, SentencePair
from clirot.store import Input


class Source(Protocol):
    """Sentence pairs from one place, for one or more pairs of languages."""

    @property
    def name(self) -> str:
        """The name that a user gives, and part of the name of its bitext in the store."""

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
        """The page that describes it."""

    @property
    def citation(self) -> str:
        """What to cite."""

    @property
    def revision(self) -> str:
        """Its version. Version and pair together decide which sentences are read."""

    @property
    def recommended(self) -> bool:
        """Whether it is fetched when no source was named."""

    @property
    def evaluation(self) -> bool:
        """Whether it is an evaluation set. Such a set is fetched only when it is named."""

    @property
    def word_list(self) -> bool:
        """Whether it is a list of words or names, not of sentences. One or two words on a line do
        not show whether lines are shifted, so lists are neither checked nor realigned.
        """

    @property
    def languages(self) -> Sequence[str]:
        """The normalised codes of its languages, sorted, without English."""

    def has(self, pair: LanguagePair) -> bool:
        """Whether it has bitext of a pair, in either direction."""

    def count(self, pair: LanguagePair) -> int | None:
        """The number of sentence pairs, or None if it is not known before they are read."""

    def resolved(self, pair: LanguagePair, *, home: Path, progress: ProgressSink) -> Source:
        """The same source with its version and its files known.

        A source whose version was not named may ask a server for the latest one.

        Raises:
            DownloadError: the server does not answer.
            UsageError: it has no bitext of the pair.
        """

    def warnings(self, pair: LanguagePair) -> list[str]:
        """What it reads instead of a language of the pair; of a source that is resolved."""

    def upstreams(self, pair: LanguagePair) -> tuple[Upstream, ...]:
        """The files that it reads for a pair; empty if it reads none."""

    def read(self, pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
        """The pairs, with ``pair.src`` first.

        Args:
            pair: the languages.
            files: local copies of :meth:`upstreams`, in the same order.

        Raises:
            InputError: a file is not in the format of the source.
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

    def warnings(self, pair: LanguagePair) -> list[str]:
        """None: it is asked for the languages that it has (:func:`published`)."""
        return []


def published(source: Source, pair: LanguagePair) -> LanguagePair | None:
    """The pair as a source has it: of a language that it lacks, the nearest variant in the same
    script, ``pt`` for ``pt-PT``. None: it has no such bitext.
    """
    if source.has(pair):
        return pair
    src, tgt = closest_pair(pair.src, pair.tgt, ("en", *source.languages))
    if src is None or tgt is None:
        return None
    near = LanguagePair(src, tgt)
    return near if source.has(near) else None


@dataclass(frozen=True)
class SourceSupply:
    """A source of the catalogue for one pair of languages."""

    asked: str
    """The name that was asked for."""
    source: Source
    pair: LanguagePair
    upstreams: tuple[Upstream, ...] = ()
    path: Path | None = None

    @property
    def published(self) -> LanguagePair:
        """The pair in the languages that the source has it in."""
        return published(self.source, self.pair) or self.pair

    @property
    def label(self) -> str:
        """What errors call it."""
        return self.source.name

    @property
    def word_list(self) -> bool:
        """Whether it is a list of words or names."""
        return self.source.word_list

    def ready(self, home: Path, progress: ProgressSink) -> SourceSupply:
        """The same with its version and the digests of its files.

        A file without a published digest is downloaded for this, if it was not before.
        """
        source = self.source.resolved(self.published, home=home, progress=progress)
        upstreams = source.upstreams(self.published)
        known = tuple(identified(one, home=home, progress=progress) for one in upstreams)
        return replace(self, source=source, upstreams=known)

    def identity(self) -> tuple[str, dict[str, Any], tuple[Input, ...]]:
        """Its name in the store, the settings that are its own, and its inputs."""
        inputs = (
            Input(kind="url", name=one.url, digest=one.sha256 or "") for one in self.upstreams
        )
        return self.source.name, {"revision": self.source.revision}, tuple(inputs)

    def pairs(self, home: Path, progress: ProgressSink) -> Iterator[SentencePair]:
        """Its pairs, once its files are downloaded."""
        files = [fetch(one, home=home, progress=progress) for one in self.upstreams]
        return self.source.read(self.published, files)

    def warnings(self) -> list[str]:
        """What was read instead of a language that was asked for."""
        sides = zip(
            (self.pair.src, self.pair.tgt),
            (self.published.src, self.published.tgt),
            strict=True,
        )
        near = [
            f"{taken!r} is taken for {wanted!r}, which the source does not have"
            for wanted, taken in sides
            if taken != wanted
        ]
        return near + self.source.warnings(self.published)

    def provenance(self) -> dict[str, Any]:
        """What its manifest says of where it is from."""
        return {
            "licence": self.source.licence,
            "homepage": self.source.homepage,
            "citation": self.source.citation,
            "urls": [one.url for one in self.upstreams],
        }
