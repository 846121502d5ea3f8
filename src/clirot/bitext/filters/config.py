"""Which pairs of a source are dropped: the settings, all of them, with their defaults."""

from __future__ import annotations

from dataclasses import dataclass

from clirot.errors import UsageError
from clirot.registry import unknown_name

NEAR_DUPLICATES = ("off", "pair", "src", "tgt")
"""What two pairs must have alike to be near duplicates: both sides, the source's, the target's."""


@dataclass(frozen=True, kw_only=True)
class FilterConfig:
    """Which pairs are dropped. A pair with an empty side always is: it cannot be used.

    The defaults were chosen so that they drop next to nothing of clean corpora; the table in
    ``docs/bitext.md`` says how much. Lengths are in characters (Unicode code points) of tidied
    text, words are what white space separates.
    """

    keep_control: bool = False
    """Keep pairs with control characters, lone surrogates or noncharacters, each of which becomes
    U+FFFD. They are what a damaged or wrongly decoded file has."""
    keep_identical: bool = False
    """Keep pairs whose two sides are the same text: mostly untranslated, sometimes names."""
    keep_duplicates: bool = False
    """Keep pairs that are equal to an earlier one."""
    near_duplicates: str = "off"
    """Drop pairs that equal an earlier one but for case, punctuation, white space and the digits of
    numbers: ``pair`` compares both sides, ``src`` and ``tgt`` one side alone, ``off`` none."""
    min_length: int = 1
    """Drop pairs with a side of fewer characters than this."""
    max_length: int | None = 5000
    """Drop pairs with a side of more characters than this."""
    min_words: int = 1
    """Drop pairs with a side of fewer words than this."""
    max_words: int | None = None
    """Drop pairs with a side of more words than this."""
    max_ratio: float | None = 9.0
    """Drop pairs with one side more than this many times as long as the other, where the longer
    one has at least :data:`RATIO_FROM` characters (the ratio of two names says nothing)."""
    max_word_ratio: float | None = None
    """The same for words. Of no use for languages that do not write spaces."""
    min_script: float = 0.1
    """Drop pairs with a side of whose letters a smaller share than this is in a script that the
    language is written in. 0: off."""
    min_language: float = 0.0
    """Drop pairs with a side that the language identifier takes for another language and gives its
    own less than this probability. 0: off; it needs the extra ``langid``."""

    min_alignment: float = 0.0
    """Drop pairs that are translations of each other with a lower probability than this, as the
    corpus itself says (:mod:`clirot.bitext.alignment`). 0: off."""

    def __post_init__(self) -> None:
        if self.near_duplicates not in NEAR_DUPLICATES:
            raise unknown_name("kind of near duplicate", self.near_duplicates, NEAR_DUPLICATES)
        if self.keep_duplicates and self.near_duplicates != "off":
            raise UsageError(
                "keep duplicates or drop near duplicates: a duplicate is a near duplicate"
            )
        for name, least, most in (
            ("length", self.min_length, self.max_length),
            ("number of words", self.min_words, self.max_words),
        ):
            if least < 1 or (most is not None and most < 1):
                wrong = least if least < 1 else most
                raise UsageError(f"a {name} to keep must be positive, not {wrong}")
            if most is not None and most < least:
                raise UsageError(f"no {name} is at least {least} and at most {most}")
        for ratio, name in ((self.max_ratio, "length"), (self.max_word_ratio, "word")):
            if ratio is not None and not ratio >= 1:
                raise UsageError(f"the {name} ratio to keep must be 1 or more, not {ratio}")
        for share, name in (
            (self.min_script, "script"),
            (self.min_language, "language"),
            (self.min_alignment, "alignment"),
        ):
            if not 0 <= share <= 1:
                raise UsageError(f"the {name} threshold must be from 0 to 1, not {share}")

    @classmethod
    def off(cls) -> FilterConfig:
        """The settings that keep all that can be used."""
        return cls(
            keep_control=True,
            keep_identical=True,
            keep_duplicates=True,
            max_length=None,
            max_ratio=None,
            min_script=0.0,
        )


RATIO_FROM = 30
"""Characters the longer side must have for the length ratio to be looked at."""
