"""What a collection's name means: a directory, one of clirot's own, or a data set of ir_datasets.

An existing directory wins, then clirot's own ids, then ir_datasets'. clirot's own are written
``FAMILY/LANG`` (``xquad/de`` has English paragraphs, German topics and the English originals of the
topics) or, where one document collection has topics in every language, ``FAMILY`` alone; the topic
language is then chosen later. MIRACL, CIRAL and AfriCLIRMatrix have sets of topics,
``ciral/so/test-a``. ``clirot/FAMILY/LANG``, the spelling under which they are registered in
ir_datasets, means the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from clirot.collection.africlirmatrix import africlirmatrix
from clirot.collection.beir import BeirCollection, is_beir
from clirot.collection.cldr.collection import CldrCollection
from clirot.collection.collection import Collection
from clirot.collection.files import DirectoryCollection, has_layout
from clirot.collection.irds import IrDatasetsCollection, known_ids
from clirot.collection.passages import PassageCollection, Release, ciral, miracl
from clirot.collection.released import (
    FloresCollection,
    ReleasedCollection,
    TatoebaCollection,
    TicoPassageCollection,
    TicoSentenceCollection,
    XquadCollection,
    XquadRCollection,
)
from clirot.errors import InputError, UnknownNameError, UsageError
from clirot.languages import parse_language
from clirot.places import is_directory
from clirot.records import ProgressSink, silent
from clirot.registry import Registry, closest
from clirot.store import default_home

PREFIX = "clirot/"
"""What clirot's own ids begin with inside ir_datasets."""

FAMILIES: Registry[type[CldrCollection] | type[ReleasedCollection]] = Registry(
    "collection",
    {
        "cldr": CldrCollection,
        "xquad": XquadCollection,
        "xquad-r": XquadRCollection,
        "flores": FloresCollection,
        "tatoeba": TatoebaCollection,
        "tico-19": TicoPassageCollection,
        "tico-19-sentence": TicoSentenceCollection,
    },
)
"""clirot's own collections, by the first part of their ids."""

RELEASES: Registry[Callable[[], Release]] = Registry(
    "release", {"miracl": miracl, "ciral": ciral, "africlirmatrix": africlirmatrix}
)
"""Family -> the release, read when it is asked for."""
_LISTED = ("ciral", "africlirmatrix")
"""Releases that ir_datasets lacks."""


def known_languages(family: str) -> list[str]:
    """The topic languages of one of clirot's own families, as they are listed.

    ``cldr`` exists in some 230 languages; listed are those that the other families have.
    """
    chosen = FAMILIES[family]
    if issubclass(chosen, ReleasedCollection):
        return list(chosen.topic_languages())
    others = [name for name in FAMILIES if name != family]
    return sorted({code for name in others for code in known_languages(name)})


def open_collection(
    spec: str,
    docs_lang: str | None = None,
    *,
    home: Path | None = None,
    progress: ProgressSink = silent,
) -> Collection:
    """Open a test collection. Nothing is downloaded until a part of it is asked for.

    Args:
        spec: a directory (see :class:`DirectoryCollection`; one of BEIR's or MTEB's,
            :class:`BeirCollection`, perhaps with a split behind, ``scifact/dev``), an id of
            clirot's own such as ``cldr/so`` or ``xquad/de``, or any id of ir_datasets.
        docs_lang: which of several document languages of a directory; of BEIR's layout, which has
            none, what the documents are in. Of any other collection, the language that its
            documents must be in.
        home: where upstream files are kept; default :func:`default_home`.
        progress: told how a download goes.

    Raises:
        UnknownNameError: nothing has that name; the hint suggests the closest.
        UsageError: a language that the collection does not have.
        InputError: a directory without a collection in it.
    """
    directory = Path(spec).expanduser()
    if spec.strip() and (found := _in_directory(directory, docs_lang)) is not None:
        return found
    collection = _by_id(spec, home, progress)
    its = collection.document_language
    wanted = parse_language(docs_lang) if docs_lang is not None else None
    there = (its,) if its else ()
    if wanted is not None and collection.nearest_language(wanted, there, "documents") is None:
        raise UsageError(
            f"the documents of {spec} are "
            + (f"in {its!r}" if its else "in a language that it does not say")
            + f", not in {wanted!r}",
            hint="`docs_lang` chooses among the document files of a directory: leave it out",
        )
    return collection


