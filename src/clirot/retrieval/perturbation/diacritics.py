"""Text without the diacritics that writers of a language leave out.

What is left out differs. In Latin letters, all marks above, below and through a letter go (é, ș, ế,
đ, ł), and Turkish ı becomes i. German umlauts become two letters as Germans write them where a
keyboard has none (ä ae, ß ss), and so do æ, ø and å in Danish and Norwegian; Swedish and Finnish
write a and o instead. Spanish and Galician keep ñ, which is a letter with a key of its own. Greek
loses its accents, Russian and Belarusian ё its dots, while й and ў stay. Arabic, Persian, Urdu and
Hebrew lose their vowel signs, and Arabic also the hamza on alef. Devanagari loses the dot under a
letter, and Hindi writes the anusvara for the chandrabindu. Vowel signs of Indic scripts, Thai and
Ethiopic are no diacritics and stay.
"""

from __future__ import annotations

import unicodedata

from clirot.retrieval.perturbation.changed_words import with_words_changed
from clirot.retrieval.perturbation.draws import Draws
from clirot.retrieval.perturbation.perturber import Perturbed
from clirot.retrieval.perturbation.typed_text import is_word

_STROKES = {
    "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "ı": "i",
    "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ħ": "h", "Ħ": "H", "ß": "ss", "ẞ": "SS",
    "ɓ": "b", "Ɓ": "B", "ɗ": "d", "Ɗ": "D", "ƙ": "k", "Ƙ": "K", "ƴ": "y", "Ƴ": "Y",
    "ɛ": "e", "Ɛ": "E", "ɔ": "o", "Ɔ": "O", "ŋ": "n", "Ŋ": "N",
}  # fmt: skip
"""Latin letters with a mark that Unicode does not take apart."""
_UMLAUTS = {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"}
_DANISH = {"ø": "oe", "Ø": "Oe", "å": "aa", "Å": "Aa"}
_ENYE = {"ñ": "ñ", "Ñ": "Ñ"}
_ALEF = {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا"}
_BY_LANGUAGE: dict[str, dict[str, str]] = {
    "de": _UMLAUTS, "da": _DANISH, "nb": _DANISH, "nn": _DANISH, "no": _DANISH,
    "es": _ENYE, "gl": _ENYE, "eu": _ENYE, "ar": _ALEF,
    "ru": {"ё": "е", "Ё": "Е"}, "be": {"ё": "е", "Ё": "Е"}, "hi": {"ँ": "ं"},
}  # fmt: skip
"""Language -> letter -> what its writers put instead, before anything else is done."""
_UNPOINTED = frozenset(
    map(
        chr,
        [*range(0x064B, 0x0653), 0x0670, 0x0640, *range(0x05B0, 0x05BE), 0x05BF, 0x05C1, 0x05C2],
    )
)
"""Vowel signs of Arabic with its stretching, and points of Hebrew."""
_NUKTA = "\u093c"
_MARKED = ("LATIN", "GREEK")
"""Scripts whose letters lose every mark that Unicode can take off."""


def plain(text: str, language: str | None) -> str:
    """The text without the diacritics that the language's writers leave out."""
    own = _BY_LANGUAGE.get((language or "").partition("-")[0], {})
    return "".join(_plain(one, own) for one in unicodedata.normalize("NFC", text))


def _plain(character: str, own: dict[str, str]) -> str:
    if character in own:
        return own[character]
    if character in _UNPOINTED or character == _NUKTA:
        return ""
    if character in _STROKES:
        return _STROKES[character]
    parts = unicodedata.normalize("NFD", character)
    letter = parts[0]
    if len(parts) > 1 and (_NUKTA in parts or unicodedata.name(letter, "").startswith(_MARKED)):
        return _STROKES.get(letter, letter)
    if 0x0300 <= ord(character) < 0x0370 and character not in own:
        return ""  # a mark that no letter with it has taken in
    return character


class Unmarking:
    """Words without their diacritics.

    Args:
        rate: share of the words with diacritics that lose them; 1: all.
        language: of the texts.
    """

    def __init__(self, rate: float, language: str | None) -> None:
        self._rate = rate
        self._language = language

    def perturb(self, text: str, draws: Draws) -> Perturbed:
        """See :class:`Perturber`."""
        return with_words_changed(text, self._language, self._bare, self._rate, draws)

    def _bare(self, piece: str) -> str | None:
        bare = plain(piece, self._language)
        changed = bare != unicodedata.normalize("NFC", piece)
        return bare if is_word(bare) and changed else None
