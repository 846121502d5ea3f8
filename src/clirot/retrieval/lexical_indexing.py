"""Build an index of words, which all lexical models share: it is made in one piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clirot.records import ProgressSink
from clirot.retrieval.index_config import POSTINGS, IndexConfig, IndexResult
from clirot.retrieval.read_collections import check_unchanged, reading
from clirot.settings import values
from clirot.store import Input, Store

if TYPE_CHECKING:
    from clirot.collection import Collection

_FORMAT = 1


def build_lexical(
    config: IndexConfig, collection: Collection, store: Store, progress: ProgressSink
) -> IndexResult:
    """An index of words, which all lexical models share."""
    from clirot.retrieval.lexical import write_postings

    settings = {
        "format": _FORMAT,
        "backend": POSTINGS,
        "model": config.model,
        "collection": collection.id,
        "language": collection.document_language,
        **values(config.analysis),
        **values(config.bm25),
    }
    inputs = (Input(kind="collection", name=collection.id, digest=collection.digest),)
    notes: tuple[str, ...] = ()
    if collection.document_language is None:
        notes = (
            f"{collection.id} does not say what language its documents are in: words are not "
            "stemmed, except by a `stemmer` that is named",
        )
    name = config.index_name
    found = store.finished("indexes", name, config=settings, inputs=inputs, replace=config.replace)
    if found is not None:
        return IndexResult.of(found, fresh=False, notes=notes)
    with store.draft("indexes", name, config=settings, inputs=inputs) as draft:
        draft.results.update(
            write_postings(collection, draft.path, config.analysis, config.bm25, progress=progress),
            **reading(collection),
        )
        check_unchanged(collection, draft)
    return IndexResult.of(store.get("indexes", name), fresh=True, notes=notes)
