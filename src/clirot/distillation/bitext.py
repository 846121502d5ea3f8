"""Which bitext a student is made from: what was named, what the store has, what is fetched."""

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
    """Target language -> its bitext; what of it the store lacks is fetched.

    Warns of faults that were found in it when it was fetched, now or before (BitextWarning).

    Raises:
        UnknownNameError: there is no such source.
        UsageError: none of the sources that were named has one of the languages.
        PartlyDoneError: some of it could not be had.
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
    """The sources to take for a pair: those named for it, and of those named for all the ones that
    have it.

    Raises:
        UnknownNameError: there is no such source.
        UsageError: sources were named, and none has this language. What the store has would be no
            answer: it is what the person wanted to keep out.
    """
    from clirot.bitext.catalogue import source_for

    found, missing = [], []
    for source, own in config.sources_of(pair):
        if not own and source not in stored[pair]:
            try:
                source_for(source, pair)
            except UnknownNameError:
                if not any(source in others for others in stored.values()):
                    raise
                missing.append(source)
                continue
            except UsageError:
                missing.append(source)
                continue
        found.append(source)
    if missing and not found and not config.files_of(pair):
        raise UsageError(
            f"none of the sources that were named has {pair} bitext: {', '.join(missing)}",
            hint=f"name one that has: --source {pair.tgt}=NAME, or --file {pair.tgt}=PATH",
        )
    return found


def _bitext(
    config: DistillConfig,
    pair: LanguagePair,
    sources: list[str],
    store: Store,
    progress: ProgressSink,
) -> Bitext:
    """The bitext of a pair that was asked for; what of it the store lacks is fetched first.

    What the store has is taken as it is, files too, whatever filters it was fetched with. With
    nothing named it is all of that; an empty store is filled with what the catalogue recommends,
    all of it or an error, for a student made from the half that could be had would keep its name
    for good.
    """
    from clirot.bitext import load_bitext, stored_sources
    from clirot.bitext.acquisition import FetchConfig, fetch_bitext

    stored = stored_sources(store, pair)
    files = {path: _source_name(path) for path in config.files_of(pair)}
    unread = tuple(path for path, name in files.items() if name not in stored)
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
            FetchConfig(pair=pair, sources=missing, files=unread),
            store=store,
            progress=progress,
        )
        _check_fetched(fetched, pair, config, recommended)
        # An open name ("opus:Tatoeba") is in the store under the name of what it turned out to be.
        sources = [fetched.settled.get(one, one) for one in sources]
    if recommended:
        unfinished.unlink(missing_ok=True)
    named = dict.fromkeys([*sources, *(name for name in files.values() if name is not None)])
    return load_bitext(store, pair, list(named) or stored)


def _recommended(pair: LanguagePair, stored: Sequence[str], unfinished: Path) -> list[str]:
    """What the catalogue recommends, where the store has nothing else; what it has may be what an
    interrupted fetch of this left there (``unfinished`` marks one).

    Raises:
        UsageError: the store has nothing, and the catalogue recommends nothing.
    """
    from clirot.bitext import recommended_for

    if stored and not unfinished.exists():
        return []
    names = [source.name for source in recommended_for(pair)]
    return names if set(stored) <= set(names) else []


def _source_name(path: Path) -> str | None:
    """The source that a file is in the store; None where it cannot be read."""
    from clirot.bitext.formats.local_file import LocalFile

    try:
        return LocalFile.parse(path).source_name
    except ClirotError:
        return None  # fetching it says why


def _check_fetched(
    fetched: FetchResult, pair: LanguagePair, config: DistillConfig, recommended: Sequence[str]
) -> None:
    """Raise if a source failed; where the others are in the store, say how to go on with those."""
    try:
        fetched.check()
    except ClirotError as error:
        lost = {one.source for one in fetched.failed}
        kept = [one for one in recommended if one not in lost]
        if not kept:
            raise
        several = f"{pair.tgt}=" if len(config.pairs) > 1 else ""
        named = " ".join(f"--source {several}{one}" for one in kept)
        targets = ",".join(one.tgt for one in config.pairs)
        raise PartlyDoneError(
            error.message,
            hint=f"the same command again tries again; to go on without: clirot distill --src "
            f"{config.pair.src} --tgt {targets} {named}",
        ) from error
