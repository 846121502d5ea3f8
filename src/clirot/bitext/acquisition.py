"""Fetch bitext: from the catalogue and from files into the store, each source an artefact.

What was kept, what was dropped and why, the licence and the addresses are in each artefact's
manifest. A source that fails does not stop the others.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clirot.bitext.catalogue import recommended_for, source_for
from clirot.bitext.filters import FilterConfig
from clirot.bitext.formats import FORMATS, LocalFile, read_local
from clirot.bitext.line_order import line_order, realigned_pairs, unjudged
from clirot.bitext.source import Source
from clirot.bitext.stored import PAIRS, artefact_name, write_pairs
from clirot.download import Upstream, fetch, identified
from clirot.errors import BusyError, ClirotError, InputError, PartlyDoneError
from clirot.records import LanguagePair, ProgressSink, SentencePair, Step, silent
from clirot.store import Artefact, Input, Store

if TYPE_CHECKING:
    from clirot.bitext.filters.overlap import Overlap
    from clirot.bitext.filters.scoring import CorpusScorer

_FORMAT = 2  # of pairs.parquet and of how it is filtered: a change makes older artefacts outdated
_STEP = 5000
_POLL_S = 0.2
_EXAMPLES = 5  # of rows that could not be read


@dataclass(frozen=True, kw_only=True)
class FetchConfig:
    """What to fetch. With neither sources nor files: what the catalogue recommends for the pair."""

    pair: LanguagePair
    """The teacher's language and the student's."""
    sources: tuple[str, ...] = ()
    """Names of catalogue sources."""
    files: tuple[Path, ...] = ()
    """Local files, as :meth:`clirot.bitext.formats.LocalFile.parse` reads them: ``PATH``,
    ``PATH:SRC,TGT`` or ``PATH,PATH``."""
    format: str | None = None
    """The format of the files (:data:`clirot.bitext.formats.FORMATS`); None: told from each."""
    skip_malformed: bool = False
    """Count rows of local files that cannot be read, and go on; else the first is an error."""
    filters: FilterConfig = field(default_factory=FilterConfig)
    """What to drop besides empty sides."""
    exclude: tuple[str, ...] = ()
    """Collections, as :func:`clirot.collection.open_collection` takes them, whose documents,
    sentences and topics must not be in the bitext."""
    realign: bool = False
    """Put the sentences of a source in which lines have slipped back beside their translations,
    before they are judged, if that helps (:func:`clirot.bitext.alignment.repair`); holds a source
    in memory. Lists of words stay as they are."""
    replace: bool = False
    """Replace bitext of the same name that was made otherwise (other filters, another revision)."""

    def __post_init__(self) -> None:
        for name in self.sources:
            source_for(name, self.pair)
        if self.format is not None:
            FORMATS[self.format]
        if not self.sources and not self.files:
            recommended_for(self.pair)


@dataclass(frozen=True)
class Fetched:
    """A source that is in the store."""

    source: str
    """Its name, as :func:`clirot.bitext.load_bitext` takes it."""
    artefact: Artefact
    fresh: bool
    """False where it was there already."""

    @property
    def read(self) -> int:
        """Pairs in the source."""
        return int(self.artefact.manifest.results["read"])

    @property
    def kept(self) -> int:
        """Pairs in the artefact."""
        return int(self.artefact.manifest.results["kept"])

    @property
    def dropped(self) -> dict[str, int]:
        """Reason -> pairs left out for it."""
        return dict(self.artefact.manifest.results["dropped"])

    @property
    def examples(self) -> dict[str, list[dict[str, Any]]]:
        """Reason -> some of the pairs left out for it: ``src``, ``tgt``, ``id``, ``place``."""
        return dict(self.artefact.manifest.results["examples"])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be judged, and why."""
        return tuple(self.artefact.manifest.results["warnings"])

    @property
    def alignment(self) -> dict[str, Any] | None:
        """How its lines stand to each other: ``found``, ``share``, ``shifts``, ``unmatched``.

        None: not judged, as there are too few pairs. Lines are counted from 1. A list of words is
        not judged either: then ``found`` says so, and ``share`` is None.
        """
        return self.artefact.manifest.results.get("alignment")

    @property
    def realigned(self) -> dict[str, Any] | None:
        """What was ``found`` and repaired on request: ``pairs``, ``source_alone``,
        ``target_alone`` and ``joined`` count what came of it. None: nothing was.
        """
        return self.artefact.manifest.results.get("realigned")

    @property
    def licence(self) -> str:
        """The terms of the source."""
        return str(self.artefact.manifest.results["licence"])


