"""Published parallel sets as test collections: English documents, topics in many languages.

The upstream files, at pinned revisions and with their digests and licences, are listed in
``released.json``; they are fetched when a part of a collection is read. Texts are brought to
Unicode NFC and single spaces; the Somali side of TICO-19 is repaired, and nothing else is changed.

=====================  ===========================================================================
``xquad``              XQuAD: Artetxe et al. 2020, arXiv 1910.11856
``xquad-r``            XQuAD-R: Roy et al. 2020, arXiv 2004.05484
``flores``             FLORES-200: NLLB Team 2022, arXiv 2207.04672, after Goyal et al. 2022
``tatoeba``            the test sets of LASER: Artetxe and Schwenk 2019, arXiv 1812.10464
``tico-19``            TICO-19: Anastasopoulos et al. 2020, arXiv 2007.01788
=====================  ===========================================================================
"""

from __future__ import annotations

import json
import re
import zipfile
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree

from clirot.collection.answers import Answers, answers_from
from clirot.collection.collection import Collection, language_of_id
from clirot.collection.rows import numbered_lines
from clirot.download import Upstream, fetch
from clirot.errors import UnknownNameError, UsageError
from clirot.records import Document, ProgressSink, Topic, silent
from clirot.runs import Qrels
from clirot.text_form import on_one_line

_ENGLISH_FROM = "fr"  # of TICO-19; see TicoSentenceCollection
_PHRASE_BOOK = "CMU_1"
_PASSAGE = 5
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Mapping[str, Upstream]]:
    raw = json.loads(files(__package__).joinpath("released.json").read_text(encoding="utf-8"))
    return {
        release: {
            key: Upstream(
                url=entry["base"] + file["name"],
                sha256=file["sha256"],
                size=file["size"],
                licence=entry["licence"],
            )
            for key, file in entry["files"].items()
        }
        for release, entry in raw.items()
    }


class ReleasedCollection(Collection):
    """A collection made from the files of a release.

    Args:
        language: the topic language that the id names; None: all languages, one of which is chosen
            later.
        home: where downloads are kept.
        progress: told how they go.

    Raises:
        UnknownNameError: the family has no topics in that language.
    """

    family: ClassVar[str]
    """The first part of its id."""
    release: ClassVar[str]
    """The name of its files in ``released.json``."""
    document_language = "en"

    def __init__(self, language: str | None, home: Path, progress: ProgressSink = silent) -> None:
        known, asked = self.topic_languages(), language
        if asked is not None:
            language = language_of_id(self.family, asked, known)
            known = ("en",) if language == "en" else (language, "en")
        super().__init__(f"{self.family}/{language}" if language else self.family, known, language)
        if asked is not None:
            self.nearest_language(asked, known[:1], "topics")
        self._home = home
        self._progress = progress

    @classmethod
    def upstream_files(cls) -> Mapping[str, Upstream]:
        """The pinned files of the release by their key, which is a language except in tatoeba."""
        return _table()[cls.release]

    @classmethod
    def topic_languages(cls) -> tuple[str, ...]:
        """Every language in which the family has topics, sorted."""
        return tuple(sorted({"en", *cls.upstream_files()}))

    def _file(self, key: str) -> Path:
        return fetch(self.upstream_files()[key], home=self._home, progress=self._progress)

    @cached_property
    def document_count(self) -> int:
        """How many documents there are, counted; fetches them."""
        return sum(1 for _ in self.documents())


class SentenceCollection(ReleasedCollection):
    """A collection in which a translated sentence is a topic and its English original is relevant.

    English sentences that differ only in case and punctuation are one document. As two documents,
    the one that is not the topic's own would be judged not relevant though it says the same.
    """

    @abstractmethod
    def _sentences(self, language: str) -> Iterator[tuple[str, str]]:
        """Ids and texts of all sentences in a language."""

    def _distinct(self) -> tuple[dict[str, str], list[Document]]:
        """The document id of each English sentence, by the sentence's id; and the documents."""
        by_words: dict[str, Document] = {}
        chosen = {}
        for identifier, text in self._sentences("en"):
            words = " ".join(re.findall(r"\w+", text.casefold())) or text
            chosen[identifier] = by_words.setdefault(words, Document(identifier, text)).id
        return chosen, list(by_words.values())

    def _read_documents(self) -> Iterator[Document]:
        yield from self._distinct()[1]

    def _read_topics(self, language: str | None) -> list[Topic]:
        return [Topic(identifier, text) for identifier, text in self._sentences(language or "en")]

    def _read_qrels(self) -> Qrels:
        return {identifier: {docno: 1} for identifier, docno in self._distinct()[0].items()}


