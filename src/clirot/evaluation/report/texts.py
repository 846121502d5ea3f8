"""Where a report has its texts and its saved runs from, for each topic set of an evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from clirot.errors import ClirotError

if TYPE_CHECKING:
    from clirot.collection import Collection
    from clirot.evaluation.result import Evaluation
    from clirot.records import Topic
    from clirot.store import Artefact, Store

_Wording = tuple[str | None, Mapping[str, str]]
"""The language of topics, where it is known, and their texts by id."""


class SetTexts:
    """The texts and the saved runs of one topic set.

    This class itself knows none: it stands for bare judgements. Whoever has texts overrides what it
    knows. Ids are those of the evaluation.
    """

    topic_language: str | None = None
    """Of :meth:`topic_text`; None: not known."""
    document_language: str | None = None
    """Of :meth:`document_text`; None: not known."""
    notes: tuple[str, ...] = ()
    """What a reader should know of these texts."""

    def topic_text(self, topic: str) -> str | None:
        """The text of a topic; None where it is not known."""
        return None

    def expect(self, docnos: Iterable[str]) -> None:
        """Told which documents will be asked for, so that a collection is read once."""

    def document_text(self, docno: str) -> str | None:
        """The text of a document that was expected; None where it is not known."""
        return None

    def artefact(self, system: str, topic: str) -> Artefact | None:
        """The saved run that has the ranking of a system for a topic; None: not a saved one."""
        return None

    def read_text(self, system: str, topic: str) -> str | None:
        """What a system read for a topic; None where that is not known.

        Systems may read different wordings of a topic: translated, or with errors of typing.
        """
        return None if self.artefact(system, topic) is None else self.topic_text(topic)


class Documents:
    """Texts of documents, of which several topic sets ask for some: read in one pass."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._expected: set[str] = set()
        self._read: dict[str, str | None] = {}

    def expect(self, docnos: Iterable[str]) -> None:
        """Remember which documents will be asked for."""
        self._expected.update(docnos)

    def text(self, docno: str) -> str | None:
        """The text of a document; None: the collection has no such document."""
        self._expected.add(docno)
        if missing := self._expected - self._read.keys():
            self._read |= dict.fromkeys(missing)
            for document in self._collection.documents():
                if document.id in missing:
                    self._read[document.id] = document.text
        return self._read[docno]


class CollectionTexts(SetTexts):
    """The texts of a topic set whose topics, documents and judgements are of one collection.

    Args:
        collection: the collection.
        documents: of that collection; topic sets share it.
        language: of the topics, where no saved run says which topics it read; None: the one that
            the collection has.
        saved: system -> its saved run.
    """

    def __init__(
        self,
        collection: Collection,
        documents: Documents,
        *,
        language: str | None,
        saved: Mapping[str, Artefact],
    ) -> None:
        self._collection = collection
        self._documents = documents
        self._language = language
        self._saved = saved
        self._told: list[str] = []
        self.document_language = collection.document_language
        self.topic_language, self._topics = self._own_wording()
        self.notes = tuple(self._told)

    def topic_text(self, topic: str) -> str | None:
        """See :meth:`SetTexts.topic_text`."""
        return self._topics.get(topic)

    def expect(self, docnos: Iterable[str]) -> None:
        """See :meth:`SetTexts.expect`."""
        self._documents.expect(docnos)

    def document_text(self, docno: str) -> str | None:
        """See :meth:`SetTexts.document_text`."""
        return self._documents.text(docno)

    def artefact(self, system: str, topic: str) -> Artefact | None:
        """See :meth:`SetTexts.artefact`."""
        return self._saved.get(system)

    def read_text(self, system: str, topic: str) -> str | None:
        """See :meth:`SetTexts.read_text`; known where the topics still have the run's digest."""
        wording = self._wordings.get(system)
        return None if wording is None else wording[1].get(topic)

    def _own_wording(self) -> _Wording:
        """The topics as the first saved run read them, or else as the collection has them."""
        if known := next(iter(self._wordings.values()), None):
            return known
        try:
            language = self._collection.topic_language(self._language)
            return language, _by_id(self._collection.topics(self._language))
        except ClirotError as error:
            self._told.append(f"the texts of the topics are not shown: {error.message}")
            return None, {}

    @cached_property
    def _wordings(self) -> Mapping[str, _Wording]:
        """System -> what it read, where the topics of that digest can still be found."""
        found: dict[str, _Wording] = {}
        by_digest: dict[str, _Wording | None] = {}
        for system, artefact in self._saved.items():
            topics = next((one for one in artefact.manifest.inputs if one.kind == "topics"), None)
            if topics is None:
                continue
            if topics.digest not in by_digest:
                by_digest[topics.digest] = self._wording(artefact, topics.name, topics.digest)
            if wording := by_digest[topics.digest]:
                found[system] = wording
            else:
                self._told.append(
                    f"the topics that {system} read ({topics.name}) are not there any more as they "
                    "were then; what its tokens matched is not shown"
                )
        return found

    def _wording(self, artefact: Artefact, source: str, digest: str) -> _Wording | None:
        from clirot.collection.collection import content_digest
        from clirot.collection.topics import TITLE, read_topic_file

        config = artefact.manifest.config
        language, variant = config.get("lang"), config.get("topics_variant")
        field = config.get("topics_field", TITLE)
        try:  # as the run names them in the collection, whatever it was called then
            topics = self._collection.topics(language, variant, field)
            texts = _by_id(topics[:: config.get("every", 1)])
            if content_digest(texts.items()) == digest:
                return self._collection.topic_language(language), texts
        except ClirotError:
            pass  # the topics were of another collection, or of a file
        if source == "-":
            return None
        try:
            read = read_topic_file(source, language, variant=variant, field=field)
        except ClirotError:
            return None
        texts = _by_id(read.topics[:: config.get("every", 1)])
        return (read.language, texts) if content_digest(texts.items()) == digest else None


def _by_id(topics: Iterable[Topic]) -> dict[str, str]:
    return {topic.id: topic.text for topic in topics}


def texts_of(evaluation: Evaluation, store: Store) -> dict[str, SetTexts]:
    """The texts of each topic set of an evaluation that was made by :func:`clirot.evaluate`.

    They are those of the collection that the configuration names; none for bare judgements.

    Args:
        evaluation: of the files that its configuration names.
        store: where collections keep what they downloaded.
    """
    saved: dict[str, dict[str, Artefact]] = {name: {} for name in evaluation.topics}
    for (system, topic_set), artefact in evaluation.inputs.saved.items():
        saved[topic_set][system] = artefact
    if evaluation.config.collection is None:
        return {name: _BareTexts(saved[name]) for name in evaluation.topics}
    from clirot.collection import open_collection
    from clirot.evaluation.inputs import language_of

    collection = open_collection(evaluation.config.collection, home=store.home)
    documents = Documents(collection)
    return {
        name: CollectionTexts(
            collection,
            documents,
            language=language_of(name, collection) or evaluation.config.lang,
            saved=saved[name],
        )
        for name in evaluation.topics
    }


class _BareTexts(SetTexts):
    """No texts, but the saved runs."""

    notes = ("there are no texts: the judgements are those of a file, not of a collection",)

    def __init__(self, saved: Mapping[str, Artefact]) -> None:
        self._saved = saved

    def artefact(self, system: str, topic: str) -> Artefact | None:
        return self._saved.get(system)

    def read_text(self, system: str, topic: str) -> str | None:
        return None