@dataclass(frozen=True)
class Failed:
    """A source that could not be had, and why."""

    source: str
    error: ClirotError


@dataclass(frozen=True)
class FetchResult:
    """What is in the store now, and what is not."""

    pair: LanguagePair
    fetched: tuple[Fetched, ...]
    failed: tuple[Failed, ...]
    settled: Mapping[str, str]
    """What was asked for -> the name it has in the store: two names may mean one version of a
    corpus, and two files may be the same."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of what was got, in the order it was asked for, each once."""
        return tuple(one.source for one in self.fetched)

    @property
    def kept(self) -> int:
        """Pairs over all sources; a pair that two sources have counts twice."""
        return sum(one.kept for one in self.fetched)

    def check(self) -> None:
        """Raise if a source failed.

        Raises:
            PartlyDoneError: some sources failed, others are kept.
            ClirotError: all failed; the source's own error where there was only one.
        """
        if not self.failed:
            return
        if len(self.failed) == 1 and not self.fetched:
            raise self.failed[0].error
        reasons = "".join(f"\n  {one.source}: {one.error}" for one in self.failed)
        count = f"{len(self.failed)} of {len(self.failed) + len(self.fetched)} sources failed"
        if not self.fetched:
            raise ClirotError(f"{count}:{reasons}")
        raise PartlyDoneError(
            f"{count}, {', '.join(self.sources)} kept:{reasons}",
            hint="the same command again fetches only what is missing",
        )


def fetch_bitext(
    config: FetchConfig,
    *,
    store: Store | None = None,
    progress: ProgressSink = silent,
    parsed: Mapping[Path, LocalFile] | None = None,
) -> FetchResult:
    """Bring bitext of a language pair into the store.

    What is there already, made from the same files with the same filters, is not made again.
    Failures do not raise: they are in the result, and :meth:`FetchResult.check` raises them.

    Args:
        config: which pair, from where, and what to drop.
        store: where it goes, downloads beside it; None: ``CLIROT_HOME``'s.
        progress: told of downloads and of long readings.
        parsed: files of the configuration that the caller has parsed already.

    Raises:
        ClirotError: a collection to exclude cannot be opened.
        UsageError: languages are to be identified and the extra ``langid`` is not installed.
        KeyboardInterrupt: the sources finished until then are in the store.
    """
    store = store if store is not None else Store()
    fetched: list[Fetched] = []
    failed: list[Failed] = []
    overlap = _overlap(config)
    settled: dict[str, str] = {}
    for supply in _supplies(config, parsed or {}):
        try:
            one = _fetch_one(supply, config, overlap, store, progress)
        except ClirotError as error:
            failed.append(Failed(supply.label, error))
            continue
        if one.source not in settled.values():
            fetched.append(one)
        settled[supply.asked] = one.source
    return FetchResult(config.pair, tuple(fetched), tuple(failed), settled)


