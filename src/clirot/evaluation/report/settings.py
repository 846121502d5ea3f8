"""How a report is written: how much of an evaluation its page holds."""

from __future__ import annotations

from dataclasses import dataclass

from clirot.settings import check_ranges, setting


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """What the page of an evaluation holds. The command line makes its options from this."""

    title: str | None = setting(
        None, "Title of the page. By default it names what was evaluated on."
    )
    question: str | None = setting(
        None, "What the evaluation is to answer, as a sentence below the title."
    )
    documents: int = setting(
        10, "How many documents of each ranking the page shows.", at_least=1, at_most=1000
    )
    matches: int = setting(
        20,
        """For how many topics with the greatest gains, and for as many with the greatest losses,
        the page shows which token matched which; 0: for none. It needs runs that search saved, and
        encodes their topics and documents once more.""",
        at_least=0,
    )
    characters: int = setting(
        600,
        "After how many characters a text of a topic or a document is cut.",
        unit="characters",
        at_least=20,
    )
    megabytes: int = setting(
        12,
        """About how large the page may become. Beyond it, first texts of documents and then lower
        ranks are left out; the page says how many.""",
        unit="MB",
        at_least=1,
        at_most=500,
    )
    made_with: tuple[str, ...] = ()
    """Further lines on how it was made, such as commands, seeds or bitext. Not an option."""

    def __post_init__(self) -> None:
        check_ranges(self)
