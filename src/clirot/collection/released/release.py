"""A published parallel set as a test collection: English documents, topics in many languages.

The upstream files, at pinned revisions and with their digests and licences, are listed in
``upstream.json``; they are fetched when a part of the collection is read. Texts are brought to
Unicode NFC and single spaces; nothing else is changed.
"""

from __future__ import annotations

import json
import re
import unicodedata
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import ClassVar

from clirot.collection.collection import Collection
from clirot.download import Upstream, fetch
from clirot.records import Document, ProgressSink, Topic, silent
from clirot.registry import unknown_name
from clirot.runs import Qrels


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Mapping[str, Upstream]]:
    raw = json.loads(files(__package__).joinpath("upstream.json").read_text(encoding="utf-8"))
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
    """The name of its files in ``upstream.json``."""
    document_language = "en"

    def __init__(self, language: str | None, home: Path, progress: ProgressSink = silent) -> None:
        known = self.topic_languages()
        if language is not None and language not in known:
            ids = [f"{self.family}/{code}" for code in known]
            raise unknown_name("collection", f"{self.family}/{language}", ids)
        if language is not None:
            known = ("en",) if language == "en" else (language, "en")
        super().__init__(f"{self.family}/{language}" if language else self.family, known, language)
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


def tidy(text: str) -> str:
    """Unicode NFC, runs of white space as one space."""
    return unicodedata.normalize("NFC", " ".join(text.split()))
