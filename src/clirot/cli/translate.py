"""``clirot translate``: topics or documents into another language, as TSV on stdout."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clirot.cli import console
from clirot.cli.options import with_options
from clirot.cli.rows import given_out
from clirot.retrieval.translation.configuration import TranslateConfig
from clirot.settings import assembled

if TYPE_CHECKING:
    from clirot.records import ProgressSink
    from clirot.retrieval.translation.translating import Translations


@with_options(
    TranslateConfig,
    metavars={
        "model": "NAME",
        "command": "PROGRAM",
        "collection": "ID|DIR",
        "topics_variant": "NAME",
        "topics": "FILE",
    },
)
def translate(
    *,
    settings: dict[str, Any],
    out: Annotated[
        Path | None,
        typer.Option(help="Write to this file, when all is translated, instead of stdout."),
    ] = None,
) -> None:
    """Translate topics or documents by a model or another program, and write them as TSV.

    A row is an id and a text, as `search --topics` and the files of a collection have them. What
    was translated before is not translated again, so an interrupted command goes on where it
    stopped.
    """
    from clirot.retrieval.translation import translating

    config = assembled(TranslateConfig, settings)

    def rows(ready: Translations, progress: ProgressSink) -> Iterable[tuple[str, ...]]:
        found = ((row.id, row.text) for row in ready.rows(progress))
        # Where an empty translation is an error, nothing is given out before all is well.
        return list(found) if config.on_empty == "error" else found

    with given_out(
        lambda progress: translating.translate(config, progress=progress), rows, out
    ) as ready:
        report = ready.report
        kept = f", {report.asked:,} of them anew" if ready.cached else ""
        languages = f"from {ready.src} " if ready.src is not None else ""
        console.note(
            f"translated: {report.texts:,} texts {languages}into {ready.tgt} by "
            f"{ready.translator.name}{kept}"
        )
