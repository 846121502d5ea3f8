"""``cldr/<lang>``: the collection that needs no network, made from the facts in CLDR.

Documents are English paragraphs about territories, languages, currencies, scripts and time zones;
topics are names and phrases in the target language, and in English under the same ids; what is
relevant follows from the facts. :mod:`clirot.collection.cldr.topics` makes the topics.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from clirot.collection.collection import Collection
from clirot.errors import InputError, UnknownNameError
from clirot.records import Document, ProgressSink, Topic, silent
from clirot.runs import Qrels

FEWEST_TOPICS = 100
"""With fewer topics than this a language has no collection."""


class CldrCollection(Collection):
    """The collection for one language. Nothing is downloaded.

    Args:
        language: normalised.
        home: not used.
        progress: not used.

    Raises:
        UnknownNameError: no language was named, and the topics differ from language to language.
        InputError: CLDR has no or too few names in the language.
    """

    document_language = "en"

    def __init__(
        self, language: str | None, home: Path | None = None, progress: ProgressSink = silent
    ) -> None:
        from clirot.collection.cldr.topics import questions

        if language is None:
            raise UnknownNameError(
                "collection 'cldr' needs a language", hint="write cldr/so, for example"
            )
        try:
            self._questions = questions(language)
        except ValueError as error:
            raise InputError(str(error), hint="choose another collection for it") from error
        if len(self._questions) < FEWEST_TOPICS:
            raise InputError(
                f"CLDR names too little in {language!r} for a collection: "
                f"{len(self._questions)} topics, {FEWEST_TOPICS} are needed",
                hint="choose another collection for it",
            )
        languages = ("en",) if language == "en" else (language, "en")
        super().__init__(f"cldr/{language}", languages, language)

    def _read_documents(self) -> Iterator[Document]:
        from clirot.collection.cldr.paragraphs import paragraphs

        for page in paragraphs().values():
            yield Document(page.subject.docno, page.text)

    def _read_topics(self, language: str | None) -> list[Topic]:
        if language != "en":
            return [Topic(question.id, text) for question, text in self._questions]
        from clirot.collection.cldr.names import Names

        english = Names("en")
        return [
            Topic(question.id, question.render(english) or "") for question, _ in self._questions
        ]

    def _read_qrels(self) -> Qrels:
        return {question.id: dict(question.grades) for question, _ in self._questions}

    @property
    def document_count(self) -> int | None:
        """How many paragraphs there are."""
        from clirot.collection.cldr.paragraphs import paragraphs

        return len(paragraphs())
