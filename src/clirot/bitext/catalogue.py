"""The table of bitext sources, and what it has for a language pair.

Beside the table there are two families of sources with names of their own: ``opus:CORPUS`` for
every corpus of OPUS, and ``hf:OWNER/NAME`` for data sets of the Hugging Face Hub.
"""

from __future__ import annotations

from clirot.bitext.source import Source, published
from clirot.bitext.sources.cldr import CldrSource
from clirot.bitext.sources.hub import PREFIX as HUB
from clirot.bitext.sources.hub import parse_hub
from clirot.bitext.sources.opus import PREFIX as OPUS
from clirot.bitext.sources.opus import parse_opus
from clirot.bitext.sources.pinned import pinned_sources
from clirot.bitext.sources.tatoeba_export import TATOEBA
from clirot.errors import UnknownNameError, UsageError
from clirot.records import LanguagePair
from clirot.registry import Registry

_ALL: list[Source] = [CldrSource(), TATOEBA, *pinned_sources()]

SOURCES: Registry[Source] = Registry("bitext source", {one.name: one for one in _ALL})

# Two sources of the same sentences; only the second is recommended for a pair that both have.
_SUPERSEDED_BY = {"tico-19": "tico-19-realigned"}


def source_for(name: str, pair: LanguagePair) -> Source:
    """The source of that name. A source of the table has the pair, or the nearest variants of its
    languages; an ``opus:`` one may have it.

    Raises:
        UnknownNameError: there is no such source; the hint suggests a near miss.
        UsageError: it has no bitext of the pair, and the hint says which sources have; or the name
            is not written as names of its family are.
    """
    if name.startswith(OPUS):
        return parse_opus(name)
    if name.startswith(HUB):
        return parse_hub(name)
    try:
        source = SOURCES[name]
    except UnknownNameError as error:
        raise UnknownNameError(
            error.message, hint=f"{error.hint}; or opus:CORPUS, hf:OWNER/NAME:SRC:TGT"
        ) from None
    if published(source, pair) is None:
        others = [one.name for one in sources_for(pair) if not one.evaluation]
        raise UsageError(
            f"{name} has no {pair} bitext; its languages are {_listed(source)}",
            hint=f"for {pair} there is: {', '.join(others)}" if others else _nothing(pair),
        )
    return source


def _nothing(pair: LanguagePair) -> str:
    return (
        f"see what OPUS has: `fetch_bitext(src={pair.src}, tgt={pair.tgt}, list=True)`; "
        "or give bitext of your own: `files=PATH`"
    )


def sources_for(pair: LanguagePair) -> list[Source]:
    """Every source of the table that has the pair, or the nearest variants, by name."""
    return [one for _, one in sorted(SOURCES.items()) if published(one, pair) is not None]


def recommended_for(pair: LanguagePair) -> list[Source]:
    """The sources that are fetched when none is named: free at least for research, and aligned.

    Raises:
        UsageError: there is nothing for the pair.
    """
    found = {source.name: source for source in sources_for(pair) if source.recommended}
    chosen = [source for name, source in found.items() if _SUPERSEDED_BY.get(name) not in found]
    if not chosen:
        raise UsageError(f"the catalogue recommends no {pair} bitext", hint=_nothing(pair))
    return chosen


def _listed(source: Source, most: int = 30) -> str:
    languages = list(source.languages)
    more = f" and {len(languages) - most} more" if len(languages) > most else ""
    return ", ".join(languages[:most]) + more
