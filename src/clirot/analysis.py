"""Words of a text for lexical retrieval: segmentation, stop words, stemming.

Words are found by ICU's word breaker (Unicode Standard Annex 29, with dictionaries for Thai, Lao,
Khmer, Burmese, Chinese and Japanese, which write no spaces), and a stretch without a letter or a
digit is no word. They are compared in lower case and in Unicode's compatibility form (NFKC). The
vowel signs of Arabic and the points of Hebrew are left out, as most text leaves them out, and so is
the stretching of Arabic letters.

English is analysed as by Anserini's default for English (Lucene's standard tokenizer, possessives,
33 stop words, Porter's stemmer). Other languages have no stop words, since their weight in BM25 is
small, and Snowball's stemmer where Snowball has one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from clirot.errors import LanguageError
from clirot.languages import parse_language
from clirot.registry import unknown_name
from clirot.settings import check_ranges, setting

_SNOWBALL = {
    "ar": "arabic",
    "hy": "armenian",
    "eu": "basque",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "nl": "dutch",
    "en": "porter",
    "eo": "esperanto",
    "et": "estonian",
    "fi": "finnish",
    "fr": "french",
    "de": "german",
    "el": "greek",
    "hi": "hindi",
    "hu": "hungarian",
    "id": "indonesian",
    "ga": "irish",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nb": "norwegian",
    "nn": "norwegian",
    "no": "norwegian",
    "fa": "persian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "st": "sesotho",
    "es": "spanish",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}
"""Language -> its stemmer, of those of Snowball; English has Porter's first one, as in Anserini."""
_UNWRITTEN: dict[int, int | None] = {
    **dict.fromkeys(
        [
            *range(0x0610, 0x061B),
            *range(0x064B, 0x0660),
            *range(0x06D6, 0x06DD),
            *range(0x06DF, 0x06E5),
            *range(0x06EA, 0x06EE),
            *range(0x0591, 0x05BE),  # Hebrew; up to here, and without maqaf, which parts words
            *(0x0670, 0x0640, 0x05BF, 0x05C1, 0x05C2, 0x05C4, 0x05C5, 0x05C7),
        ]
    ),
    0x0671: 0x0627,  # alef wasla, written as alef where vowel signs are left out
}
"""Code point -> what stands in its place; None: nothing."""
_NO_STEMMER = "none"
_BY_LANGUAGE = "auto"
_KEPT_WORDS = 1 << 18
"""Words whose stems are remembered: far more than topics have, less than a web crawl has."""


@dataclass(frozen=True)
class AnalysisSettings:
    """How the words of documents and topics are made comparable."""

    stemmer: str = setting(
        _BY_LANGUAGE,
        "Stemmer of Snowball, such as english or finnish. auto takes that of the documents' "
        "language (Porter's for English) where there is one; none leaves words as they are.",
    )
    stopwords: str = setting(
        _BY_LANGUAGE,
        "Whether stop words are left out. auto leaves out Lucene's 33 words where the documents "
        "are in English, and nothing in other languages.",
        choices=(_BY_LANGUAGE, "none"),
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.stemmer not in {_BY_LANGUAGE, _NO_STEMMER}:
            import Stemmer

            if self.stemmer not in Stemmer.algorithms():
                known = (_BY_LANGUAGE, _NO_STEMMER, *Stemmer.algorithms())
                raise unknown_name("stemmer", self.stemmer, known)


class Analyzer:
    """Makes terms of the words of a text; the same text always gives the same terms.

    Args:
        language: of the texts, as a code in any accepted spelling; None: not known, so that words
            are neither stemmed nor left out.
        settings: stemming and stop words.
    """

    def __init__(self, language: str | None, settings: AnalysisSettings | None = None) -> None:
        settings = settings if settings is not None else AnalysisSettings()
        self.language = _without_script(language)
        english = self.language == "en"
        automatic = _SNOWBALL.get(self.language or "", _NO_STEMMER)
        self.stemmer = automatic if settings.stemmer == _BY_LANGUAGE else settings.stemmer
        """Name of the stemmer that is used, or ``none``."""
        self.stopwords = _stop_words() if english and settings.stopwords != "none" else frozenset()
        self._possessives = english
        self._stem = _stemming(self.stemmer)

    @property
    def described(self) -> dict[str, str | int | None]:
        """What decides the terms, for a manifest."""
        return {
            "language": self.language,
            "stemmer": self.stemmer,
            "stopwords": len(self.stopwords),
        }

    def terms(self, text: str) -> list[str]:
        """The terms of a text, in its order; a term that occurs twice is there twice."""
        return [term for word in words(text, self.language) if (term := self.term(word))]

    def term(self, word: str) -> str:
        """The term of one word, as :func:`words` gives it; empty for a stop word."""
        if self._possessives:
            word = word.removesuffix("'s").removesuffix("’s")
        return "" if word in self.stopwords else self._stem(word)


def words(text: str, language: str | None) -> list[str]:
    """The words of a text, in lower case and compatibility form.

    Args:
        text: any text.
        language: its code, which ICU's breaker is asked for; None: not known.
    """
    plain = unicodedata.normalize("NFKC", text).lower().translate(_UNWRITTEN)
    if plain.isascii() and plain.replace(" ", "").isalpha():
        return plain.split()  # what the breaker would give, sooner
    return [word for word in pieces(plain, language) if any(map(str.isalnum, word))]


def pieces(text: str, language: str | None) -> list[str]:
    """A text cut at the bounds of words: words, spaces and marks, which together are the text.

    Args:
        text: any text.
        language: its code, which ICU's breaker is asked for; None: not known.
    """
    from icu4py.breakers import WordBreaker

    return list(WordBreaker(text, language or "root"))


def _without_script(language: str | None) -> str | None:
    """The language of a code such as ``sr-Latn``; None where it is not known."""
    if language is None:
        return None
    try:
        return parse_language(language).partition("-")[0]
    except LanguageError:
        return None


def _stemming(name: str) -> Callable[[str], str]:
    if name == _NO_STEMMER:
        return lambda word: word
    import Stemmer

    # The library's own cache is small, and is emptied by random choice.
    return lru_cache(_KEPT_WORDS)(Stemmer.Stemmer(name, 0).stemWord)


def _stop_words() -> frozenset[str]:
    from bm25s.stopwords import STOPWORDS_EN

    return frozenset(STOPWORDS_EN)
