"""An evaluation as one web page: its tables, its pictures, every topic with its rankings.

:func:`write_report` writes a single HTML file. It needs no server, no network and no other file,
and what it shows of texts and names stays text, whatever they contain.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clirot.evaluation.report.settings import ReportSettings
from clirot.evaluation.report.texts import SetTexts
from clirot.records import ProgressSink, silent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clirot.evaluation.result import Evaluation

__all__ = ["Report", "ReportSettings", "SetTexts", "write_report"]

PAGE = "index.html"
"""The name of the file."""


@dataclass(frozen=True)
class Report:
    """A page that was written."""

    path: Path
    bytes: int
    """Its size."""
    notes: tuple[str, ...]
    """What is not on it, and why."""


def write_report(
    evaluation: Evaluation,
    directory: Path,
    sets: Mapping[str, SetTexts],
    *,
    settings: ReportSettings | None = None,
    progress: ProgressSink = silent,
) -> Report:
    """Write the page of an evaluation, ``index.html``, replacing one that is there.

    Args:
        evaluation: what it is about.
        directory: where to write it; made where it is missing.
        sets: topic set -> its texts and saved runs; a set that is left out has none.
        settings: what the page holds.
        progress: is told of each text encoded.

    Raises:
        ArtefactError: the directory cannot be written.
        InputError: the texts of a collection cannot be read.
    """
    from clirot.evaluation.report.page import page_of
    from clirot.store import written

    text, notes = page_of(evaluation, sets, settings or ReportSettings(), progress)
    data = text.encode()
    path = directory / PAGE
    with written(path, parents=True) as (stream,):
        stream.write(data)
    return Report(path, len(data), notes)
