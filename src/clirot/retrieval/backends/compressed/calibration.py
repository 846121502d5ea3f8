"""How deep an index must look for the recall that was asked for: measured, when it is built.

Parts of documents are the queries; see :mod:`.sampled_queries`. For each document of the exact best
k it is noted how many others the codes, and the lists, put before it; as many are looked at as a
share of them needs. The share is the recall that was asked for and two standard errors more. Where
lists are used, they and the codes lose it together, shared out as it takes the least work.

An index in shards is measured when these are joined, over all of them, as one in one piece is: the
same queries, the same ranks. Where no vectors are kept, what codes alone find is measured for each
shard while its vectors are at hand, and the least of it counts; lists are measured for all shards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clirot.encoding.maxsim import FloatArray, IntArray, TokenMatrix
from clirot.records import ProgressSink, silent
from clirot.retrieval.backends.compressed.index import CompressedIndex
from clirot.retrieval.backends.compressed.sampled_queries import SampledQueries, copies
from clirot.retrieval.backends.compressed.screening import CodeMatrix, screened
from clirot.retrieval.backends.exact import top_k
from clirot.retrieval.backends.ties import best_first
from clirot.retrieval.promise import STEPS, Depth, Promise

_PROBES = (1, 2, 4, 8, 16, 32, 64, 128)
_EXACT_TOKENS = 1 << 22  # in larger collections the truth is settled among the best by codes
_SETTLED_FOR_TRUTH = 5  # times the largest k
# Nanoseconds for a token's code, read in order or not, and for an entry of a list: to compare ways
# of searching, on one thread of an AMD EPYC with VNNI; and for a token that is settled, which took
# six times a code on an Intel Xeon. Other values change little.
_SCAN, _SCREEN, _ENTRY, _SETTLE = 115.0, 115.0, 25.0, 700.0
_SPLITS = 16  # ways of sharing out what may be lost

Scores = NDArray[np.float64]
Best = Callable[[Sequence[FloatArray], Sequence[Scores], int], list[IntArray]]
"""What finds the best documents of some queries, best first. It is given the queries, their scores
by codes, in which what is left out has none, and how many it shall find at least."""


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of the queries of a sample."""

    left_out: list[IntArray]
    """Of each, the rows that no search shall find."""
    truth: list[IntArray]
    """The rows of the best ones, best first."""
    by_codes: list[IntArray]
    """How many documents the codes put before each of these."""


def measured(index: CompressedIndex, asked: float, progress: ProgressSink = silent) -> Promise:
    """What an index with its vectors can promise.

    Args:
        index: opened.
        asked: the recall that was asked for.
        progress: told of the queries.
    """
    assert index.vectors is not None
    sample = SampledQueries.of(index.vectors).telling(progress, 1 + len(_probes(index)))
    steps = _steps(index)
    if not steps:
        return Promise(asked, 0, len(index), "every document is scored exactly", ())
    if len(index.codes.codes) <= _EXACT_TOKENS:
        best, said = _exactly(index.vectors, index.order), "the exact ranking"
    else:
        best = _settled(index)
        said = f"the best {_SETTLED_FOR_TRUTH * steps[-1]:,} by codes, settled exactly"
    known = _known(index, index.codes, index.order, sample, steps[-1], best)
    depths = _depths(index, sample, known, steps, asked)
    return Promise(asked, len(sample.queries), len(index), said, depths)


def measured_by_codes(
    index: CompressedIndex, vectors: TokenMatrix, asked: float, progress: ProgressSink = silent
) -> Promise:
    """What an index can promise that keeps no vectors.

    Args:
        index: opened.
        vectors: those of some documents, as long as they are at hand. The ranking of these by
            their codes is compared with their exact one.
        asked: the recall that was asked for.
        progress: told of the queries.
    """
    sample = SampledQueries.of(vectors).telling(progress, 1)
    steps = _steps(index)
    among = len(vectors)
    codec = index.codes.codec
    codes = CodeMatrix(codec, codec.encode(vectors.tokens[:].float().numpy()), vectors.offsets)
    order = np.arange(among, dtype=np.int64)
    measurable = [k for k in steps if k < among - 1]
    kept = dict.fromkeys(steps, 1.0)
    if measurable:
        known = _known(index, codes, order, sample, measurable[-1], _exactly(vectors, order))
        for k in steps:
            at = min(k, measurable[-1])
            kept[k] = float(np.mean([np.mean(row[:at] < at) for row in known.by_codes]))
    depths = tuple(Depth(k, 0, 0, 0, round(kept[k], 4)) for k in steps)
    depths = _by_lists(index, depths, asked, progress)
    said = "the exact ranking" if among == len(index) else f"the exact ranking of {among:,} of them"
    return Promise(asked, len(sample.queries), len(index), said, depths)


