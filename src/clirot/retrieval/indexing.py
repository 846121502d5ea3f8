"""Index a collection: documents to token vectors, or to words, on disk."""

from __future__ import annotations

import warnings

from clirot.analysis import AnalysisSettings
from clirot.errors import UnusedSettingWarning, UsageError
from clirot.known_models import LEXICAL
from clirot.processes import Processes, processes
from clirot.records import ProgressSink, silent
from clirot.registry import unknown_name
from clirot.retrieval.index_config import AUTO, IndexConfig, IndexResult
from clirot.retrieval.index_encoding import encode, help_encoding
from clirot.retrieval.index_plan import planned
from clirot.retrieval.lexical_indexing import POSTINGS, build_lexical
from clirot.retrieval.settings import Bm25Settings
from clirot.settings import leaves, values
from clirot.store import Store


def build_index(
    config: IndexConfig, *, store: Store | None = None, progress: ProgressSink = silent
) -> IndexResult:
    """Index a collection, or return the index at once where it exists.

    Where a launcher such as torchrun has started several processes, each encodes its share.

    Raises:
        UnknownNameError: no such model, collection or backend.
        UsageError: an index of words cannot be added to.
        ArtefactError: an index of that name was made from something else, or cannot grow, another
            process is writing it, or the disk is full or will be.
        InputError: the collection has no documents or cannot be read, or the encoder's vectors are
            not of unit norm.
    """
    store = store if store is not None else Store()
    with processes() as together:
        if together.first:
            result = _build(config, store, progress, together)
            if result.lexical or not result.fresh:
                together.agree(None)  # there was nothing to do for the others
        else:
            help_encoding(config, store, together)
        together.wait()
    if not together.first:
        return IndexResult.of(store.get("indexes", config.index_name), fresh=True, notes=())
    return result


def _build(
    config: IndexConfig, store: Store, progress: ProgressSink, together: Processes
) -> IndexResult:
    """As :func:`build_index`, by the first process."""
    from clirot.collection import open_collection
    from clirot.models import resolve
    from clirot.retrieval.backends import BACKENDS

    lexical = config.model in LEXICAL
    backends = [POSTINGS] if lexical else list(BACKENDS)
    if config.backend not in {AUTO, *backends}:
        raise unknown_name(
            "index backend",
            config.backend,
            [AUTO, *backends],
            more=f"these are for {'lexical models' if lexical else 'token vectors'}",
        )
    if lexical and config.add:
        raise UsageError(
            f"an index of words ({config.model}) is made in one piece, and cannot be added to",
            hint="leave `add` out; `replace` makes it anew",
        )
    _warn_of_unused(config, lexical=lexical)
    store.path("indexes", config.index_name)  # a bad name is an error before any work
    collection = open_collection(
        config.collection, config.docs_lang, home=store.home, progress=progress
    )
    if lexical:
        return build_lexical(config, collection, store, progress)
    model = resolve(config.model, store)
    plan = planned(config, model, collection, store)
    notes = (*plan.notes, *model.reads_otherwise("document", collection.document_language))
    found = store.finished(
        "indexes",
        config.index_name,
        config=plan.settings,
        inputs=plan.inputs,
        replace=config.replace or plan.growth is not None,
    )
    if found is not None:
        return IndexResult.of(found, fresh=False, notes=notes)
    with store.draft(
        "indexes", config.index_name, config=plan.settings, inputs=plan.inputs, continued=True
    ) as draft:
        encode(plan, model, draft, progress, together)
    return IndexResult.of(store.get("indexes", config.index_name), fresh=True, notes=notes)


def _warn_of_unused(config: IndexConfig, *, lexical: bool) -> None:
    """Warn (UnusedSettingWarning) of settings that were changed and are for the other models."""
    of_words = {leaf.name for one in (AnalysisSettings, Bm25Settings) for leaf in leaves(one)}
    unused = {"dtype", "encode_dtype"} if lexical else of_words
    why = "keeps words, not token vectors" if lexical else "compares token vectors, not words"
    given = values(config)
    for leaf in leaves(IndexConfig):
        if leaf.name in unused and given[leaf.name] != leaf.default:
            warnings.warn(
                f"`{leaf.name}` is not used: {config.model} {why}",
                UnusedSettingWarning,
                stacklevel=3,
            )