@dataclass(frozen=True)
class _FromSource:
    """A catalogue source for one pair; ``ready`` where nothing about it is left open."""

    asked: str
    source: Source
    pair: LanguagePair
    upstreams: tuple[Upstream, ...] = ()

    @property
    def label(self) -> str:
        return self.source.name

    @property
    def word_list(self) -> bool:
        return self.source.word_list

    def ready(self, store: Store, progress: ProgressSink) -> _FromSource:
        """With its version, and every file's digest, for which one may have to be downloaded."""
        source = self.source.resolved(self.pair, home=store.home, progress=progress)
        upstreams = tuple(
            identified(one, home=store.home, progress=progress)
            for one in source.upstreams(self.pair)
        )
        return _FromSource(self.asked, source, self.pair, upstreams)

    def identify(self) -> tuple[str, dict[str, Any], tuple[Input, ...]]:
        inputs = tuple(
            Input(kind="url", name=one.url, digest=one.sha256 or "") for one in self.upstreams
        )
        return self.source.name, {"revision": self.source.revision}, inputs

    def pairs(self, store: Store, progress: ProgressSink) -> Iterator[SentencePair]:
        files = [fetch(one, home=store.home, progress=progress) for one in self.upstreams]
        return self.source.read(self.pair, files)

    def provenance(self) -> dict[str, Any]:
        return {
            "licence": self.source.licence,
            "homepage": self.source.homepage,
            "citation": self.source.citation,
            "urls": [one.url for one in self.upstreams],
        }


@dataclass
class _Malformed:
    """Rows of a file that could not be read: how many, and what was wrong with the first."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, error: InputError) -> None:
        self.count += 1
        if self.count <= _EXAMPLES:
            self.examples.append(error.message)


@dataclass(frozen=True)
class _FromFile:
    """A file of the user's, or two that correspond."""

    file: LocalFile
    pair: LanguagePair
    skip_malformed: bool
    malformed: _Malformed = field(default_factory=_Malformed)
    word_list = False  # not that we know of

    @property
    def label(self) -> str:
        return str(self.file)

    @property
    def asked(self) -> str:
        return self.label

    @property
    def path(self) -> Path:
        return self.file.paths[0]

    def ready(self, store: Store, progress: ProgressSink) -> _FromFile:
        return self

    def identify(self) -> tuple[str, dict[str, Any], tuple[Input, ...]]:
        digests = self.file.digests()
        name = self.file.name(digests)
        deciding = {"skip_malformed": True} if self.skip_malformed else {}
        inputs = tuple(Input(kind="file", name=name, digest=digest) for digest in digests)
        return name, deciding, inputs

    def pairs(self, store: Store, progress: ProgressSink) -> Iterator[SentencePair]:
        if not self.skip_malformed:
            return read_local(self.file, self.pair)
        return read_local(self.file, self.pair, malformed=self.malformed.add)

    def provenance(self) -> dict[str, Any]:
        paths = [str(path.absolute()) for path in self.file.paths]
        return {
            "licence": "not stated",
            "urls": [],
            "file": paths[0] if len(paths) == 1 else paths,
            **({"malformed": self.malformed.examples} if self.malformed.count else {}),
        }


_Supply = _FromSource | _FromFile


def _supplies(config: FetchConfig, parsed: Mapping[Path, LocalFile]) -> list[_Supply]:
    named = {name: source_for(name, config.pair) for name in config.sources}
    if not named and not config.files:
        named = {source.name: source for source in recommended_for(config.pair)}
    supplies: list[_Supply] = [_FromSource(name, one, config.pair) for name, one in named.items()]
    return supplies + [
        _FromFile(
            parsed.get(path) or LocalFile.parse(path, kind=config.format),
            config.pair,
            config.skip_malformed,
        )
        for path in dict.fromkeys(config.files)
    ]


def _overlap(config: FetchConfig) -> Overlap | None:
    """What is to be excluded, or None; also checks what can be checked before any work."""
    if config.filters.min_language:
        from clirot.bitext.filters.identification import Identifier

        Identifier(config.pair.tgt)
    if not config.exclude:
        return None
    from clirot.bitext.filters.overlap import Overlap

    return Overlap(config.exclude)


def _is_realigned(supply: _Supply, config: FetchConfig) -> bool:
    """Lists of words never are: a word or two on a line cannot tell a shift."""
    return config.realign and not supply.word_list


