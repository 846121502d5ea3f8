"""Which neighbouring pieces of words to merge: byte-pair encoding that goes on where a vocabulary
ended.

Source: Purason, Chizhov, Yamshchikov and Fishel (2025), "Teaching Old Tokenizers New Words",
arXiv 2512.03989: merges are learnt on words as the old vocabulary cuts them, so that every new
piece is one that a text can reach. Ties are broken by the pieces themselves, so that the same words
give the same merges in every process.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

Pieces = tuple[str, ...]
Pair = tuple[str, str]

_MOST_WORDS = 300_000
"""Different words that merges are learnt from: the most frequent ones."""


@dataclass(frozen=True)
class Merge:
    """Two neighbours that become one piece."""

    pair: Pair
    piece: str
    count: int
    """How often they were neighbours when they were merged."""


def learn_merges(
    words: Mapping[Pieces, int],
    *,
    most: int,
    joined: Callable[[str, str], str],
    allowed: Callable[[Pair, str], bool],
    least: int = 2,
) -> list[Merge]:
    """Merge the most frequent neighbours, again and again.

    Args:
        words: the pieces of a word -> how often the word occurs.
        most: merges to learn at most.
        joined: the piece that two neighbours make.
        allowed: whether they may make it.
        least: occurrences of neighbours below which nothing more is merged.

    Returns:
        The merges in their order; each piece once.
    """
    chosen = sorted(words.items(), key=lambda entry: (-entry[1], entry[0]))[:_MOST_WORDS]
    cut = [list(pieces) for pieces, _ in chosen]
    often = [count for _, count in chosen]
    counts: Counter[Pair] = Counter()
    places: defaultdict[Pair, set[int]] = defaultdict(set)
    for place, pieces in enumerate(cut):
        for pair in pairwise(pieces):
            counts[pair] += often[place]
            places[pair].add(place)
    queue = [(-count, pair) for pair, count in counts.items() if count >= least]
    heapq.heapify(queue)
    found: list[Merge] = []
    made: set[str] = set()
    while queue and len(found) < most:
        negative, pair = heapq.heappop(queue)
        count = counts[pair]
        if count != -negative:  # changed since it was queued
            if count >= least:
                heapq.heappush(queue, (-count, pair))
            continue
        piece = joined(*pair)
        if piece in made or not allowed(pair, piece):
            counts[pair] = 0
            continue
        made.add(piece)
        found.append(Merge(pair, piece, count))
        touched = set()
        for place in places.pop(pair):
            before = cut[place]
            after = _merged(before, pair, piece)
            cut[place] = after
            for neighbours in pairwise(before):
                if neighbours in counts:
                    counts[neighbours] -= often[place]
                    places[neighbours].discard(place)
            for neighbours in pairwise(after):
                counts[neighbours] += often[place]
                places[neighbours].add(place)
                touched.add(neighbours)
        del counts[pair]
        for neighbours in touched:
            if counts[neighbours] >= least:
                heapq.heappush(queue, (-counts[neighbours], neighbours))
    return found


def _merged(pieces: list[str], pair: Pair, piece: str) -> list[str]:
    after: list[str] = []
    place = 0
    while place < len(pieces):
        if tuple(pieces[place : place + 2]) == pair:
            after.append(piece)
            place += 2
        else:
            after.append(pieces[place])
            place += 1
    return after


def neighbours_of(words: Iterable[Pieces]) -> set[Pair]:
    """All neighbours in words."""
    return {pair for pieces in words for pair in pairwise(pieces)}
