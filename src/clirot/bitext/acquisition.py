"""Fetch bitext: from the catalogue and from files into the store, each source an artefact.

The manifest of each artefact has the counts of kept and dropped pairs with the reasons, the licence
and the addresses. A source that fails does not stop the others.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

from clirot.bitext.config import FetchConfig
from clirot.bitext.formats.file_supply import FileSupply
from clirot.bitext.source import SourceSupply
from clirot.bitext.stored import PAIRS, artefact_name, write_pairs
from clirot.download import without_network
from clirot.errors import BusyError, ClirotError, InputError, PartlyDoneError
from clirot.records import LanguagePair, ProgressSink, SentencePair, Step, silent
from clirot.store import Artefact, Input, Store

__all__ = ["Failed", "FetchConfig", "FetchResult", "Fetched", "fetch_bitext"]

_FORMAT = 1  # of pairs.parquet and of how it is filtered: a change makes older artefacts outdated
_STEP = 5000
_POLL_S = 0.2

Supply = SourceSupply | FileSupply


@dataclass(frozen=True)
class Fetched:
    """A source that is in the store."""

    source: str
    """Its name, as :func:`clirot.bitext.load_bitext` takes it."""
    artefact: Artefact
    fresh: bool
    """False if the store had it already."""

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
        """What is wrong with the bitext, and what could not be checked."""
        return tuple(self.artefact.manifest.results["warnings"])

    @property
    def language_variants(self) -> tuple[str, ...]:
        """What was read of languages that the source has in several variants."""
        return tuple(self.artefact.manifest.results.get("language_variants", ()))

    @property
    def alignment(self) -> dict[str, Any] | None:
        """How its lines stand to each other: ``found``, ``share``, ``shifts``, ``unmatched``.

        None if there are too few pairs to check. Lines are counted from 1. A list of words is not
        checked either: then ``found`` says so, and ``share`` is None.
        """
        return self.artefact.manifest.results.get("alignment")

    @property
    def realigned(self) -> dict[str, Any] | None:
        """What was ``found`` before sentences were realigned, and how many ``pairs``, sentences
        without a counterpart (``source_alone``, ``target_alone``) and ``joined`` pairs came of it.
        None if nothing was realigned.
        """
        return self.artefact.manifest.results.get("realigned")

    @property
    def licence(self) -> str:
        """The terms of the source."""
        return str(self.artefact.manifest.results["licence"])


@dataclass(frozen=True)
class Failed:
    """A source that could not be fetched, with its error."""

    source: str
    error: ClirotError


@dataclass(frozen=True)
class FetchResult:
    """The sources that are in the store now, and those that failed."""

    pair: LanguagePair
    fetched: tuple[Fetched, ...]
    failed: tuple[Failed, ...]
    settled: Mapping[str, str]
    """Name that was asked for -> name in the store. Two names may mean one version of a corpus, and
    two files may have the same content."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the sources in the store, each once, in the order they were named."""
        return tuple(one.source for one in self.fetched)

    @property
    def kept(self) -> int:
        """Kept pairs of all sources; a pair that two sources have counts twice."""
        return sum(one.kept for one in self.fetched)

    def check(self) -> None:
        """Raise if a source failed.

        Raises:
            PartlyDoneError: some sources failed, others are kept.
            ClirotError: all failed; the source's own error if there was only one.
        """
        failed = [(one.source, one.error) for one in self.failed]
        raise_failures(
            failed,
            len(self.fetched),
            f"failed, {', '.join(self.sources)} kept",
            hint="the same command again fetches only what is missing",
        )


def fetch_bitext(
    config: FetchConfig, *, store: Store | None = None, progress: ProgressSink = silent
) -> FetchResult:
    """Bring bitext of a language pair into the store.

    Bitext that the store has, made from the same files with the same filters, is not made again.
    A source that fails raises nothing here: :meth:`FetchResult.check` raises its error.

    Args:
        config: which pair, from where, and what to drop.
        store: the store, with the downloads beside it; None: the one in ``CLIROT_HOME``.
        progress: told of downloads and of long readings.

    Raises:
        ClirotError: a collection to exclude cannot be opened.
        UsageError: languages are to be identified and the extra ``langid`` is not installed.
        KeyboardInterrupt: the sources that were finished before it are in the store.
    """
    fetching = _Fetching(config, store if store is not None else Store(), progress)
    fetched: list[Fetched] = []
    failed: list[Failed] = []
    settled: dict[str, str] = {}
    with without_network() if config.offline else nullcontext():
        for supply in config.supplies():
            try:
                one = fetching.one(supply)
            except ClirotError as error:
                failed.append(Failed(supply.label, error))
                continue
            if one.source not in settled.values():
                fetched.append(one)
            settled[supply.asked] = one.source
    return FetchResult(config.pair, tuple(fetched), tuple(failed), settled)


