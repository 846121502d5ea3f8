"""Where hard negatives are mined: what a run found for a topic, or what was judged not relevant.

BM25 is asked by an index of the same documents, which is made where it is missing and stays in the
store, as if `index` had made it. Its ranking follows from the index and the topics, so that the
index is what the model records.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clirot.errors import ArtefactError, BusyError, InputError
from clirot.records import ProgressSink, Step, Topic
from clirot.runs import Run, find_run, read_run
from clirot.store import Artefact, Input, Store
from clirot.supervision.configuration import BM25, DOCPAIRS, JUDGED, SCOREDDOCS, TrainConfig
from clirot.supervision.wordings import Wording

if TYPE_CHECKING:
    from clirot.collection import Collection
    from clirot.supervision.judgements import Judged

_WAIT_S = 0.5
Mined = Mapping[str, Sequence[str]]
"""Topic -> documents, the likeliest first; none of them is checked yet."""


@dataclass(frozen=True)
class Source:
    """Where negatives are mined, before anything is read of it."""

    what: str
    """In a few words, for messages."""
    inputs: tuple[Input, ...] = ()
    """What it is made from, besides the collection and its judgements."""
    run: Run | None = None
    index: Artefact | None = None
    """Of BM25."""
    wording: Wording | None = None
    """Of the topics, as BM25 searches with them."""


def negatives_source(
    config: TrainConfig,
    collection: Collection,
    worded: Callable[[], Wording],
    store: Store,
    progress: ProgressSink,
) -> Source:
    """Find where negatives are mined; the index of BM25 is made where it is missing.

    Args:
        config: what was asked for.
        collection: that the negatives are of.
        worded: gives the topics as BM25 searches with them.
        store: where an index or a kept run is.
        progress: told how the making of an index goes.

    Raises:
        InputError: a run cannot be read.
        ArtefactError: a kept run is damaged, or an index of BM25's name is of other documents.
    """
    if config.negatives == JUDGED:
        return Source("the documents that were judged not relevant")
    if config.negatives in (DOCPAIRS, SCOREDDOCS):
        return Source(f"the {config.negatives} of {collection.id}")
    if config.negatives == BM25:
        wording = worded()
        index = _awaited(config, collection, store, progress)
        inputs = (*wording.inputs(collection), index.as_input())
        return Source("what BM25 found", inputs, index=index, wording=wording)
    named = find_run(config.negatives, store)
    run = read_run(named.path, name=named.name)
    if named.artefact is not None:
        made_from = named.artefact.as_input()
    else:
        from clirot.collection.collection import content_digest

        listed = ((topic, " ".join(run.documents(topic))) for topic in sorted(run.topics))
        made_from = Input(kind="negatives", name=run.name, digest=content_digest(listed))
    return Source(f"run {run.name}", (made_from,), run=run)


def mined(
    source: Source,
    config: TrainConfig,
    collection: Collection,
    judged: Judged,
    progress: ProgressSink,
) -> Mined:
    """The documents that are mined for each judged topic, from the first rank that is wanted on.

    Raises:
        InputError: there are none for any of the topics.
    """
    wanted = dict.fromkeys(judged.texts)
    found: Mined
    if source.index is not None:
        found = _bm25(source, config, progress)
    elif source.run is not None:
        run = source.run
        found = {topic: list(run.documents(topic)) for topic in wanted}
        if not any(found.values()):
            raise InputError(
                f"{source.what} has documents for none of the {len(wanted):,} judged topics: it "
                f"has topic {run.topics[0]!r}, and the first judged one is {next(iter(wanted))!r}",
                hint="negatives are mined from a run of the same topics (`negatives`)",
            )
    elif config.negatives == JUDGED:
        return {
            topic: [one for one, grade in judged.qrels[topic].items() if grade <= 0]
            for topic in wanted
        }
    elif config.negatives == DOCPAIRS:
        return _grouped(collection.docpairs(), wanted)
    else:
        found = _grouped(collection.scoreddocs(), wanted)
    first, depth = config.groups.first_rank - 1, config.groups.depth
    return {topic: documents[first:depth] for topic, documents in found.items()}


def _grouped(rows: Iterable[tuple[str, str]], wanted: Mapping[str, None]) -> dict[str, list[str]]:
    """Documents of wanted topics, in their order and each once."""
    found: dict[str, dict[str, None]] = {topic: {} for topic in wanted}
    for topic, document in rows:
        if topic in found:
            found[topic][document] = None
    return {topic: list(documents) for topic, documents in found.items()}


def _awaited(
    config: TrainConfig, collection: Collection, store: Store, progress: ProgressSink
) -> Artefact:
    """The index of words; that which another process makes just now is waited for, since trainings
    that run at the same time may well be on one collection.
    """
    while True:
        try:
            return _bm25_index(config, collection, store, progress)
        except BusyError as busy:
            progress(Step(f"wait: {busy.message}", 0))
            time.sleep(_WAIT_S)


def _bm25_index(
    config: TrainConfig, collection: Collection, store: Store, progress: ProgressSink
) -> Artefact:
    """The index of words of the collection; one with other settings that is there is taken.

    One of other documents that has its name stays; the new one has the documents' digest in its
    name too.
    """
    from clirot.retrieval.index_config import IndexConfig
    from clirot.retrieval.lexical_indexing import build_lexical

    wanted = IndexConfig(model=BM25, collection=config.collection, docs_lang=config.docs_lang)
    for name in (wanted.index_name, f"{wanted.index_name}.{collection.digest[:8]}"):
        if not store.has("indexes", name):
            # Not by `build_index`, which all processes of a training would have to call.
            return build_lexical(replace(wanted, name=name), collection, store, progress).artefact
        there = store.get("indexes", name)
        of = {one.digest for one in there.manifest.inputs if one.kind == "collection"}
        if there.manifest.config.get("backend") == "postings" and of == {collection.digest}:
            return there
    raise ArtefactError(
        f"the index {name} is not one of the words of {collection.id}",
        hint="remove it, or mine negatives from a run (`negatives`)",
    )


def _bm25(source: Source, config: TrainConfig, progress: ProgressSink) -> dict[str, list[str]]:
    from clirot.retrieval.settings import PsqSettings
    from clirot.retrieval.topic_readers import lexical_reader

    assert source.index is not None and source.wording is not None
    topics = [Topic(topic, text) for topic, text in source.wording.texts.items()]
    matcher = lexical_reader(BM25, PsqSettings(), source.index, None).matcher
    matcher.prepare()
    found: dict[str, list[str]] = {}
    for hits in matcher.search(topics, config.groups.depth):
        topic = topics[len(found)].id
        found[topic] = [hit.docno for hit in hits]
        progress(Step("mine", len(found), len(topics), unit="topics"))
    return found
