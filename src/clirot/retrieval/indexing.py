"""Index a collection: documents to token vectors, or to words, on disk.

Documents are encoded in windows of :data:`WINDOW`, and each window is flushed to disk before the
next begins. The windows are always the same, so an interrupted index continues with the next window
and is byte for byte the same in the end. An index of words (:mod:`clirot.retrieval.lexical`) is
made in one piece.
"""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from clirot.analysis import AnalysisSettings
from clirot.cut_texts import CutTexts
from clirot.errors import InputError, UnusedSettingWarning
from clirot.known_models import LEXICAL
from clirot.records import Document, ProgressSink, Step, silent
from clirot.registry import unknown_name
from clirot.retrieval.cut_documents import CutDocuments
from clirot.retrieval.settings import Bm25Settings
from clirot.settings import check_ranges, leaves, part, setting, values
from clirot.store import Artefact, Draft, Input, Store

if TYPE_CHECKING:
    from clirot.collection import Collection
    from clirot.encoding.encoders import TokenEncoder
    from clirot.models import ModelRef
    from clirot.retrieval.backends import IndexWriter

WINDOW = 512
"""Documents that are encoded together. It decides an index's content: the last digits of a text's
vectors depend on the texts in its batch."""
_FORMAT = 1
_LEXICAL_FORMAT = 1
_AUTO = "auto"
_EXACT, _POSTINGS = "exact", "postings"
_CUT = "cut_texts"
_COUNTS = ("documents", "empty_documents", "tokens", "bytes")


@dataclass(frozen=True, kw_only=True)
class IndexConfig:
    """What to index with what."""

    model: str = setting(
        meaning="Model that encodes the documents: a name, a directory or a Hub id. For a student "
        "that encodes queries only, its teacher encodes the documents. bm25 keeps their words."
    )
    collection: str = setting(
        meaning="Collection whose documents are indexed: a directory or an id (cldr/so)."
    )
    name: str | None = setting(
        None, "Name of the index in the store; by default MODEL.COLLECTION.", decides=False
    )
    docs_lang: str | None = setting(
        None, "Language of the documents, where a directory has documents in several."
    )
    backend: str = setting(
        _AUTO,
        "How the index keeps and searches its documents. auto: exact for token vectors, postings "
        "for the words of lexical models.",
    )
    dtype: str = setting(
        "float16",
        "Number type of the stored vectors. float32 takes twice the disk.",
        choices=("float16", "float32"),
    )
    replace: bool = setting(
        False,
        "Replace an index of that name that was made from something else.",
        decides=False,
    )
    analysis: AnalysisSettings = part(AnalysisSettings)
    bm25: Bm25Settings = part(Bm25Settings)

    def __post_init__(self) -> None:
        check_ranges(self)

    @property
    def index_name(self) -> str:
        """The name the index gets in the store."""
        return self.name or f"{slug(self.model)}.{slug(self.collection)}"


@dataclass(frozen=True)
class IndexResult:
    """An index that is in the store."""

    artefact: Artefact
    fresh: bool
    """False where it was there already."""
    notes: tuple[str, ...]
    """Remarks on the combination of model and collection that a person should read."""
    documents: int
    empty_documents: int
    """Documents without text. In an index of token vectors, those of an empty text stand for
    them."""
    tokens: int
    """Token vectors, or words."""
    bytes: int
    """Its size on disk."""
    cut: CutTexts
    """Documents that are longer than the encoder reads."""

    @property
    def lexical(self) -> bool:
        """Whether it is an index of words."""
        return self.artefact.manifest.config["model"] in LEXICAL

    @classmethod
    def of(cls, artefact: Artefact, *, fresh: bool, notes: tuple[str, ...]) -> IndexResult:
        """The result with the counts that the index's manifest holds."""
        counts = artefact.manifest.results
        cut = CutTexts.of(counts.get(_CUT))
        return cls(artefact, fresh, notes, **{name: int(counts[name]) for name in _COUNTS}, cut=cut)

    def remarks(self) -> Iterator[str]:
        """What a person should know of the documents."""
        if self.cut.count:
            reader = str(self.artefact.manifest.config["document_model"])
            yield self.cut.remark(self.documents, "documents", reader)

    @property
    def name(self) -> str:
        """Its name."""
        return self.artefact.name


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
    backends = [_POSTINGS] if lexical else list(BACKENDS)
    if config.backend not in {_AUTO, *backends}:
        raise unknown_name(
            "index backend",
            config.backend,
            [_AUTO, *backends],
            more=f"these are for {'lexical models' if lexical else 'token vectors'}",
        )
    _warn_of_unused(config, lexical=lexical)
    store.path("indexes", config.index_name)  # a bad name is an error before any work
    collection = open_collection(
        config.collection, config.docs_lang, home=store.home, progress=progress
    )
    if lexical:
        return _build_lexical(config, collection, store, progress)
    config = config if config.backend != _AUTO else replace(config, backend=_EXACT)
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
    with store.draft(
        "indexes", config.index_name, config=settings, inputs=inputs, continued=True
    ) as draft:
        writer = backend.writer(draft.path, draft.scratch, encoder.dim, config.dtype)
        started, resumed_at = time.monotonic(), writer.documents
        cut = CutDocuments(draft.scratch, writer.documents)
        empty = _write(collection, encoder, writer, cut, progress)
        writer.finish()
        _check_unchanged(collection, draft)
        seconds = max(time.monotonic() - started, 1e-9)
        draft.results.update(
            documents=writer.documents,
            empty_documents=empty,
            **{_CUT: cut.total.row},
            tokens=writer.tokens,
            bytes=sum(path.stat().st_size for path in draft.path.iterdir()),
            documents_per_second=round((writer.documents - resumed_at) / seconds, 1),
            **_reading(collection),
        )
    return IndexResult.of(store.get("indexes", config.index_name), fresh=True, notes=notes)


