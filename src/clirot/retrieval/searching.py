"""Search an index with topics; the results make a run.

The topics are encoded by the model that the index was built with, or by another model with the same
document encoder: all students of a teacher can search the documents that it encoded once. In the
same way all lexical models search an index of words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clirot.cluster.settings import ClusterSettings
from clirot.collection.topic_source import TopicSet, TopicSource, read_topic_set
from clirot.collection.topics import TITLE
from clirot.cut_texts import CutTexts
from clirot.errors import UsageError
from clirot.records import Hit, ProgressSink, Step, Topic, silent
from clirot.retrieval.candidates import Candidates
from clirot.retrieval.index_config import PROMISED, slug
from clirot.retrieval.promise import STEPS, Promise
from clirot.retrieval.settings import PsqSettings
from clirot.retrieval.topic_readers import (
    Matcher,
    encoder_reader,
    lexical_reader,
    model_for,
    words_table,
)
from clirot.settings import part, setting
from clirot.store import Artefact, Input, Store

_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class SearchConfig(TopicSource):
    """What to search for, and where."""

    index: str = setting(meaning="Name of the index to search.")
    model: str | None = setting(
        None,
        "Model that encodes the topics; by default the one that the index was built with. An index "
        "of words is searched by bm25, psq or psq-hmm.",
    )
    k: int = setting(1000, "Number of documents that a topic gets at most.", at_least=1)
    candidates: str | None = setting(
        None,
        "File of a run (- is stdin): of each topic, only the documents that it lists are scored. "
        "So bm25 or psq may find them first.",
    )
    leave_out_own: bool = setting(
        False,
        "Leave out of each topic's results the document that has the topic's id, where topics are "
        "documents (ArguAna, Quora); k others remain.",
    )
    psq: PsqSettings = part(PsqSettings)
    cluster: ClusterSettings = part(ClusterSettings)
    tag: str | None = setting(
        None,
        "Last column of the run; by default the index's name, with the model's name before it "
        "where another model encodes the topics, and the variant and the field after it.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.topics == self.candidates == "-":
            raise UsageError(
                "the topics and the candidates cannot both come from stdin",
                hint="put one of them into a file",
            )
        if self.tag is not None and (self.tag.split() != [self.tag] or not self.tag.isprintable()):
            raise UsageError(
                f"not a run tag: {self.tag!r}",
                hint="one word of characters that can be printed, as TREC runs need it",
            )


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
    model: str
    """Name of the model that encodes or translates the topics."""
    topics: list[Topic]
    language: str | None
    """Language of the topics; another variant than was asked for, where that is not there. None: it
    is not known."""
    wording: str | None
    """Whose wording the topics are, where that is known; see :class:`TopicSet`."""
    k: int
    tag: str
    notes: tuple[str, ...]
    """Remarks on the combination of index, model and topics that a person should read."""
    settings: dict[str, Any] = field(repr=False)
    """What decides the run, besides its inputs."""
    found_nothing: list[str] = field(repr=False)
    """Ids of the topics without a single document, once the rankings have been read."""
    own_left_out: list[str] = field(repr=False)
    """Ids of the topics whose own document was left out, once the rankings have been read."""
    candidates: Candidates | None = field(repr=False)
    """The documents that alone are scored; None: all are."""
    cut: CutTexts = field(repr=False)
    """The topics that are longer than the encoder reads, once the rankings have been read or were
    found saved."""
    _matcher: Matcher = field(repr=False)
    _inputs: tuple[Input, ...] = field(repr=False)
    """The index, and what reads the topics."""
    _store: Store = field(repr=False)

    def rankings(self, progress: ProgressSink = silent) -> Iterator[Ranking]:
        """The results, topic by topic in the topics' order.

        Scores are exact and do not depend on how topics are batched for scoring.

        Raises:
            InputError: the model's query vectors do not fit the index.
        """
        total = len(self.topics)
        self._matcher.prepare()
        leaving_out = bool(self.settings.get("leave_out_own"))
        found = self._matcher.search(self.topics, self.k + leaving_out, progress)
        self.found_nothing.clear()
        self.own_left_out.clear()
        for done, (topic, hits) in enumerate(zip(self.topics, found, strict=True), start=1):
            self.cut.become(self._matcher.cut)
            if leaving_out:
                if any(hit.docno == topic.id for hit in hits):
                    self.own_left_out.append(topic.id)
                hits = [hit for hit in hits if hit.docno != topic.id][: self.k]
            if not hits:
                self.found_nothing.append(topic.id)
            yield Ranking(topic, hits)
            progress(Step("search", done, total, unit="topics"))

    def remarks(self) -> Iterator[str]:
        """What a person should know of the topics, once the rankings have been read or saved."""
        if self.cut.count:
            yield self.cut.remark(len(self.topics), "topics", self.model)

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
            *self._inputs,
            Input(kind="topics", name=self.settings["topics"], digest=digest),
        )
        found = self._store.finished(
            "runs", name, config=self.settings, inputs=inputs, replace=replace
        )
        if found is not None:
            self.cut.become(CutTexts.of(found.manifest.results.get("cut_texts")))
            return found
        self._matcher.prepare()
        with self._store.draft("runs", name, config=self.settings, inputs=inputs) as draft:
            with (draft.path / SAVED_RUN).open("w", encoding="utf-8", newline="\n") as stream:
                stream.writelines(self.lines(progress))
            draft.results.update(
                topics=len(self.topics), topics_language=self.language, cut_texts=self.cut.row
            )
            if self.wording is not None:
                draft.results.update(wording=self.wording)
            if self.candidates is not None:
                draft.results.update(self.candidates.counts())
            if self.settings.get("leave_out_own"):
                draft.results.update(own_documents_left_out=len(self.own_left_out))
        return self._store.get("runs", name)


def search(
    config: SearchConfig, *, store: Store | None = None, progress: ProgressSink = silent
) -> Search:
    """Open an index and the topics to search it with, and check that they belong together.

    Raises:
        UnknownNameError: no such index, model or collection.
        ArtefactError: the index was built by another model's document encoder, or is damaged.
        InputError: no topics, a topic without text, or topics that cannot be read; candidates that
            cannot be read, or of which none fits.
    """
    from clirot.retrieval.opening import open_index

    store = store if store is not None else Store()
    artefact = store.get("indexes", config.index)
    model = model_for(config.model, config.psq, artefact, store)
    found = read_topic_set(config, home=store.home, progress=progress)
    candidates = None if config.candidates is None else Candidates.read(config.candidates)
    if isinstance(model, str):
        table = words_table(model, config.psq, artefact, found.language, store)
        read = lexical_reader(model, config.psq, artefact, table, candidates)
    else:
        opened = open_index(artefact, store, config.cluster, progress)
        read = encoder_reader(model, opened, found.language, candidates)
    tag = config.tag or _tag(artefact, read.name, config)
    return Search(
        artefact=artefact,
        model=read.name,
        topics=found.topics,
        wording=found.wording,
        language=found.language,
        k=config.k,
        tag=tag,
        notes=(
            *read.remarks(found.topics),
            *_of_another(found, artefact),
            *_beyond_promise(artefact, config),
        ),
        settings={
            "format": _FORMAT,
            "k": config.k,
            "tag": tag,
            "topics": found.name,
            "lang": config.lang,
            "topics_variant": config.topics_variant,
            # Left out where they are as before the settings were there.
            **({"every": config.every} if config.every != 1 else {}),
            **({"topics_field": config.topics_field} if config.topics_field != TITLE else {}),
            **({"leave_out_own": True} if config.leave_out_own else {}),
            **read.settings,
        },
        found_nothing=[],
        own_left_out=[],
        candidates=candidates,
        cut=CutTexts(),
        _matcher=read.matcher,
        _inputs=(artefact.as_input(), *read.inputs),
        _store=store,
    )


def _of_another(found: TopicSet, artefact: Artefact) -> Iterator[str]:
    """A remark where the topics are of another collection than the documents."""
    if found.collection is None:
        return
    indexed = next(entry for entry in artefact.manifest.inputs if entry.kind == "collection")
    documents = () if indexed.name == found.name else found.collection.by_document_language()
    if documents and indexed.digest not in {one.digest for one in documents}:
        yield (
            f"the topics are of {found.name}, but {artefact.name} holds the documents of "
            f"{indexed.name}"
        )


def _beyond_promise(artefact: Artefact, config: SearchConfig) -> Iterator[str]:
    """A remark where more documents are asked for than the index promises to find."""
    row = artefact.manifest.results.get(PROMISED)
    if row is not None and config.candidates is None and Promise.of(row).beyond(config.k):
        yield (
            f"{artefact.name} was measured for {STEPS[-1]:,} documents a topic at most, and "
            f"{config.k:,} are asked for: more may be missed among the last of them"
        )


def _tag(artefact: Artefact, model: str, config: SearchConfig) -> str:
    parts = [artefact.name]
    if config.topics_variant is not None:
        # Campaigns call a translation "google translation", and a tag has no white space.
        parts.append("_".join(config.topics_variant.split()))
    if config.topics_field != TITLE:
        parts.append(config.topics_field)
    if config.candidates is not None:
        parts.append("stdin" if config.candidates == "-" else slug(Path(config.candidates).stem))
    of = ".".join(parts)
    if model == artefact.manifest.config["model"]:
        return of
    return "-".join([*model.strip("/").split("/")[-1:], of]).replace(" ", "_")
