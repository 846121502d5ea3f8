"""Index a collection: documents to token vectors, or to words, on disk."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from clirot.cluster.settings import ClusterSettings
from clirot.errors import BusyError, ClusterError, UnusedSettingWarning, UsageError
from clirot.processes import ALONE, Processes, processes
from clirot.records import ProgressSink, Step, silent
from clirot.registry import unknown_name
from clirot.retrieval.index_config import AUTO, POSTINGS, IndexConfig, IndexResult
from clirot.retrieval.index_encoding import Encoding, encode, help_encoding
from clirot.retrieval.index_plan import TokenIndex, planned
from clirot.retrieval.lexical_indexing import build_lexical
from clirot.retrieval.passages.rows import splitter_of
from clirot.retrieval.sharding.building import ShardedBuild
from clirot.settings import leaves, values
from clirot.store import Artefact, Store

if TYPE_CHECKING:
    from clirot.encoding.encoders import MultiVectorTokenEncoder
    from clirot.models import ModelRef

_WAIT_S = 0.5


def build_index(
    config: IndexConfig, *, store: Store | None = None, progress: ProgressSink = silent
) -> IndexResult:
    """Index a collection, or return the index at once where it exists.

    Where a launcher such as torchrun has started several processes, each encodes its share.

    Raises:
        UnknownNameError: no such model, collection or backend.
        UsageError: an index of words, or one in shards, cannot be added to.
        ArtefactError: an index of that name was made from something else, or cannot grow, another
            process is writing it, or the disk is full or will be.
        InputError: the collection has no documents or cannot be read, or the encoder's vectors are
            not of unit norm.
    """
    store = store if store is not None else Store()
    with processes() as together:
        if together.first:
            result = _build(config, store, progress, together)
            together.agree(result.name)
        else:
            name = help_encoding(config, store, together)
            result = IndexResult.of(store.get("indexes", name), fresh=False, notes=())
        together.wait()
    return result


def _build(
    config: IndexConfig, store: Store, progress: ProgressSink, together: Processes
) -> IndexResult:
    """As :func:`build_index`, by the first process."""
    from clirot.collection import open_collection
    from clirot.models import resolve

    check_backend(config)
    whole = {
        f"an index of words ({config.model})": config.lexical,
        "an index in shards": config.shards is not None,
        "an index of passages": config.passages.wanted,
    }
    if config.add and any(whole.values()):
        raise UsageError(
            f"{next(what for what, holds in whole.items() if holds)} cannot be added to",
            hint="leave `add` out; `replace` makes it anew",
        )
    _warn_of_unused(config)
    store.path("indexes", config.index_name)  # a bad name is an error before any work
    collection = open_collection(
        config.collection, config.docs_lang, home=store.home, progress=progress
    )
    if config.lexical and config.shards is not None:
        raise UsageError(
            f"an index of words ({config.model}) is made in one piece", hint="leave `shards` out"
        )
    if config.lexical:
        return build_lexical(config, collection, store, progress)
    model = resolve(config.model, store)
    wanted = planned(config, model, collection, store)
    notes = (*wanted.notes, *model.reads_otherwise("document", collection.document_language))
    builder = _Builder(model, store, str(wanted.settings["encode_dtype"]), together)
    if config.shards is not None:
        return _build_shards(ShardedBuild(wanted, store, builder.build), notes, progress)
    found = builder.found(wanted)
    made = found or builder.build(wanted, progress)
    return IndexResult.of(made, fresh=found is None, notes=notes)


def _build_shards(
    build: ShardedBuild, notes: tuple[str, ...], progress: ProgressSink
) -> IndexResult:
    """The joined index; or the one shard that is asked for, where others are still missing."""
    chosen = build.chosen()
    if chosen is not None:
        there = build.there(chosen) is not None
        shard = build.here(chosen, progress)
        return build.result(build.joined_if_whole(progress) or shard, fresh=not there, notes=notes)
    if build.whole.config.cluster.ray is not None:
        _build_on_cluster(build, progress)
    shards = [build.here(shard, progress) for shard in build.shards]
    joined, fresh = build.joined(shards, progress)
    return build.result(joined, fresh=fresh, notes=notes)


def _build_on_cluster(build: ShardedBuild, progress: ProgressSink) -> None:
    """Have the shards that are missing built by the nodes of a cluster."""
    from clirot.cluster.connection import check, connected

    whole, home = build.whole, build.store.home
    missing = [shard for shard in build.shards if build.missing(shard)]
    if not missing:
        return
    check(whole.config.cluster)
    tasks = {}
    for shard in missing:
        # Nodes may differ in what they can: what was decided here holds for all.
        config = replace(
            whole.config,
            shard=shard.number,
            cluster=ClusterSettings(),
            encode_dtype=whole.settings["encode_dtype"],
        )
        tasks[shard] = (replace(whole, config=config, collection=None), str(home))
    done, total = len(build.shards) - len(missing), len(build.shards)
    with connected(whole.config.cluster, home) as cluster:
        progress(Step("index shards", done, total, unit="shards"))
        for shard, _ in cluster.each(build_on_node, tasks):
            build.awaited(shard)
            done += 1
            progress(Step("index shards", done, total, unit="shards"))


def build_on_node(wanted: TokenIndex, home: str) -> None:
    """Build a shard on a node of a cluster.

    Args:
        wanted: the whole index, of which the configuration names a shard, as the machine that asks
            has it; without the collection, which is opened here.
        home: of the store.

    Raises:
        ClusterError: this node has another model or other documents of that name.
        ClirotError: those of :func:`build_index`.
    """
    from clirot.collection import open_collection
    from clirot.models import resolve

    config, store = wanted.config, Store(Path(home))
    model = resolve(config.model, store)
    collection = open_collection(config.collection, config.docs_lang, home=store.home)
    here = planned(config, model, collection, store)
    for own, asked in zip(here.inputs, wanted.inputs, strict=True):
        if own != asked:
            raise ClusterError(
                f"{own.kind} {own.name} is another one on this node ({own.digest[:12]}) than where "
                f"the command runs ({asked.digest[:12]})"
            )
    builder = _Builder(model, store, str(here.settings["encode_dtype"]))
    build = ShardedBuild(here, store, builder.build)
    shard = build.chosen()
    assert shard is not None
    while True:
        try:
            build.here(shard, silent)
            return
        except BusyError:  # an earlier attempt at this task, on a node that seemed lost, is alive
            time.sleep(_WAIT_S)


@dataclass(frozen=True)
class _Builder:
    """Builds indexes of one model."""

    model: ModelRef
    store: Store
    dtype: str
    """What the model computes in."""
    together: Processes = ALONE

    @cached_property
    def encoder(self) -> MultiVectorTokenEncoder:
        from clirot.encoding.encoders import load_encoder

        return load_encoder(self.model, side="document", dtype=self.dtype)

    def found(self, wanted: TokenIndex) -> Artefact | None:
        """The finished index; None: there is none yet, or it is to be replaced or to grow."""
        return self.store.finished(
            "indexes",
            wanted.name,
            config=wanted.settings,
            inputs=wanted.inputs,
            replace=wanted.config.replace or wanted.growth is not None,
        )

    def build(self, wanted: TokenIndex, progress: ProgressSink) -> Artefact:
        """Build an index, or find it built."""
        found = self.found(wanted)
        if found is not None:
            return found
        encoder = self.encoder
        splitter = splitter_of(wanted.config.passages, encoder, wanted.documents.document_language)
        with self.store.draft(
            "indexes", wanted.name, config=wanted.settings, inputs=wanted.inputs, continued=True
        ) as draft:
            work = Encoding(wanted, encoder, splitter, draft, self.together)
            encode(work, progress)
        return self.store.get("indexes", wanted.name)


def check_backend(config: IndexConfig) -> None:
    """Hold the backend of an index to those that its model has.

    Raises:
        UnknownNameError: it has no such backend.
    """
    if config.backend == AUTO:
        return
    from clirot.retrieval.backends import BACKENDS

    backends = [POSTINGS] if config.lexical else list(BACKENDS)
    if config.backend not in backends:
        raise unknown_name(
            "index backend",
            config.backend,
            [AUTO, *backends],
            more=f"these are for {'lexical models' if config.lexical else 'token vectors'}",
        )


def _warn_of_unused(config: IndexConfig) -> None:
    """Warn (UnusedSettingWarning) of settings that were changed and are for the other models."""
    unused, given = config.of_no_use(), values(config)
    for leaf in leaves(IndexConfig):
        if leaf.name in unused and given[leaf.name] != leaf.default:
            warnings.warn(
                f"`{leaf.name}` is not used: {unused[leaf.name]}",
                UnusedSettingWarning,
                stacklevel=3,
            )