def _fetch_one(
    supply: _Supply,
    config: FetchConfig,
    overlap: Overlap | None,
    store: Store,
    progress: ProgressSink,
) -> Fetched:
    supply = supply.ready(store, progress)
    source, deciding, inputs = supply.identify()
    name = artefact_name(config.pair, source)
    settings: Mapping[str, Any] = {
        "pair": config.pair.format(),
        "source": source,
        "format": _FORMAT,
        "filters": asdict(config.filters),
        **({"realign": True} if _is_realigned(supply, config) else {}),
        **deciding,
    }
    if overlap is not None:
        inputs += overlap.inputs()
    while True:
        there = store.finished(
            "bitext", name, config=settings, inputs=inputs, replace=config.replace
        )
        if there is not None:
            return Fetched(source, there, fresh=False)
        try:
            if overlap is not None:
                overlap.read(progress)
            _make(supply, name, settings, inputs, config, overlap, store, progress)
        except BusyError:
            # Very likely it fetches what we want: two trainings that were started together.
            progress(Step(f"wait for another process to fetch {supply.label}", 0))
            time.sleep(_POLL_S)
        else:
            return Fetched(source, store.get("bitext", name), fresh=True)


def _make(
    supply: _Supply,
    name: str,
    settings: Mapping[str, Any],
    inputs: tuple[Input, ...],
    config: FetchConfig,
    overlap: Overlap | None,
    store: Store,
    progress: ProgressSink,
) -> None:
    from clirot.bitext.filters.chain import Chain

    with store.draft("bitext", name, config=settings, inputs=inputs) as draft:
        draft.resumable = False  # what takes long are downloads, and those are kept elsewhere
        scorers = _scorers(config.filters)
        chain = Chain(config.filters, config.pair, draft.scratch, overlap=overlap, scorers=scorers)
        pairs = _counted(supply.pairs(store, progress), supply.label, progress)
        realigned: dict[str, Any] = {}
        if _is_realigned(supply, config):
            pairs, realigned = realigned_pairs(pairs, chain, progress)
        chain.read(pairs)
        alignment = (
            unjudged(chain.count)
            if supply.word_list
            else line_order(chain, progress, realign=config.realign)
        )
        pairs_digest = write_pairs(draft.path / PAIRS, chain.judged(), chain.score_names)
        if isinstance(supply, _FromFile):
            chain.report.malformed = supply.malformed.count
        if not chain.report.kept:
            raise _nothing_kept(supply, chain.report.dropped)
        draft.results = {
            **chain.report.results(),
            "pairs_digest": pairs_digest,
            **realigned,
            **alignment,
            **supply.provenance(),
        }


def _scorers(filters: FilterConfig) -> tuple[CorpusScorer, ...]:
    if not filters.min_alignment:
        return ()
    from clirot.bitext.alignment import AlignmentScorer

    return (AlignmentScorer(filters.min_alignment),)


def _counted(
    pairs: Iterator[SentencePair], label: str, progress: ProgressSink
) -> Iterator[SentencePair]:
    count = 0
    for count, pair in enumerate(pairs, start=1):
        if count % _STEP == 0:
            progress(Step(f"read {label}", count, unit="pairs"))
        yield pair
    progress(Step(f"read {label}", count, count, unit="pairs"))


def _nothing_kept(supply: _Supply, dropped: Mapping[str, int]) -> InputError:
    path = supply.path if isinstance(supply, _FromFile) else None
    what = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
    message = f"no sentence pair is left of {sum(dropped.values())}"
    message += f": {what}" if what else ""
    hint = "the file must hold sentence pairs; see also the filters" if path else None
    if dropped.get("script", 0) > sum(dropped.values()) / 2:
        hint = (
            f"is it really {supply.pair.src} and {supply.pair.tgt}, in that order? Another script "
            f"is named in the code (sr-Latn), and --min-script 0 does not look at it"
        )
    return InputError(
        message if path is not None else f"{supply.label}: {message}", path=path, hint=hint
    )