def joined_by_codes(
    index: CompressedIndex, shards: Sequence[Promise], progress: ProgressSink = silent
) -> Promise:
    """What an index in shards can promise that keeps no vectors.

    Args:
        index: all of its shards, opened as one.
        shards: what these promise without lists.
        progress: told of the queries.
    """
    together = Promise.of_all(shards)
    depths = []
    for k in _steps(index):
        # Shards of fewer documents than that have nothing to say of it.
        known = [one.recall for one in together.depths if one.k <= k]
        depths.append(Depth(k, 0, 0, 0, known[-1] if known else 0.0))
    return replace(together, depths=_by_lists(index, tuple(depths), together.asked, progress))


def _steps(index: CompressedIndex) -> list[int]:
    """Numbers of hits that are fewer than there are documents beside a query's own."""
    return [k for k in STEPS if k < len(index) - 1]


def _probes(index: CompressedIndex) -> list[int]:
    """Numbers of lists to probe, of which one is chosen."""
    return [] if index.lists is None else [one for one in _PROBES if one <= len(index.lists)]


def _by_lists(
    index: CompressedIndex, depths: tuple[Depth, ...], asked: float, progress: ProgressSink
) -> tuple[Depth, ...]:
    """The same depths with lists, if there are any, which find what all codes would.

    The queries are what codes stand for: an index in shards has nothing else when these are joined,
    and one in one piece shall be searched as it is.
    """
    if index.lists is None or not depths:
        return depths
    passes = 1 + len(_probes(index))
    sample = SampledQueries.of_codes(index.codes).telling(progress, passes, "recall of lists")
    known = _known(index, index.codes, index.order, sample, depths[-1].k, _by_codes(index))
    by_lists = _ranks_by_lists(index, sample, known)
    found = []
    for depth in depths:
        costs = []
        length = _typical_length(index, known, depth.k)
        for probes, (rows, read) in by_lists.items():
            wanted = max(depth.k, _needed(rows, depth.k, asked))
            got = float(np.mean([np.mean(row[: depth.k] < wanted) for row in rows]))
            costs.append((_cost(read, length, wanted), probes, wanted, got))
        cost, probes, wanted, got = min(costs)
        scan = cost >= _SCAN * len(index.codes.codes)
        recall = depth.recall if scan else depth.recall * got
        found.append(
            Depth(depth.k, 0 if scan else probes, 0 if scan else wanted, 0, round(recall, 4))
        )
    return tuple(found)


def _depths(
    index: CompressedIndex,
    sample: SampledQueries,
    known: Known,
    steps: Sequence[int],
    asked: float,
) -> tuple[Depth, ...]:
    by_codes, by_lists = known.by_codes, _ranks_by_lists(index, sample, known)
    found = []
    for k in steps:
        settled = min(len(index), max(k, _needed(by_codes, k, asked)))
        whole = float(np.mean([np.mean(row[:k] < settled) for row in by_codes]))
        ways = [(_SCAN * len(index.codes.codes), Depth(k, 0, 0, settled, round(whole, 4)))]
        length = _typical_length(index, known, k)
        by_code = np.concatenate([row[:k] for row in by_codes])
        for probes, (rows, read) in by_lists.items():
            listed = np.concatenate([row[:k] for row in rows])
            for wanted, settled in _together(by_code, listed, k, asked):
                share = float(np.mean((by_code < settled) & (listed < wanted)))
                # Ranks by codes are among all documents. Where they ask for more than lists found,
                # all of these are settled.
                settled = min(settled, wanted)
                cost = _cost(read, length, wanted) + _SETTLE * length * settled
                ways.append((cost, Depth(k, probes, wanted, settled, round(share, 4))))
        found.append(min(ways, key=lambda way: way[0])[1])
    return tuple(found)


def _together(
    by_code: IntArray, listed: IntArray, k: int, asked: float
) -> Iterator[tuple[int, int]]:
    """How many documents of lists to score by their codes, and how many of these to settle, so that
    both together hold the share: with little loss by the lists, or with more of it.

    Args:
        by_code: ranks by codes of the best k of all queries, one after the other.
        listed: their ranks by lists.
        k: of the best documents of a query.
        asked: the recall.
    """
    rising = np.sort(listed)
    needed = _count(len(rising), asked)
    for kept in sorted({*np.linspace(needed, len(rising), _SPLITS).astype(int).tolist()}):
        wanted = max(k, int(rising[kept - 1]) + 1)
        there = np.sort(by_code[listed < wanted])
        settled = max(k, int(there[needed - 1]) + 1)
        yield wanted, settled


