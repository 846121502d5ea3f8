"""clirot's own collections inside ir_datasets, so that other tools can use them.

ir_datasets has no plug-in entry points: a program calls :func:`register` once, then
``ir_datasets.load("clirot/xquad/de")`` works wherever ir_datasets does (PyTerrier, ir_measures).
Files come through clirot's downloader and lie under ``CLIROT_HOME``; document stores, which only
look-ups by id need, under ``IR_DATASETS_HOME``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from clirot.collection.catalogue import FAMILIES, PREFIX, known_languages, open_collection


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
    """The handler classes; made here, because their bases would import ir_datasets with us."""
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

    class Docs(BaseDocs):  # type: ignore[misc,unused-ignore]
        def __init__(self, dataset_id: str) -> None:
            self._id = dataset_id

        @ir_datasets.util.use_docstore  # type: ignore[untyped-decorator]
        def docs_iter(self) -> Iterator[Any]:
            for document in open_collection(self._id).documents():
                yield GenericDoc(document.id, document.text)

        def docs_cls(self) -> Any:
            return GenericDoc

        def docs_store(self, field: str = "doc_id", options: Any = DEFAULT_DOCSTORE_OPTIONS) -> Any:
            # One store a document collection: its digest, not the topic language, names it.
            digest = open_collection(self._id).digest
            return PickleLz4FullStore(
                path=f"{ir_datasets.util.home_path() / 'clirot' / digest[:16]}/docs.pklz4",
                init_iter_fn=self.docs_iter,
                data_cls=GenericDoc,
                lookup_field=field,
                index_fields=["doc_id"],
                options=options,
            )

        def docs_count(self) -> int | None:
            return open_collection(self._id).document_count

        def docs_namespace(self) -> str:
            return self._id.rsplit("/", 1)[0]

        def docs_lang(self) -> str:
            return "en"

    class Queries(BaseQueries):  # type: ignore[misc,unused-ignore]
        def __init__(self, dataset_id: str) -> None:
            self._id = dataset_id

        def queries_iter(self) -> Iterator[Any]:
            for topic in open_collection(self._id).topics():
                yield GenericQuery(topic.id, topic.text)

        def queries_cls(self) -> Any:
            return GenericQuery

        def queries_namespace(self) -> str:
            return self._id.rsplit("/", 1)[0]

        def queries_lang(self) -> str:
            return self._id.rsplit("/", 1)[1]

    class Qrels(BaseQrels):  # type: ignore[misc,unused-ignore]
        def __init__(self, dataset_id: str) -> None:
            self._id = dataset_id

        def qrels_iter(self) -> Iterator[Any]:
            collection = open_collection(self._id)
            for topic, judged in collection.qrels().items():
                for document, grade in judged.items():
                    yield TrecQrel(topic, document, grade, "0")

        def qrels_cls(self) -> Any:
            return TrecQrel

        def qrels_defs(self) -> dict[int, str]:
            return {2: "what is meant", 1: "relevant, or related by a fact", 0: "not relevant"}

    return Docs, Queries, Qrels
