"""stdout, stderr, progress and tables for every command: the only place that knows rich.

Data goes to stdout, everything else to stderr, what libraries print included. Off a terminal there
is no colour, no prompt and no live progress: a line at the start and the end of a phase, and one
every half minute between.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any, TextIO

from clirot.cli.wording import in_options
from clirot.errors import ChoiceNotice, ClirotWarning
from clirot.hearing import hearing
from clirot.records import ProgressSink, Step

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

_PLAIN_INTERVAL_S = 30.0
_kept: list[TextIO] = []
_drawn: list[Console] = []
"""Where live progress is drawn at the moment."""


@contextmanager
def kept_stdout() -> Iterator[None]:
    """Keep stdout for data: whatever else is printed while the block runs goes to stderr.

    transformers, for one, prints a line when it is imported with ``WANDB_MODE=offline``; in a
    pipeline that line would be read as the first line of a run.
    """
    _kept.append(sys.stdout)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _kept.pop()


def stdout() -> TextIO:
    """Where data goes."""
    return _kept[-1] if _kept else sys.stdout


_OBEYED = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What a terminal obeys or cannot show: control characters but tab and line feed, what turns the
direction of a text around, and half surrogate pairs. Joiners and spaces are part of words."""
_OBEYED_BUT_BOLD = re.compile(rf"(?!\x1b\[[01]m){_OBEYED.pattern}")


def printable(text: str, *, bold: bool = False) -> str:
    r"""A text in which nothing is left that a terminal would obey: it is written as ``\x1b``.

    Args:
        text: the text.
        bold: leave bold figures, which clirot writes itself, and which do no harm in data.
    """
    pattern = _OBEYED_BUT_BOLD if bold else _OBEYED
    return pattern.sub(lambda one: one[0].encode("unicode_escape").decode(), text)


def note(message: str) -> None:
    """A line for the person, on stderr, with settings by the names of their options."""
    sys.stderr.write(printable(in_options(message)) + "\n")
    sys.stderr.flush()


def warn(message: str) -> None:
    """A warning for the person, on stderr, worded as :func:`note` words it."""
    note(f"warning: {message}")


def emit(text: str) -> None:
    """Data, on stdout, plus a newline: exactly as given, but for what a terminal would obey where
    stdout is one.
    """
    if not stdout().isatty():
        stdout().write(text + "\n")
    elif _drawn:  # above the bars, which would be drawn over it
        _drawn[-1].out(printable(text, bold=True), highlight=False)
    else:
        stdout().write(printable(text, bold=True) + "\n")


def emit_json(document: Any) -> None:
    """One machine-readable document on stdout."""
    emit(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def emit_table(table: Table) -> None:
    """A rich table on stdout; off a terminal wide enough that nothing is cut."""
    from rich.console import Console

    console = Console(file=stdout(), highlight=False)
    if not console.is_terminal:
        console = Console(file=stdout(), highlight=False, width=200, no_color=True)
    console.print(table)


def table_of(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str | None = None
) -> Table:
    """A plain table: the first column left, the others right where they are numbers."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(columns):
        numeric = place > 0 and all(_numeric(row[place]) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        # As text: a cell such as "[b]" is data, and no markup.
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def _numeric(cell: str) -> bool:
    return not cell or cell.strip("*†‡ ").replace(",", "").lstrip("+-.")[:1].isdigit()


@contextmanager
def shown_warnings() -> Iterator[None]:
    """Show clirot's warnings as :func:`warn` does; those of other libraries stay as they are."""

    def show(message: str, category: type[Warning]) -> None:
        (note if issubclass(category, ChoiceNotice) else warn)(message)

    with hearing(ClirotWarning, show):
        yield


@contextmanager
def progress() -> Iterator[ProgressSink]:
    """A sink for progress: live bars on a terminal, a few lines elsewhere."""
    if sys.stderr.isatty():
        with _live_progress() as sink:
            yield sink
    else:
        plain = _PlainProgress()
        try:
            yield plain
        finally:
            plain.finish()


class _PlainProgress:
    """Progress as occasional lines, for logs; the last step of a phase is always among them."""

    def __init__(self) -> None:
        self._label = ""
        self._last = 0.0
        self._shown = self._newest = ""

    def __call__(self, step: Step) -> None:
        if step.label != self._label:
            self.finish()
        now = time.monotonic()
        finished = step.total is not None and step.done >= step.total
        soon = step.label == self._label and now - self._last < _PLAIN_INTERVAL_S
        self._newest = _line(step)
        if finished or not soon:
            self._label, self._last = step.label, now
            self.finish()

    def finish(self) -> None:
        """Show the last step of a phase where it has not been shown yet."""
        if self._newest != self._shown:
            note(self._newest)
            self._shown = self._newest


def _line(step: Step) -> str:
    if not step.done and step.total is None:  # a wait, in which nothing is counted
        return step.label
    of = f"/{step.total}" if step.total is not None else ""
    figures = "".join(f", {name} {value:.4g}" for name, value in step.figures)
    return f"{step.label}: {step.done}{of} {step.unit}{figures}"


@contextmanager
def _drawn_on(console: Console) -> Iterator[None]:
    _drawn.append(console)
    try:
        yield
    finally:
        _drawn.pop()


@contextmanager
def _live_progress() -> Iterator[ProgressSink]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    bars: Progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}{task.fields[figures]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    tasks: dict[str, Any] = {}
    with bars, _drawn_on(bars.console):

        def sink(step: Step) -> None:
            if step.label not in tasks:
                tasks[step.label] = bars.add_task(
                    step.label, total=step.total, speed="", figures=""
                )
            task = bars.tasks[bars.task_ids.index(tasks[step.label])]
            speed = f"{task.speed:.1f} {step.unit}/s" if task.speed else ""
            figures = "".join(f"  {name} {value:.4f}" for name, value in step.figures)
            bars.update(
                task.id, completed=step.done, total=step.total, speed=speed, figures=figures
            )

        yield sink
