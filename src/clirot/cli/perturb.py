"""``clirot perturb``: topics or bitext with the errors that people make, as TSV on stdout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from clirot.cli import console
from clirot.cli.options import with_options
from clirot.cli.rows import given_out
from clirot.retrieval.perturbation.configuration import PerturbConfig
from clirot.settings import assembled


@with_options(
    PerturbConfig,
    metavars={
        "kind": "KIND",
        "collection": "ID|DIR",
        "topics_variant": "NAME",
        "topics": "FILE",
        "bitext": "FILE",
    },
)
def perturb(
    *,
    settings: dict[str, Any],
    out: Annotated[
        Path | None,
        typer.Option(help="Write to this file, when all is perturbed, instead of stdout."),
    ] = None,
) -> None:
    """Perturb topics or bitext as people mistype, and write them as TSV.

    A row is an id and a text, as `search --topics` and the files of a collection have them; of
    bitext, source and target. The same seed gives the same rows, whatever stands beside them.
    """
    from clirot.retrieval.perturbation import perturbing

    config = assembled(PerturbConfig, settings)
    with given_out(
        lambda progress: perturbing.perturb(config, progress=progress),
        lambda ready, progress: ready.rows(progress),
        out,
    ) as ready:
        report = ready.report
        console.note(
            f"perturbed ({config.kind}): {report.changed:,} of {report.texts:,} texts changed, "
            f"{report.unchanged:,} unchanged; {report.edits:,} edits, "
            f"{report.edits_per_text:.2f} a text"
        )
