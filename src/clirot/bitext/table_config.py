"""The settings of word translation tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clirot.records import LanguagePair
from clirot.settings import check_ranges, setting


@dataclass(frozen=True, kw_only=True)
class TableConfig:
    """From which bitext a table is made, and how."""

    pair: LanguagePair
    """The language that is translated into, and the one that is translated."""
    sources: tuple[str, ...] = setting(
        (),
        "Bitext source; repeat the option for several. Where no source and no file is named, all "
        "bitext that the store has for the pair is taken.",
        decides=False,
    )
    files: tuple[Path, ...] = setting(
        (),
        "Local bitext, which is added to the store; repeat the option for several files.",
        decides=False,
    )
    name: str | None = setting(
        None, "Name of the table in the store; by default the languages (en-so).", decides=False
    )
    iterations: int = setting(
        8, "Rounds of expectation maximisation of IBM model 1.", at_least=1, at_most=100
    )
    replace: bool = setting(
        False, "Replace a table of that name that was made from something else.", decides=False
    )

    def __post_init__(self) -> None:
        check_ranges(self)

    @property
    def table_name(self) -> str:
        """The name the table gets in the store."""
        return self.name or self.pair.format()
