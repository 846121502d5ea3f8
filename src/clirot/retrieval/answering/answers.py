"""Answer the topics of a collection by what a run found for them.

A prompt is answered once, and one that was answered before is taken from the cache. Answers come
out in the order of the topics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from clirot.cut_texts import CutTexts
from clirot.errors import InputError
from clirot.languages import parse_language
from clirot.records import ProgressSink, Step, Topic, silent
from clirot.retrieval.answering.configuration import AnswerConfig
from clirot.retrieval.answering.prompts import FROM_MEMORY, Prompt, in_languages, prompt_from
from clirot.retrieval.counted_ids import CountedIds
from clirot.retrieval.text_cache import Row, TextCache
from clirot.store import Input, Store, fingerprint
from clirot.text_form import composed

if TYPE_CHECKING:
    from clirot.collection import Collection
    from clirot.retrieval.answering.passages import Passages
    from clirot.retrieval.answering.reader import Reader, Written

_WINDOW = 1024
"""Prompts that are sorted by length together."""


@dataclass(frozen=True)
class Answer:
    """What was answered to a topic."""

    id: str
    """Of the topic."""
    text: str
    """One line; empty where the model wrote nothing."""


@dataclass
class Report(CountedIds):
    """What was done. It is complete when the last answer has been given out."""

    topics: int = 0
    asked: int = 0
    """Prompts that the model was given: those that were different, and not in the cache."""
    empty: int = 0
    """Answers that are empty."""
    cut: int = 0
    """Answers that reached the longest that was allowed."""
    without_passages: int = 0
    """Topics that were answered without passages, because nothing was found for them."""
    shortened: CutTexts = field(default_factory=CutTexts)
    """Topics whose passages were cut to fit what the model reads, as prompts."""
    left_out: int = 0
    """Passages that had no room at all."""
    without_text: int = 0
    """Passages without text, which were not read."""


@dataclass(frozen=True)
class Answers:
    """Answers that are ready to be written: topics, passages and reader were found."""

    reader: Reader
    topics: Sequence[Topic]
    notes: tuple[str, ...]
    """Remarks that a person should read before anything is done."""
    report: Report
    settings: Mapping[str, Any] = field(repr=False)
    """What decides the answers, besides the inputs."""
    inputs: tuple[Input, ...] = field(repr=False)
    """Topics and passages."""
    _prompt: Prompt = field(repr=False)
    _from_memory: Prompt = field(repr=False)
    """For topics without passages."""
    _passages: Mapping[str, Sequence[str]] = field(repr=False)
    _cache: TextCache = field(repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 of what decides the answers: model, settings, prompt, topics and passages."""
        return fingerprint("answers", self.settings, self.inputs, None)

    def rows(self, progress: ProgressSink = silent) -> Iterator[Answer]:
        """The answers, in the order of the topics. They can be had once.

        Raises:
            InputError: a question is longer than the model reads, or the model cannot be loaded;
                what was answered before is in the cache.
        """
        topics = iter(self.topics)
        while window := list(islice(topics, _WINDOW)):
            given = {topic.id: self._given(topic) for topic in window}
            found = self._found(list(given.values()), progress)
            for topic in window:
                self.report.topics += 1
                written = found[given[topic.id]]
                if written.cut:
                    self.report.count("cut", topic.id)
                if not written.answer:
                    self.report.count("empty", topic.id)
                yield Answer(topic.id, composed(written.answer))

    def _given(self, topic: Topic) -> str:
        """The prompt of a topic, as the model gets it."""
        from clirot.retrieval.answering.fitting import fitted

        passages = self._passages.get(topic.id, ())
        prompt = self._prompt
        if prompt.has_passages and not passages:
            self.report.count("without_passages", topic.id)
            prompt = self._from_memory
        made = fitted(self.reader, prompt, " ".join(topic.text.split()), passages)
        if made.whole:
            self.report.shortened.add(topic.id, made.whole, self.reader.length(made.given))
            self.report.left_out += made.left_out
        return made.given

    def _found(self, given: list[str], progress: ProgressSink) -> dict[str, Written]:
        """What becomes of each of the prompts."""
        from clirot.retrieval.answering.reader import Written

        found: dict[str, Written] = {}
        missing = []
        for one in dict.fromkeys(given):
            row = self._cache.get(one)
            if row is None:
                missing.append(one)
            else:
                found[one] = Written(row["answer"], bool(row["cut"]))
        done = self.report.topics + len(given) - len(missing)
        progress(Step("answer", done, len(self.topics), unit="topics"))
        for batch in self.reader.answers(missing) if missing else ():
            fresh = {missing[place]: written for place, written in batch.items()}
            self._cache.add({one: _row(written) for one, written in fresh.items()})
            found.update(fresh)
            self.report.asked += len(fresh)
            done += len(fresh)
            progress(Step("answer", done, len(self.topics), unit="topics"))
        return found

    def remarks(self) -> Iterator[str]:
        """What a person should know of the answers, when all have been given out."""
        report = self.report
        of = f"of {report.topics:,}"
        if report.empty:
            yield f"{report.empty:,} {of} answers are empty: {report.named('empty')}"
        if report.cut:
            yield (
                f"{report.cut:,} {of} answers were cut at the longest that `max_tokens` allows: "
                f"{report.named('cut')}"
            )
        if report.without_passages:
            yield (
                f"{report.without_passages:,} {of} topics have no passages in the run, and were "
                f"answered without: {report.named('without_passages')}"
            )
        if report.shortened.count:
            said = report.shortened.remark(report.topics, "prompts with passages", self.reader.name)
            yield f"{said}; {report.left_out:,} passages were left out"
        if report.without_text:
            yield f"{report.without_text:,} of the passages have no text, and were not read"


