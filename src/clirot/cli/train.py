"""``clirot train``: judged topics into a model in the model registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from clirot.cli import console
from clirot.cli.options import with_options
from clirot.settings import assembled
from clirot.supervision import TrainConfig, TrainResult
from clirot.supervision.configuration import MEASURES

_SAID = {
    "judged_topics_without_text": "judged topics have no text in this language",
    "topics_with_nothing_relevant": "topics have nothing relevant",
    "topics_without_relevant": "topics have no relevant document in the collection",
    "relevant_not_in_collection": "relevant documents are not in the collection",
    "mined_not_in_collection": "mined documents are not in the collection",
    "topics_filled_up": "topics get random negatives too, since few were mined for them",
    "false_negatives_left_out": "negatives were left out that the teacher scores near the relevant "
    "document",
    "groups_with_too_few_negatives": "relevant documents are left out, for want of negatives",
    "relevant_not_trained_on": "relevant documents are beyond those that a topic trains on "
    "(--positives)",
    "left_out_topics": "topics are left out to test on",
    "development_topics_sharing_relevant": "held-out topics have a relevant document that is "
    "trained on for another topic",
}
"""Name of a count -> what is said of so many."""


@with_options(
    TrainConfig,
    metavars={
        "model": "NAME",
        "collection": "ID|DIR",
        "name": "NAME",
        "teacher": "NAME",
        "negatives": "bm25|judged|docpairs|scoreddocs|RUN",
    },
)
def train(
    *,
    settings: dict[str, Any],
    as_json: Annotated[
        bool,
        typer.Option("--json", help="One JSON document: name, path, digest, what was measured."),
    ] = False,
) -> None:
    """Train an encoder on a collection's judged topics, and print the model's name.

    Negatives are mined by BM25 unless a run is named. A model that exists is returned at once; an
    interrupted training goes on from its last checkpoint.
    """
    from clirot.processes import launched
    from clirot.supervision import train as run

    programs = [one for part in settings.get("report_to", ()) for one in part.split(",")]
    settings["report_to"] = tuple(dict.fromkeys(programs))
    config = assembled(TrainConfig, settings)
    if launched()[0] > 0:  # of several processes only the first one speaks
        run(config)
        return
    with console.progress() as progress:
        result = run(config, progress=progress)
    _tell(result)
    if not as_json:
        console.emit(result.name)
        return
    manifest = result.artefact.manifest
    console.emit_json(
        {
            "name": result.name,
            "path": str(result.artefact.path),
            "digest": manifest.digest,
            "fresh": result.fresh,
            "left_out": str(result.left_out) if result.left_out is not None else None,
            "tensorboard": str(result.tensorboard) if result.tensorboard is not None else None,
            "results": manifest.results,
        }
    )


def _tell(result: TrainResult) -> None:
    """What came of it, in a few lines beside the model's name."""
    scores, best = result.development, result.best_epoch
    counts: Mapping[str, Any] = result.artefact.manifest.results
    state = "trained" if result.fresh else "model was there"
    kept = f"epoch {best} kept" if best else "before training"
    console.note(
        f"{state}: {MEASURES[result.measure]} on held-out topics {scores[0]:.3f} before training, "
        f"{scores[best]:.3f} ({kept})"
    )
    console.note(
        f"  {counts['groups']:,} groups of {counts['training_topics']:,} topics; "
        f"{counts['development_topics']:,} topics held out, searched in "
        f"{counts['development_documents']:,} documents"
    )
    for name, what in _SAID.items():
        if counts.get(name):
            console.note(f"  {counts[name]:,} {what}")
    if result.left_out is not None:
        console.note(f"  judgements to test on: {result.left_out}")
    if best == 0:
        console.warn("no epoch improved on the model as it was: it is the untrained one")
    if result.tensorboard is not None:
        console.note(f"training curves: tensorboard --logdir {result.tensorboard}")
