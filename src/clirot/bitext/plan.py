"""What fetching would download and how much disk it would take. Nothing is fetched."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

from clirot.bitext.config import FetchConfig
from clirot.bitext.formats.file_supply import FileSupply
from clirot.bitext.formats.local_file import LocalFile
from clirot.bitext.source import Source, SourceSupply
from clirot.bitext.sources.hub import HubSource
from clirot.bitext.stored import artefact_name
from clirot.compressed import ENDINGS
from clirot.download import Upstream, free_bytes, presence, stated_size, without_network
from clirot.errors import ClirotError, InputError
from clirot.records import LanguagePair, ProgressSink, silent
from clirot.store import Store

_UNPACKED = 3  # unpacked text is about this many times as large as packed text
_PACKED = (".zip", ".tgz", *ENDINGS)


@dataclass(frozen=True)
class PlannedFile:
    """A file that a source needs."""

    url: str
    size: int | None
    """Bytes; None if neither the table nor the server states it."""
    arrived: int
    """Bytes that were downloaded before."""
    whole: bool
    """Whether the whole file was downloaded before."""

    @property
    def left(self) -> int:
        """Bytes still to download, as far as they are known."""
        return 0 if self.whole else max(0, (self.size or 0) - self.arrived)

    @property
    def text(self) -> int:
        """Estimated bytes of text in the file."""
        return _text(self.url, self.size or self.arrived)


@dataclass(frozen=True)
class PlannedSource:
    """A source whose version and files are known."""

    source: Source
    pairs: int | None
    """Number of sentence pairs as published; None if it is not known."""
    files: tuple[PlannedFile, ...]
    stored: bool
    """Whether the store has its bitext already."""

    @property
    def of_hub(self) -> bool:
        """Whether the datasets library fetches it, which does not state the size."""
        return isinstance(self.source, HubSource)


@dataclass(frozen=True)
class PlannedLocal:
    """A file of the user, or two aligned ones, whose first pair could be read."""

    file: LocalFile
    sizes: tuple[int, ...]
    """Bytes of each path."""

    @property
    def text(self) -> int:
        """Estimated bytes of text in the files."""
        paths = zip(self.file.paths, self.sizes, strict=True)
        return sum(_text(path.name, size) for path, size in paths)


@dataclass(frozen=True)
class Plan:
    """What would be fetched for a pair."""

    pair: LanguagePair
    sources: tuple[PlannedSource, ...]
    files: tuple[PlannedLocal, ...]
    failed: tuple[tuple[str, ClirotError], ...]
    """Sources that could not be looked up and files that could not be read, with the error."""
    free: int
    """Free bytes on the disk of the store."""

    @property
    def left(self) -> int:
        """Bytes to download, as far as they are known."""
        return sum(file.left for one in self.sources for file in one.files)

    @property
    def unknown(self) -> int:
        """Number of files to download whose size is not known."""
        return sum(
            not file.whole and file.size is None for one in self.sources for file in one.files
        )

    @property
    def needed(self) -> int:
        """Bytes of disk for the downloads and, about as much as their text, for the bitext."""
        text = sum(file.text for one in self.sources if not one.stored for file in one.files)
        return self.left + text + sum(one.text for one in self.files)


def planned(config: FetchConfig, *, store: Store, progress: ProgressSink = silent) -> Plan:
    """What fetching would download, and whether the local files can be read.

    Servers may be asked which version is the latest and how large a file is; a file is read as far
    as its first pair. What cannot be looked up or read is in the result.
    """
    sources: list[PlannedSource] = []
    files: list[PlannedLocal] = []
    failed: list[tuple[str, ClirotError]] = []
    with without_network() if config.offline else nullcontext():
        for supply in config.supplies():
            try:
                if isinstance(supply, FileSupply):
                    files.append(_planned_file(supply, store, progress))
                else:
                    sources.append(_planned_source(supply, store, progress))
            except ClirotError as error:
                failed.append((supply.label, error))
    free = free_bytes(store.home)
    return Plan(config.pair, tuple(sources), tuple(files), tuple(failed), free)


def _planned_source(supply: SourceSupply, store: Store, progress: ProgressSink) -> PlannedSource:
    pair = supply.published
    source = supply.source.resolved(pair, home=store.home, progress=progress)
    files = tuple(_file(one, store) for one in source.upstreams(pair))
    stored = store.has("bitext", artefact_name(supply.pair, source.name))
    return PlannedSource(source, source.count(pair), files, stored)


def _planned_file(supply: FileSupply, store: Store, progress: ProgressSink) -> PlannedLocal:
    if next(supply.pairs(store.home, progress), None) is None:
        raise InputError("no sentence pair is in it", path=supply.path)
    return PlannedLocal(supply.file, tuple(path.stat().st_size for path in supply.file.paths))


def _text(name: str, size: int) -> int:
    return size * (_UNPACKED if name.endswith(_PACKED) else 1)


def _file(upstream: Upstream, store: Store) -> PlannedFile:
    here = presence(upstream, home=store.home)
    size = here.arrived if here.whole else (upstream.size or stated_size(upstream))
    return PlannedFile(upstream.url, size, here.arrived, here.whole)
