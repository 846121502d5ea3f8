"""Whether a side is in its language, as a language identifier sees it (extra ``langid``).

The identifier is py3langid: naive Bayes over byte n-grams (Lui and Baldwin, "langid.py: An
Off-the-shelf Language Identification Tool", ACL 2012), no download and some thousand sentences a
second. Why this one: decision 053.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clirot.errors import UsageError

LETTERS = 20
"""Letters a side must have to be identified: of fewer, no identifier knows the language."""

_CALLED = {"tl": ("tl", "fil"), "no": ("no", "nb", "nn"), "nb": ("nb", "no"), "nn": ("nn", "no")}
_CALLED |= {"sh": ("sh", "sr", "hr", "bs"), "sr": ("sr", "sh"), "hr": ("hr", "sh")}
"""Language -> what the identifier may call it."""


class Identifier:
    """A language identifier for one language.

    Args:
        language: a normalised code.

    Raises:
        UsageError: the extra is not installed.
    """

    def __init__(self, language: str) -> None:
        base = language.split("-")[0]
        self.language = language
        names = _model().labels
        self._wanted = frozenset(_CALLED.get(base, (base,))) & frozenset(names)

    @property
    def supported(self) -> bool:
        """Whether the identifier knows the language; if not it can say nothing of it."""
        return bool(self._wanted)

    def confidence(self, texts: Sequence[str], asked: Sequence[bool]) -> NDArray[np.float32]:
        """(texts,) 1 where the language is the likeliest, else its probability; NaN if not asked.

        The probabilities of naive Bayes are nearly always close to 0 or 1.
        """
        found = np.full(len(texts), np.nan, np.float32)
        model = _model()
        for place, (text, wanted) in enumerate(zip(texts, asked, strict=True)):
            if not wanted:
                continue
            ranked = model.rank(text)
            if ranked[0][0] in self._wanted:
                found[place] = 1.0
            else:
                found[place] = sum(share for name, share in ranked if name in self._wanted)
        return found


@cache
def _model() -> Any:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError as error:
        raise UsageError(
            "identifying languages needs py3langid, which is not installed",
            hint="pip install 'clirot[langid]'",
        ) from error
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
