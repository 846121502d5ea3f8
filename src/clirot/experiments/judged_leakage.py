"""Leakage of judged topics: what a plan tests on that one of its systems was trained on.

A topic is the same where it has the same text in any language that the two collections have it in,
compared as bitext is (without case, punctuation and the digits of numbers), or the same id in the
same collection. Documents that are relevant in both are counted too: an answer that was trained on
is found more easily.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clirot.bitext.filters.duplicates import text_keys
from clirot.collection import open_collection
from clirot.collection.topic_source import TopicSource, read_topic_set
from clirot.places import is_directory
from clirot.records import ProgressSink, Step, silent
from clirot.supervision.exposure import JudgedSource, exposure

if TYPE_CHECKING:
    from clirot.collection import Collection
    from clirot.experiments.plan import TopicSetPlan
    from clirot.experiments.plan_file import PlanFile
    from clirot.store import Store
    from clirot.supervision.configuration import TrainConfig

Keys = frozenset[int]
"""64 bits of each text; a text without a letter has none."""


@dataclass(frozen=True)
class JudgedOn:
    """Judged topics that systems of the plan are trained on."""

    source: JudgedSource
    written: str = field(compare=False)
    """The first of the systems, as the plan writes it."""

    @classmethod
    def of(cls, config: TrainConfig, written: str) -> JudgedOn:
        """What a training takes.

        Args:
            config: of the training.
            written: the system, as the plan writes it.
        """
        source = JudgedSource(
            collection=config.collection,
            docs_lang=config.docs_lang,
            lang=config.lang,
            topics_variant=config.topics_variant,
            choice=config.topics,
        )
        return cls(source, written)


@dataclass(frozen=True)
class JudgedLeak:
    """What a training and a topic set have in common."""

    collection: str
    """That is trained on."""
    topic_set: TopicSetPlan
    topics: int
    """Topics that are trained on too."""
    of_topics: int
    documents: int
    """Documents that are relevant here and there."""
    of_documents: int
    """Documents that are relevant here."""

    refusal = "the collection is tested on and trained on"
    remedy = (
        "train on other topics or test on others, such as a split of the collection, or allow it "
        "with `most_seen`"
    )

    def __str__(self) -> str:
        return (
            f"{self.topics:,} of the {self.of_topics:,} topics of {self.topic_set.label} and "
            f"{self.documents:,} of its {self.of_documents:,} relevant documents are trained on, "
            f"in {self.collection}"
        )


def judged_leaks(
    trainings: Mapping[JudgedOn, Sequence[TopicSetPlan]],
    file: PlanFile,
    store: Store,
    progress: ProgressSink = silent,
) -> Iterator[JudgedLeak]:
    """What trainings and the topic sets of their systems have in common, where that is anything.

    Args:
        trainings: what is trained on -> the topic sets that are searched by what is made of it.
        file: the plan, for the line of a training that is impossible.
        store: where collections are cached.
        progress: told of the trainings.

    Raises:
        UsageError: a training has nothing to learn from; with the line.
        ClirotError: a collection of the table cannot be had.
    """
    tested = _Tested(store, progress)
    for done, (one, searched) in enumerate(trainings.items()):
        progress(Step("compare judged topics", done, len(trainings), unit="trainings"))
        with file.at("system", one.written, "train"):
            seen = exposure(one.source, home=store.home, progress=progress)
            wordings = _wordings(seen.collection, seen.topics)
        keys = frozenset().union(*wordings.values())
        keys |= _keys(seen.topics.values())
        relevant = _keys(seen.relevant.values())
        place = _place(seen.collection)
        # Other wordings are made of the same questions.
        distinct = {(each.id, each.lang, each.docs_lang): each for each in reversed(searched)}
        for topic_set in reversed(distinct.values()):
            collection, topics, documents = tested.of(topic_set)
            same = _place(collection) == place
            found = JudgedLeak(
                seen.collection.id,
                topic_set,
                sum(
                    not own.isdisjoint(keys) or (same and topic in seen.topics)
                    for topic, own in topics.items()
                ),
                len(topics),
                sum(
                    not own.isdisjoint(relevant) or (same and document in seen.relevant)
                    for document, own in documents.items()
                ),
                len(documents),
            )
            if found.topics or found.documents:
                yield found
    progress(Step("compare judged topics", len(trainings), len(trainings), unit="trainings"))


class _Tested:
    """The topics and relevant documents of topic sets; what they share is read once."""

    def __init__(self, store: Store, progress: ProgressSink) -> None:
        self._store, self._progress = store, progress
        self._topics: dict[str, dict[str, Keys]] = {}
        self._documents: dict[tuple[str, str | None], dict[str, Keys]] = {}

    def of(self, one: TopicSetPlan) -> tuple[Collection, dict[str, Keys], dict[str, Keys]]:
        """The collection; the topics that are searched for, with all their texts; the documents
        that are relevant to one of them.
        """
        home = self._store.home
        collection = open_collection(one.id, one.docs_lang, home=home)
        source = TopicSource(collection=one.id, lang=one.lang, every=one.collection.every)
        ids = [topic.id for topic in read_topic_set(source, home=home).topics]
        if one.id not in self._topics:
            self._topics[one.id] = _wordings(collection)
        qrels = collection.qrels()
        place = (one.id, one.docs_lang)
        if place not in self._documents:
            judged = {docno for found in qrels.values() for docno in _relevant(found)}
            self._documents[place] = {
                document.id: _keys([document.text])
                for document in collection.documents()
                if document.id in judged
            }
        there = self._documents[place]
        wanted = dict.fromkeys(docno for topic in ids for docno in _relevant(qrels.get(topic, {})))
        documents = {docno: there[docno] for docno in wanted if docno in there}
        return collection, {topic: self._topics[one.id][topic] for topic in ids}, documents


def _relevant(judged: Mapping[str, int]) -> list[str]:
    return [docno for docno, grade in judged.items() if grade > 0]


def _wordings(collection: Collection, chosen: Iterable[str] | None = None) -> dict[str, Keys]:
    """Topic -> the keys of its texts in all languages.

    Args:
        collection: whose topics.
        chosen: those that are wanted; None: all.
    """
    wanted = None if chosen is None else set(chosen)
    found: dict[str, set[int]] = {}
    nothing = _key_of_nothing()
    for language in collection.languages or (None,):
        topics = [
            topic for topic in collection.topics(language) if wanted is None or topic.id in wanted
        ]
        keys = text_keys([topic.text for topic in topics]).tolist()
        for topic, key in zip(topics, keys, strict=True):
            found.setdefault(topic.id, set()).update({key} - {nothing})
    return {topic: frozenset(keys) for topic, keys in found.items()}


def _keys(texts: Iterable[str]) -> Keys:
    listed = list(texts)
    return frozenset(np.unique(text_keys(listed)).tolist() if listed else []) - {_key_of_nothing()}


def _key_of_nothing() -> int:
    """Of a text without a letter, which is in everything."""
    return int(text_keys([""])[0])


def _place(collection: Collection) -> str:
    """What tells whether two collections are one: the id, or where the directory is."""
    return str(Path(collection.id).resolve()) if is_directory(collection.id) else collection.id
