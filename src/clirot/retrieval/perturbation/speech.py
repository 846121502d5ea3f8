"""Text as speech recognition writes it: no capitals, no marks, numbers in words.

Numbers are spelled out by the rules that CLDR has for the language, which ICU applies (rule-based
number formats), a number of four digits from 1100 to 1999 as a year where people say years so. Of
languages without such rules numbers stay as they are, and are counted.

Not done: what a recogniser hears wrong. Words that sound alike, names that it does not know, words
that run together: for these there is no open table by language that could be cited. Real
recognisers also write some numbers in digits and some names with capitals. Symbols (%, €, &) are
left out like other marks, and not spoken. Signs in other scripts' numbers are read as digits.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import regex

from clirot.languages import without_region
from clirot.retrieval.perturbation.draws import Draws
from clirot.retrieval.perturbation.letter_case import lowered
from clirot.retrieval.perturbation.perturber import Perturbed

_NUMBER = regex.compile(r"\d+(?:[.,٫٬]\d+)*")
_ORDINAL = regex.compile(r"(\d+)(?:st|nd|rd|th)\b", regex.IGNORECASE)
_UNSPOKEN = regex.compile(
    r"(?<=[\p{L}\p{M}])['’](?=\p{L})(*SKIP)(*FAIL)|[^\p{L}\p{M}\p{N}\u200c\u200d]+"
)
"""Everything between words; an apostrophe within a word is part of it."""
_SPELLED = frozenset((
    "af", "ak", "am", "ar", "az", "be", "bg", "bs", "ca", "ccp", "chr", "cs", "cy", "da", "de",
    "ee", "el", "en", "eo", "es", "et", "fa", "ff", "fi", "fil", "fo", "fr", "ga", "gu", "he",
    "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "ka", "kk", "kl", "km", "ko", "ky", "lb",
    "lo", "lt", "lv", "mk", "ms", "mt", "my", "nb", "ne", "nl", "nn", "no", "pl", "pt", "qu",
    "ro", "ru", "se", "sk", "sl", "sq", "sr", "su", "sv", "sw", "ta", "th", "tr", "uk", "vi",
    "yue", "zh",
))  # fmt: skip
"""Languages with rules for spelling numbers out, in CLDR's common/rbnf."""
_OWN_NAMES = {"tl": "fil"}
_YEARS = frozenset(("en", "de", "nl", "sv", "da", "nb", "nn", "no"))
"""Languages that say 1987 as nineteen and eighty-seven."""
_CENTURIES = range(1100, 2000)
_LONGEST = 15
"""Digits of a number that is read as one; longer ones are read digit by digit."""


class Speech:
    """Texts as if spoken and recognised without a mistake.

    Args:
        rate: share of the texts.
        language: of the texts.
    """

    def __init__(self, rate: float, language: str | None) -> None:
        self._rate = rate
        self._language = language

    def perturb(self, text: str, draws: Draws) -> Perturbed:
        """See :class:`Perturber`; a change is counted for each word that changes."""
        if not draws.chance(self._rate):
            return Perturbed(text, 0)
        words, edits, left = [], 0, 0
        for word in text.split():
            spoken = self._spoken(word)
            edits += spoken != word
            left += any(map(str.isdigit, spoken))
            words.append(spoken)
        made = " ".join(" ".join(words).split())
        if not made:
            return Perturbed(text, 0, too_short=True)
        return Perturbed(made, edits, left=left)

    def _spoken(self, word: str) -> str:
        if spells(self._language):
            if (self._language or "en") == "en":
                word = _ORDINAL.sub(lambda found: f" {_ordinal(int(found[1]))} ", word)
            word = _NUMBER.sub(lambda found: f" {spelled(found[0], self._language)} ", word)
        return " ".join(_UNSPOKEN.sub(" ", lowered(word, self._language)).split())


def spells(language: str | None) -> bool:
    """Whether there are rules for a language."""
    return _code(language).partition("-")[0] in _SPELLED


def spelled(number: str, language: str | None) -> str:
    """A number in words, without the hints for hyphenation that CLDR puts into them.

    Args:
        number: digits of any script, with the language's separators.
        language: its code; it has rules.
    """
    from babel.numbers import NumberFormatError, parse_decimal

    digits = "".join(str(unicodedata.digit(one)) if one.isdigit() else one for one in number)
    if digits.isdigit():
        if len(digits) > _LONGEST or digits[0] == "0":
            return " ".join(_words(int(one), language) for one in digits)
        year = int(digits) in _CENTURIES and _code(language).partition("-")[0] in _YEARS
        return _words(int(digits), language, ",%spellout-numbering-year" * year)
    digits = digits.replace("٫", ".").replace("٬", ",")
    try:
        locale = _code(language).replace("-", "_")
        value = parse_decimal(digits, locale=locale, strict=True, numbering_system="latn")
    except NumberFormatError:  # a date, a version: its parts are read one by one
        return " ".join(spelled(part, language) for part in regex.split("[.,]", digits))
    if len(digits) > _LONGEST:
        return " ".join(spelled(part, language) for part in regex.split("[.,]", digits))
    whole = value == value.to_integral_value()
    return _words(int(value) if whole else float(value), language)


def _ordinal(number: int) -> str:
    return _words(number, "en", ",%spellout-ordinal") if number < 10**_LONGEST else str(number)


def _words(number: float, language: str | None, rules: str = "") -> str:
    words: str = _format(_code(language), rules).format({"n": number})
    return words.replace("\u00ad", "").replace("\u200b", "")


@cache
def _format(code: str, rules: str):  # type: ignore[no-untyped-def]
    from icu4py.messageformat import MessageFormat

    return MessageFormat(f"{{n, spellout{rules}}}", code.replace("-", "_"))


def _code(language: str | None) -> str:
    """The code of a locale: with its region where CLDR has data for it."""
    from babel.localedata import exists

    code = language or "en"
    code = code if exists(code.replace("-", "_")) else without_region(code)
    return _OWN_NAMES.get(code, code)