def answer(
    config: AnswerConfig, *, store: Store | None = None, progress: ProgressSink = silent
) -> Answers:
    """Find what is to be answered, from what, and what answers it.

    Nothing is answered before :meth:`Answers.rows` is read.

    Raises:
        UnknownNameError: no such model, collection or variant; the hint suggests the closest.
        UsageError: the model is no causal language model, or the collection has documents in
            several languages and nothing says which were searched.
        InputError: no topics, a topic without text, a prompt without a place for the question, or a
            run of another collection.
    """
    from clirot.collection import open_collection
    from clirot.collection.collection import content_digest
    from clirot.models import resolve
    from clirot.retrieval.answering.reader import Reader

    store = store if store is not None else Store()
    template = prompt_from(config.prompt, closed_book=config.closed_book)
    collection = open_collection(
        config.collection, config.docs_lang, home=store.home, progress=progress
    )
    topics = collection.topics(config.lang, config.topics_variant)
    for topic in topics:
        if not topic.text.strip():
            raise InputError(f"topic {topic.id!r} has no text", hint="remove it, or give it a text")
    language = collection.topic_language(config.lang)
    into = parse_language(config.answer_lang) if config.answer_lang is not None else language
    reader = Reader(resolve(config.model, store, task="answers"), config.writing)
    prompt = in_languages(template, language, into)
    if config.prompt is not None:
        from_memory = Prompt(prompt.template.replace("{passages}", ""))
    else:
        from_memory = in_languages(FROM_MEMORY, language, into)
    digest = content_digest((topic.id, topic.text) for topic in topics)
    inputs = [Input(kind="topics", name=collection.id, digest=digest)]
    notes: tuple[str, ...] = ()
    report = Report()
    found: Passages | None = None
    if config.run is not None:
        found = _passages(config, topics, collection, store)
        inputs.append(found.run)
        notes, report.without_text = found.notes, found.without_text
    identity = reader.identity
    return Answers(
        reader=reader,
        topics=topics,
        notes=notes,
        report=report,
        settings={**identity, "prompt": prompt.template, "k": config.k if found else 0},
        inputs=tuple(inputs),
        _prompt=prompt,
        _from_memory=from_memory,
        _passages=found.texts if found else {},
        _cache=TextCache(store.home, "answers", identity, _sound),
    )


def _passages(
    config: AnswerConfig, topics: Sequence[Topic], collection: Collection, store: Store
) -> Passages:
    from clirot.collection import open_collection
    from clirot.retrieval.answering.passages import passages_of
    from clirot.runs import find_run

    named = find_run(str(config.run), store)
    every: Sequence[Collection] = ()
    if named.documents is not None:  # then it can be told which documents were searched
        every = open_collection(config.collection, home=store.home).by_document_language()
    return passages_of(topics, named, collection, every, config.k)


def _row(written: Written) -> Row:
    return {"answer": written.answer, "cut": written.cut}


def _sound(row: Row) -> bool:
    return isinstance(row["answer"], str) and isinstance(row["cut"], bool)
