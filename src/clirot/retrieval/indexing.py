"""Index a collection: documents to token vectors, or to words, on disk."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from clirot.analysis import AnalysisSettings
from clirot.cluster.settings import ClusterSettings
from clirot.errors import BusyError, ClusterError, UnusedSettingWarning, UsageError
from clirot.known_models import LEXICAL
from clirot.records import ProgressSink, Step, silent
from clirot.registry import unknown_name
from clirot.retrieval import encoded_windows
from clirot.retrieval.cut_documents import CUT, CutDocuments
from clirot.retrieval.encoded_windows import write_windows
from clirot.retrieval.index_config import AUTO, COMPRESSED, IndexConfig, IndexResult
from clirot.retrieval.lexical_indexing import POSTINGS, build_lexical
from clirot.retrieval.passages.rows import PassageRows, splitter_of
from clirot.retrieval.passages.settings import PassageSettings
from clirot.retrieval.read_collections import check_unchanged, reading
from clirot.retrieval.settings import Bm25Settings, CompressedSettings
from clirot.retrieval.sharding.building import ShardedBuild, TokenIndex
from clirot.settings import leaves, values
from clirot.store import Artefact, Input, Store
from clirot.store.files import files_below

if TYPE_CHECKING:
    from clirot.collection import Collection
    from clirot.encoding.encoders import MultiVectorTokenEncoder
    from clirot.models import ModelRef

_FORMAT = 1
_EXACT = "exact"
_WAIT_S = 0.5


def build_index(
    config: IndexConfig, *, store: Store | None = None, progress: ProgressSink = silent
) -> IndexResult:
    """Index a collection, or return the index at once where it exists.

    Raises:
        UnknownNameError: no such model, collection or backend.
        ArtefactError: an index of that name was made from something else, another process is
            writing it, or the disk is full.
        InputError: the collection has no documents or cannot be read, or the encoder's vectors are
            not of unit norm.
    """
    from clirot.collection import open_collection
    from clirot.models import resolve
    from clirot.retrieval.backends import BACKENDS

    store = store if store is not None else Store()
    lexical = config.model in LEXICAL
    backends = [POSTINGS] if lexical else list(BACKENDS)
    if config.backend not in {AUTO, *backends}:
        raise unknown_name(
            "index backend",
            config.backend,
            [AUTO, *backends],
            more=f"these are for {'lexical models' if lexical else 'token vectors'}",
        )
    _warn_of_unused(config, lexical=lexical)
    store.path("indexes", config.index_name)  # a bad name is an error before any work
    collection = open_collection(
        config.collection, config.docs_lang, home=store.home, progress=progress
    )
    if lexical and config.shards is not None:
        raise UsageError(
            f"an index of words ({config.model}) is made in one piece", hint="leave `shards` out"
        )
    if lexical:
        return build_lexical(config, collection, store, progress)
    model = resolve(config.model, store)
    notes = model.reads_otherwise("document", collection.document_language)
    wanted = _wanted(config, model, collection)
    builder = _Builder(model, store)
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
        return build.result(build.joined_if_whole() or shard, fresh=not there, notes=notes)
    if build.whole.config.cluster.ray is not None:
        _build_on_cluster(build, progress)
    shards = [build.here(shard, progress) for shard in build.shards]
    joined, fresh = build.joined(shards)
    return build.result(joined, fresh=fresh, notes=notes)


def _build_on_cluster(build: ShardedBuild, progress: ProgressSink) -> None:
    """Have the shards that are missing built by the nodes of a cluster."""
    from clirot.cluster.connection import connected

    whole, home = build.whole, build.store.home
    missing = [shard for shard in build.shards if build.missing(shard)]
    if not missing:
        return
    tasks = {}
    for shard in missing:
        config = replace(whole.config, shard=shard.number, cluster=ClusterSettings())
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
    here = _wanted(
        config, model, open_collection(config.collection, config.docs_lang, home=store.home)
    )
    for own, asked in zip(here.inputs, wanted.inputs, strict=True):
        if own != asked:
            raise ClusterError(
                f"{own.kind} {own.name} is another one on this node ({own.digest[:12]}) than where "
                f"the command runs ({asked.digest[:12]})"
            )
    build = ShardedBuild(here, store, _Builder(model, store).build)
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

    @cached_property
    def encoder(self) -> MultiVectorTokenEncoder:
        from clirot.encoding.encoders import load_encoder

        return load_encoder(self.model, side="document")

    def found(self, wanted: TokenIndex) -> Artefact | None:
        """The finished index; None: there is none yet."""
        return self.store.finished(
            "indexes",
            wanted.name,
            config=wanted.settings,
            inputs=wanted.inputs,
            replace=wanted.config.replace,
        )

    def build(self, wanted: TokenIndex, progress: ProgressSink) -> Artefact:
        """Build an index, or find it built."""
        from clirot.retrieval.backends import BACKENDS

        found = self.found(wanted)
        if found is not None:
            return found
        config, collection, encoder = wanted.config, wanted.documents, self.encoder
        splitter = splitter_of(config.passages, encoder, collection.document_language)
        with self.store.draft(
            "indexes", wanted.name, config=wanted.settings, inputs=wanted.inputs, continued=True
        ) as draft:
            backend = BACKENDS[config.backend]
            writer = backend.writer(
                draft.path, draft.scratch, encoder.dim, config.dtype, config.compressed
            )
            started, resumed_at = time.monotonic(), writer.documents
            cut = CutDocuments(draft.scratch, writer.documents)
            passages = None
            if splitter is not None:
                window = encoded_windows.WINDOW
                passages = PassageRows(collection, splitter, window, draft)
                progress = passages.progress(progress)
            empty = write_windows(passages or collection, encoder, writer, cut, progress)
            writer.finish()
            if passages is not None:
                passages.finish()
            check_unchanged(collection, draft)
            seconds = max(time.monotonic() - started, 1e-9)
            draft.results.update(
                documents=writer.documents,
                empty_documents=empty,
                **{CUT: cut.total.row},
                tokens=writer.tokens,
                bytes=sum(path.stat().st_size for path in files_below(draft.path).values()),
                documents_per_second=round((writer.documents - resumed_at) / seconds, 1),
                **backend.results(draft.path),
                **reading(collection),
            )
            if passages is not None:  # what is counted above are these
                draft.results.update(passages.results(draft.results))
        return self.store.get("indexes", wanted.name)


def _warn_of_unused(config: IndexConfig, *, lexical: bool) -> None:
    """Warn (UnusedSettingWarning) of settings that were changed and are for the other models."""
    of_words = {leaf.name for one in (AnalysisSettings, Bm25Settings) for leaf in leaves(one)}
    of_codes = {leaf.name for leaf in leaves(CompressedSettings)}
    of_vectors = {"dtype", *of_codes, *(leaf.name for leaf in leaves(PassageSettings))}
    words = f"{config.model} keeps words, not token vectors"
    unused = dict.fromkeys(of_vectors, words)
    if not lexical:
        unused = dict.fromkeys(of_words, f"{config.model} compares token vectors, not words")
        if config.backend != COMPRESSED:
            unused |= dict.fromkeys(of_codes, f"it is for `backend={COMPRESSED}`")
    given = values(config)
    for leaf in leaves(IndexConfig):
        if leaf.name in unused and given[leaf.name] != leaf.default:
            warnings.warn(
                f"`{leaf.name}` is not used: {unused[leaf.name]}",
                UnusedSettingWarning,
                stacklevel=3,
            )


def _wanted(config: IndexConfig, model: ModelRef, collection: Collection) -> TokenIndex:
    """An index of token vectors that is wanted, with what decides it: settings and inputs."""
    from clirot.retrieval.backends import BACKENDS

    config = config if config.backend != AUTO else replace(config, backend=_EXACT)
    document_model = model.side("document")
    settings = {
        "format": _FORMAT,
        "backend": config.backend,
        "dtype": config.dtype,
        **BACKENDS[config.backend].identity(config.compressed),
        "model": model.name,
        "document_model": document_model.name,
        "collection": collection.id,
        "window": encoded_windows.WINDOW,
        **config.passages.deciding(collection.document_language),
    }
    inputs = (
        Input(kind="models", name=document_model.name, digest=document_model.digest),
        Input(kind="collection", name=collection.id, digest=collection.digest),
    )
    return TokenIndex(config.index_name, config, settings, inputs, collection)
