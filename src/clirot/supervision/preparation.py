"""From a request to groups that are ready to train on, and the task that an epoch is chosen by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clirot.collection import open_collection
from clirot.collection.collection import content_digest
from clirot.distillation.choice import languages_of
from clirot.distillation.lineage import model_input
from clirot.distillation.training.checkpoints import read_history, write_history
from clirot.models import ModelRef, resolve
from clirot.records import ProgressSink, Step
from clirot.store import Input, Store
from clirot.supervision.configuration import MEASURES, TrainConfig
from clirot.supervision.development import JudgedDevelopment, searched
from clirot.supervision.groups import (
    Candidates,
    Group,
    candidates_of,
    filled,
    groups_of,
    read,
    written,
)
from clirot.supervision.judgements import Judged, TopicSplit, judged_topics, split_topics
from clirot.supervision.lesson import JudgedLesson
from clirot.supervision.negatives import Mined, Source, mined, negatives_source
from clirot.supervision.teacher_scores import teacher_scores
from clirot.supervision.wordings import Wording, wording

if TYPE_CHECKING:
    from clirot.collection import Collection
    from clirot.runs import Qrels

_DOCUMENTS_STEP = 10_000


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a model is trained from, and how: everything that its inputs follow from."""

    config: TrainConfig
    base: ModelRef
    teacher: ModelRef | None
    taught: Wording | None
    """The topics as the teacher reads them."""
    collection: Collection
    judged: Judged
    source: Source
    progress: ProgressSink
    languages: dict[str, str | None]
    """Of the topics and of the documents; None: not known."""
    inputs: tuple[Input, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """The languages that the trained model reads: those of its base, or of the collection where
        these are not known.
        """
        own = languages_of(self.base)
        return own or tuple(dict.fromkeys(filter(None, self.languages.values())))


def requested(config: TrainConfig, store: Store, progress: ProgressSink) -> Request:
    """Find everything that a training is made from.

    Raises:
        UnknownNameError: no such model, collection or variant.
        UsageError: there are no topics in the language.
        InputError: there is nothing to train on, or nothing in a language that was asked for.
    """
    base = resolve(config.model, store)
    teacher = resolve(config.teacher, store) if config.teacher is not None else None
    collection = open_collection(
        config.collection, config.docs_lang, home=store.home, progress=progress
    )
    topics = collection.topics(config.lang, config.topics_variant)
    language = collection.topic_language(config.lang)
    judged = judged_topics(collection, topics, config.topics)
    split_topics(judged, config.topics)  # whether there are enough, before anything is searched
    plain = language if config.topics_variant is None else None
    source = negatives_source(
        config,
        collection,
        lambda: wording(collection, judged, config.negatives_lang, "BM25", plain),
        store,
        progress,
    )
    taught = None
    if teacher is not None:
        taught = wording(collection, judged, config.teacher_lang, teacher.name, plain)
    judgements = json.dumps(judged.qrels, sort_keys=True)
    name = collection.id if language is None else f"{collection.id} ({language})"
    inputs = (
        model_input("base", base),
        *([model_input("scorer", teacher)] if teacher is not None else []),
        *(taught.inputs(collection) if taught is not None else ()),
        Input(kind="collection", name=collection.id, digest=collection.digest),
        Input(kind="topics", name=name, digest=content_digest(judged.texts.items())),
        Input(
            kind="judgements",
            name=collection.id,
            digest=hashlib.sha256(judgements.encode()).hexdigest(),
        ),
        *source.inputs,
    )
    return Request(
        config=config,
        base=base,
        teacher=teacher,
        taught=taught,
        collection=collection,
        judged=judged,
        source=source,
        progress=progress,
        languages={"topics": language, "documents": collection.document_language},
        inputs=inputs,
    )


@dataclass(frozen=True)
class Ready:
    """What is trained on, and what an epoch is chosen by."""

    lesson: JudgedLesson
    development: JudgedDevelopment
    left_out: Qrels
    """The judgements of the topics that are left out."""
    counts: dict[str, int]


def prepared(request: Request, scratch: Path) -> Ready:
    """Mine negatives, let the teacher score, and put groups together.

    Args:
        request: what is asked for.
        scratch: a directory that outlives an interruption; the groups are kept in it.

    Raises:
        InputError: there is nothing to train on.
    """
    config = request.config
    found = mined(request.source, config, request.collection, request.judged, request.progress)
    texts = _documents(request, found)
    judged = request.judged.among(texts)
    split = split_topics(judged, config.topics)
    used = [*split.train, *split.development]
    kept, counts = candidates_of(judged, used, found, texts, request.source.what)
    candidates = filled(judged, kept, split.train, config.groups, config.training.seed)
    groups, of_groups = _groups(request, judged, candidates, texts, scratch / "groups.json")
    pool = searched(judged, split.development, kept, config.topics.development_documents)
    development = JudgedDevelopment.of(
        judged,
        split.development,
        {one: texts[one] for one in pool},
        config.topics.measure,
        config.training.temperature,
    )
    lesson = JudgedLesson(
        settings=config.training,
        loss=config.loss,
        groups=groups,
        topics_read={one.topic: judged.texts[one.topic] for one in groups},
        documents_read={one: texts[one] for group in groups for one in group.documents},
        relevant={one.topic: frozenset(judged.partly(one.topic)) for one in groups},
        measure=MEASURES[config.topics.measure],
        scratch=scratch,
    )
    lesson.check_batches()
    return Ready(
        lesson,
        development,
        # All of them, also of documents that the collection lacks: `evaluate` counts these too.
        {topic: request.judged.qrels[topic] for topic in split.left_out},
        {
            **judged.counts,
            **_of_split(split, groups),
            **counts,
            **candidates.counts,
            **of_groups,
            "development_documents": len(pool),
        },
    )


def _of_split(split: TopicSplit, groups: Iterable[Group]) -> dict[str, int]:
    return {
        "training_topics": len({one.topic for one in groups}),
        "development_topics": len(split.development),
        "left_out_topics": len(split.left_out),
        "development_topics_sharing_relevant": split.sharing,
    }


def _documents(request: Request, found: Mined) -> dict[str, str]:
    """The texts of all documents that were judged or mined, in one pass over the collection."""
    judged = request.judged
    wanted = {one for documents in found.values() for one in documents}
    wanted |= {one for topic in judged.texts for one in judged.relevant(topic)}
    texts: dict[str, str] = {}
    total = request.collection.document_count
    for number, document in enumerate(request.collection.documents(), 1):
        if document.id in wanted:
            texts[document.id] = document.text
        if number % _DOCUMENTS_STEP == 0:
            request.progress(Step("read", number, total, unit="docs"))
    return texts


def _groups(
    request: Request,
    judged: Judged,
    candidates: Candidates,
    texts: Mapping[str, str],
    place: Path,
) -> tuple[list[Group], dict[str, int]]:
    """The groups; those of an interrupted call are read where it left them, since a teacher's
    scores take long.
    """
    kept = read_history(place)
    if kept is not None:
        said: dict[str, Any] = json.loads(kept)
        return read(said["groups"]), said["counts"]
    scores = None
    if request.teacher is not None and request.taught is not None:
        pairs = candidates.pairs(judged, list(candidates.mined))
        scores = teacher_scores(
            request.teacher, request.taught.texts, pairs, texts, request.progress
        )
    groups, counts = groups_of(
        judged, candidates, request.config.groups, request.config.training.seed, scores
    )
    write_history(place, json.dumps({"groups": written(groups), "counts": counts}))
    return groups, counts
