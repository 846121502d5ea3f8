"""What decides an index of token vectors: its settings, its inputs, and the index it grows from."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from clirot.errors import ArtefactError
from clirot.retrieval import encoded_windows
from clirot.retrieval.encoded_windows import Sources
from clirot.retrieval.growing import Growth, check_alike, check_keeps_vectors
from clirot.retrieval.index_config import AUTO, GROWN_FROM, IndexConfig
from clirot.store import Artefact, Input, Store

if TYPE_CHECKING:
    from clirot.collection import Collection
    from clirot.models import ModelRef

_FORMAT = 1
_EXACT = "exact"
_MANY = 50_000
"""Documents beyond which hours are worth more than scores that are the same on every machine."""


@dataclass(frozen=True)
class TokenIndex:
    """An index of token vectors that is wanted, and what it is made from."""

    name: str
    config: IndexConfig
    settings: Mapping[str, Any]
    """What decides it, besides its inputs."""
    inputs: tuple[Input, ...]
    collection: Collection | None = None
    """Its documents; None on the way to a node of a cluster, which opens them itself."""
    growth: Growth | None = None
    """The index that it grows from; None: it is built from the first document on."""
    notes: tuple[str, ...] = ()
    """What a person should know of how it is built."""

    @property
    def documents(self) -> Collection:
        """The collection, which is there wherever an index is built."""
        assert self.collection is not None
        return self.collection

    @property
    def sources(self) -> Sources:
        """What is encoded."""
        return sources_of(self.documents, self.growth)


def sources_of(collection: Collection, growth: Growth | None) -> Sources:
    """The documents that an index needs encoded: all of a collection, or those that are new."""
    if growth is None:
        return Sources(collection.documents, collection.document_count)
    return Sources(growth.documents, growth.added, len(growth.kept))


def planned(
    config: IndexConfig, model: ModelRef, collection: Collection, store: Store
) -> TokenIndex:
    """What decides an index: settings and inputs, and what it grows from.

    Args:
        config: what is asked for.
        model: the model.
        collection: the collection.
        store: where an index of that name may be.

    Raises:
        ArtefactError: the index of that name cannot grow.
    """
    from clirot.retrieval.backends import BACKENDS

    config = config if config.backend != AUTO else replace(config, backend=_EXACT)
    name, old = config.index_name, None
    with suppress(ArtefactError):  # a damaged one is told of later, or replaced
        old = store.get("indexes", name) if store.has("indexes", name) else None
    document_model = model.side("document")
    settings = {
        "format": _FORMAT,
        "backend": config.backend,
        "dtype": config.dtype,
        **BACKENDS[config.backend].identity(config.compressed),
        "encode_dtype": _encode_dtype(config, collection, old),
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
    wanted = TokenIndex(name, config, settings, inputs, collection)
    if not config.add:
        return wanted
    if old is None:
        note = f"there is no index {name} to add to, so one of all documents was built"
        return replace(wanted, notes=(note,))
    try:
        check_alike(old, settings, inputs, ("collection", GROWN_FROM))
        growth = Growth(old, collection)
        history = old.manifest.config.get(GROWN_FROM)
        if inputs[1] in old.manifest.inputs:  # it has grown, or was built from just these documents
            grown = {} if history is None else {GROWN_FROM: history}
            return replace(wanted, settings=settings | grown)
        check_keeps_vectors(old)
        old.check(whole=True)  # what is copied is sealed anew
        _ = growth.added
    except ArtefactError:
        if config.replace:
            return wanted
        raise
    return replace(wanted, settings=settings | {GROWN_FROM: growth.history}, growth=growth)


def _encode_dtype(config: IndexConfig, collection: Collection, old: Artefact | None) -> str:
    from clirot.encoding.precision import BFLOAT16, FLOAT32, bfloat16_pays

    if config.encode_dtype != AUTO:
        return config.encode_dtype
    had = None if old is None or (config.replace and not config.add) else old.manifest.config
    if had and had.get("encode_dtype") in (FLOAT32, BFLOAT16):
        return str(had["encode_dtype"])
    many = (collection.document_count or 0) > _MANY
    return BFLOAT16 if many and bfloat16_pays() else FLOAT32
