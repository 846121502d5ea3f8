"""The bitext that a student is trained on: what was named, what the store has, what is fetched."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from clirot.distillation.configuration import DistillConfig
from clirot.errors import BitextWarning, ClirotError, PartlyDoneError, UnknownNameError, UsageError
from clirot.records import LanguagePair, ProgressSink
from clirot.store import Store, disk_error

if TYPE_CHECKING:
    from pathlib import Path

    from clirot.bitext import Bitext
    from clirot.bitext.acquisition import FetchResult


def bitexts_of(config: DistillConfig, store: Store, progress: ProgressSink) -> dict[str, Bitext]:
    """Target language -> its bitext; what the store lacks of it is fetched.

    Warns of faults that were found in the bitext when it was fetched, now or before
    (BitextWarning).

    Raises:
        UnknownNameError: there is no such source.
        UsageError: none of the sources that were named has one of the languages.
        InputError: a file cannot be read.
        PartlyDoneError: some of it could not be fetched.
    """
    from clirot.bitext import stored_sources

    stored = {pair: stored_sources(store, pair) for pair in config.pairs}
    named = {pair: _available(config, pair, stored) for pair in config.pairs}
    found = {pair.tgt: _bitext(config, pair, named[pair], store, progress) for pair in config.pairs}
    for bitext in found.values():
        for fault in bitext.warnings:
            warnings.warn(fault, BitextWarning, stacklevel=2)
    return found


def _available(
    config: DistillConfig, pair: LanguagePair, stored: Mapping[LanguagePair, Sequence[str]]
) -> list[str]:
    """The sources for a pair: those named for it, and those named for all pairs that have it.

    Where sources are named and none has the pair, that is an error even if the store has other
    bitext of it: by naming sources the person has excluded that.
    """
    from clirot.bitext.catalogue import source_for

    found, missing = [], []
    for source, own in config.sources_of(pair):
        if not own and source not in stored[pair]:
            try:
                source_for(source, pair)
            except UsageError as error:
                elsewhere = any(source in others for others in stored.values())
                if isinstance(error, UnknownNameError) and not elsewhere:
                    raise
                missing.append(source)
                continue
        found.append(source)
    if missing and not found and not config.files_of(pair):
        raise UsageError(
            f"none of the sources that were named has {pair} bitext: {', '.join(missing)}",
            hint=f"name one that has: `sources={pair.tgt}=NAME`, or `files={pair.tgt}=PATH`",
        )
    return found


def _bitext(
    config: DistillConfig,
    pair: LanguagePair,
    sources: list[str],
    store: Store,
    progress: ProgressSink,
) -> Bitext:
    """The bitext of a pair; what the store lacks of it is fetched first.

    What the store has is taken as it is, files too, whatever filters it was fetched with. Where
    nothing is named, all of it is taken. An empty store gets what the catalogue recommends: all of
    it, or there is an error, since a student made from half of it would keep its name for good.
    """
    from clirot.bitext import load_bitext, stored_sources
    from clirot.bitext.acquisition import FetchConfig, fetch_bitext
    from clirot.bitext.formats import LocalFile

    stored = stored_sources(store, pair)
    files = [LocalFile.parse(path) for path in config.files_of(pair)]
    unread = tuple(file for file in files if file.source_name not in stored)
    unfinished = store.home / "bitext" / f".{pair}.recommended"
    recommended = [] if sources or files else _recommended(pair, stored, unfinished)
    sources = sources or recommended
    missing = tuple(dict.fromkeys(one for one in sources if one not in stored))
    if missing or unread:
        if recommended:
            try:
                (store.folder("bitext") / unfinished.name).touch()
            except OSError as error:
                raise disk_error(error, unfinished) from error
        fetched = fetch_bitext(
            FetchConfig(pair=pair, sources=missing, parsed=unread),
            store=store,
            progress=progress,
        )
        _check_fetched(fetched, pair, config, recommended)
        # An open name ("opus:Tatoeba") is in the store under the name of what it turned out to be.
        sources = [fetched.settled.get(one, one) for one in sources]
    if recommended:
        unfinished.unlink(missing_ok=True)
    named = dict.fromkeys([*sources, *(file.source_name for file in files)])
    return load_bitext(store, pair, list(named) or stored)


def _recommended(pair: LanguagePair, stored: Sequence[str], unfinished: Path) -> list[str]:
    """What the catalogue recommends, where the store has nothing else. It may have a part of this
    from a fetch that was interrupted, which the file ``unfinished`` marks.
    """
    from clirot.bitext import recommended_for

    if stored and not unfinished.exists():
        return []
    names = [source.name for source in recommended_for(pair)]
    return names if set(stored) <= set(names) else []


def _check_fetched(
    fetched: FetchResult, pair: LanguagePair, config: DistillConfig, recommended: Sequence[str]
) -> None:
    """Raise if a source failed; say how to go on with the others if these are in the store."""
    try:
        fetched.check()
    except ClirotError as error:
        lost = {one.source for one in fetched.failed}
        kept = [one for one in recommended if one not in lost]
        if not kept:
            raise
        several = f"{pair.tgt}=" if len(config.pairs) > 1 else ""
        named = [f"sources={several}{one}" for one in kept]
        targets = ",".join(one.tgt for one in config.pairs)
        call = ", ".join([f"src={config.pair.src}", f"tgt={targets}", *named])
        raise PartlyDoneError(
            error.message,
            hint=f"the same command again tries again; to go on without: `distill({call})`",
        ) from error
