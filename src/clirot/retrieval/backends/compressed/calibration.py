"""How deep an index must look for the recall that was asked for: measured, when it is built.

Parts of documents are the queries, since an index cannot know the topics: whole documents, and
windows of a topic's length. A query's own document is left out. For each document of the exact best
k it is noted how many others the codes, and the lists, put before it; as many are looked at as a
share of them needs. The share is the recall that was asked for and two standard errors more. Where
lists are used, they and the codes may each lose half of what may be lost.

An index in shards is measured when these are joined, over all of them, as one in one piece is: the
same queries, the same ranks. Where no vectors are kept, what codes alone find is measured for each
shard while its vectors are at hand, and the least of it counts; lists are measured for all shards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from clirot.encoding.maxsim import FloatArray, IntArray, TokenMatrix
from clirot.encoding.token_matrix import Offsets
from clirot.records import ProgressSink, Step, silent
from clirot.retrieval.backends.compressed.index import CompressedIndex
from clirot.retrieval.backends.compressed.screening import CodeMatrix, screened
from clirot.retrieval.backends.exact import top_k
from clirot.retrieval.backends.ties import best_first
from clirot.retrieval.promise import STEPS, Depth, Promise

_SAMPLED = 32
_LONGEST, _WINDOW = 64, (8, 32)  # tokens of a query
_SEED = 8
_PROBES = (1, 2, 4, 8, 16, 32, 64, 128)
_EXACT_TOKENS = 1 << 22  # in larger collections the truth is settled among the best by codes
_SETTLED_FOR_TRUTH = 5  # times the largest k
# Nanoseconds for a token's code, read in order or not, and for an entry of a list: to compare ways
# of searching. Measured on one thread of an AMD EPYC with VNNI; other values change little.
_SCAN, _SCREEN, _ENTRY = 115.0, 115.0, 25.0


@dataclass(frozen=True, eq=False)
class Sample:
    """Queries made of documents, and the documents that they come from, by row."""

    queries: list[FloatArray]
    own: list[int]
    asked: Callable[[], None] = lambda: None
    """Called whenever one of the queries has been compared with all documents."""

    @classmethod
    def of(cls, vectors: TokenMatrix) -> Sample:
        """Parts of some documents."""
        return cls._drawn(vectors, lambda tokens: vectors.tokens[tokens].float().numpy())

    @classmethod
    def of_codes(cls, codes: CodeMatrix) -> Sample:
        """Parts of what the codes of some documents stand for, which need no vectors."""
        return cls._drawn(codes, lambda tokens: codes.codec.directions(codes.codes[tokens]))

    @classmethod
    def _drawn(cls, documents: Offsets, read: Callable[[slice], FloatArray]) -> Sample:
        draw = np.random.default_rng(_SEED)
        among = len(documents.lengths)
        queries, own = [], []
        for row in np.sort(draw.choice(among, min(_SAMPLED, among), replace=False)).tolist():
            begin, end = documents.offsets[row], documents.offsets[row + 1]
            for longest in (_LONGEST, int(draw.integers(*_WINDOW, endpoint=True))):
                first = begin + int(draw.integers(max(1, end - begin - longest + 1)))
                queries.append(read(slice(first, min(end, first + longest))))
                own.append(row)
        return cls(queries, own)

    def telling(self, progress: ProgressSink, passes: int, what: str = "recall") -> Sample:
        """The same sample, which tells how far it has come.

        Args:
            progress: is told.
            passes: how often each query will be asked.
            what: the label of the steps.
        """
        done, total = count(1), passes * len(self.queries)
        return replace(self, asked=lambda: progress(Step(what, next(done), total, unit="queries")))


def measured(index: CompressedIndex, asked: float, progress: ProgressSink = silent) -> Promise:
    """What an index with its vectors can promise.

    Args:
        index: opened.
        asked: the recall that was asked for.
        progress: told of the queries.
    """
    assert index.vectors is not None
    sample = Sample.of(index.vectors).telling(progress, 2 + len(_probes(index)))
    steps = _steps(index)
    if not steps:
        return Promise(asked, 0, len(index), "every document is scored exactly", ())
    if len(index.codes.codes) <= _EXACT_TOKENS:
        truth = _exact_truth(index.vectors, index.order, sample, steps[-1])
        said = "the exact ranking"
    else:
        truth = _settled_truth(index, sample, steps[-1])
        said = f"the best {_SETTLED_FOR_TRUTH * steps[-1]:,} by codes, settled exactly"
    depths = _depths(index, sample, truth, steps, asked)
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
    sample = Sample.of(vectors).telling(progress, 2)
    steps = _steps(index)
    among = len(vectors)
    codec = index.codes.codec
    codes = CodeMatrix(codec, codec.encode(vectors.tokens[:].float().numpy()), vectors.offsets)
    order = np.arange(among, dtype=np.int64)
    known = [k for k in steps if k < among - 1]
    kept = dict.fromkeys(steps, 1.0)
    if known:
        truth = _exact_truth(vectors, order, sample, known[-1])
        found = _ranks_by_codes(codes, index, sample, truth, order)
        for k in steps:
            at = min(k, known[-1])
            kept[k] = float(np.mean([np.mean(row[:at] < at) for row in found]))
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
    sample = Sample.of_codes(index.codes).telling(progress, passes, "recall of lists")
    every, most = np.arange(len(index), dtype=np.int64), depths[-1].k
    own, ranked = iter(sample.own), []
    for batch in index.batches(sample.queries):
        for row in screened(index.codes, batch):
            best = best_first(every, row, most + 1, index.order)[0]
            ranked.append(best[best != next(own)][:most])
            sample.asked()
    by_lists = _ranks_by_lists(index, sample, ranked)
    found = []
    for depth in depths:
        costs = []
        for probes, (rows, read) in by_lists.items():
            wanted = max(depth.k, _needed(rows, depth.k, asked))
            got = float(np.mean([np.mean(row[: depth.k] < wanted) for row in rows]))
            costs.append((_cost(index, read, wanted), probes, wanted, got))
        cost, probes, wanted, got = min(costs)
        scan = cost >= _SCAN * len(index.codes.codes)
        recall = depth.recall if scan else depth.recall * got
        found.append(
            Depth(depth.k, 0 if scan else probes, 0 if scan else wanted, 0, round(recall, 4))
        )
    return tuple(found)


def _depths(
    index: CompressedIndex,
    sample: Sample,
    truth: list[IntArray],
    steps: Sequence[int],
    asked: float,
) -> tuple[Depth, ...]:
    by_codes = _ranks_by_codes(index.codes, index, sample, truth, index.order)
    by_lists = _ranks_by_lists(index, sample, truth)
    half = 1 - (1 - asked) / 2
    found = []
    for k in steps:
        settled = min(len(index), max(k, _needed(by_codes, k, asked)))
        whole = float(np.mean([np.mean(row[:k] < settled) for row in by_codes]))
        ways = [(_SCAN * len(index.codes.codes), Depth(k, 0, 0, settled, round(whole, 4)))]
        settled = min(len(index), max(k, _needed(by_codes, k, half)))
        for probes, (rows, read) in by_lists.items():
            wanted = min(len(index), max(settled, _needed(rows, k, half)))
            both = [
                np.mean((code[:k] < settled) & (listed[:k] < wanted))
                for code, listed in zip(by_codes, rows, strict=True)
            ]
            depth = Depth(k, probes, wanted, settled, round(float(np.mean(both)), 4))
            ways.append((_cost(index, read, wanted), depth))
        found.append(min(ways, key=lambda way: way[0])[1])
    return tuple(found)


def _cost(index: CompressedIndex, read: float, wanted: int) -> float:
    """Nanoseconds that a search by lists takes, about."""
    tokens = len(index.codes.codes) / len(index)
    return _ENTRY * read + _SCREEN * tokens * wanted


def _needed(ranks: Sequence[NDArray[np.int64]], k: int, share: float) -> int:
    """How many documents hold a share of the best k and two standard errors of it more."""
    pooled = np.sort(np.concatenate([row[:k] for row in ranks]))
    share = min(1.0, share + 2 * (share * (1 - share) / len(pooled)) ** 0.5)
    return int(pooled[max(0, int(np.ceil(share * len(pooled))) - 1)]) + 1


def _exact_truth(vectors: TokenMatrix, order: IntArray, sample: Sample, k: int) -> list[IntArray]:
    """The exact best k of each query but for its own document."""
    found = top_k(vectors, sample.queries, k + 1, order)
    truth = []
    for (rows, _), own in zip(found, sample.own, strict=True):
        truth.append(rows[rows != own][:k])
        sample.asked()
    return truth


def _settled_truth(index: CompressedIndex, sample: Sample, k: int) -> list[IntArray]:
    every = np.arange(len(index), dtype=np.int64)
    truth = []
    own = iter(sample.own)
    for batch in index.batches(sample.queries):
        for query, row in zip(batch, screened(index.codes, batch), strict=True):
            best = best_first(every, row, _SETTLED_FOR_TRUTH * k + 1, index.order)[0]
            rows, _ = index.settled(query, np.sort(best), k + 1)
            truth.append(rows[rows != next(own)][:k])
            sample.asked()
    return truth


def _ranks_by_codes(
    codes: CodeMatrix,
    index: CompressedIndex,
    sample: Sample,
    truth: Sequence[IntArray],
    order: IntArray,
) -> list[NDArray[np.int64]]:
    found = (row for batch in index.batches(sample.queries) for row in screened(codes, batch))
    return list(_ranks(found, sample, truth, order))


def _ranks_by_lists(
    index: CompressedIndex, sample: Sample, truth: Sequence[IntArray]
) -> dict[int, tuple[list[NDArray[np.int64]], float]]:
    """Lists probed for a token -> the ranks, and the entries that were read for a query."""
    found = {}
    for probes in _probes(index):
        counted: list[int] = []

        def gains(
            probes: int = probes, counted: list[int] = counted
        ) -> Iterator[NDArray[np.float64]]:
            assert index.lists is not None
            for query in sample.queries:
                gained, read = index.lists.promising(query, probes)
                counted.append(read)
                yield gained

        ranks = list(_ranks(gains(), sample, truth, index.order))
        found[probes] = (ranks, float(np.mean(counted)))
    return found


def _ranks(
    found: Iterator[NDArray[np.float64]],
    sample: Sample,
    truth: Sequence[IntArray],
    order: IntArray,
) -> Iterator[NDArray[np.int64]]:
    """How many documents are before each of the best ones, where equal scores go by ``order``: the
    codes of documents with the same text are the same.
    """
    for scores, row, best in zip(found, sample.own, truth, strict=True):
        sample.asked()
        scores = scores.copy()
        scores[row] = -np.inf
        rising = np.sort(scores)
        ends = np.searchsorted(rising, scores[best], "right")
        if np.all(ends - np.searchsorted(rising, scores[best], "left") == 1):
            yield len(scores) - ends
            continue
        place = np.empty(len(scores), dtype=np.int64)
        place[np.lexsort((order, -scores))] = np.arange(len(scores))
        yield place[best]
