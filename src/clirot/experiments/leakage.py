"""Leakage: texts of a collection that a student was trained on.

A student of a plan must not have seen the topics that it is tested on, nor the sentences of the
documents. Before anything is trained, the bitexts of the plan are compared with its collections,
as `fetch_bitext` compares what it excludes: without case, punctuation and the digits of numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clirot.bitext.filters.duplicates import text_keys, with_sentences
from clirot.collection import open_collection
from clirot.collection.topic_source import TopicSource, read_topic_set
from clirot.records import LanguagePair, ProgressSink, Step, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clirot.experiments.plan import TopicSetPlan
    from clirot.store import Store

    Keys = NDArray[np.uint64]


@dataclass(frozen=True)
class TrainedOn:
    """A bitext that students of the plan are trained on."""

    name: str
    pair: LanguagePair
    sources: tuple[str, ...]
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Leak:
    """What a bitext and a topic set have in common."""

    bitext: str
    pair: LanguagePair
    topic_set: TopicSetPlan
    topics: int
    """Topics that are a side of a sentence pair."""
    of_topics: int
    documents: int
    """Documents that are a side of a sentence pair, or have a sentence that is."""
    of_documents: int

    refusal = "the collection is bitext of a student"
    remedy = (
        "name other bitext or another collection, drop what they share by fetch = "
        "{exclude = [...]}, or allow it with `most_seen`"
    )

    def __str__(self) -> str:
        return (
            f"{self.topics:,} of the {self.of_topics:,} topics of {self.topic_set.label} and "
            f"{self.documents:,} of its {self.of_documents:,} documents have a sentence of the "
            f"bitext {self.bitext} ({self.pair})"
        )


def leaks(
    bitexts: Mapping[TrainedOn, Sequence[TopicSetPlan]],
    store: Store,
    progress: ProgressSink = silent,
) -> Iterator[Leak]:
    """What bitexts and the topic sets of their students have in common, where that is anything.

    Bitext that the store lacks is fetched.

    Args:
        bitexts: what is trained on -> the topic sets that are searched by what is trained on it.
        store: where bitext is.
        progress: told of the bitexts.

    Raises:
        ClirotError: a bitext or a collection cannot be had.
    """
    from clirot.bitext.chosen import Choice, chosen_bitext

    collections = _Collections(store, progress)
    for done, (one, searched) in enumerate(bitexts.items()):
        progress(Step("compare bitext with collections", done, len(bitexts), unit="bitexts"))
        choice = Choice(pair=one.pair, sources=one.sources, files=one.files, call=lambda _: "")
        pairs = chosen_bitext(choice, store, progress).pairs
        seen = np.union1d(
            text_keys([pair.src for pair in pairs]), text_keys([pair.tgt for pair in pairs])
        )
        # Other wordings are made of the same questions.
        distinct = {(each.id, each.lang, each.docs_lang): each for each in reversed(searched)}
        for topic_set in reversed(distinct.values()):
            topics, documents = collections.topics(topic_set), collections.documents(topic_set)
            found = Leak(
                one.name,
                one.pair,
                topic_set,
                int(np.isin(topics, seen).sum()),
                len(topics),
                sum(bool(np.isin(keys, seen).any()) for keys in documents),
                len(documents),
            )
            if found.topics or found.documents:
                yield found
    progress(Step("compare bitext with collections", len(bitexts), len(bitexts), unit="bitexts"))


class _Collections:
    """Keys of the texts of collections, each read once."""

    def __init__(self, store: Store, progress: ProgressSink) -> None:
        self._store, self._progress = store, progress
        self._topics: dict[tuple[str, str], Keys] = {}
        self._documents: dict[tuple[str, str | None], list[Keys]] = {}

    def topics(self, one: TopicSetPlan) -> Keys:
        """(topics,) of the usual wording: others are made of the same questions."""
        place = (one.id, one.lang)
        if place not in self._topics:
            source = TopicSource(collection=one.id, lang=one.lang)
            found = read_topic_set(source, home=self._store.home, progress=self._progress)
            self._topics[place] = text_keys([topic.text for topic in found.topics])
        return self._topics[place]

    def documents(self, one: TopicSetPlan) -> list[Keys]:
        """Of each document its own key and those of its sentences; texts without a letter are in
        none, since an empty text is in everything.
        """
        place = (one.id, one.docs_lang)
        if place not in self._documents:
            opened = open_collection(one.id, one.docs_lang, home=self._store.home)
            nothing = text_keys([""])
            self._documents[place] = [
                np.setdiff1d(text_keys(list(with_sentences(document.text))), nothing)
                for document in opened.documents()
            ]
        return self._documents[place]
