"""``xquad`` and ``xquad-r``: questions in 12 (11) languages about English Wikipedia paragraphs.

XQuAD (Artetxe et al. 2020, arXiv 1910.11856) translates 1,190 SQuAD questions and their 240
paragraphs. Here the paragraph that a question was asked about is relevant. XQuAD-R (Roy et al.
2020, arXiv 2004.05484) marks the paragraphs' sentences; there the sentence in which the English
answer begins is relevant.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from clirot.collection.released.release import ReleasedCollection, tidy
from clirot.records import Document, Topic
from clirot.runs import Qrels


class XquadCollection(ReleasedCollection):
    """Questions against paragraphs: ``p1`` to ``p240``."""

    family = release = "xquad"

    def _paragraphs(self, language: str) -> Iterator[tuple[str, dict[str, Any]]]:
        articles = json.loads(self._file(language).read_text(encoding="utf-8"))["data"]
        paragraphs = (paragraph for article in articles for paragraph in article["paragraphs"])
        for number, paragraph in enumerate(paragraphs, start=1):
            yield f"p{number}", paragraph

    def _read_documents(self) -> Iterator[Document]:
        for docno, paragraph in self._paragraphs("en"):
            yield Document(docno, tidy(paragraph["context"]))

    def _read_topics(self, language: str | None) -> list[Topic]:
        return [
            Topic(question["id"], tidy(question["question"]))
            for _, paragraph in self._paragraphs(language or "en")
            for question in paragraph["qas"]
        ]

    def _read_qrels(self) -> Qrels:
        return {
            question["id"]: {docno: 1}
            for docno, paragraph in self._paragraphs("en")
            for question in paragraph["qas"]
        }


class XquadRCollection(XquadCollection):
    """Questions against sentences: ``p1s1`` is the first sentence of the first paragraph."""

    family = release = "xquad-r"

    def _read_documents(self) -> Iterator[Document]:
        for docno, paragraph in self._paragraphs("en"):
            for number, sentence in enumerate(paragraph["sentences"], start=1):
                yield Document(f"{docno}s{number}", tidy(sentence))

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
