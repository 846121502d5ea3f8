"""Bitext in the store: how an artefact is written, and how several are read as one.

Each source is an artefact of its own, ``bitext/<src>-<tgt>.<source>``, with one file,
``pairs.tsv``: ``source TAB target TAB id``, UTF-8, no header.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clirot.bitext.filters import pair_key
from clirot.bitext.formats.tsv import read_tsv
from clirot.errors import InputError
from clirot.records import LanguagePair, SentencePair
from clirot.registry import unknown_name
from clirot.store import Artefact, Input, Store

PAIRS = "pairs.tsv"


@dataclass(frozen=True)
class Bitext:
    """Sentence pairs of one language pair, merged over their artefacts."""

    pair: LanguagePair
    pairs: list[SentencePair]
    inputs: tuple[Input, ...]
    """The artefacts they are from, in the order they were asked for."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Source -> how many of its pairs an earlier source had already."""

    def __len__(self) -> int:
        return len(self.pairs)


def artefact_name(pair: LanguagePair, source: str) -> str:
    """``en-so.tico-19``."""
    return f"{pair.format()}.{source}"


def stored_sources(store: Store, pair: LanguagePair) -> list[str]:
    """The sources the store has bitext from for a pair, sorted."""
    prefix = artefact_name(pair, "")
    return [name.removeprefix(prefix) for name in store.names("bitext") if name.startswith(prefix)]


def write_pairs(path: Path, pairs: Iterable[SentencePair]) -> int:
    """Write tidied pairs; returns how many."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for pair in pairs:
            stream.write(f"{pair.src}\t{pair.tgt}\t{pair.id}\n")
            count += 1
    return count


def load_bitext(store: Store, pair: LanguagePair, sources: Sequence[str]) -> Bitext:
    """Read what was fetched from some sources as one bitext.

    Args:
        store: where it is.
        pair: the languages.
        sources: names of sources, as :class:`~clirot.acquisition.FetchResult` lists them. Order
            matters only for which of two equal pairs keeps its id.

    Raises:
        UnknownNameError: the store has nothing of that name for the pair.
        InputError: nothing at all is there to read, or an artefact's file is damaged.
    """
    artefacts = [_artefact(store, pair, source) for source in dict.fromkeys(sources)]
    seen: set[bytes] = set()
    merged: list[SentencePair] = []
    dropped: Counter[str] = Counter()
    for source, artefact in zip(dict.fromkeys(sources), artefacts, strict=True):
        for sentence in read_tsv(artefact.path / PAIRS):
            key = pair_key(sentence)
            if key in seen:
                dropped[source] += 1
            else:
                seen.add(key)
                merged.append(sentence)
    if not merged:
        raise InputError(
            f"no bitext for {pair}: no source was given or none has a pair",
            hint=f"clirot fetch-bitext --src {pair.src} --tgt {pair.tgt}",
        )
    return Bitext(pair, merged, tuple(one.as_input() for one in artefacts), dict(dropped))


def _artefact(store: Store, pair: LanguagePair, source: str) -> Artefact:
    name = artefact_name(pair, source)
    if not store.has("bitext", name):
        raise unknown_name(
            f"{pair} bitext in the store",
            source,
            stored_sources(store, pair),
            more=f"fetch it: clirot fetch-bitext --src {pair.src} --tgt {pair.tgt} "
            f"--source {source}",
        )
    return store.get("bitext", name)
