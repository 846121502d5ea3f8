"""The passages that a run found for topics, with their texts from the collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clirot.collection import Collection
from clirot.errors import InputError
from clirot.records import Topic
from clirot.runs import NamedRun, read_run
from clirot.store import Input

_NAMED = 3


@dataclass(frozen=True)
class Passages:
    """What was found for the topics."""

    texts: Mapping[str, tuple[str, ...]]
    """Topic -> its passages, the best first, each on one line. A topic without any is left out."""
    without_text: int
    """Passages that have no text, and are not read."""
    run: Input
    """The run, by the passages that were taken from it."""
    notes: tuple[str, ...]
    """Remarks for the person."""


def passages_of(
    topics: Sequence[Topic], named: NamedRun, collection: Collection, every: Sequence[Collection],
    k: int,
) -> Passages:  # fmt: skip
    """The best passages of each topic. Reads the run, and the documents once.

    Args:
        topics: whose passages are wanted.
        named: the run.
        collection: as it was opened, with or without a language of its documents.
        every: the same once for each language of its documents.
        k: passages of a topic, at most.

    Raises:
        InputError: the run cannot be read, has none of the topics, or names documents that the
            collection does not have.
        UsageError: there are documents in several languages, and nothing says which were searched.
    """
    from clirot.collection.collection import content_digest

    run = read_run(named.path, name=named.name)
    chosen, notes = _searched(collection, every, named)
    taken = {
        topic.id: list(run.documents(topic.id))[:k] for topic in topics if topic.id in run.index
    }
    if not taken:
        raise InputError(
            f"run {run.name}: none of its topics is a topic of {collection.id}",
            hint=f"it has {', '.join(map(repr, run.topics[:_NAMED]))}; the collection has "
            + ", ".join(repr(topic.id) for topic in topics[:_NAMED]),
        )
    own = {topic.id for topic in topics}
    others = [topic for topic in run.topics if topic not in own]
    if others:
        more = ", ..." if len(others) > _NAMED else ""
        notes.append(
            f"run {run.name}: left out {len(others):,} of its topics, which are no topics of "
            f"{collection.id}: {', '.join(others[:_NAMED])}{more}"
        )
    wanted = {docno for docnos in taken.values() for docno in docnos}
    texts = {
        document.id: " ".join(document.text.split())
        for document in chosen.documents()
        if document.id in wanted
    }
    _check_all_there(taken, texts, run.name, chosen)
    found = {
        topic: tuple(texts[docno] for docno in docnos if texts[docno])
        for topic, docnos in taken.items()
    }
    listed = ((topic, " ".join(docnos)) for topic, docnos in taken.items())
    return Passages(
        texts={topic: passages for topic, passages in found.items() if passages},
        without_text=sum(not texts[docno] for docnos in taken.values() for docno in docnos),
        run=Input(kind="passages", name=run.name, digest=content_digest(listed)),
        notes=tuple(notes),
    )


def _searched(
    collection: Collection, every: Sequence[Collection], named: NamedRun
) -> tuple[Collection, list[str]]:
    """The collection with the documents that the run was found in, and remarks."""
    if named.documents is None:
        return collection, []
    by_digest = {one.digest: one for one in every}
    if collection.document_language is None and len(by_digest) > 1:
        return by_digest.get(named.documents, collection), []
    if named.documents == collection.digest:
        return collection, []
    other = by_digest.get(named.documents)
    what = f"documents in {other.document_language}" if other else "the documents of another one"
    of = f" in {collection.document_language}" if other else ""
    return collection, [
        f"the passages are those of {collection.id}{of}, but {named.name} was found in {what}"
    ]


def _check_all_there(
    taken: Mapping[str, Sequence[str]], texts: Mapping[str, str], run: str, collection: Collection
) -> None:
    """Refuse a run that was found in other documents.

    Raises:
        InputError: it names a document that is not there.
    """
    missing = [
        (topic, docno) for topic, docnos in taken.items() for docno in docnos if docno not in texts
    ]
    if not missing:
        return
    topic, docno = missing[0]
    language = f" in {collection.document_language!r}" if collection.document_language else ""
    raise InputError(
        f"run {run}: {len({docno for _, docno in missing}):,} of the documents it found are not in "
        f"{collection.id}{language}: {docno!r} for topic {topic!r}, for example",
        hint="give the collection that was searched; where it has documents in several languages, "
        "`docs_lang` chooses them",
    )
