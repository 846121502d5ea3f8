"""clirot's own collections inside ir_datasets, so that other tools can use them.

ir_datasets has no plug-in entry points: a program calls :func:`register` once, then
``ir_datasets.load("clirot/xquad/de")`` works wherever ir_datasets does (PyTerrier, ir_measures).
clirot downloads the files and keeps them under ``CLIROT_HOME``. ir_datasets keeps its document
stores, which are needed to look documents up by id, under ``IR_DATASETS_HOME``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from clirot.collection.catalogue import FAMILIES, PREFIX, known_languages, open_collection
from clirot.collection.collection import Collection


def register() -> list[str]:
    """Register every collection of clirot's in ir_datasets; more than one call does no harm.

    Returns:
        The ids that can be listed. ``clirot/cldr/<lang>`` is there for any other CLDR language too.
    """
    import ir_datasets

    listed = [f"{PREFIX}{name}/{lang}" for name in FAMILIES for lang in known_languages(name)]
    missing = [dataset_id for dataset_id in listed if dataset_id not in set(ir_datasets.registry)]
    for dataset_id in missing:
        ir_datasets.registry.register(dataset_id, _dataset(dataset_id))
    if missing:
        ir_datasets.registry.register_pattern(
            rf"^{PREFIX}cldr/[A-Za-z]{{2,3}}(-[A-Za-z]{{4}})?$",
            lambda dataset_id, _groups: _dataset(dataset_id),
        )
    return listed


def _dataset(dataset_id: str) -> Any:
    """A data set whose parts open the collection when they are first read."""
    from ir_datasets.datasets.base import Dataset

    docs, queries, qrels = _parts()
    return Dataset(docs(dataset_id), queries(dataset_id), qrels(dataset_id))


@cache
def _parts() -> tuple[Any, Any, Any]:
    """The handler classes. They are made here so that only a caller of this imports ir_datasets."""
    import ir_datasets
    from ir_datasets.formats import (
        BaseDocs,
        BaseQrels,
        BaseQueries,
        GenericDoc,
        GenericQuery,
        TrecQrel,
    )
    from ir_datasets.indices import DEFAULT_DOCSTORE_OPTIONS, PickleLz4FullStore

    class Part:
        """What documents, topics and judgements have in common."""

        def __init__(self, dataset_id: str) -> None:
            self._id = dataset_id
            self._namespace, self._language = dataset_id.rsplit("/", 1)

        def _collection(self) -> Collection:
            return open_collection(self._id)

    class Docs(Part, BaseDocs):  # type: ignore[misc,unused-ignore]
        @ir_datasets.util.use_docstore  # type: ignore[untyped-decorator]
        def docs_iter(self) -> Iterator[Any]:
            for document in self._collection().documents():
                yield GenericDoc(document.id, document.text)

        def docs_cls(self) -> Any:
            return GenericDoc

        def docs_store(self, field: str = "doc_id", options: Any = DEFAULT_DOCSTORE_OPTIONS) -> Any:
            # The digest names the store, so that all topic languages of the documents share it.
            digest = self._collection().digest
            return PickleLz4FullStore(
                path=f"{ir_datasets.util.home_path() / 'clirot' / digest[:16]}/docs.pklz4",
                init_iter_fn=self.docs_iter,
                data_cls=GenericDoc,
                lookup_field=field,
                index_fields=["doc_id"],
                options=options,
            )

        def docs_count(self) -> int | None:
            return self._collection().document_count

        def docs_namespace(self) -> str:
            return self._namespace

        def docs_lang(self) -> str:
            return "en"

    class Queries(Part, BaseQueries):  # type: ignore[misc,unused-ignore]
        def queries_iter(self) -> Iterator[Any]:
            for topic in self._collection().topics():
                yield GenericQuery(topic.id, topic.text)

        def queries_cls(self) -> Any:
            return GenericQuery

        def queries_namespace(self) -> str:
            return self._namespace

        def queries_lang(self) -> str:
            return self._language

    class Qrels(Part, BaseQrels):  # type: ignore[misc,unused-ignore]
        def qrels_iter(self) -> Iterator[Any]:
            for topic, judged in self._collection().qrels().items():
                for document, grade in judged.items():
                    yield TrecQrel(topic, document, grade, "0")

        def qrels_cls(self) -> Any:
            return TrecQrel

        def qrels_defs(self) -> dict[int, str]:
            return {2: "what is meant", 1: "relevant, or related by a fact", 0: "not relevant"}

    return Docs, Queries, Qrels