def _in_directory(directory: Path, docs_lang: str | None) -> Collection | None:
    """The collection that is in a directory, or is a split of the one above; None: there is none.

    clirot's layout comes before BEIR's.
    """
    if is_directory(directory):
        if is_beir(directory) and not has_layout(directory):
            return BeirCollection(directory, docs_lang=docs_lang)
        return DirectoryCollection(directory, docs_lang)
    above = directory.parent
    if is_directory(above) and above.name and is_beir(above) and not has_layout(above):
        return BeirCollection(above, directory.name, docs_lang)
    return None


def _by_id(spec: str, home: Path | None, progress: ProgressSink) -> Collection:
    """One of clirot's own collections, or one of ir_datasets."""
    family, slash, language = spec.removeprefix(PREFIX).partition("/")
    if family in FAMILIES:
        if slash and not language:
            raise UnknownNameError(
                f"unknown collection {spec!r}", hint=f"write {family}/so, for example"
            )
        named = parse_language(language) if slash else None
        return FAMILIES[family](named, home if home is not None else default_home(), progress)
    if family in RELEASES:
        place = home if home is not None else default_home()
        return PassageCollection(RELEASES[family](), language, place, progress)
    if spec.startswith((".", "/", "~")):
        raise InputError(
            "no such directory", path=spec, hint="a collection is a directory or an id"
        )
    try:
        return IrDatasetsCollection(spec)
    except KeyError:
        own = [f"{name}/{code}" for name in FAMILIES for code in known_languages(name)]
        own += [one for name in _LISTED for one in RELEASES[name]().ids]
        near = closest(spec, [*FAMILIES, *own, *known_ids()])
        suggestion = f"did you mean {near!r}? " if near is not None else ""
        families = ", ".join([*FAMILIES, *RELEASES])
        raise UnknownNameError(
            f"unknown collection {spec!r}",
            hint=f"{suggestion}clirot's own are {families} (as FAMILY/LANG); any id of "
            "https://ir-datasets.com works; or give a directory",
        ) from None


def register() -> list[str]:
    """Register every collection of clirot's in ir_datasets; more than one call does no harm.

    ir_datasets has no plug-in entry points: a program calls this once, then
    ``ir_datasets.load("clirot/xquad/de")`` works wherever ir_datasets does (PyTerrier,
    ir_measures). clirot downloads the files and keeps them under ``CLIROT_HOME``. ir_datasets keeps
    its document stores, which are needed to look documents up by id, under ``IR_DATASETS_HOME``.

    Returns:
        The ids that can be listed. ``clirot/cldr/<lang>`` is there for any other CLDR language too.
    """
    import ir_datasets

    listed = [f"{PREFIX}{name}/{lang}" for name in FAMILIES for lang in known_languages(name)]
    ids = (one for name in _LISTED for one in RELEASES[name]().ids)
    listed += [PREFIX + one for one in ids if one.count("/") == 2]
    missing = [dataset_id for dataset_id in listed if dataset_id not in set(ir_datasets.registry)]
    for dataset_id in missing:
        ir_datasets.registry.register(dataset_id, _dataset(dataset_id))
    if missing:
        ir_datasets.registry.register_pattern(
            rf"^{PREFIX}cldr/[A-Za-z]{{2,3}}(-[A-Za-z]{{4}})?(-([A-Za-z]{{2}}|[0-9]{{3}}))?$",
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
            self._namespace = dataset_id.rsplit("/", 1)[0]

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

        def docs_lang(self) -> str | None:
            return self._collection().document_language

    class Queries(Part, BaseQueries):  # type: ignore[misc,unused-ignore]
        def queries_iter(self) -> Iterator[Any]:
            for topic in self._collection().topics():
                yield GenericQuery(topic.id, topic.text)

        def queries_cls(self) -> Any:
            return GenericQuery

        def queries_namespace(self) -> str:
            return self._namespace

        def queries_lang(self) -> str | None:
            return self._collection().language

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
