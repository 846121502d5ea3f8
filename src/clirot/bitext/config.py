"""The settings of fetching bitext: what to fetch, and which sentence pairs are dropped, and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clirot.errors import UsageError
from clirot.records import LanguagePair
from clirot.settings import check_ranges, part, setting

if TYPE_CHECKING:
    from clirot.bitext.formats.file_supply import FileSupply
    from clirot.bitext.source import Source, SourceSupply

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
        "Drop a pair if, on one side, the language identifier finds another language more "
        "probable than the right one, and gives the right one a lower probability than this. The "
        "filter needs the extra langid. 0 turns it off.",
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


@dataclass(frozen=True, kw_only=True)
class FetchConfig:
    """What to fetch. With neither sources nor files: what the catalogue recommends for the pair."""

    pair: LanguagePair
    """The teacher's language and the student's."""
    sources: tuple[str, ...] = setting(
        (),
        "A source of the catalogue, or opus:CORPUS, opus:CORPUS@VERSION or hf:OWNER/NAME:SRC:TGT; "
        "repeatable.",
    )
    files: tuple[Path, ...] = setting(
        (),
        "A file of your own: TSV, CSV, JSON lines or Parquet (PATH:SRC,TGT names the columns), "
        "TMX, XLIFF, PO, MO, or two aligned text files (PATH,PATH); it may be compressed with gz, "
        "bz2, xz, zst or zip. Repeatable.",
    )
    format: str | None = setting(
        None,
        "The format of the files, where their content and their names mislead: tsv, csv, jsonl, "
        "parquet, moses, tmx, xliff, po or mo.",
    )
    skip_malformed: bool = setting(
        False,
        "Count the rows of TSV, CSV and JSON lines, the units of TMX and XLIFF and the entries of "
        "PO that cannot be read, and go on.",
    )
    filters: FilterConfig = part(FilterConfig)
    exclude: tuple[str, ...] = setting(
        (),
        "Drop pairs of which a side is a document, sentence or topic of this collection (an id or "
        "a directory); repeatable.",
    )
    realign: bool = setting(
        False,
        "Where lines of a source have slipped, put the sentences back beside their translations "
        "before the filters are applied, if that helps. A source is held in memory for it; lists "
        "of words stay as they are.",
    )
    replace: bool = setting(
        False,
        "Replace bitext of the same name that was made otherwise: with other filters, or from "
        "another revision.",
        decides=False,
    )
    offline: bool = setting(
        False,
        "Use what was downloaded before and what a mirror holds, and ask no server.",
        decides=False,
    )
    parsed: tuple[Any, ...] = ()
    """Files besides ``files`` that the caller has parsed already, each a
    :class:`~clirot.bitext.formats.LocalFile`. A file is hashed once, by whoever first asks."""

    def __post_init__(self) -> None:
        from clirot.bitext.formats import FORMATS

        check_ranges(self)
        if self.format is not None:
            FORMATS[self.format]
        self.named_sources()

    def named_sources(self) -> dict[str, Source]:
        """Name as it was given -> source; with nothing named, what the catalogue recommends.

        Raises:
            UnknownNameError: there is no such source.
            UsageError: it has no bitext of the pair, or the catalogue recommends none.
        """
        from clirot.bitext.catalogue import recommended_for, source_for

        if self.sources or self.files or self.parsed:
            return {name: source_for(name, self.pair) for name in self.sources}
        return {one.name: one for one in recommended_for(self.pair)}

    def supplies(self) -> list[SourceSupply | FileSupply]:
        """All that was asked for, each file once, sources first.

        Raises:
            UsageError: a source or a format makes no sense.
        """
        from clirot.bitext.formats.file_supply import FileSupply
        from clirot.bitext.formats.local_file import LocalFile
        from clirot.bitext.source import SourceSupply

        sources = self.named_sources().items()
        files = (LocalFile.parse(path, kind=self.format) for path in self.files)
        return [
            *(SourceSupply(name, one, self.pair) for name, one in sources),
            *(
                FileSupply(one, self.pair, self.skip_malformed)
                for one in dict.fromkeys([*files, *self.parsed])
            ),
        ]
