"""``tatoeba/<lang>``: up to 1,000 short sentences and their English translations.

The test sets of LASER (Artetxe and Schwenk 2019, arXiv 1812.10464). Every language has English
sentences of its own, so there is no ``tatoeba`` for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from clirot.collection.released.release import SentenceCollection, tidy
from clirot.collection.rows import numbered_lines
from clirot.errors import UnknownNameError
from clirot.records import ProgressSink, silent


class TatoebaCollection(SentenceCollection):
    """Sentences ``deu1`` to ``deu1000``: LASER's language code and the line number.

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
            yield f"{code}{number}", tidy(line)
