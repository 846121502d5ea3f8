"""``tico-19`` and ``tico-19-sentence``: COVID-19 texts in English and their translations.

TICO-19 (Anastasopoulos et al. 2020, arXiv 2007.01788), 3,071 segments of 31 English documents.
``tico-19-sentence``: every segment is a document, and its translation the topic. ``tico-19``: a
translated segment is the topic, and the passage of five segments that holds it is relevant; the 141
phrases of the medical phrase book (CMU) are left out, since they make no passages.

English comes from the French file, whose English side is as the project wrote it (the Somali,
Swahili and other files lost some quotation marks to a spreadsheet).

**Somali** is repaired. As published, segment ``Wikinews_6:1159`` holds the text of two segments.
Every Somali segment after it stands one place too early, except those of ``Wikipedia_handpicked_4``
(1701 to 1859), which are in place. Three segments have no translation of their own, so they are not
topics.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from clirot.collection.released.release import SentenceCollection, tidy
from clirot.records import Document, Topic
from clirot.runs import Qrels

_ENGLISH_FROM = "fr"
_PHRASE_BOOK = "CMU_1"
_PASSAGE = 5
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


class TicoSentenceCollection(SentenceCollection):
    """Segments under the ids of the release, such as ``PubMed_6:142``."""

    family, release = "tico-19-sentence", "tico-19"

    def _sentences(self, language: str) -> Iterator[tuple[str, str]]:
        english = language == "en"
        rows = list(_translation_units(self._file(_ENGLISH_FROM if english else language), english))
        return iter(repaired_somali(rows) if language == "so" else rows)


class TicoPassageCollection(TicoSentenceCollection):
    """Passages ``PubMed_6-1`` to ``wiki_9-595``: source document and a running number."""

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
                        yield str(unit.get("tuid")), tidy("".join(segment.itertext()))
                unit.clear()
