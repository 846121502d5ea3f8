"""The bitext of a pair that some work is made from: what was named, what the store has, what is
fetched.

What the store has is taken as it is, files too, whatever filters it was fetched with. Where nothing
is named, all of it is taken. An empty store gets what the catalogue recommends: all of it, or there
is an error, since what is made from half of it would keep its name for good.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from clirot.bitext.acquisition import FetchConfig, FetchResult, fetch_bitext
from clirot.bitext.catalogue import recommended_for
from clirot.bitext.formats.local_file import LocalFile
from clirot.bitext.stored import Bitext, load_bitext, stored_sources
from clirot.errors import ClirotError, PartlyDoneError
from clirot.records import LanguagePair, ProgressSink
from clirot.store import Store, disk_error


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which bitext of a pair is wanted."""

    pair: LanguagePair
    sources: Sequence[str]
    """Names of sources; with no file either: what the store has, or else what is recommended."""
    files: Sequence[str | Path]
    """Local files, with their options."""
    call: Callable[[Sequence[str]], str]
    """In words, the call that goes on with these sources alone, where others could not be had."""


def chosen_bitext(choice: Choice, store: Store, progress: ProgressSink) -> Bitext:
    """The bitext; what the store lacks of it is fetched first.

    Raises:
        UnknownNameError: there is no such source.
        InputError: a file cannot be read.
        PartlyDoneError: some of it could not be fetched.
    """
    pair, sources = choice.pair, list(choice.sources)
    stored = stored_sources(store, pair)
    files = [LocalFile.parse(str(path)) for path in choice.files]
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
        _check_fetched(fetched, choice, recommended)
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
    if stored and not unfinished.exists():
        return []
    names = [source.name for source in recommended_for(pair)]
    return names if set(stored) <= set(names) else []


def _check_fetched(fetched: FetchResult, choice: Choice, recommended: Sequence[str]) -> None:
    """Raise if a source failed; say how to go on with the others if these are in the store."""
    try:
        fetched.check()
    except ClirotError as error:
        lost = {one.source for one in fetched.failed}
        kept = [one for one in recommended if one not in lost]
        if not kept:
            raise
        raise PartlyDoneError(
            error.message,
            hint=f"the same command again tries again; to go on without: `{choice.call(kept)}`",
        ) from error
