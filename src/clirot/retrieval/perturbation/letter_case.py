"""Capitals and small letters of a language, and texts without capitals.

Turkish and Azerbaijani have an i with and one without a dot, each with its own capital.
"""

from __future__ import annotations

from clirot.retrieval.perturbation.changed_words import with_words_changed
from clirot.retrieval.perturbation.draws import Draws
from clirot.retrieval.perturbation.perturber import Perturbed
from clirot.retrieval.perturbation.typed_text import is_word

_DOTTED = ("tr", "az")


def lowered(text: str, language: str | None) -> str:
    """The text in small letters."""
    if (language or "").partition("-")[0] in _DOTTED:
        text = text.replace("İ", "i").replace("I", "ı")
    return text.lower()


def raised(text: str, language: str | None) -> str:
    """The text in capitals."""
    if (language or "").partition("-")[0] in _DOTTED:
        text = text.replace("i", "İ")
    return text.upper()


def other_case(unit: str, language: str | None) -> str | None:
    """A letter as a capital where it is small, or the other way; None: it has no other."""
    other = lowered(unit, language) if unit != lowered(unit, language) else raised(unit, language)
    return other if other != unit and len(other) == len(unit) else None


class Lowering:
    """Words without their capitals.

    Args:
        rate: share of the words with capitals that lose them; 1: all.
        language: of the texts.
    """

    def __init__(self, rate: float, language: str | None) -> None:
        self._rate = rate
        self._language = language

    def perturb(self, text: str, draws: Draws) -> Perturbed:
        """See :class:`Perturber`."""
        return with_words_changed(text, self._language, self._small, self._rate, draws)

    def _small(self, piece: str) -> str | None:
        small = lowered(piece, self._language)
        return small if is_word(piece) and small != piece else None
