"""Index a collection: documents to token vectors, or to words, on disk."""

from __future__ import annotations

import time
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from clirot.analysis import AnalysisSettings
from clirot.errors import UnusedSettingWarning
from clirot.known_models import LEXICAL
from clirot.records import ProgressSink, silent
from clirot.registry import unknown_name
from clirot.retrieval import encoded_windows
from clirot.retrieval.cut_documents import CUT, CutDocuments
from clirot.retrieval.encoded_windows import write_windows
from clirot.retrieval.index_config import AUTO, IndexConfig, IndexResult
from clirot.retrieval.lexical_indexing import POSTINGS, build_lexical
from clirot.retrieval.passages.rows import PassageRows, splitter_of
from clirot.retrieval.passages.settings import PassageSettings
from clirot.retrieval.read_collections import check_unchanged, reading
from clirot.retrieval.settings import Bm25Settings
from clirot.settings import leaves, values
from clirot.store import Input, Store

if TYPE_CHECKING:
    from clirot.collection import Collection
    from clirot.models import ModelRef

_FORMAT = 1
_EXACT = "exact"


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
    if lexical:
        return build_lexical(config, collection, store, progress)
    config = config if config.backend != AUTO else replace(config, backend=_EXACT)
    backend = BACKENDS[config.backend]
    model = resolve(config.model, store)
    settings, inputs = _identity(config, model, collection)
    notes = model.reads_otherwise("document", collection.document_language)
    found = store.finished(
        "indexes", config.index_name, config=settings, inputs=inputs, replace=config.replace
    )
    if found is not None:
        return IndexResult.of(found, fresh=False, notes=notes)
    from clirot.encoding.encoders import load_encoder

    encoder = load_encoder(model, side="document")
    splitter = splitter_of(config.passages, encoder, collection.document_language)
    with store.draft(
        "indexes", config.index_name, config=settings, inputs=inputs, continued=True
    ) as draft:
        writer = backend.writer(draft.path, draft.scratch, encoder.dim, config.dtype)
        started, resumed_at = time.monotonic(), writer.documents
        cut = CutDocuments(draft.scratch, writer.documents)
        passages = PassageRows(collection, splitter, draft) if splitter is not None else None
        if passages is not None:
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
            bytes=sum(path.stat().st_size for path in draft.path.iterdir()),
            documents_per_second=round((writer.documents - resumed_at) / seconds, 1),
            **reading(collection),
        )
        if passages is not None:  # what is counted above are these
            draft.results.update(passages.results(draft.results))
    return IndexResult.of(store.get("indexes", config.index_name), fresh=True, notes=notes)


def _warn_of_unused(config: IndexConfig, *, lexical: bool) -> None:
    """Warn (UnusedSettingWarning) of settings that were changed and are for the other models."""
    of_words = {leaf.name for one in (AnalysisSettings, Bm25Settings) for leaf in leaves(one)}
    of_vectors = {"dtype", *(leaf.name for leaf in leaves(PassageSettings))}
    unused = of_vectors if lexical else of_words
    why = "keeps words, not token vectors" if lexical else "compares token vectors, not words"
    given = values(config)
    for leaf in leaves(IndexConfig):
        if leaf.name in unused and given[leaf.name] != leaf.default:
            warnings.warn(
                f"`{leaf.name}` is not used: {config.model} {why}",
                UnusedSettingWarning,
                stacklevel=3,
            )


def _identity(
    config: IndexConfig, model: ModelRef, collection: Collection
) -> tuple[dict[str, Any], tuple[Input, ...]]:
    """What decides an index: settings and inputs."""
    document_model = model.side("document")
    settings = {
        "format": _FORMAT,
        "backend": config.backend,
        "dtype": config.dtype,
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
    return settings, inputs
