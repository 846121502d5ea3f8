"""The judged topics of a collection: which are trained on, held out, or left out.

The text of a topic and a seed of its own decide where it goes, so that the split is the same for
every seed of the training and every loss. A topic is in one part only. Its relevant documents may
be trained on for other topics, as is usual with test collections, and how many topics that holds
for is counted; or topics with a relevant document in common stay together (``apart=documents``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from clirot.errors import InputError
from clirot.supervision.configuration import DOCUMENTS, TopicChoice

if TYPE_CHECKING:
    from clirot.collection import Collection
    from clirot.records import Topic
    from clirot.runs import Qrels

FEWEST_TOPICS = 10
_LARGEST_SHARE = 0.2


@dataclass(frozen=True)
class Judged:
    """The judged topics that can be used."""

    name: str
    """Of the collection."""
    texts: Mapping[str, str]
    """Topic -> its text, in the order of the collection; each has a relevant document."""
    qrels: Qrels
    """All judgements of these topics."""
    level: int
    """Grade from which on a document is relevant."""
    counts: dict[str, int] = field(default_factory=dict)
    """What was left out on the way."""

    def relevant(self, topic: str) -> list[str]:
        """The relevant documents of a topic, the highest grade first."""
        judged = self.qrels[topic]
        return sorted(
            (one for one, grade in judged.items() if grade >= self.level),
            key=lambda one: -judged[one],
        )

    def partly(self, topic: str) -> set[str]:
        """The documents that are no negatives of a topic: judged relevant, be it a little."""
        return {one for one, grade in self.qrels[topic].items() if grade > 0}

    def among(self, documents: Iterable[str]) -> Judged:
        """The judged topics with only such judgements as are of these documents.

        Raises:
            InputError: no topic has a relevant document among them.
        """
        there = set(documents)
        qrels = {
            topic: {one: grade for one, grade in judged.items() if one in there}
            for topic, judged in self.qrels.items()
        }
        kept = {
            topic: text
            for topic, text in self.texts.items()
            if any(grade >= self.level for grade in qrels[topic].values())
        }
        missing = sum(one not in there for topic in self.texts for one in self.relevant(topic))
        if not kept:
            topic = next(iter(self.texts))
            raise InputError(
                f"collection {self.name}: no topic has a relevant document in reach. Of the "
                f"{len(self.texts):,} judged topics, none of the {missing:,} relevant documents is "
                f"in the collection, such as {self.relevant(topic)[0]!r} of topic {topic!r}",
                hint="the judgements are perhaps of other documents (`collection`, `docs_lang`)",
            )
        counts = self.counts | {
            "relevant_not_in_collection": missing,
            "topics_without_relevant": len(self.texts) - len(kept),
        }
        return Judged(self.name, kept, {one: qrels[one] for one in kept}, self.level, counts)


def judged_topics(collection: Collection, topics: Sequence[Topic], choice: TopicChoice) -> Judged:
    """The judged topics of a collection.

    Args:
        collection: whose judgements.
        topics: the topics in the language that is trained on.
        choice: which of them.

    Raises:
        InputError: there are no judgements, or none of a sufficient grade, or none for these
            topics.
    """
    qrels = collection.qrels()
    grades = [grade for judged in qrels.values() for grade in judged.values()]
    if max(grades) < choice.relevant_from:
        least, most = min(grades), max(grades)
        said = f"the grade {most}" if least == most else f"grades from {least} to {most}"
        wanted = f"none is of `relevant_from={choice.relevant_from}`"
        what = wanted if most > 0 else "nothing is relevant"
        raise InputError(
            f"collection {collection.id}: all {len(grades):,} judgements have {said}, so that "
            f"{what}",
            hint="lower `relevant_from`" if most > 0 else "other judgements are needed",
        )
    texts = {topic.id: topic.text for topic in topics}
    judged = [topic for topic, found in qrels.items() if found and topic in texts]
    if not judged:
        raise InputError(
            f"collection {collection.id}: none of the {len(qrels):,} judged topics, such as "
            f"{next(iter(qrels))!r}, is among its {len(texts):,} topics",
            hint="choose the language in which they are judged (`lang`)",
        )
    empty = [topic for topic in judged if not texts[topic].strip()]
    order = [topic.id for topic in topics if topic.id in set(judged) - set(empty)]
    taken = order[:: choice.every]
    if choice.max_topics and len(taken) > choice.max_topics:
        chosen = set(sorted(taken, key=lambda one: _order(texts[one], 0))[: choice.max_topics])
        taken = [one for one in taken if one in chosen]
    able = [
        one for one in taken if any(grade >= choice.relevant_from for grade in qrels[one].values())
    ]
    counts = {
        "judged_topics": len(qrels),
        "judged_topics_without_text": len(qrels) - len(judged) + len(empty),
        "topics_not_taken": len(order) - len(taken),
        "topics_with_nothing_relevant": len(taken) - len(able),
    }
    if not able:
        raise InputError(
            f"collection {collection.id}: none of the {len(taken):,} topics that are taken has a "
            f"relevant document",
            hint="take more of them (`every`, `max_topics`), or lower `relevant_from`",
        )
    return Judged(
        collection.id,
        {one: texts[one] for one in able},
        {one: qrels[one] for one in able},
        choice.relevant_from,
        counts,
    )


@dataclass(frozen=True)
class TopicSplit:
    """Judged topics in parts that share no topic."""

    train: list[str]
    development: list[str]
    left_out: list[str]
    """To test on: in neither of the others."""
    sharing: int
    """Topics held out with a relevant document that is relevant to a topic of the training."""


def split_topics(judged: Judged, choice: TopicChoice) -> TopicSplit:
    """Split judged topics.

    Raises:
        InputError: there are too few of them, or too few that share no relevant document.
    """
    units = _units(judged, choice)
    units.sort(key=lambda unit: min(_order(judged.texts[one], choice.split_seed) for one in unit))
    total = len(judged.texts)
    if len(units) < FEWEST_TOPICS:
        what = "groups of topics that share no relevant document" * (choice.apart == DOCUMENTS)
        raise InputError(
            f"collection {judged.name}: too few judged topics to train on and to hold some out: "
            f"{len(units)} {what or 'with a relevant document'}, at least {FEWEST_TOPICS} are "
            "needed",
            hint="take more of them (`every`, `max_topics`)"
            + (", or hold them apart by `apart=topics`" if what else ""),
        )
    left_out: list[str] = []
    if choice.folds > 1:
        left_out = [one for unit in units[choice.fold - 1 :: choice.folds] for one in unit]
        units = [
            unit for place, unit in enumerate(units) if place % choice.folds != choice.fold - 1
        ]
    wanted = max(1, min(choice.development, int(_LARGEST_SHARE * (total - len(left_out)))))
    development: list[str] = []
    rest: list[str] = []
    for unit in units:
        (development if len(development) < wanted else rest).extend(unit)
    if not rest:
        raise InputError(
            f"collection {judged.name}: nothing is left to train on, since "
            f"{len(development)} topics that are held out share relevant documents with all others",
            hint="hold them apart by `apart=topics`",
        )
    trained = {one for topic in rest for one in judged.relevant(topic)}
    sharing = sum(not trained.isdisjoint(judged.relevant(topic)) for topic in development)
    place = {topic: number for number, topic in enumerate(judged.texts)}
    rest, development, left_out = (
        sorted(part, key=place.__getitem__) for part in (rest, development, left_out)
    )
    return TopicSplit(rest, development, left_out, sharing)


def _units(judged: Judged, choice: TopicChoice) -> list[list[str]]:
    """What may not be torn apart: topics, or those that are joined by relevant documents."""
    topics = list(judged.texts)
    if choice.apart != DOCUMENTS:
        return [[one] for one in topics]
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    documents: dict[str, int] = {}
    edges = [
        (row, documents.setdefault(one, len(documents)))
        for row, topic in enumerate(topics)
        for one in judged.relevant(topic)
    ]
    rows, columns = np.array(edges).T
    count = len(topics) + len(documents)
    graph = coo_array((np.ones(len(edges)), (rows, columns + len(topics))), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    found: dict[int, list[str]] = {}
    for topic, label in zip(topics, labels.tolist(), strict=False):
        found.setdefault(label, []).append(topic)
    return list(found.values())


def _order(text: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\0{text}".encode()).digest()
