"""The table of bitext sources, and what it has for a language pair."""

from __future__ import annotations

from clirot.bitext.cldr import CldrSource
from clirot.bitext.hornmt import HORNMT
from clirot.bitext.mafand import MAFAND
from clirot.bitext.multi30k import MULTI30K
from clirot.bitext.source import Source
from clirot.bitext.tico19 import TICO19, TICO19_REALIGNED
from clirot.errors import UsageError
from clirot.records import LanguagePair
from clirot.registry import Registry

_ALL: tuple[Source, ...] = (CldrSource(), HORNMT, MAFAND, MULTI30K, TICO19, TICO19_REALIGNED)

SOURCES: Registry[Source] = Registry("bitext source", {source.name: source for source in _ALL})

# Two sources of the same sentences: the second is the better one where there is a choice.
_SUPERSEDED_BY = {"tico-19": "tico-19-realigned"}

_PIVOT = "en"


def foreign_language(pair: LanguagePair) -> str:
    """The language of a pair that is not English: the one a source is asked for.

    Raises:
        UsageError: neither is English; every source of the table pairs a language with English.
    """
    if _PIVOT not in (pair.src, pair.tgt):
        raise UsageError(
            f"every source of the catalogue pairs a language with English, and {pair} has none",
            hint="give bitext of your own: --file PATH",
        )
    return pair.tgt if pair.src == _PIVOT else pair.src


def source_for(name: str, pair: LanguagePair) -> Source:
    """The source of that name, which has the pair.

    Raises:
        UnknownNameError: there is no such source; the hint suggests a near miss.
        UsageError: it has no bitext of the pair; the message says which languages it has, the hint
            which sources have this one.
    """
    source = SOURCES[name]
    language = foreign_language(pair)
    if language not in source.languages:
        others = [one.name for one in sources_for(pair)]
        raise UsageError(
            f"{name} has no {pair} bitext; it pairs English with {_listed(source)}",
            hint=f"for {pair} there is: {', '.join(others)}"
            if others
            else "give bitext of your own: --file PATH",
        )
    return source


def sources_for(pair: LanguagePair) -> list[Source]:
    """Every source that has the pair, by name; none where neither language is English."""
    if _PIVOT not in (pair.src, pair.tgt):
        return []
    language = foreign_language(pair)
    return [source for _, source in sorted(SOURCES.items()) if language in source.languages]


def recommended_for(pair: LanguagePair) -> list[Source]:
    """What is fetched where no source is named: of free use, or free for research, and aligned.

    Raises:
        UsageError: there is nothing for the pair.
    """
    foreign_language(pair)
    found = {source.name: source for source in sources_for(pair) if source.recommended}
    chosen = [source for name, source in found.items() if _SUPERSEDED_BY.get(name) not in found]
    if not chosen:
        raise UsageError(
            f"the catalogue has no {pair} bitext", hint="give bitext of your own: --file PATH"
        )
    return chosen


def _listed(source: Source, most: int = 30) -> str:
    languages = list(source.languages)
    more = f" and {len(languages) - most} more" if len(languages) > most else ""
    return ", ".join(languages[:most]) + more