def _cost(read: float, length: float, wanted: int) -> float:
    """Nanoseconds that finding candidates by lists takes, about.

    Args:
        read: entries of lists.
        length: tokens of a document.
        wanted: documents whose codes are scored.
    """
    return _ENTRY * read + _SCREEN * length * wanted


def _typical_length(index: CompressedIndex, known: Known, k: int) -> float:
    """Tokens of a document that is found, on average: more than of any, as long ones have more to
    offer.
    """
    return float(np.mean(index.codes.lengths[np.concatenate([row[:k] for row in known.truth])]))


def _needed(ranks: Sequence[IntArray], k: int, share: float) -> int:
    """How many documents hold a share of the best k and two standard errors of it more."""
    pooled = np.sort(np.concatenate([row[:k] for row in ranks]))
    return int(pooled[_count(len(pooled), share) - 1]) + 1


def _count(documents: int, share: float) -> int:
    """A share of so many documents and two standard errors more, one document at least."""
    share = min(1.0, share + 2 * (share * (1 - share) / documents) ** 0.5)
    return max(1, int(np.ceil(share * documents)))


def _known(
    index: CompressedIndex,
    codes: CodeMatrix,
    order: IntArray,
    sample: SampledQueries,
    most: int,
    best: Best,
) -> Known:
    """Read all codes once: what is left out, the best ``most`` of the others, and their ranks."""
    known = Known([], [], [])
    own = iter(sample.own)
    for batch in index.batches(sample.queries):
        rows = screened(codes, batch)
        left_out = [copies(row, next(own), most) for row in rows]
        for row, left in zip(rows, left_out, strict=True):
            row[left] = -np.inf
        truth = best(batch, list(rows), most)
        known.left_out.extend(left_out)
        known.truth.extend(truth)
        for row, found in zip(rows, truth, strict=True):
            known.by_codes.append(_ranks(row, found, order))
            sample.asked()
    return known


def _exactly(vectors: TokenMatrix, order: IntArray) -> Best:
    """The best ones by all vectors."""

    def best(
        queries: Sequence[FloatArray], by_codes: Sequence[Scores], most: int
    ) -> list[IntArray]:
        beside = max(int(np.isneginf(row).sum()) for row in by_codes)
        return [
            rows[np.isfinite(row[rows])][:most]
            for (rows, _), row in zip(
                top_k(vectors, queries, most + beside, order), by_codes, strict=True
            )
        ]

    return best


def _settled(index: CompressedIndex) -> Best:
    """The best ones by their vectors of several times as many that are best by codes."""
    by_their_codes = _by_codes(index)

    def best(
        queries: Sequence[FloatArray], by_codes: Sequence[Scores], most: int
    ) -> list[IntArray]:
        among = by_their_codes(queries, by_codes, _SETTLED_FOR_TRUTH * most)
        return [
            index.settled(query, np.sort(rows), most)[0]
            for query, rows in zip(queries, among, strict=True)
        ]

    return best


def _by_codes(index: CompressedIndex) -> Best:
    """The best ones by codes."""
    every = np.arange(len(index), dtype=np.int64)

    def best(
        queries: Sequence[FloatArray], by_codes: Sequence[Scores], most: int
    ) -> list[IntArray]:
        found = (best_first(every, row, most, index.order)[0] for row in by_codes)
        return [rows[np.isfinite(row[rows])] for rows, row in zip(found, by_codes, strict=True)]

    return best


def _ranks_by_lists(
    index: CompressedIndex, sample: SampledQueries, known: Known
) -> dict[int, tuple[list[IntArray], float]]:
    """Lists probed for a token -> the ranks, and the entries that were read for a query."""
    found = {}
    for probes in _probes(index):
        assert index.lists is not None
        ranks, entries = [], []
        for query, left, truth in zip(sample.queries, known.left_out, known.truth, strict=True):
            gained, read = index.lists.promising(query, probes)
            gained[left] = -np.inf
            ranks.append(_ranks(gained, truth, index.order))
            entries.append(read)
            sample.asked()
        found[probes] = (ranks, float(np.mean(entries)))
    return found


def _ranks(scores: Scores, best: IntArray, order: IntArray) -> IntArray:
    """How many documents are before each of the best ones, where equal scores go by ``order``: the
    codes of documents with the same text are the same.
    """
    rising = np.sort(scores)
    ends = np.searchsorted(rising, scores[best], "right")
    if np.all(ends - np.searchsorted(rising, scores[best], "left") == 1):
        ranks: IntArray = len(scores) - ends
        return ranks
    place = np.empty(len(scores), dtype=np.int64)
    place[np.lexsort((order, -scores))] = np.arange(len(scores))
    return place[best]
