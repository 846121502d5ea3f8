"""Where the pairs of one artefact come from: a source of the catalogue, or a file of the user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from clirot.bitext.config import FetchConfig
from clirot.bitext.formats import LocalFile, read_local
from clirot.bitext.formats.lines import refuse
from clirot.bitext.source import Source
from clirot.download import Upstream, fetch, identified
from clirot.errors import ClirotError, InputError, PartlyDoneError
from clirot.records import LanguagePair, ProgressSink, SentencePair
from clirot.store import Input

_EXAMPLES = 5  # of rows that could not be read


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
        source = self.source.resolved(self.pair, home=home, progress=progress)
        upstreams = source.upstreams(self.pair)
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
        return self.source.read(self.pair, files)

    def provenance(self) -> dict[str, Any]:
        """What its manifest says of where it is from."""
        return {
            "licence": self.source.licence,
            "homepage": self.source.homepage,
            "citation": self.source.citation,
            "urls": [one.url for one in self.upstreams],
        }


@dataclass(frozen=True)
class FileSupply:
    """A file of the user, or two aligned ones."""

    file: LocalFile
    pair: LanguagePair
    skip_malformed: bool
    malformed: list[str] = field(default_factory=list)
    """What was wrong with the rows that were left out."""
    word_list = False  # a file does not say what it is

    @property
    def label(self) -> str:
        """What errors call it."""
        return str(self.file)

    @property
    def asked(self) -> str:
        """The name that was asked for."""
        return self.label

    @property
    def path(self) -> Path:
        """The first of its files."""
        return self.file.paths[0]

    def ready(self, home: Path, progress: ProgressSink) -> FileSupply:
        """Itself: a file has no versions."""
        return self

    def identity(self) -> tuple[str, dict[str, Any], tuple[Input, ...]]:
        """Its name in the store, the settings that are its own, and its inputs."""
        name = self.file.source_name
        inputs = (Input(kind="file", name=name, digest=digest) for digest in self.file.digests)
        return name, {"skip_malformed": True} if self.skip_malformed else {}, tuple(inputs)

    def pairs(self, home: Path, progress: ProgressSink) -> Iterator[SentencePair]:
        """Its pairs, as they are read."""

        def count(error: InputError) -> None:
            # The messages of the first ones are kept; the others are only counted.
            self.malformed.append(error.message if len(self.malformed) < _EXAMPLES else "")

        malformed = count if self.skip_malformed else refuse
        return read_local(self.file, self.pair, malformed=malformed)

    def provenance(self) -> dict[str, Any]:
        """What its manifest says of where it is from."""
        paths = [str(path.absolute()) for path in self.file.paths]
        told = {"malformed": self.malformed[:_EXAMPLES]} if self.malformed else {}
        return {
            "licence": "not stated",
            "urls": [],
            "file": paths[0] if len(paths) == 1 else paths,
            **told,
        }


Supply = SourceSupply | FileSupply


def supplies(config: FetchConfig) -> list[Supply]:
    """All that was asked for, sources first.

    Raises:
        UsageError: a source or a format makes no sense.
    """
    sources = config.named_sources().items()
    found: list[Supply] = [SourceSupply(name, one, config.pair) for name, one in sources]
    files = config.local_files()
    return found + [FileSupply(one, config.pair, config.skip_malformed) for one in files]


def raise_failures(
    failed: Sequence[tuple[str, ClirotError]], done: int, what: str, *, hint: str | None = None
) -> None:
    """Raise for the sources that failed, if any did.

    Args:
        failed: name of a source and its error.
        done: number of the sources that did not fail.
        what: what happened, if only some failed; the part before a comma, if all did.
        hint: what to do if only some failed.

    Raises:
        PartlyDoneError: some failed and others did not.
        ClirotError: all failed; the source's own error if there was only one.
    """
    if not failed:
        return
    if len(failed) == 1 and not done:
        raise failed[0][1]
    what = what if done else what.partition(",")[0]
    reasons = "".join(f"\n  {source}: {error}" for source, error in failed)
    message = f"{len(failed)} of {len(failed) + done} sources {what}:{reasons}"
    raise PartlyDoneError(message, hint=hint) if done else ClirotError(message)
