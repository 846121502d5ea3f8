"""Which sentence pairs of a source are dropped: the settings of the filters, and the reasons."""

from __future__ import annotations

from dataclasses import dataclass

from clirot.errors import UsageError
from clirot.settings import check_ranges, setting

RATIO_FROM = 30
"""Characters that the longer side must have for the length ratios to be applied. The ratio of two
short texts, such as two names, says nothing."""


REASONS = (
    "kept",
    "empty source",
    "empty target",
    "control characters",
    "identical",
    "too short",
    "too long",
    "length ratio",
    "script",
    "language",
    "overlap",
    "duplicate",
    "near duplicate",
    "misaligned",
)
"""What may become of a pair: it is kept, or dropped for the first of these reasons that applies.
A batch stores the index."""

MALFORMED = "malformed"
"""The reason for which rows that could not be read are counted. They are no pairs."""


@dataclass(frozen=True, kw_only=True)
class FilterConfig:
    """Which pairs are dropped. A pair with an empty side always is, because it cannot be used.

    The defaults were chosen so that they drop next to nothing of clean corpora; ``docs/bitext.md``
    has a table of how much. Lengths are measured after the text was normalised. A word is what
    stands between two spaces. Every limit that may be 0 is turned off by 0.
    """

    keep_control: bool = setting(
        False,
        "Keep pairs with control characters, lone surrogates or noncharacters, and write U+FFFD "
        "for each of them. Damaged or wrongly decoded files have such characters.",
    )
    keep_identical: bool = setting(False, "Keep pairs whose two sides are the same text.")
    keep_duplicates: bool = setting(False, "Keep pairs that equal an earlier pair.")
    near_duplicates: str = setting(
        "off",
        "Drop pairs that equal an earlier pair except for case, punctuation, white space and the "
        "digits of numbers. pair: both sides are compared; src or tgt: that side alone.",
        choices=("off", "pair", "src", "tgt"),
    )
    min_length: int = setting(
        1, "Drop pairs with a side that is shorter than this.", unit="characters", at_least=1
    )
    max_length: int = setting(
        5000,
        "Drop pairs with a side that is longer than this. 0 turns this filter off.",
        unit="characters",
        at_least=0,
    )
    min_words: int = setting(
        1, "Drop pairs with a side of fewer words than this.", unit="words", at_least=1
    )
    max_words: int = setting(
        0,
        "Drop pairs with a side of more words than this. 0 turns this filter off.",
        unit="words",
        at_least=0,
    )
    max_ratio: float = setting(
        9.0,
        "Drop pairs with one side more than this many times as long as the other, in characters, "
        f"if the longer side has {RATIO_FROM} characters or more. 0 turns this filter off.",
        at_least=0,
    )
    max_word_ratio: float = setting(
        0.0,
        "The same in words; of no use for languages that are written without spaces. "
        "0 turns this filter off.",
        at_least=0,
    )
    min_script: float = setting(
        0.1,
        "Drop pairs with a side in which a smaller share of the letters than this belongs to a "
        "script of its language. 0 turns this filter off.",
        at_least=0,
        at_most=1,
    )
    min_language: float = setting(
        0.0,
        "Drop pairs with a side for which the language identifier finds another language more "
        "probable and gives its own language a lower probability than this. It needs the extra "
        "langid. 0 turns this filter off.",
        at_least=0,
        at_most=1,
    )
    min_alignment: float = setting(
        0.0,
        "Drop pairs whose probability of being translations of each other is lower than this, "
        "estimated from the word statistics of the whole source; 0.5 is a good value. 0 turns this "
        "filter off.",
        at_least=0,
        at_most=1,
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.keep_duplicates and self.near_duplicates != "off":
            raise UsageError(
                "`keep_duplicates` and `near_duplicates` contradict each other: a duplicate is "
                "also a near duplicate, and would be dropped"
            )
        for least, most in (("min_length", "max_length"), ("min_words", "max_words")):
            if 0 < getattr(self, most) < getattr(self, least):
                raise UsageError(
                    f"`{most}` must not be below `{least}`: "
                    f"{getattr(self, most)} is below {getattr(self, least)}"
                )
        for name in ("max_ratio", "max_word_ratio"):
            if 0 < getattr(self, name) < 1:
                raise UsageError(f"`{name}` must be at least 1, or 0, got {getattr(self, name)}")

    @classmethod
    def off(cls) -> FilterConfig:
        """The settings that keep every pair that can be used."""
        return cls(
            keep_control=True,
            keep_identical=True,
            keep_duplicates=True,
            max_length=0,
            max_ratio=0.0,
            min_script=0.0,
        )
