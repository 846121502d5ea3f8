"""``tatoeba/<lang>``: up to 1,000 short sentences and their English translations.

The test sets of LASER (Artetxe and Schwenk 2019, arXiv 1812.10464). Every language has English
sentences of its own, so there is no ``tatoeba`` for all of them. English sentences that differ only
in case and punctuation are one document.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from clirot.collection.collection import Collection
from clirot.collection.judgements import Judgements
from clirot.collection.lines import numbered_lines
from clirot.collection.released.release import (
    DistinctSentences,
    ReleasedCollection,
    tidy,
    upstream_files,
)
from clirot.errors import UnknownNameError
from clirot.records import Document, ProgressSink, Topic


class TatoebaCollection(ReleasedCollection):
    """Sentences ``deu1`` to ``deu1000``: LASER's language code and the line number."""

    def _sentences(self, language: str) -> Iterator[tuple[str, str]]:
        key = f"{self.language}.en" if language == "en" else language
        path = self._file(key)
        code = path.name.split(".")[1].split("-")[0]
        for number, line in numbered_lines(path):
            yield f"{code}{number}", tidy(line)

    def _read_documents(self) -> Iterator[Document]:
        distinct = DistinctSentences()
        for identifier, text in self._sentences("en"):
            distinct.add(identifier, text)
        yield from distinct.documents

    def _read_topics(self, language: str | None) -> list[Topic]:
        return [
            Topic(identifier, text)
            for identifier, text in self._sentences(language or str(self.language))
        ]

    def _read_judgements(self) -> Judgements:
        distinct = DistinctSentences()
        return {
            identifier: {distinct.add(identifier, text): 1}
            for identifier, text in self._sentences("en")
        }


def open_tatoeba(language: str | None, home: Path, progress: ProgressSink) -> Collection:
    """Open ``tatoeba/<language>``.

    Raises:
        UnknownNameError: no language named, or one that is not there.
    """
    languages = sorted(key for key in upstream_files("tatoeba") if not key.endswith(".en"))
    if language is None:
        raise UnknownNameError(
            "collection 'tatoeba' needs a language: each has documents of its own",
            hint="one of " + ", ".join(f"tatoeba/{code}" for code in languages),
        )
    return TatoebaCollection(
        family="tatoeba",
        release="tatoeba",
        language=language,
        languages=languages,
        home=home,
        progress=progress,
    )
