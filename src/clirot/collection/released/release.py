"""A published parallel set as a test collection: English documents, topics in many languages.

The upstream files, at pinned revisions and with their digests and licences, are listed in
``upstream.json``; they are fetched by the one downloader when a part of the collection is read.
Texts are brought to Unicode NFC and single spaces; nothing else is changed.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path

from clirot.collection.collection import Collection, content_digest
from clirot.download import Upstream, fetch
from clirot.records import Document, ProgressSink
from clirot.registry import unknown_name


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


def upstream_files(release: str) -> Mapping[str, Upstream]:
    """The pinned files of a release by their key, which is the language but in ``tatoeba``."""
    return _table()[release]


class ReleasedCollection(Collection):
    """A collection made from the files of a release.

    Args:
        family: the first part of its id, and what its documents belong to.
        release: the name of its files in ``upstream.json``.
        language: the topic language that the id names; None: every language, chosen later.
        languages: every topic language the family has, English among them.
        home: where downloads are kept.
        progress: told how they go.

    Raises:
        UnknownNameError: the family has no such language.
    """

    document_language = "en"

    def __init__(
        self,
        *,
        family: str,
        release: str,
        language: str | None,
        languages: Iterable[str],
        home: Path,
        progress: ProgressSink,
    ) -> None:
        known = tuple(sorted(languages))
        if language is not None and language not in known:
            wanted = f"{family}/{language}"
            raise unknown_name("collection", wanted, [f"{family}/{code}" for code in known])
        if language is not None:
            known = ("en",) if language == "en" else (language, "en")
        super().__init__(f"{family}/{language}" if language else family, known, language)
        self._release = release
        self._home = home
        self._progress = progress

    def _file(self, key: str) -> Path:
        return fetch(upstream_files(self._release)[key], home=self._home, progress=self._progress)

    @property
    def document_count(self) -> int | None:
        """Counted; fetches the documents."""
        return sum(1 for _ in self.documents())

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the ids and texts of the documents: one for all topic languages of them."""
        return content_digest((document.id, document.text) for document in self.documents())


def tidy(text: str) -> str:
    """Unicode NFC, runs of white space as one space."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


class DistinctSentences:
    """Sentences as documents, those that differ only in case and punctuation being one.

    A topic's own sentence must not compete with the same sentence under another id: the other
    would be judged not relevant.
    """

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self.documents: list[Document] = []

    def add(self, identifier: str, text: str) -> str:
        """Take in a sentence.

        Returns:
            The id of its document: its own, or that of the same sentence seen before.
        """
        words = " ".join(re.findall(r"\w+", text.casefold())) or text
        if words not in self._ids:
            self._ids[words] = identifier
            self.documents.append(Document(identifier, text))
        return self._ids[words]