@dataclass(frozen=True)
class _Request:
    """The artefact that a source becomes, with everything that its content depends on."""

    name: str
    settings: Mapping[str, Any]
    inputs: tuple[Input, ...]
    realign: bool


class _Fetching:
    """What is the same for all sources that are fetched together."""

    def __init__(self, config: FetchConfig, store: Store, progress: ProgressSink) -> None:
        self._config = config
        self._store = store
        self._progress = progress
        self._overlap = None
        if config.exclude:
            from clirot.bitext.filters.duplicates import Overlap

            self._overlap = Overlap(config.exclude)
        if config.filters.min_language:
            from clirot.bitext.text import Identifier

            Identifier(config.pair.tgt)  # raises where the extra is missing

    def one(self, supply: Supply) -> Fetched:
        """Bring one source into the store, unless it is there."""
        supply = supply.ready(self._store.home, self._progress)
        source, deciding, inputs = supply.identity()
        # One or two words on a line do not show a shift, so lists of words are never realigned.
        realign = self._config.realign and not supply.word_list
        request = _Request(
            name=artefact_name(self._config.pair, source),
            settings={
                "src": self._config.pair.src,
                "tgt": self._config.pair.tgt,
                "source": source,
                "format": _FORMAT,
                "filters": asdict(self._config.filters),
                **({"realign": True} if realign else {}),
                **deciding,
            },
            inputs=inputs + (self._overlap.inputs() if self._overlap is not None else ()),
            realign=realign,
        )
        while True:
            there = self._store.finished(
                "bitext",
                request.name,
                config=request.settings,
                inputs=request.inputs,
                replace=self._config.replace,
            )
            if there is not None:
                return Fetched(source, there, fresh=False)
            try:
                self._make(supply, request)
            except BusyError:
                # Very likely two trainings were started together and fetch the same.
                self._progress(Step(f"wait for another process to fetch {supply.label}", 0))
                time.sleep(_POLL_S)
            else:
                return Fetched(source, self._store.get("bitext", request.name), fresh=True)

    def _make(self, supply: Supply, request: _Request) -> None:
        from clirot.bitext.filters.chain import Chain, line_order, not_checked, realigned_pairs

        progress = self._progress
        if self._overlap is not None:
            self._overlap.read(progress)
        with self._store.draft(
            "bitext", request.name, config=request.settings, inputs=request.inputs
        ) as draft:
            draft.resumable = False  # only downloads take long, and they are kept elsewhere
            chain = Chain(
                self._config.filters, self._config.pair, draft.scratch, overlap=self._overlap
            )
            pairs = _counted(supply.pairs(self._store.home, progress), supply.label, progress)
            realigned: dict[str, Any] = {}
            if request.realign:
                pairs, realigned = realigned_pairs(pairs, chain, progress)
            chain.read(pairs)
            alignment = (
                not_checked(chain.count)
                if supply.word_list
                else line_order(chain, progress, realign=self._config.realign)
            )
            digest = write_pairs(draft.path / PAIRS, chain.filtered(), chain.score_names)
            if isinstance(supply, FileSupply):
                chain.report.malformed = len(supply.malformed)
            chain.report.warnings += supply.warnings()
            if not chain.report.kept:
                raise _nothing_kept(supply, chain.report.dropped)
            draft.results = {
                **chain.report.results(),
                "pairs_digest": digest,
                **realigned,
                **alignment,
                **supply.provenance(),
            }


def _counted(
    pairs: Iterator[SentencePair], label: str, progress: ProgressSink
) -> Iterator[SentencePair]:
    count = 0
    for count, pair in enumerate(pairs, start=1):
        if count % _STEP == 0:
            progress(Step(f"read {label}", count, unit="pairs"))
        yield pair
    progress(Step(f"read {label}", count, count, unit="pairs"))


def _nothing_kept(supply: Supply, dropped: Mapping[str, int]) -> InputError:
    what = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
    message = f"no sentence pair is left of {sum(dropped.values())}"
    message += f": {what}" if what else ""
    hint = "the file must hold sentence pairs; see also the filters" if supply.path else None
    if dropped.get("script", 0) > sum(dropped.values()) / 2:
        hint = (
            f"is it really {supply.pair.src} and {supply.pair.tgt}, in that order? Another script "
            f"is named in the code (sr-Latn), and `min_script=0` turns this filter off"
        )
    return InputError(
        message if supply.path else f"{supply.label}: {message}", path=supply.path, hint=hint
    )


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
