"""Open an index of token vectors: one that is in one piece, or all shards of one."""

from __future__ import annotations

from clirot.retrieval.backends import BACKENDS, Index
from clirot.retrieval.sharding.building import is_joined, members
from clirot.retrieval.sharding.sharded_index import ShardedIndex
from clirot.store import Artefact, Store


def open_index(artefact: Artefact, store: Store) -> Index:
    """Open an index.

    Args:
        artefact: the index.
        store: where its shards are, if it has any.

    Raises:
        ArtefactError: it is damaged, or one of its shards is missing, damaged or another one.
    """
    artefact.check()
    if is_joined(artefact):
        index: Index = ShardedIndex(members(artefact, store), _opened)
    else:
        index = _opened(artefact)
    artefact.check_unreplaced()
    return index


def _opened(artefact: Artefact) -> Index:
    index = BACKENDS[artefact.manifest.config["backend"]].open(artefact.path)
    artefact.check_unreplaced()
    return index
