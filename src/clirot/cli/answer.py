"""``clirot answer``: topics answered from what a run found, as TSV on stdout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from clirot.cli import console
from clirot.cli.options import with_options
from clirot.cli.rows import given_out
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

    config = assembled(AnswerConfig, settings)
    with given_out(
        lambda progress: answers.answer(config, progress=progress),
        lambda ready, progress: ((row.id, row.text) for row in ready.rows(progress)),
        out,
    ) as ready:
        report = ready.report
        console.note(
            f"answered: {report.topics:,} topics by {ready.reader.name}, {report.asked:,} of them "
            f"anew ({ready.digest[:12]})"
        )
