"""Whether the two sides of a file stand the other way round, told from what is written in them.

Three kinds of evidence, the strongest first. The writing system decides where the two languages are
written in different ones. In a pair with English, the commonest words of English are a fifth of any
English text and next to none of any other. Between two other languages of one script the language
identifier is asked, where the extra ``langid`` is there and knows both. Only what both sides say
together counts: the source side is in the target's language, and the target side in the source's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from clirot.bitext.formats.columns import ADDRESSES, LABELS, NUMBERS, kind_of, sampled
from clirot.bitext.formats.lines import excerpt
from clirot.bitext.formats.request import found_in
from clirot.errors import UsageError
from clirot.records import LanguagePair, SentencePair

_WORD = re.compile(r"[^\W\d_]+")
_DIFFERENT = 5  # numbers or addresses of a column that has a name, to doubt the name
_LETTERS = 10  # of each side, to tell its script
_MOST, _LEAST = 0.6, 0.2  # shares of letters that are, and that are not, of a script
_ENGLISH = {"the", "and", "that", "with", "this", "you", "they", "what", "which", "from"}
_ENGLISH |= {"would", "there", "been", "were", "his", "their", "your"}
_WORDS = 20  # of each side, to tell English
_MANY, _RARE = 0.08, 0.02  # shares of the words above in English, and in another language
_SENTENCES = 5  # of each side, to ask the identifier about
_ASKED = 100  # of each side
_AGREED = 0.8  # of these


def swapped(src: Sequence[str], tgt: Sequence[str], pair: LanguagePair) -> str | None:
    """What shows that two columns stand the other way round, in words, or None.

    Args:
        src: texts of the column that is read as the source.
        tgt: texts of the column that is read as the target.
        pair: the languages that these should be.
    """
    first = f"{pair.tgt!r} stands where {pair.src!r} should, and the other way round"
    if by_script(src, tgt, pair):
        return f"by the scripts they are written in, {first}"
    if "en" in (pair.src, pair.tgt):
        return f"by the words of English, {first}" if _by_english(src, tgt, pair) else None
    return f"by the language identifier, {first}" if _by_identifier(src, tgt, pair) else None


def checked(
    pairs: Iterator[SentencePair], pair: LanguagePair, *, table: bool
) -> tuple[Iterator[SentencePair], str | None]:
    """The same pairs, and what contradicts them in the first ones, in words.

    Args:
        pairs: the pairs of a file.
        pair: their languages.
        table: whether a side may be a column that holds no text.
    """
    first, rest = sampled(pairs, lambda one: len(one.src) + len(one.tgt))
    return chain(first, rest), _contradiction(first, pair, table)


def _contradiction(first: Sequence[SentencePair], pair: LanguagePair, table: bool) -> str | None:
    sides = [[one.src for one in first], [one.tgt for one in first]]
    full = [[text for one in side if (text := one.strip())] for side in sides]
    kinds = [kind_of(side, pair) for side in full]
    same = all(len(set(side)) == 1 for side in full)
    if table and same and found_in([side[0] for side in full], pair) is not None:
        return "the two sides hold the names of the languages only"
    for name, side, kind in zip(("source", "target"), full, kinds, strict=True):
        odd = kind in (NUMBERS, ADDRESSES) and len(set(side)) >= _DIFFERENT
        if table and (odd or (kind == LABELS and kinds[0] != kinds[1])):
            return f"the {name} side holds {kind} only, such as {excerpt(side[0])}"
    return swapped(sides[0], sides[1], pair)


def by_script(src: Sequence[str], tgt: Sequence[str], pair: LanguagePair) -> bool:
    """Whether the source is written as the target's language is, and the target as the source's.

    A side that may be written in both scripts shows nothing.
    """
    if all(text.isascii() for text in chain(src, tgt)):
        return False
    from clirot.bitext.text import Codepoints, script_share, scripts_of

    shares = [
        [
            float(script_share(Codepoints.of([text]), scripts_of(code))[0])
            if scripts_of(code)
            else 0.5
            for code in (pair.src, pair.tgt)
        ]
        for text in ("\n".join(src), "\n".join(tgt))
        if sum(map(str.isalpha, text)) >= _LETTERS
    ]
    if len(shares) < 2:
        return False
    (src_as_src, src_as_tgt), (tgt_as_src, tgt_as_tgt) = shares
    return min(src_as_tgt, tgt_as_src) >= _MOST and max(src_as_src, tgt_as_tgt) <= _LEAST


def _english(texts: Sequence[str]) -> float | None:
    """The share of English's commonest words, or None where there are too few words."""
    words = [word for text in texts for word in _WORD.findall(text.casefold())]
    return sum(word in _ENGLISH for word in words) / len(words) if len(words) >= _WORDS else None


def _by_english(src: Sequence[str], tgt: Sequence[str], pair: LanguagePair) -> bool:
    shares = _english(src), _english(tgt)
    english, other = shares if pair.src == "en" else shares[::-1]
    return english is not None and other is not None and english <= _RARE and other >= _MANY


def _by_identifier(src: Sequence[str], tgt: Sequence[str], pair: LanguagePair) -> bool:
    from clirot.bitext.text import LETTERS, Identifier

    try:
        one, other = Identifier(pair.src), Identifier(pair.tgt)
    except UsageError:  # the extra is not installed
        return False
    if not (one.supported and other.supported):
        return False
    for texts, right, wrong in ((src, one, other), (tgt, other, one)):
        asked = [text for text in texts if sum(map(str.isalpha, text)) >= LETTERS][:_ASKED]
        if len(asked) < _SENTENCES:
            return False
        every = [True] * len(asked)
        against = wrong.confidence(asked, every) > right.confidence(asked, every)
        if against.mean() < _AGREED:
            return False
    return True
