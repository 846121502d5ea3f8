"""``clirot distill``: bitext into a student in the model registry."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from clirot.cli import console
from clirot.cli.documents import made
from clirot.cli.options import with_options
from clirot.distillation import DistillConfig, DistillResult
from clirot.records import LanguagePairs
from clirot.settings import assembled


@with_options(
    DistillConfig,
    names={
        "sources": ("--source",),
        "files": ("--file",),
        "vocabulary_texts": ("--vocabulary-text",),
        "control_files": ("--control-file",),
        "bridge_texts": ("--bridge-text",),
    },
    metavars={
        "sources": "NAME",
        "files": "FILE",
        "vocabulary_texts": "FILE",
        "control_files": "LANG=FILE",
        "bridge_texts": "FILE",
        "name": "NAME",
    },
)
def distill(
    *,
    settings: dict[str, Any],
    src: Annotated[str, typer.Option(help="The teacher's language: ISO 639 or BCP 47.")],
    tgt: Annotated[str, typer.Option(help="The student's language; several: so,sw,tl.")],
    as_json: Annotated[
        bool,
        typer.Option("--json", help="One JSON document: name, path, digest, what was measured."),
    ] = False,
) -> None:
    """Distil a student of one language or several from a teacher, and print the student's name.

    Fetches the recommended bitext first if there is none. A student that exists is returned at
    once; an interrupted distillation goes on from its last checkpoint.
    """
    from clirot.distillation import distill as run
    from clirot.processes import launched

    programs = [one for part in settings.get("report_to", ()) for one in part.split(",")]
    settings["report_to"] = tuple(dict.fromkeys(programs))
    config = assembled(DistillConfig, settings, pair=LanguagePairs.of(src, tgt))
    if launched()[0] > 0:  # of several processes only the first one speaks
        run(config)
        return
    with console.progress() as progress:
        result = run(config, progress=progress)
    _tell(result)
    if as_json:
        curves = str(result.tensorboard) if result.tensorboard is not None else None
        console.emit_json(made(result.artefact, fresh=result.fresh, tensorboard=curves))
    else:
        console.emit(result.name)


def _tell(result: DistillResult) -> None:
    """What came of it, in a few lines beside the student's name."""
    scores, best = result.development, result.best_epoch
    state = "distilled" if result.fresh else "student was there"
    kept = f"epoch {best} kept" if best else "before training"
    console.note(
        f"{state}: MAP on the development split {scores[0]:.3f} before training"
        + (f", {scores[best]:.3f} ({kept})" if len(scores) > 1 else "")
    )
    if scores.index(max(scores)) != best:
        entropy = result.development_entropy
        console.note(
            "  epochs of like MAP were told apart by the cross-entropy of the held-out sentences: "
            f"{entropy[0]:.3f} nats before training, {entropy[best]:.3f} kept"
        )
    if len(result.development_by_language) > 1:
        found = result.development_by_language
        listed = (f"{one} {each[best]:.3f}" for one, each in found.items())
        console.note(f"  of each language: {', '.join(listed)}")
    if result.controls:
        listed = (f"{one} {old:.3f} to {new:.3f}" for one, (old, new) in result.controls.items())
        console.note(f"  not trained on: {', '.join(listed)}")
    if bridge := result.artefact.manifest.results.get("bridge"):
        old, new = bridge["development_map"]
        console.note(
            f"  bridge of {bridge['sentences']:,} sentences: development MAP {old:.3f} to {new:.3f}"
        )
    if pruned := result.artefact.manifest.results.get("pruned"):
        console.note(
            f"  vocabulary: {pruned['pieces_after']:,} of {pruned['pieces_before']:,} pieces, "
            f"{pruned['bytes_after'] / 1e6:,.0f} of {pruned['bytes_before'] / 1e6:,.0f} MB; "
            f"{pruned['development_pieces']:.2%} of the held-out text's pieces were not in the rest"
        )
    if len(scores) > 1 and best == 0:
        also = " or the cross-entropy of the held-out sentences" if scores[0] == 1 else ""
        console.warn(
            f"no epoch improved the development MAP{also}: the student is the untrained one"
        )
    if result.tensorboard is not None:
        console.note(f"training curves: tensorboard --logdir {result.tensorboard}")
