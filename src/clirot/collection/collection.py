"""What a test collection is to clirot: documents, topics in one or more languages, judgements."""

from __future__ import annotations

import hashlib
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from clirot.collection.answers import Answers
from clirot.collection.labels import Labels
from clirot.collection.topics import TITLE
from clirot.errors import InputError, LanguageWarning, UnknownNameError, UsageError
from clirot.languages import closest_language, parse_language
from clirot.records import Document, Topic
from clirot.registry import closest, unknown_name
from clirot.runs import Qrels
from clirot.text_form import composed, is_composed


class Collection(ABC):
    """A test collection. A subclass reads its parts, and this class checks what was read.

    Args:
        id: what :func:`~clirot.collection.open_collection` was asked for, as it is recorded.
        languages: the topic languages, normalised; empty where the collection does not say.
        language: the topic language to take where none is asked for; None: where there are several,
            one must be asked for.
    """

    document_language: str | None = None
    """The language of the documents, normalised; None where the collection does not say, or has
    them in several and none was chosen."""

    def __init__(self, id: str, languages: tuple[str, ...], language: str | None = None) -> None:  # noqa: A002
        self.id = id
        self.languages = languages
        self._said: set[tuple[str, str]] = set()
        self.language = language or (languages[0] if len(languages) == 1 else None)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"

    @abstractmethod
    def _read_documents(self) -> Iterator[Document]:
        """The documents in their order, ids checked."""

    @abstractmethod
    def _read_topics(self, language: str | None) -> list[Topic]:
        """The topics in one of :attr:`languages`; None: the collection says no language."""

    @abstractmethod
    def _read_qrels(self) -> Qrels:
        """All judgements."""

    def variants(self, language: str | None) -> tuple[str, ...]:
        """The names of the variants that the topics in a language have: other wordings of the same
        topics, such as translations by a machine. Here there are none.

        Args:
            language: normalised; None: the collection says no language.
        """
        return ()

    def _read_variant(self, language: str | None, variant: str) -> list[Topic]:
        """The topics in the wording of one of :meth:`variants`."""
        raise NotImplementedError

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what decides the documents, hexadecimal; here their ids and texts.

        Topics and judgements are left out, so that one index serves all topics of the documents.
        """
        return content_digest((document.id, document.text) for document in self.documents())

    def documents(self) -> Iterator[Document]:
        """The documents, in a fixed order and in one form (:mod:`clirot.text_form`).

        An empty text is a document like any other.

        Raises:
            InputError: there are none, or a file of theirs is malformed.
            UsageError: they are in several languages and none was chosen.
        """
        empty = True
        for document in self._read_documents():
            empty = False
            if is_composed(document.text):
                yield document
            else:
                yield Document(document.id, composed(document.text))
        if empty:
            raise InputError(f"collection {self.id} has no documents")

    def check_unchanged(self) -> None:  # noqa: B027
        """Call it after the documents were read: it is an error where they are no longer those of
        :attr:`digest`. Collections whose files are pinned do not change.

        Raises:
            InputError: a file of documents has changed since its digest was taken.
        """

    def by_document_language(self) -> Sequence[Collection]:
        """The collection once for each language of its documents; empty where it has none."""
        return (self,)

    @property
    def judged_languages(self) -> tuple[str, ...]:
        """The languages whose documents have judgements of their own, sorted. Empty: the judgements
        hold for the documents in every language.
        """
        return ()

    @property
    def document_count(self) -> int | None:
        """How many documents there are; None where that is not known without reading them all."""
        return None

    @property
    def reading_notes(self) -> tuple[str, ...]:
        """What of the documents is not taken as it stands in their files; an index keeps it."""
        return ()

    @cached_property
    def empty_document_count(self) -> int:
        """How many documents have no text. Reads all of them."""
        return sum(not document.text.strip() for document in self.documents())

    def _read_field(self, language: str | None, variant: str | None, field: str) -> list[Topic]:
        """The topics with another field than the title for their text. Here they have none."""
        raise UsageError(
            f"the topics of {self.id} have one text only, and no {field}",
            hint="leave `topics_field` out",
        )

    def topics(
        self, lang: str | None = None, variant: str | None = None, field: str = TITLE
    ) -> list[Topic]:
        """The topics in a language, in one form (:mod:`clirot.text_form`).

        Args:
            lang: the language, in any accepted spelling; None: the only language there is, or the
                one that the collection's id names (``xquad/de``).
            variant: another wording of these topics, one of :meth:`variants`; None: as they are.
            field: what the text of a topic is, one of :data:`clirot.collection.topics.FIELDS`.

        Raises:
            UsageError: no topics in that language or with that field, or no language was named
                where there are several.
            UnknownNameError: the topics in that language have no such variant; the hint lists
                those that they have.
            InputError: there are no topics, or a file of theirs is malformed.
        """
        language = self.topic_language(lang)
        known = self.variants(language) if variant is not None else ()
        if variant in (None, *known):
            if field != TITLE:
                topics = self._read_field(language, variant, field)
            elif variant is not None:
                topics = self._read_variant(language, variant)
            else:
                topics = self._read_topics(language)
        else:
            assert variant is not None
            of = f"the topics of {self.id}" + (f" in {language!r}" if language else "")
            if not known:
                raise UnknownNameError(
                    f"{of} have no variants, and so none that is called {variant!r}",
                    hint="a directory has them as queries.LANG.VARIANT.tsv",
                )
            raise unknown_name(f"variant of {of}:", variant, known)
        if not topics:
            raise InputError(f"collection {self.id} has no topics" + (f" in {lang}" * bool(lang)))
        return [Topic(topic.id, composed(topic.text)) for topic in topics]

    def qrels(self, lang: str | None = None) -> Qrels:
        """The judgements: topic id -> document id -> grade.

        Args:
            lang: keep only the topics that exist in that language, so that a topic which the
                language lacks does not count as one without results; None: keep all.

        Raises:
            InputError: there are none, or their file is malformed.
            UsageError: they differ with the language of the documents, and none was chosen.
        """
        qrels = self._read_qrels()
        if lang is not None:
            asked = {topic.id for topic in self.topics(lang)}
            qrels = {topic: judged for topic, judged in qrels.items() if topic in asked}
        if not any(qrels.values()):
            raise InputError(
                f"collection {self.id} has no judgements" + (f" for {lang} topics" * bool(lang)),
                hint="give a file of judgements: `qrels=FILE`",
            )
        return qrels

    def docpairs(self) -> Iterator[tuple[str, str]]:
        """Pairs that ir_datasets has for training: a topic and a document that is less relevant to
        it than another one.

        Raises:
            InputError: there are none, or they cannot be read.
        """
        raise InputError(
            f"collection {self.id} has no docpairs",
            hint="some data sets of ir_datasets have, such as msmarco-passage/train/triples-small",
        )

    def scoreddocs(self) -> Iterator[tuple[str, str]]:
        """What a first search found, as ir_datasets has it: topics and documents, the best first.

        Raises:
            InputError: there is nothing of that kind, or it cannot be read.
        """
        raise InputError(
            f"collection {self.id} has no scoreddocs",
            hint="some data sets of ir_datasets have, such as msmarco-passage/dev/small",
        )

    def labels(self) -> Labels:
        """The labels of the documents and of the topics, where they are classified.

        Raises:
            InputError: there are none, or a file of theirs is malformed.
        """
        raise InputError(
            f"collection {self.id} has no labels",
            hint="give a file of them, id TAB label: `labels=FILE`; a directory has them as "
            "train.LANG.tsv and test.LANG.tsv",
        )

    def answers(self, lang: str | None = None) -> Answers:
        """The gold answers to the topics, where these are questions.

        Args:
            lang: the language of the answers; None: that of the documents.

        Raises:
            InputError: there are none, or a file of theirs is malformed.
            UsageError: there are none in that language.
        """
        language = self.document_language if lang is None else parse_language(lang)
        found = self._read_answers(language)
        if found is None:
            raise InputError(
                f"collection {self.id} has no gold answers",
                hint="give a file of them, question id TAB answer: `answers=FILE`; a directory has "
                "them as answers.LANG.tsv",
            )
        return found

    def _read_answers(self, language: str | None) -> Answers | None:
        """The answers in a language, None: where there is only one; None where there are none."""
        return None

    def nearest_language(self, wanted: str, among: Iterable[str], what: str) -> str | None:
        """The language of a part of the collection that goes for one that was asked for.

        Another variant in the same script does, with a warning (LanguageWarning), once.

        Args:
            wanted: normalised.
            among: the languages that the part is there in.
            what: the part, for the warning.

        Returns:
            One of ``among``; None: it has no such language.
        """
        found = closest_language(wanted, among)
        said = (wanted, what)
        if found is not None and found != wanted and said not in self._said:
            self._said.add(said)
            warnings.warn(
                f"collection {self.id} has no {what} in {wanted!r}; those in {found!r} are taken",
                LanguageWarning,
                stacklevel=3,
            )
        return found

    def topics_digest(self, lang: str | None = None, variant: str | None = None) -> str:
        """SHA-256 over the ids and texts of the topics in a language, hexadecimal."""
        return content_digest((topic.id, topic.text) for topic in self.topics(lang, variant))

    def topic_language(self, lang: str | None) -> str | None:
        """The language whose topics :meth:`topics` gives; None: the collection does not say.

        Raises:
            UsageError: as :meth:`topics`.
        """
        if lang is None:
            if self.language is None and len(self.languages) > 1:
                raise UsageError(
                    f"collection {self.id} has topics in several languages: which one?",
                    hint=f"choose one with `lang`: {', '.join(self.languages)}",
                )
            return self.language
        wanted = parse_language(lang)
        found = self.nearest_language(wanted, self.languages, "topics")
        if found is not None:
            return found
        if not self.languages:
            raise UsageError(
                f"collection {self.id} does not say what language its topics are in",
                hint="leave `lang` out",
            )
        near = closest(wanted, self.languages)
        suggestion = f"did you mean {near!r}? " if near is not None else ""
        raise UsageError(
            f"collection {self.id} has no topics in {wanted!r}",
            hint=f"{suggestion}it has {', '.join(self.languages)}",
        )


def language_of_id(family: str, asked: str, known: Iterable[str]) -> str:
    """The language of a family's collection whose id names one, or its nearest variant.

    Raises:
        UnknownNameError: the family has none; the hint suggests an id.
    """
    languages = list(known)
    found = closest_language(asked, languages)
    if found is None:
        ids = [f"{family}/{code}" for code in languages]
        raise unknown_name("collection", f"{family}/{asked}", ids)
    return found


def content_digest(rows: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over ids and texts, in their order, hexadecimal."""
    whole = hashlib.sha256()
    for identifier, text in rows:
        whole.update(f"{identifier}\t{text}\n".encode())
    return whole.hexdigest()
