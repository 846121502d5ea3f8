"""Search the shards of an index on the nodes of a cluster, and merge what they find here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from clirot.cluster.connection import check, connected
from clirot.cluster.settings import ClusterSettings
from clirot.encoding.maxsim import FloatArray
from clirot.records import Hit, ProgressSink, Step
from clirot.retrieval.sharding.sharded_index import ShardedIndex, merge
from clirot.store import Artefact, Input, Store

HITS = 200_000
"""Hits that a task finds at most; more topics than these make another task."""

SearchShard = Callable[[str, Input, Sequence[FloatArray], int], list[list[Hit]]]
"""What a node does: ``(home, shard, queries, k)``."""

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Nodes:
    """A cluster that searches shards.

    ``shards``: in their order; ``store``: where they are, for all nodes; ``settings``: which
    cluster; ``progress``: is told how the search goes.

    Raises:
        UsageError: Ray is not installed.
        ClusterError: nothing answers at the cluster's address.
    """

    shards: Sequence[Artefact]
    store: Store
    settings: ClusterSettings
    progress: ProgressSink

    def __post_init__(self) -> None:
        check(self.settings)

    def each(
        self, task: Callable[..., _Answer], asked: Mapping[tuple[int, int], tuple[Any, ...]]
    ) -> Iterator[tuple[tuple[int, int], _Answer]]:
        """Have tasks done, and give what comes of each as soon as it is there.

        Args:
            task: what a node does: ``(home, shard, ...)``.
            asked: (place of the shard, number of the first query) -> what else it is given. Tasks
                of a shard should follow each other: a process that has it open gets it again where
                that can be.

        Raises:
            ClusterError: the cluster cannot be used, or a node has another shard of a name.
            ArtefactError: a shard is damaged.
        """
        home = str(self.store.home)
        tasks = {key: (home, self.shards[key[0]].as_input(), *more) for key, more in asked.items()}
        with connected(self.settings, self.store.home) as cluster:
            self.progress(Step("search shards", 0, len(tasks), unit="tasks"))
            for done, (key, found) in enumerate(cluster.each(task, tasks), 1):
                yield key, found
                self.progress(Step("search shards", done, len(tasks), unit="tasks"))


class RemoteIndex:
    """A joined index of which the nodes of a cluster search the shards; see
    :class:`clirot.retrieval.backends.Index`.

    Candidates are scored here: that reads a few documents only.

    Args:
        local: the same index, searched here.
        nodes: the cluster.
        task: what a node does.
    """

    def __init__(self, local: ShardedIndex, nodes: Nodes, task: SearchShard) -> None:
        self._local, self._nodes, self._task = local, nodes, task
        self.dim = local.dim

    def __len__(self) -> int:
        return len(self._local)

    def __contains__(self, docno: object) -> bool:
        return docno in self._local

    def search(self, queries: Sequence[FloatArray], k: int) -> Iterator[list[Hit]]:
        """See :meth:`clirot.retrieval.backends.Index.search`."""
        best: list[list[Hit]] = [[] for _ in queries]
        size = max(1, HITS // k)
        asked = {
            (place, start): (queries[start : start + size], k)
            for place in range(len(self._nodes.shards))
            for start in range(0, len(queries), size)
        }
        for (_, start), found in self._nodes.each(self._task, asked):
            here = best[start : start + size]
            merge(here, iter(found), k)
            best[start : start + size] = here
        yield from best

    def rerank(
        self, queries: Sequence[FloatArray], candidates: Sequence[Sequence[str]], k: int
    ) -> Iterator[list[Hit]]:
        """See :meth:`clirot.retrieval.backends.Index.rerank`."""
        yield from self._local.rerank(queries, candidates, k)