class XquadCollection(ReleasedCollection):
    """1,190 questions in 12 languages, against the 240 paragraphs ``p1`` to ``p240``.

    The paragraph that a question was asked about is relevant.
    """

    family = release = "xquad"

    def _paragraphs(self, language: str) -> Iterator[tuple[str, dict[str, Any]]]:
        articles = json.loads(self._file(language).read_text(encoding="utf-8"))["data"]
        paragraphs = (paragraph for article in articles for paragraph in article["paragraphs"])
        for number, paragraph in enumerate(paragraphs, start=1):
            yield f"p{number}", paragraph

    def _read_documents(self) -> Iterator[Document]:
        for docno, paragraph in self._paragraphs("en"):
            yield Document(docno, on_one_line(paragraph["context"]))

    def _read_topics(self, language: str | None) -> list[Topic]:
        return [
            Topic(question["id"], on_one_line(question["question"]))
            for _, paragraph in self._paragraphs(language or "en")
            for question in paragraph["qas"]
        ]

    def _read_qrels(self) -> Qrels:
        return {
            question["id"]: {docno: 1}
            for docno, paragraph in self._paragraphs("en")
            for question in paragraph["qas"]
        }

    def _read_answers(self, language: str | None) -> Answers | None:
        known, asked = self.topic_languages(), language or "en"
        language = self.nearest_language(asked, known, "answers")
        if language is None:
            message = f"collection {self.id} has no answers in {asked!r}"
            raise UsageError(message, hint=f"it has {', '.join(known)}")
        rows = (
            (question["id"], answer["text"])
            for _, paragraph in self._paragraphs(language)
            for question in paragraph["qas"]
            for answer in question["answers"]
        )
        return answers_from(rows, language)


class XquadRCollection(XquadCollection):
    """Questions in 11 languages against sentences: ``p1s1`` is the first of the first paragraph.

    The sentence in which the English answer begins is relevant.
    """

    family = release = "xquad-r"

    def _read_documents(self) -> Iterator[Document]:
        for docno, paragraph in self._paragraphs("en"):
            for number, sentence in enumerate(paragraph["sentences"], start=1):
                yield Document(f"{docno}s{number}", on_one_line(sentence))

    def _read_qrels(self) -> Qrels:
        qrels: dict[str, dict[str, int]] = {}
        for docno, paragraph in self._paragraphs("en"):
            for question in paragraph["qas"]:
                place = question["answers"][0]["answer_start"]
                qrels[question["id"]] = {
                    f"{docno}s{number}": 1
                    for number, (start, end) in enumerate(paragraph["sentence_breaks"], start=1)
                    if start <= place < end
                }
        return qrels


class FloresCollection(SentenceCollection):
    """Sentences ``dev1`` to ``dev997`` of FLORES-200 *dev*, by the line numbers of the release.

    Matching sentences is easier than retrieval: many systems come close to 1.0.
    """

    family = release = "flores"

    def _sentences(self, language: str) -> Iterator[tuple[str, str]]:
        for number, line in numbered_lines(self._file(language)):
            yield f"dev{number}", on_one_line(line)


