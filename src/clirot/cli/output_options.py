"""The options on how an evaluation is shown, which `evaluate` and `experiment` have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from clirot.errors import UsageError
from clirot.evaluation.report import ReportSettings
from clirot.settings import leaves

Format = Annotated[
    str,
    typer.Option(
        "--format",
        "-f",
        help="table, json, csv, markdown or latex; or ranx: the table of ranx.compare.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
PerTopic = Annotated[bool, typer.Option("--per-topic", "-q", help="Figures of every topic.")]
Places = Annotated[int, typer.Option("--places", help="Decimals printed.", min=1, max=16)]
Pictures = Annotated[
    Path | None,
    typer.Option("--pictures", metavar="DIR", help="Draw the comparison: one PNG a picture."),
]
Page = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="DIR",
        help="Write a web page there, DIR/index.html: tables, pictures, every topic with its "
        "rankings side by side, and where each figure is from.",
    ),
]
REPORT_NAMES = {leaf.name: (f"--report-{leaf.name}",) for leaf in leaves(ReportSettings)}
"""Setting of a page -> its option."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What is shown of an evaluation."""

    written: str
    """Format of the table."""
    per_topic: bool
    places: int
    pictures: Path | None
    report: Path | None
    page: ReportSettings

    @classmethod
    def of(cls, output_format: str, *, as_json: bool, **more: object) -> Shown:
        """From the options.

        Raises:
            UsageError: they contradict each other.
        """
        if as_json and output_format not in ("table", "json"):
            raise UsageError(f"--json and --format {output_format} contradict each other")
        written = "json" if as_json else output_format
        return cls(written=written, **more)  # type: ignore[arg-type]
