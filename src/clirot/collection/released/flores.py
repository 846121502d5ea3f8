"""``flores``: the 997 sentences of FLORES-200 *dev*; the English original is relevant.

From NLLB Team 2022 (arXiv 2207.04672), which extends FLORES-101 (Goyal et al. 2022). Sentence
matching rather than retrieval: near 1.0 is reached quickly.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from clirot.collection.collection import Collection
from clirot.collection.judgements import Judgements
from clirot.collection.lines import numbered_lines
from clirot.collection.released.release import ReleasedCollection, tidy, upstream_files
from clirot.records import Document, ProgressSink, Topic


class FloresCollection(ReleasedCollection):
    """Sentences ``dev1`` to ``dev997``, the line numbers of the release."""

    def _sentences(self, language: str) -> Iterator[tuple[str, str]]:
        for number, line in numbered_lines(self._file(language)):
            yield f"dev{number}", tidy(line)

    def _read_documents(self) -> Iterator[Document]:
        for identifier, text in self._sentences("en"):
            yield Document(identifier, text)

    def _read_topics(self, language: str | None) -> list[Topic]:
        return [Topic(identifier, text) for identifier, text in self._sentences(language or "en")]

    def _read_judgements(self) -> Judgements:
        return {identifier: {identifier: 1} for identifier, _ in self._sentences("en")}


def open_flores(language: str | None, home: Path, progress: ProgressSink) -> Collection:
    """Open ``flores`` or ``flores/<language>``."""
    return FloresCollection(
        family="flores",
        release="flores",
        language=language,
        languages=upstream_files("flores"),
        home=home,
        progress=progress,
    )
