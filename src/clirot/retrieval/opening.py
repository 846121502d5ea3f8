"""Open an index of token vectors: one that is in one piece, or all shards of one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clirot.cluster.settings import ClusterSettings
from clirot.encoding.maxsim import FloatArray
from clirot.errors import ClusterError, UnusedSettingWarning
from clirot.records import Hit, ProgressSink, silent
from clirot.retrieval.backends import BACKENDS, Index, Joining
from clirot.retrieval.backends.compressed.index import CompressedIndex
from clirot.retrieval.passages.index import of_documents
from clirot.retrieval.sharding.building import is_joined, members
from clirot.retrieval.sharding.sharded_index import ShardedIndex
from clirot.store import Artefact, Input, Store

if TYPE_CHECKING:
    from clirot.retrieval.sharding.remote_codes import Answers, Wanted
    from clirot.retrieval.sharding.remote_index import Nodes


def open_index(
    artefact: Artefact,
    store: Store,
    cluster: ClusterSettings | None = None,
    progress: ProgressSink = silent,
) -> Index:
    """Open an index.

    Args:
        artefact: the index.
        store: where its shards are, if it has any.
        cluster: what searches them; one that is not named, or None: this process. Warns
            (UnusedSettingWarning) where there are no shards.
        progress: told which shards the cluster has searched.

    Raises:
        ArtefactError: it is damaged, or one of its shards is missing, damaged or another one.
        ClusterError: the cluster does not answer.
    """
    artefact.check()
    asked = cluster is not None and cluster.ray is not None
    index: Index
    if is_joined(artefact):
        shards = members(artefact, store)
        nodes = None
        if cluster is not None and asked:
            from clirot.retrieval.sharding.remote_index import Nodes

            nodes = Nodes(shards, store, cluster, progress)
        joining = BACKENDS[artefact.manifest.config["backend"]].joining
        if joining is None:
            index = _merged(shards, nodes)
        else:
            index = _joined(joining, artefact, shards, nodes)
    else:
        if asked:
            warnings.warn(
                f"`ray` is not used: {artefact.name} is in one piece, so it is searched here "
                "(`build_index(shards=N)` cuts an index)",
                UnusedSettingWarning,
                stacklevel=3,
            )
        index = _opened(artefact)
    artefact.check_unreplaced()
    return index


def _merged(shards: Sequence[Artefact], nodes: Nodes | None) -> Index:
    """An index of which each shard finds its best."""
    local = ShardedIndex(shards, _opened)
    if nodes is None:
        return local
    from clirot.retrieval.sharding.remote_index import RemoteIndex

    return RemoteIndex(local, nodes, search_on_node)


def _joined(
    joining: Joining, artefact: Artefact, shards: Sequence[Artefact], nodes: Nodes | None
) -> Index:
    """An index of which all shards together find candidates; its rows may be passages."""
    local = joining.open([shard.path for shard in shards], artefact.path)
    index: Index = local
    if nodes is not None:
        from clirot.retrieval.sharding.remote_codes import RemoteCodes

        index = RemoteCodes(local, nodes, find_on_node)
    index = of_documents(index, *shards)
    for shard in shards:
        shard.check_unreplaced()
    return index


def search_on_node(
    home: str, shard: Input, queries: Sequence[FloatArray], k: int
) -> list[list[Hit]]:
    """Search a shard on a node of a cluster.

    Args:
        home: of the store.
        shard: its name, and the digest that it must have.
        queries: ``(tokens, dim)`` each, rows of unit norm.
        k: hits that a query gets at most.

    Raises:
        ClusterError: this node has another shard of that name.
        ArtefactError: it is damaged.
    """
    return list(_kept_open(home, shard, _opened).search(queries, k))


def find_on_node(home: str, shard: Input, queries: Sequence[FloatArray], wanted: Wanted) -> Answers:
    """Find candidates in a shard on a node of a cluster.

    Args:
        home: of the store.
        shard: its name, and the digest that it must have.
        queries: ``(tokens, dim)`` each, rows of unit norm.
        wanted: which candidates.

    Raises:
        ClusterError: this node has another shard of that name.
        ArtefactError: it is damaged.
    """
    index = _kept_open(home, shard, lambda found: CompressedIndex.open(found.path))
    assert isinstance(index, CompressedIndex)
    return list(index.found(queries, wanted.listed, wanted.most))


_kept: dict[tuple[str, Input], Index] = {}
"""The last shard that was searched, open for the next batch of topics. One only: they are large."""


def _kept_open(home: str, shard: Input, opened: Callable[[Artefact], Index]) -> Index:
    if (home, shard) in _kept:
        return _kept[home, shard]
    _kept.clear()
    found = Store(Path(home)).get("indexes", shard.name)
    if found.digest != shard.digest:
        raise ClusterError(
            f"shard {shard.name} is another one on this node ({found.digest[:12]}) than where the "
            f"command runs ({shard.digest[:12]})"
        )
    found.check()
    _kept[home, shard] = index = opened(found)
    return index


def _opened(artefact: Artefact) -> Index:
    index = BACKENDS[artefact.manifest.config["backend"]].open(artefact.path)
    index = of_documents(index, artefact)
    artefact.check_unreplaced()
    return index
