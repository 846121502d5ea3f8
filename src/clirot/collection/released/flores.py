"""``flores``: the 997 sentences of FLORES-200 *dev*; the English original is relevant.

From NLLB Team 2022 (arXiv 2207.04672), which extends FLORES-101 (Goyal et al. 2022). Matching
sentences is easier than retrieval: many systems come close to 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator

from clirot.collection.released.release import SentenceCollection, tidy
from clirot.collection.rows import numbered_lines


class FloresCollection(SentenceCollection):
    """Sentences ``dev1`` to ``dev997``, the line numbers of the release."""

    family = release = "flores"

    def _sentences(self, language: str) -> Iterator[tuple[str, str]]:
        for number, line in numbered_lines(self._file(language)):
            yield f"dev{number}", tidy(line)
