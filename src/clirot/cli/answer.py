"""``clirot answer``: topics answered from what a run found, as TSV on stdout."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from clirot.cli import console
from clirot.cli.options import with_options
from clirot.retrieval.answering.configuration import AnswerConfig
from clirot.settings import assembled


@with_options(
    AnswerConfig,
    names={"k": ("-k",), "closed_book": ("--closed-book",)},
    metavars={
        "model": "NAME",
        "collection": "ID|DIR",
        "run": "RUN",
        "topics_variant": "NAME",
        "prompt": "FILE",
    },
)
def answer(
    *,
    settings: dict[str, Any],
    out: Annotated[
        Path | None,
        typer.Option(help="Write to this file, when all is answered, instead of stdout."),
    ] = None,
) -> None:
    """Let a language model answer topics from what a run found for them, and write TSV.

    A row is the id of a topic and its answer, which may be empty. What was answered before is not
    asked again, so an interrupted command goes on where it stopped.
    """
    from clirot.retrieval.answering import answers
    from clirot.store import written

    config = assembled(AnswerConfig, settings)
    with ExitStack() as stack:
        stack.enter_context(console.shown_warnings())
        progress = stack.enter_context(console.progress())
        ready = answers.answer(config, progress=progress)
        for note in ready.notes:
            console.warn(note)
        file = stack.enter_context(written(out))[0] if out is not None else None
        for row in ready.rows(progress):
            line = f"{row.id}\t{row.text}"
            if file is None:
                console.emit(line)
            else:
                file.write(f"{line}\n".encode())
    report = ready.report
    console.note(
        f"answered: {report.topics:,} topics by {ready.reader.name}, {report.asked:,} of them "
        f"anew ({ready.digest[:12]})"
    )
    for remark in ready.remarks():
        console.warn(remark)
