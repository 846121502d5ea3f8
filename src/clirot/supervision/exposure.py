"""What a training sees of a collection, told before it begins: its topics, and what is relevant.

Held-out topics are among them, since the epoch that is kept is chosen by them. Topics that are left
out for cross-validation (`folds`) are not: these are there to be tested on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clirot.collection import open_collection
from clirot.records import ProgressSink, Step, silent
from clirot.supervision.configuration import TopicChoice
from clirot.supervision.judgements import judged_topics, split_topics

if TYPE_CHECKING:
    from clirot.collection import Collection

_DOCUMENTS_STEP = 10_000


@dataclass(frozen=True, kw_only=True)
class JudgedSource:
    """Which judged topics a training takes: those settings of `train` that decide it."""

    collection: str
    docs_lang: str | None
    lang: str | None
    topics_variant: str | None
    choice: TopicChoice


@dataclass(frozen=True)
class Exposure:
    """What a training sees."""

    collection: Collection
    topics: Mapping[str, str]
    """Topic -> its text, as it is trained on."""
    relevant: Mapping[str, str]
    """Document that is relevant to one of these -> its text."""


def exposure(
    source: JudgedSource, *, home: Path | None = None, progress: ProgressSink = silent
) -> Exposure:
    """Read what a training would see. Documents are read once, and none is searched.

    Args:
        source: which topics.
        home: where released collections are cached; None: the default home.
        progress: told of downloads and of the documents.

    Raises:
        UnknownNameError: no such collection or variant.
        UsageError: there are no topics in the language.
        InputError: there is nothing to train on.
    """
    collection = open_collection(source.collection, source.docs_lang, home=home, progress=progress)
    topics = collection.topics(source.lang, source.topics_variant)
    judged = judged_topics(collection, topics, source.choice)
    wanted = {one for topic in judged.texts for one in judged.relevant(topic)}
    texts: dict[str, str] = {}
    for number, document in enumerate(collection.documents(), 1):
        if document.id in wanted:
            texts[document.id] = document.text
        if number % _DOCUMENTS_STEP == 0:
            progress(Step("read", number, collection.document_count, unit="docs"))
    judged = judged.among(texts)
    split = split_topics(judged, source.choice)
    used = dict.fromkeys([*split.train, *split.development])
    relevant = {one: texts[one] for topic in used for one in judged.relevant(topic)}
    return Exposure(collection, {one: judged.texts[one] for one in used}, relevant)
