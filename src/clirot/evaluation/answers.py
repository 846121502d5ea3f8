"""Answers to questions: whether a passage holds one, and how near a predicted one is to it.

**A passage holds an answer** where the answer's tokens stand in it one after the other, as in DPR
(Karpukhin et al. 2020, ``has_answer``), so that "1" is not in "1999". A token is a run of letters,
digits and combining marks, or a single other sign. Scripts that are written without spaces (Han,
kana, Thai, Lao, Khmer, Burmese) have a token for each character with its marks, as in MLQA's
evaluation for Chinese: a word breaker would cut an answer and its passage differently.

*Exact* compares tokens as they are. *Normalised* follows SQuAD (Rajpurkar et al. 2016): in small
letters, without punctuation and articles. Punctuation parts tokens here, where SQuAD deletes it:
"1999–2005" must hold "1999".

**A predicted answer** is scored as in MLQA (Lewis et al. 2020, ``mlqa_evaluation_v1.py``), which is
SQuAD's exact match and F1 with articles and punctuation of further languages: small letters, no
punctuation (of Unicode, and ASCII's signs), no articles, single spaces; F1 counts the tokens that
prediction and answer share. English, Spanish, German, Vietnamese and Arabic lose articles; no
evaluation that is in use names those of other languages, so nothing is removed there. Chinese, and
here also Japanese, Thai, Lao, Khmer and Burmese, are compared character by character.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

import regex

from clirot.text_form import composed

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_TOKEN = regex.compile(
    rf"[{_UNSPACED}]\p{{M}}*|[[\p{{L}}\p{{N}}\p{{M}}]--[{_UNSPACED}]]+|[^\p{{Z}}\p{{C}}]",
    regex.V1,
)
_WORD = regex.compile(r"[\p{L}\p{N}\p{M}]")
_PUNCTUATION = regex.compile(rf"[\p{{P}}{regex.escape(string.punctuation)}]")
_CHARACTER = regex.compile(rf"([{_UNSPACED}]\p{{M}}*)")
_BY_CHARACTER = frozenset({"zh", "ja", "th", "lo", "km", "my"})
_ARTICLES = {
    "en": "a an the",
    "es": "un una unos unas el la los las",
    "de": "ein eine einen einem eines einer der die das den dem des",
    "vi": "của là cái chiếc những",
}
"""MLQA's. Arabic's article is a prefix."""
_ARABIC_ARTICLE = "ال"
_BETWEEN = "\x1f"  # no token has it: it is a control character
_KEPT = 1 << 16


def exact_match(prediction: str, gold: Sequence[str], language: str) -> float:
    """1 where a predicted answer equals one of the gold answers after normalisation, else 0.

    Args:
        prediction: what was answered.
        gold: the accepted answers, one or more.
        language: of prediction and answers, normalised.
    """
    said = normalised(prediction, language)
    return float(any(said == normalised(one, language) for one in gold))


def answer_f1(prediction: str, gold: Sequence[str], language: str) -> float:
    """The F1 of the tokens of a predicted answer, against the gold answer that is nearest.

    Where one of the two has no token left, it is 1 if the other has none either, as in SQuAD 2.0.

    Args:
        prediction: what was answered.
        gold: the accepted answers, one or more.
        language: of prediction and answers, normalised.
    """
    said = normalised(prediction, language).split()
    return max(_f1(said, normalised(one, language).split()) for one in gold)


def _f1(said: Sequence[str], wanted: Sequence[str]) -> float:
    if not said or not wanted:
        return float(said == wanted)
    shared = sum((Counter(said) & Counter(wanted)).values())
    return 2 * shared / (len(said) + len(wanted))


@lru_cache(_KEPT)
def normalised(text: str, language: str) -> str:
    """An answer as it is compared: small letters, no punctuation, no articles, single spaces.

    Args:
        text: an answer.
        language: its language, normalised; a script behind it does not matter.
    """
    code = language.partition("-")[0]
    text = _PUNCTUATION.sub("", composed(text).lower())
    if code == "ar":
        text = text.replace(_ARABIC_ARTICLE, " ")
    if code in _BY_CHARACTER:
        text = _CHARACTER.sub(r" \1 ", text)
    articles = _articles(code)
    return " ".join(word for word in text.split() if word not in articles)


@lru_cache
def _articles(code: str) -> frozenset[str]:
    return frozenset(_ARTICLES.get(code, "").split())


def exact_tokens(text: str, language: str = "") -> list[str]:
    """The tokens of a passage or an answer as they are; the language makes no difference."""
    found: list[str] = _TOKEN.findall(composed(text))
    return found


def normalised_tokens(text: str, language: str) -> list[str]:
    """The tokens of a passage or an answer, in small letters, without punctuation and articles."""
    code = language.partition("-")[0]
    articles = _articles(code)
    tokens = [one for one in exact_tokens(text.lower()) if _WORD.search(one)]
    if code == "ar":
        tokens = [one.removeprefix(_ARABIC_ARTICLE) or one for one in tokens]
    return [one for one in tokens if one not in articles]


Tokens = Callable[[str, str], list[str]]


class Passage:
    """The tokens of a passage, in which answers are looked for.

    Args:
        text: the passage.
        tokens: :func:`exact_tokens` or :func:`normalised_tokens`.
        language: of the passage, normalised.
    """

    def __init__(self, text: str, tokens: Tokens, language: str) -> None:
        self._text = text
        self._split = tokens
        self._language = language
        self._joined = _joined(tokens(text, language))

    def holds(self, answer: str) -> bool:
        """Whether the tokens of an answer stand in the passage, one after the other.

        An answer of which normalisation leaves nothing ("The", "%") is looked for as it is.
        """
        wanted = self._split(answer, self._language)
        if wanted:
            return _joined(wanted) in self._joined
        wanted = exact_tokens(answer)
        return bool(wanted) and _joined(wanted) in _joined(exact_tokens(self._text))


def _joined(tokens: Sequence[str]) -> str:
    return _BETWEEN + _BETWEEN.join(tokens) + _BETWEEN