def _warn_of_unused(config: IndexConfig, *, lexical: bool) -> None:
    """Warn (UnusedSettingWarning) of settings that were changed and are for the other models."""
    of_words = {leaf.name for one in (AnalysisSettings, Bm25Settings) for leaf in leaves(one)}
    unused = {"dtype"} if lexical else of_words
    why = "keeps words, not token vectors" if lexical else "compares token vectors, not words"
    given = values(config)
    for leaf in leaves(IndexConfig):
        if leaf.name in unused and given[leaf.name] != leaf.default:
            warnings.warn(
                f"`{leaf.name}` is not used: {config.model} {why}",
                UnusedSettingWarning,
                stacklevel=3,
            )


def _build_lexical(
    config: IndexConfig, collection: Collection, store: Store, progress: ProgressSink
) -> IndexResult:
    """An index of words, which all lexical models share."""
    from clirot.retrieval.lexical import write_postings

    settings = {
        "format": _LEXICAL_FORMAT,
        "backend": _POSTINGS,
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
            **_reading(collection),
        )
        _check_unchanged(collection, draft)
    return IndexResult.of(store.get("indexes", name), fresh=True, notes=notes)


def _check_unchanged(collection: Collection, draft: Draft) -> None:
    """Refuse documents that changed while they were read; what was made of them is thrown away."""
    try:
        collection.check_unchanged()
    except InputError:
        draft.resumable = False
        raise


def _reading(collection: Collection) -> dict[str, Any]:
    """What the manifest says of how the documents were read, where that is worth saying."""
    notes = collection.reading_notes
    return {"reading": list(notes)} if notes else {}


def slug(name: str) -> str:
    """A name, id or path as part of an artefact's name: ``cldr/so`` is ``cldr-so``."""
    # The end of a path tells best what it is.
    last = name.rstrip("/").split("/")[-2:] if name.startswith((".", "/", "~")) else [name]
    parts = re.split(r"[^A-Za-z0-9._+-]+", "/".join(last))
    return "-".join(part for part in parts if part.strip(".~")).lstrip("._+-") or "unnamed"


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
        "window": WINDOW,
    }
    inputs = (
        Input(kind="models", name=document_model.name, digest=document_model.digest),
        Input(kind="collection", name=collection.id, digest=collection.digest),
    )
    return settings, inputs


def _write(
    collection: Collection,
    encoder: TokenEncoder,
    writer: IndexWriter,
    cut: CutDocuments,
    progress: ProgressSink,
) -> int:
    """Encode and write the documents that are not written yet; gives the number of empty ones."""
    from clirot.encoding.maxsim import check_vectors

    total = collection.document_count
    documents = collection.documents()
    empty = sum(not document.text.strip() for document in islice(documents, writer.documents))
    progress(Step("index", writer.documents, total, unit="docs"))
    for window in _windows(documents):
        before = writer.documents

        def advance(step: Step, before: int = before) -> None:
            progress(Step("index", before + step.done, total, unit="docs"))

        found = CutTexts()

        def note(
            row: int,
            tokens: int,
            limit: int,
            found: CutTexts = found,
            window: list[Document] = window,
        ) -> None:
            found.add(window[row].id, tokens, limit)

        vectors = encoder.encode([one.text for one in window], progress=advance, cut=note)
        for document, matrix in zip(window, vectors, strict=True):
            check_vectors(matrix, encoder.dim, f"document {document.id!r}")
        cut.add(before, found)
        writer.append([document.id for document in window], vectors)
        empty += sum(not document.text.strip() for document in window)
    progress(Step("index", writer.documents, writer.documents, unit="docs"))
    return empty


def _windows(documents: Iterable[Document]) -> Iterator[list[Document]]:
    rows = iter(documents)
    while window := list(islice(rows, WINDOW)):
        yield window
