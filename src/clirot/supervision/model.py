"""Training a model on judged topics: from a collection to the model registry.

:func:`train` checks the request, reads topics, judgements and what was mined
(:mod:`~clirot.supervision.preparation`), trains by the trainer that `distill` has
(:mod:`clirot.distillation.training.trainer`), and writes the model with its card. These modules are
imported when they are needed, since every command's help imports this one.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clirot.distillation.trained_model import TrainedModel
from clirot.errors import ChoiceNotice, UsageError
from clirot.known_models import KNOWN
from clirot.records import ProgressSink, silent
from clirot.store import Store
from clirot.supervision.configuration import TrainConfig

if TYPE_CHECKING:
    from clirot.distillation.training.epochs import Report
    from clirot.models import ModelRef
    from clirot.processes import Processes
    from clirot.store import Draft
    from clirot.supervision.preparation import Request

LEFT_OUT = "left-out.qrels"
"""In a model: the judgements of the topics that were left out, to test on."""


class TrainResult(TrainedModel):
    """A model in the registry that was trained on judged topics."""

    @property
    def measure(self) -> str:
        """What :attr:`development` is."""
        return str(self.artefact.manifest.results["measure"])

    @property
    def development(self) -> list[float]:
        """The measure on the held-out topics: before training, then after every epoch."""
        return list(self.artefact.manifest.results["development"])

    @property
    def left_out(self) -> Path | None:
        """File of the judgements that were left out, to test on; None: none were."""
        path = self.artefact.path / LEFT_OUT
        return path if path.is_file() else None


def train(
    config: TrainConfig, *, store: Store | None = None, progress: ProgressSink = silent
) -> TrainResult:
    """Train the model, or find it trained.

    A call that was interrupted resumes from its last checkpoint. The same configuration, inputs and
    seed give the same weights on the same machine. Several processes that are started together
    (``torchrun``) share each batch out, and must share the store; all return the model, which only
    the first one writes.

    Warns of texts that are longer than the model reads (CutTextWarning), of a base that was made
    for one side only (ChoiceNotice), and of what libraries say of the models (ModelWarning).

    Raises:
        UnknownNameError: there is no such model, collection or variant.
        UsageError: the settings contradict each other.
        InputError: the collection has no judgements, nothing relevant, too few topics or no
            negatives; or a run is of other topics or documents.
        ArtefactError: a model of that name exists and was made otherwise.
    """
    from clirot.processes import launched, processes

    store = store if store is not None else Store()
    _, count = launched()
    if config.training.batch_size % count:
        raise UsageError(
            f"a batch of {config.training.batch_size} groups cannot be shared out evenly among "
            f"{count} processes",
            hint="choose a multiple (`batch_size`)",
        )
    with processes() as together:
        if not together.first:
            from clirot.distillation.training.helping import help_first

            helped = help_first(together)
            return TrainResult(store.get("models", config.artefact_name), fresh=helped)
        result = _train(config, store, progress, together)
        together.agree(None)  # there is nothing left to help with
        return result


def _train(
    config: TrainConfig, store: Store, progress: ProgressSink, together: Processes
) -> TrainResult:
    """Train the model, in the first process."""
    name = config.artefact_name
    _check(config, name)
    from clirot.distillation.training.epochs import Report
    from clirot.store.manifest import fingerprint
    from clirot.supervision.preparation import requested

    request = requested(config, store, progress)
    _check_base(request.base, name)
    deciding = config.deciding()
    seed = config.training.seed
    made_from: dict[str, Any] = {"config": deciding, "inputs": request.inputs, "seed": seed}
    made = store.finished("models", name, replace=config.replace, **made_from)
    # Outside of the draft, which it outlives; other settings are another run.
    run = fingerprint("models", deciding, request.inputs, seed)[:8]
    reports = store.home / "reports" / name / run
    if made is not None:
        return TrainResult(made, fresh=False, tensorboard=reports if reports.is_dir() else None)
    report = Report(programs=config.report_to, name=name, directory=reports, settings=deciding)
    with store.draft("models", name, **made_from) as draft:
        draft.results = _make(request, draft, report, together)
        _write_card(request, draft, store)
    made = store.get("models", name)
    return TrainResult(made, fresh=True, tensorboard=reports if reports.is_dir() else None)


def _check(config: TrainConfig, name: str) -> None:
    """Check what can be checked before any work."""
    from clirot.distillation.configuration import check_reporters

    if name in KNOWN:
        raise UsageError(
            f"{name!r} is the name of a known model: a trained one of that name could not be found",
            hint="choose another `name`",
        )
    check_reporters(config.report_to)
    if config.training.lora_rank:
        from clirot.distillation.training.trainer import check_adapters_installed

        check_adapters_installed()


def _check_base(base: ModelRef, name: str) -> None:
    """Refuse a model that would replace the one that it is trained from; warn of a base that does
    not encode both sides.
    """
    if base.origin == "made" and base.name == name:
        raise UsageError(
            f"the model {name} would replace the one that it is trained from",
            hint="give it another `name`",
        )
    if base.teacher is not None and len(base.encodes) == 1:
        own, other = "topics", "documents"
        if base.encodes == ("document",):
            own, other = other, own
        warnings.warn(
            f"{base.name} was distilled to read {own}, and its teacher {base.teacher.name} reads "
            f"its {other}; the trained model reads both by itself, and needs an index of its own",
            ChoiceNotice,
            stacklevel=4,
        )


def _make(request: Request, draft: Draft, report: Report, together: Processes) -> dict[str, Any]:
    """Train the model's checkpoint in the draft.

    Returns:
        What was measured.
    """
    import torch

    from clirot.distillation.training.trainer import train as train_lesson
    from clirot.encoding.encoders import load_model, save_model
    from clirot.supervision.preparation import prepared

    settings = request.config.training
    torch.manual_seed(settings.seed)  # for weights that a checkpoint lacks
    model = load_model(request.base.path, prompts=request.base.prompts)
    ready = prepared(request, draft.scratch)
    if together.count > 1:  # the other processes take these up in help_first
        begin = draft.scratch / "start"
        save_model(model, begin)
        together.agree(begin)
        together.agree(ready.lesson)
    history = train_lesson(
        model,
        ready.lesson,
        {"held out": ready.development},
        processes=together,
        progress=request.progress,
        report=report,
    )
    save_model(model, draft.path)
    if ready.left_out:
        lines = (
            f"{topic} 0 {document} {grade}\n"
            for topic, judged in ready.left_out.items()
            for document, grade in judged.items()
        )
        (draft.path / LEFT_OUT).write_text("".join(lines), encoding="utf-8")
    return {
        **ready.counts,
        "held_out": list(ready.development.topics),
        "languages": request.languages,
        "reads": list(request.reads),
        "measure": request.config.topics.measure,
        "development": history.development,
        "development_entropy": history.entropy,
        "loss": history.loss,
        "loss_curve": history.curve,
        "best_epoch": history.best_epoch,
        "cut_texts": history.cut,
    }


def _write_card(request: Request, draft: Draft, store: Store) -> None:
    from clirot.supervision.model_card import model_card

    card = model_card(request, draft.results, store)
    (draft.path / "README.md").write_text(card, encoding="utf-8")
