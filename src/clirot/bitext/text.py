"""The text of sentence pairs: normalised and folded forms, characters, scripts and languages.

Tidied text (:func:`tidied`), which the store holds, is one line in Unicode's composed form (NFC)
with single spaces. Folded text (:func:`folded`), which is compared, is tidied text in lower case,
without punctuation, symbols and spaces, with every number as a single ``0``: two copies of a
sentence have the same folded text. Folding works on single code points, without NFKC and without
case mappings that change the length.

The characters of some thousand sentences are one array (:class:`Codepoints`). Each is looked up in
a table, all at once, which takes nanoseconds a character. A loop over characters in Python takes
microseconds a sentence.

Which scripts a language is written in is from CLDR: the likely one, and those of its other locales
(Serbian: Cyrillic and Latin). Which script a letter belongs to is Unicode's Script property. The
language identifier (extra ``langid``) is py3langid: naive Bayes over byte n-grams (Lui and Baldwin,
"langid.py: An Off-the-shelf Language Identification Tool", ACL 2012), which needs no download and
reads some thousand sentences a second. Why this one: decision 053.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import regex
from numpy.typing import NDArray

from clirot.errors import UsageError
from clirot.languages import script_of
from clirot.text_form import on_one_line

_CODES = sys.maxunicode + 1
"""How many code points there are, and so the length of every table."""
_ASSIGNED = 0x40000  # beyond here there are no letters, numbers, punctuation, symbols or spaces
_VARIATION_SELECTORS = slice(0xE0100, 0xE01F0)  # the only marks beyond
# White space apart, for which str.split() decides.
_CONTROL = regex.compile(
    r"[[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]--[\t-\r\x1c-\x1f\x85]]", regex.V1
)
_BYTE_ORDER_MARK = "\ufeff"  # files that were glued together have some inside


@dataclass(frozen=True)
class Codepoints:
    """Texts as code points, one text after the other.

    Attributes:
        array: (characters,) all code points.
        bounds: (texts + 1,) text ``i`` is ``array[bounds[i]:bounds[i + 1]]``.
    """

    array: NDArray[np.uint32]
    bounds: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Codepoints:
        """Encode texts. Lone surrogates, which JSON and broken decoders let through, are kept."""
        bounds = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=bounds[1:])
        data = "".join(texts).encode("utf-32-le", "surrogatepass")
        return cls(np.frombuffer(data, "<u4"), bounds)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(texts,) characters of each."""
        return np.diff(self.bounds)

    def count(self, marked: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(texts,) how many characters of each are marked.

        Args:
            marked: (characters,).
        """
        counts = np.zeros(len(self.bounds) - 1, np.int64)
        full = np.flatnonzero(self.lengths)  # reduceat has no empty segments
        if len(full):
            starts = self.bounds[full]
            counts[full] = np.add.reduceat(marked.view(np.uint8), starts, dtype=np.int64)
        return counts

    def select(self, marked: NDArray[np.bool_]) -> Codepoints:
        """The texts without the characters that are not marked."""
        bounds = np.zeros(len(self.bounds), np.int64)
        np.cumsum(self.count(marked), out=bounds[1:])
        return Codepoints(self.array[marked], bounds)

    def texts(self) -> list[str]:
        """The texts as strings."""
        whole = self.array.astype("<u4", copy=False).tobytes().decode("utf-32-le", "surrogatepass")
        return [whole[start:end] for start, end in pairwise(self.bounds.tolist())]


def tidy(text: str) -> str:
    """``text`` on one line, in Unicode's composed form (NFC).

    Tabs, line ends and runs of white space become one space. Byte order marks are removed. What is
    no character of a text (control characters, lone surrogates, noncharacters) becomes U+FFFD.
    """
    text = text.replace(_BYTE_ORDER_MARK, "")
    if not text.isprintable():
        text = _CONTROL.sub("\ufffd", text)
    return on_one_line(text)


def tidied(texts: Sequence[str]) -> tuple[list[str], NDArray[np.bool_]]:
    """:func:`tidy` for many texts, and which of them held control characters and the like."""
    damaged = [not text.isprintable() and bool(_CONTROL.search(text)) for text in texts]
    return list(map(tidy, texts)), np.array(damaged, bool)


def folded(points: Codepoints) -> list[str]:
    """Tidied texts as they are compared. Empty where a text has no letter and no number."""
    kept = Codepoints(_folds().take(points.array), points.bounds)
    kept = kept.select(kept.array != 0)
    number = kept.array == ord("0")
    again = np.zeros_like(number)
    again[1:] = number[1:] & number[:-1]
    inner = kept.bounds[:-1]
    again[inner[inner < len(again)]] = False  # the text before is another text
    return kept.select(~again).texts()


def matching(pattern: str) -> NDArray[np.bool_]:
    """(code points,) which of the assigned characters match an expression of ``regex``.

    Raises:
        regex.error: it is no regular expression, or names a property that Unicode does not have.
    """
    table = np.zeros(_CODES, np.bool_)
    for match in regex.finditer(f"(?:{pattern})+", _assigned(), regex.V1):
        table[match.start() : match.end()] = True
    return table


@cache
def categories() -> NDArray[np.uint8]:
    """(code points,) the general category of every character, as ``ord`` of its first letter.

    ``L`` letter, ``M`` mark, ``N`` number, ``P`` punctuation, ``S`` symbol, ``Z`` separator,
    ``C`` other (control, format, surrogate, private use, unassigned).
    """
    table = np.full(_CODES, ord("C"), np.uint8)
    names = "".join(map(unicodedata.category, _assigned()))  # two letters each
    table[:_ASSIGNED] = np.frombuffer(names.encode("ascii"), np.uint8)[::2]
    table[_VARIATION_SELECTORS] = ord("M")
    return table


@cache
def _assigned() -> str:
    return "".join(map(chr, range(_ASSIGNED)))


@cache
def _folds() -> NDArray[np.uint32]:
    """(code points,) what each is folded to; 0 where it is left out."""
    table = np.arange(_CODES, dtype=np.uint32)
    kind = categories()
    for code in np.flatnonzero(kind == ord("L")).tolist():
        lower = chr(code).lower()
        if len(lower) == 1:
            table[code] = ord(lower)
    table[kind == ord("N")] = ord("0")
    table[np.isin(kind, [ord(one) for one in "PSZC"])] = 0
    return table


LETTERS = 20
"""Letters that a side must have to be identified. No identifier knows the language of fewer."""

_MADE_OF = {"Jpan": "Hira Kana Hani", "Kore": "Hang Hani", "Aran": "Arab"}
_MADE_OF |= {"Hans": "Hani Bopo", "Hant": "Hani Bopo", "Hanb": "Hani Bopo"}
"""ISO 15924 code of a writing system -> the scripts of Unicode that it consists of."""

_NOT_MEANT = {"en": {"Dsrt", "Shaw"}, "hi": {"Latn"}, "zh": {"Latn"}}
"""Scripts that CLDR has a locale for, but which a corpus of the language is not written in. Who
wants them anyway names them: ``hi-Latn``."""

_CALLED = {"tl": "tl fil", "no": "no nb nn", "nb": "nb no", "nn": "nn no"}
_CALLED |= {"sh": "sh sr hr bs", "sr": "sr sh", "hr": "hr sh"}
"""Language -> the codes that the identifier may give to a text in it."""


@cache
def scripts_of(language: str) -> frozenset[str]:
    """The scripts a language is written in (ISO 15924); empty where CLDR does not know it.

    Args:
        language: a normalised code; a code with a script (``sr-Latn``) or a region (``pt-PT``) has
            that script alone, or the region's.
    """
    from babel import Locale
    from babel.core import get_global
    from babel.localedata import locale_identifiers

    base, *more = language.split("-")
    found: set[str | None] = {script_of(language)} if more else set()
    if not more and base in get_global("likely_subtags"):
        found.add(get_global("likely_subtags")[base].split("_")[1])
        for identifier in locale_identifiers():
            if identifier.split("_")[0] == base:
                found.add(Locale.parse(identifier).script)
        found -= _NOT_MEANT.get(base, set())
    unicode_scripts = (one for code in found if code for one in _MADE_OF.get(code, code).split())
    return frozenset(code for code in unicode_scripts if _letters_of(code).any())


def script_share(points: Codepoints, scripts: frozenset[str]) -> NDArray[np.float32]:
    """(texts,) the share of each text's letters that belong to the scripts; NaN without letters.

    Letters of no script (ordinal indicators, modifiers) are not counted.
    """
    wanted = np.logical_or.reduce([_letters_of(script) for script in sorted(scripts)])
    letters = points.count(_letters().take(points.array))
    of_script = points.count(wanted.take(points.array))
    share = np.full(len(letters), np.nan, np.float32)
    np.divide(of_script, letters, out=share, where=letters > 0, casting="unsafe")
    return share


@cache
def _letters() -> NDArray[np.bool_]:
    of_no_script = matching(r"[\p{Zyyy}\p{Zinh}\p{Zzzz}]")
    table: NDArray[np.bool_] = (categories() == ord("L")) & ~of_no_script
    return table


@cache
def _letters_of(script: str) -> NDArray[np.bool_]:
    """(code points,) which are letters of a script; none are, where Unicode has no such script."""
    try:
        return _letters() & matching(rf"\p{{Script={script}}}")
    except regex.error:
        return np.zeros_like(_letters())


class Identifier:
    """A language identifier for one language.

    Args:
        language: a normalised code.

    Raises:
        UsageError: the extra is not installed.
    """

    def __init__(self, language: str) -> None:
        base = language.split("-")[0]
        self._wanted = set(_CALLED.get(base, base).split()) & set(_model().labels)

    @property
    def supported(self) -> bool:
        """Whether the identifier knows the language."""
        return bool(self._wanted)

    def confidence(self, texts: Sequence[str], asked: Sequence[bool]) -> NDArray[np.float32]:
        """(texts,) 1 where the language is the likeliest, else its probability; NaN if not asked.

        The probabilities of naive Bayes are nearly always close to 0 or 1.
        """
        found = np.full(len(texts), np.nan, np.float32)
        for place in np.flatnonzero(asked).tolist():
            ranked = _model().rank(texts[place])
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
