"""What of a source is kept, and a count of the rest by reason."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from clirot.errors import UsageError
from clirot.records import SentencePair


@dataclass(frozen=True, kw_only=True)
class FilterConfig:
    """Which pairs are dropped. Empty sides and exact duplicates always are."""

    keep_identical: bool = False
    """Keep pairs whose two sides are the same text: mostly untranslated, sometimes names."""
    max_length: int | None = None
    """Drop pairs with a side of more characters than this."""
    max_ratio: float | None = None
    """Drop pairs where one side has more than this many times the characters of the other."""

    def __post_init__(self) -> None:
        if self.max_length is not None and self.max_length < 1:
            raise UsageError(f"the longest side to keep must be positive, not {self.max_length}")
        if self.max_ratio is not None and not self.max_ratio >= 1:
            raise UsageError(f"the length ratio to keep must be 1 or more, not {self.max_ratio}")


def tidy(text: str) -> str:
    """``text`` on one line, in Unicode's composed form (NFC).

    Tabs, line ends and runs of white space become one space; byte order marks, which files glued
    together leave inside, go.
    """
    return " ".join(unicodedata.normalize("NFC", text.replace("\ufeff", "")).split())


def filtered(
    pairs: Iterable[SentencePair], config: FilterConfig, dropped: Counter[str]
) -> Iterator[SentencePair]:
    """The pairs that are kept, tidied, in order; the others are counted in ``dropped`` by reason.

    The first of several equal pairs is kept. A duplicate is recognised by a 128-bit digest, so
    memory grows by a few dozen bytes a pair.
    """
    seen: set[bytes] = set()
    for pair in pairs:
        pair = SentencePair(tidy(pair.src), tidy(pair.tgt), tidy(pair.id))
        reason = _reason_to_drop(pair, config)
        if reason is None:
            key = pair_key(pair)
            if key not in seen:
                seen.add(key)
                yield pair
                continue
            reason = "duplicate"
        dropped[reason] += 1


def pair_key(pair: SentencePair) -> bytes:
    """128 bits that tell pairs of different text apart; the id is left out."""
    return hashlib.blake2b(f"{pair.src}\t{pair.tgt}".encode(), digest_size=16).digest()


def _reason_to_drop(pair: SentencePair, config: FilterConfig) -> str | None:
    if not pair.src:
        return "empty source"
    if not pair.tgt:
        return "empty target"
    if pair.src == pair.tgt and not config.keep_identical:
        return "identical"
    shorter, longer = sorted((len(pair.src), len(pair.tgt)))
    if config.max_length is not None and longer > config.max_length:
        return "too long"
    if config.max_ratio is not None and longer > config.max_ratio * shorter:
        return "length ratio"
    return None
