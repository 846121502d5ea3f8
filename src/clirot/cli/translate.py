"""``clirot translate``: topics or documents into another language, as TSV on stdout."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clirot.cli import console
from clirot.cli.options import with_options
from clirot.retrieval.translation.configuration import TranslateConfig
from clirot.settings import assembled

if TYPE_CHECKING:
    from clirot.retrieval.translation.translating import Translation


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
    from clirot.store import written

    config = assembled(TranslateConfig, settings)
    with ExitStack() as stack:
        stack.enter_context(console.shown_warnings())
        progress = stack.enter_context(console.progress())
        ready = translating.translate(config, progress=progress)
        for note in ready.notes:
            console.warn(note)
        file = stack.enter_context(written(out))[0] if out is not None else None
        rows: Iterable[Translation] = ready.rows(progress)
        if config.on_empty == "error":  # nothing is given out before all is well
            rows = list(rows)
        for row in rows:
            line = f"{row.id}\t{row.text}"
            if file is None:
                console.emit(line)
            else:
                file.write(f"{line}\n".encode())
    report = ready.report
    kept = f", {report.asked:,} of them anew" if ready.cached else ""
    languages = f"from {ready.src} " if ready.src is not None else ""
    console.note(
        f"translated: {report.texts:,} texts {languages}into {ready.tgt} by "
        f"{ready.translator.name}{kept}"
    )
    for remark in ready.remarks():
        console.warn(remark)
