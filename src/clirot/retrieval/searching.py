"""Search an index with topics; the results make a run.

The topics are encoded by the model that the index was built with, or by another model with the same
document encoder: all students of a teacher can search the documents that it encoded once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clirot.errors import ArtefactError, InputError, UsageError
from clirot.records import Hit, ProgressSink, Step, Topic, silent
from clirot.settings import check_ranges, setting
from clirot.store import Artefact, Input, Store

if TYPE_CHECKING:
    from clirot.models import ModelRef
    from clirot.retrieval.backends import Index

_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """What to search for, and where."""

    index: str = setting(meaning="Name of the index to search.")
    collection: str | None = setting(
        None, "Collection whose topics are searched for: a directory or an id."
    )
    lang: str | None = setting(
        None,
        "Language of the collection's topics. It may be left out where there is only one, or where "
        "the collection's id names it.",
    )
    topics_variant: str | None = setting(
        None,
        "Variant of the collection's topics: another wording of them, such as a translation "
        "(queries.LANG.VARIANT.tsv in a directory).",
    )
    topics: str | None = setting(
        None,
        "File of topics to search for instead of a collection's: TSV, JSON lines or TREC markup; "
        "- is stdin.",
    )
    model: str | None = setting(
        None, "Model that encodes the topics; by default the one that the index was built with."
    )
    k: int = setting(1000, "Number of documents that a topic gets at most.", at_least=1)
    tag: str | None = setting(
        None,
        "Last column of the run; by default the index's name, with the model's name before it "
        "where another model encodes the topics, and the variant's name after it.",
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if (self.collection is None) == (self.topics is None):
            raise UsageError(
                "the topics come from a collection or from a file, one of the two",
                hint="give `collection=ID`, or `topics=FILE` (- for stdin)",
            )
        if self.lang is not None and self.collection is None:
            raise UsageError(
                "`lang` chooses among a collection's topics, and a file has one set of topics only"
            )
        if self.topics_variant is not None and self.collection is None:
            raise UsageError(
                "`topics_variant` chooses among the wordings of a collection's topics, and a file "
                "has one set of topics only"
            )
        if self.tag is not None and self.tag.split() != [self.tag]:
            raise UsageError(f"not a run tag: {self.tag!r}", hint="one word, as TREC runs need it")


@dataclass(frozen=True)
class Ranking:
    """What was found for a topic, best first; equal scores by docno, descending."""

    topic: Topic
    hits: list[Hit]


@dataclass(frozen=True)
class Search:
    """A search that is ready to run: index, model and topics were found and belong together.

    :meth:`rankings` gives the results one by one, and :meth:`save` keeps them as an artefact.
    """

    artefact: Artefact
    """The index."""
    model: ModelRef
    """The model that encodes the topics."""
    topics: list[Topic]
    k: int
    tag: str
    notes: tuple[str, ...]
    """Remarks on the combination of index, model and topics that a person should read."""
    settings: dict[str, Any] = field(repr=False)
    """What decides the run, besides its inputs."""
    _index: Index = field(repr=False)
    _store: Store = field(repr=False)

    def rankings(self, progress: ProgressSink = silent) -> Iterator[Ranking]:
        """The results, topic by topic in the topics' order.

        Scores are exact and do not depend on how topics are batched for scoring.

        Raises:
            InputError: the model's query vectors do not fit the index.
        """
        from clirot.encoding.encoders import load_encoder

        encoder = load_encoder(self.model, side="query")
        queries = encoder.encode(
            [topic.text for topic in self.topics], progress=progress, label="encode topics"
        )
        total = len(self.topics)
        found = self._index.search(queries, self.k)
        for done, (topic, hits) in enumerate(zip(self.topics, found, strict=True), start=1):
            yield Ranking(topic, hits)
            progress(Step("search", done, total, unit="topics"))

    def lines(self, progress: ProgressSink = silent) -> Iterator[str]:
        """The TREC run, topic by topic: several lines in one string, each ended."""
        from clirot.runs import format_hits

        for ranking in self.rankings(progress):
            yield format_hits(ranking.topic.id, ranking.hits, self.tag)

    def save(
        self, name: str, *, replace: bool = False, progress: ProgressSink = silent
    ) -> Artefact:
        """The run as an artefact of kind ``runs`` (file :data:`clirot.runs.SAVED_RUN`), made once.

        Raises:
            ArtefactError: a run of that name was made from something else and ``replace`` is false.
        """
        from clirot.collection.collection import content_digest
        from clirot.runs import SAVED_RUN

        digest = content_digest((topic.id, topic.text) for topic in self.topics)
        inputs = (
            self.artefact.as_input(),
            Input(kind="models", name=self.model.name, digest=self.model.side("query").digest),
            Input(kind="topics", name=self.settings["topics"], digest=digest),
        )
        found = self._store.finished(
            "runs", name, config=self.settings, inputs=inputs, replace=replace
        )
        if found is not None:
            return found
        with self._store.draft("runs", name, config=self.settings, inputs=inputs) as draft:
            with (draft.path / SAVED_RUN).open("w", encoding="utf-8", newline="\n") as stream:
                stream.writelines(self.lines(progress))
            draft.results.update(topics=len(self.topics))
        return self._store.get("runs", name)


def search(
    config: SearchConfig, *, store: Store | None = None, progress: ProgressSink = silent
) -> Search:
    """Open an index and the topics to search it with, and check that they belong together.

    Raises:
        UnknownNameError: no such index, model or collection.
        ArtefactError: the index was built by another model's document encoder, or is damaged.
        InputError: no topics, a topic without text, or topics that cannot be read.
    """
    from clirot.models import resolve

    store = store if store is not None else Store()
    artefact = store.get("indexes", config.index)
    made = artefact.manifest
    model = resolve(config.model or str(made.config["model"]), store)
    _check_model(artefact, model)
    topics, source, notes = _topics(config, artefact, model, store, progress)
    for topic in topics:
        if not topic.text.strip():
            raise InputError(
                f"topic {topic.id!r} of {source} has no text",
                hint="remove it, or give it a text",
            )
    from clirot.retrieval.backends import BACKENDS

    index = BACKENDS[str(made.config["backend"])].open(artefact.path)
    tag = config.tag or _tag(artefact, model, config.topics_variant)
    return Search(
        artefact=artefact,
        model=model,
        topics=topics,
        k=config.k,
        tag=tag,
        notes=notes,
        settings={
            "format": _FORMAT,
            "k": config.k,
            "tag": tag,
            "topics": source,
            "lang": config.lang,
            "topics_variant": config.topics_variant,
        },
        _index=index,
        _store=store,
    )


def _check_model(artefact: Artefact, model: ModelRef) -> None:
    built_by = next(entry for entry in artefact.manifest.inputs if entry.kind == "models")
    document_model = model.side("document")
    if document_model.digest == built_by.digest:
        return
    # The document encoder is named only where it is another model.
    its = "" if document_model is model else f", whose documents {document_model.name} encodes"
    raise ArtefactError(
        f"{artefact.name} is an index of another model: its documents were encoded by "
        f"{built_by.name} ({built_by.digest[:12]}), not by {model.name}"
        f"{its} ({document_model.digest[:12]})",
        hint=f"`build_index(model={model.name}, "
        f"collection={artefact.manifest.config['collection']})`",
    )


def _topics(
    config: SearchConfig,
    artefact: Artefact,
    model: ModelRef,
    store: Store,
    progress: ProgressSink,
) -> tuple[list[Topic], str, tuple[str, ...]]:
    """The topics, where they are from, and the remarks on them."""
    from clirot.collection import open_collection, read_topics

    if config.collection is None:
        source = str(config.topics)
        return read_topics(source), source, ()
    collection = open_collection(config.collection, home=store.home, progress=progress)
    topics = collection.topics(config.lang, config.topics_variant)
    indexed = next(entry for entry in artefact.manifest.inputs if entry.kind == "collection")
    notes = model.reads_otherwise("query", collection.topic_language(config.lang))
    documents = () if indexed.name == collection.id else collection.by_document_language()
    if documents and indexed.digest not in {one.digest for one in documents}:
        notes += (
            f"the topics are of {collection.id}, but {artefact.name} holds the documents of "
            f"{indexed.name}",
        )
    return topics, collection.id, notes


def _tag(artefact: Artefact, model: ModelRef, variant: str | None) -> str:
    of = artefact.name if variant is None else f"{artefact.name}.{variant}"
    if model.name == artefact.manifest.config["model"]:
        return of
    return "-".join([*model.name.strip("/").split("/")[-1:], of]).replace(" ", "_")