class TatoebaCollection(SentenceCollection):
    """Up to 1,000 sentences, ``deu1`` to ``deu1000``: LASER's language code and the line number.

    Every language has English sentences of its own, so there is no ``tatoeba`` for all of them.

    Raises:
        UnknownNameError: no language was named, or one that is not there.
    """

    family = release = "tatoeba"

    def __init__(self, language: str | None, home: Path, progress: ProgressSink = silent) -> None:
        if language is None:
            raise UnknownNameError(
                "collection 'tatoeba' needs a language: each has documents of its own",
                hint="one of " + ", ".join(f"tatoeba/{code}" for code in self.topic_languages()),
            )
        super().__init__(language, home, progress)

    @classmethod
    def topic_languages(cls) -> tuple[str, ...]:
        """The languages that have sentences, without English."""
        return tuple(sorted(key for key in cls.upstream_files() if not key.endswith(".en")))

    def _sentences(self, language: str) -> Iterator[tuple[str, str]]:
        path = self._file(f"{self.language}.en" if language == "en" else language)
        code = path.name.split(".")[1].split("-")[0]
        for number, line in numbered_lines(path):
            yield f"{code}{number}", on_one_line(line)


class TicoSentenceCollection(SentenceCollection):
    """3,071 segments of 31 English documents, under the ids of the release: ``PubMed_6:142``.

    English comes from the French file, whose English side is as the project wrote it (the Somali,
    Swahili and other files lost some quotation marks to a spreadsheet).
    """

    family, release = "tico-19-sentence", "tico-19"

    def _sentences(self, language: str) -> Iterator[tuple[str, str]]:
        english = language == "en"
        rows = list(_translation_units(self._file(_ENGLISH_FROM if english else language), english))
        return iter(repaired_somali(rows) if language == "so" else rows)


class TicoPassageCollection(TicoSentenceCollection):
    """Passages ``PubMed_6-1`` to ``wiki_9-595``: source document and a running number.

    A translated segment is the topic, and the passage of five segments that holds it is relevant.
    The 141 phrases of the medical phrase book (CMU) are left out, since they make no passages.
    """

    family = "tico-19"

    def _passages(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        number, source = 0, ""
        passage: list[tuple[str, str]] = []
        for identifier, text in self._sentences("en"):
            document = identifier.split(":")[0]
            if document == _PHRASE_BOOK:
                continue
            if passage and (document != source or len(passage) == _PASSAGE):
                number += 1
                yield f"{source}-{number}", passage
                passage = []
            source = document
            passage.append((identifier, text))
        yield f"{source}-{number + 1}", passage

    def _read_documents(self) -> Iterator[Document]:
        for docno, passage in self._passages():
            yield Document(docno, " ".join(text for _, text in passage))

    def _read_topics(self, language: str | None) -> list[Topic]:
        topics = super()._read_topics(language)
        return [topic for topic in topics if not topic.id.startswith(f"{_PHRASE_BOOK}:")]

    def _read_qrels(self) -> Qrels:
        return {
            identifier: {docno: 1}
            for docno, passage in self._passages()
            for identifier, _ in passage
        }


def repaired_somali(published: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The Somali segments under the ids of the English ones that they translate.

    As published, segment ``Wikinews_6:1159`` holds the text of two segments. Every Somali segment
    after it stands one place too early, except those of ``Wikipedia_handpicked_4`` (1701 to 1859),
    which are in place. Three segments have no translation of their own, so they are not topics.

    Args:
        published: ids and texts in the order of the release.
    """
    shifted, mixed = False, {"Wikinews_6:1159", "Wikinews_6:1160", "Wikipedia_handpicked_5:1860"}
    repaired = []
    before = ""
    for identifier, text in published:
        shifted = shifted or identifier == "Wikinews_6:1159"
        in_place = not shifted or identifier.startswith("Wikipedia_handpicked_4:")
        if identifier not in mixed:
            repaired.append((identifier, text if in_place else before))
        before = text
    return repaired


def _translation_units(path: Path, english: bool) -> Iterator[tuple[str, str]]:
    """Ids and texts of one side of a zipped TMX file."""
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as stream:
        for _, unit in ElementTree.iterparse(stream):
            if unit.tag == "tu":
                for side in unit.iter("tuv"):
                    segment = side.find("seg")
                    if segment is not None and (side.get(_LANGUAGE) == "en") is english:
                        yield str(unit.get("tuid")), on_one_line("".join(segment.itertext()))
                unit.clear()
