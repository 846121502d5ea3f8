"""Making a student: from bitext to the model registry.

:func:`distill` checks the request, gets the bitext and the model to start from
(:mod:`~clirot.distillation.start`), splits and encodes (:mod:`~clirot.distillation.preparation`),
trains (:mod:`~clirot.distillation.training.trainer`), and writes the student with its model card.
These modules are imported when they are needed, since every command's help imports this one.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clirot.distillation.configuration import (
    TEACHER,
    DistillConfig,
    checked_objective,
    warn_of_unused,
)
from clirot.distillation.trained_model import TrainedModel
from clirot.errors import ChoiceNotice, UsageError
from clirot.models import STUDENT_SIDES
from clirot.records import ProgressSink, SentencePair, silent
from clirot.store import Store

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

    from clirot.bitext import Bitext
    from clirot.distillation.objectives.objective import Objective
    from clirot.distillation.preparation import Prepared, Teacher
    from clirot.distillation.training.batches import Task
    from clirot.distillation.training.epochs import Report
    from clirot.processes import Processes
    from clirot.store import Draft


class DistillResult(TrainedModel):
    """A student in the registry."""

    @property
    def development(self) -> list[float]:
        """MAP on the development split: before training, then after every epoch. With several
        languages it is the mean over them, in which each counts alike.
        """
        return list(self.artefact.manifest.results["development_map"])

    @property
    def development_by_language(self) -> dict[str, list[float]]:
        """Language -> MAP on its development split: before training, then after every epoch."""
        results, target = self.artefact.manifest.results, self.artefact.manifest.config["tgt"]
        if isinstance(target, str):
            return {target: self.development}
        return dict(results["development_map_by_language"])

    @property
    def controls(self) -> dict[str, tuple[float, float]]:
        """Language that was not trained on -> MAP before and after training; the teacher's is
        among them. Empty where nothing was trained.
        """
        found = self.artefact.manifest.results.get("controls", {})
        return {language: (before, after) for language, (before, after) in found.items()}

    @property
    def development_entropy(self) -> list[float]:
        """Cross-entropy of the held-out translations in nats, by which epochs of like MAP are told
        apart: before training, then after every epoch. Empty where nothing was trained.
        """
        return list(self.artefact.manifest.results.get("development_entropy", []))


def distill(
    config: DistillConfig, *, store: Store | None = None, progress: ProgressSink = silent
) -> DistillResult:
    """Make the student, or find it made.

    Where the store has no bitext for the pair and none is named, the bitext that the catalogue
    recommends is fetched first. A call that was interrupted resumes from its last checkpoint. The
    same configuration, bitext and seed give the same weights on the same machine.

    Several processes that are started together (``torchrun``) share each batch out, and must share
    the store. All of them return the student, which only the first one writes.

    Warns of faults in the bitext (BitextWarning), of settings that this student has no use for
    (UnusedSettingWarning), of sentences that are longer than a model reads (CutTextWarning), and of
    what libraries say of the models (ModelWarning).

    Raises:
        UnknownNameError: there is no such model, objective or source.
        UsageError: the settings contradict each other.
        InputError: there is too little bitext.
        ArtefactError: a student of that name exists and was made otherwise.
    """
    from clirot.processes import launched, processes

    store = store if store is not None else Store()
    _, count = launched()
    if config.training.batch_size < count:
        raise UsageError(
            f"a batch of {config.training.batch_size} cannot be shared out among {count} processes",
            hint="raise `batch_size`, or launch fewer processes",
        )
    if config.bridge.bridge_texts and count > 1:
        raise UsageError(
            "a bridge is trained by one process",
            hint="make a student with `bridge_texts` in one process, and train others from it",
        )
    with processes() as together:
        if not together.first:
            from clirot.distillation.training.helping import help_first

            helped = help_first(together)
            return DistillResult(store.get("models", config.artefact_name), fresh=helped)
        result = _distill(config, store, progress, together)
        together.agree(None)  # there is nothing left to help with
        return result


@dataclass(frozen=True, kw_only=True)
class _Request:
    """What a student is made from, and how."""

    config: DistillConfig
    objective: Objective | None
    """None: nothing is trained."""
    bitexts: Mapping[str, Bitext]
    """Target language -> its bitext."""
    controls: Mapping[str, Sequence[SentencePair]]
    """Language that nothing is trained on -> its bitext."""
    teacher: Teacher
    cache: Path
    report: Report
    progress: ProgressSink


def _distill(
    config: DistillConfig, store: Store, progress: ProgressSink, together: Processes
) -> DistillResult:
    """Make the student, in the first process."""
    checked_objective(config)  # before a model is fetched
    from clirot.distillation.bitexts import bitexts_of
    from clirot.distillation.bridge import bridge_inputs
    from clirot.distillation.choice import choose
    from clirot.distillation.controls import control_bitexts, control_inputs
    from clirot.distillation.lineage import findable, lineage, model_input
    from clirot.distillation.model_card import model_card
    from clirot.distillation.preparation import Teacher
    from clirot.distillation.pruning import vocabulary_inputs
    from clirot.distillation.start import check_teacher, open_start, warn_of_seen
    from clirot.distillation.training.epochs import Report
    from clirot.store.manifest import fingerprint

    choice = choose(config, store)
    given, config, teacher, base = config, choice.config, choice.teacher, choice.base
    objective = checked_objective(config)
    warn_of_unused(given, config.student, objective)
    name, deciding = config.artefact_name, config.deciding()
    check_teacher(teacher, name)
    if base is not None and config.student != TEACHER:
        deciding["student"] = findable(base)  # however its path was written
    texts = [*vocabulary_inputs(config), *control_inputs(config), *bridge_inputs(config)]
    bitexts = bitexts_of(config, store, progress)
    inputs = (
        *(one for bitext in bitexts.values() for one in bitext.inputs),
        model_input("teacher", teacher),
        *([model_input("base", base)] if base else []),
        *texts,
    )
    made_from: dict[str, Any] = {"config": deciding, "inputs": inputs, "seed": config.training.seed}
    made = store.finished("models", name, replace=config.replace, **made_from)
    # Outside of the draft, which it outlives; other settings are another run.
    run = fingerprint("models", deciding, inputs, config.training.seed)[:8]
    reports = store.home / "reports" / name / run
    if made is not None:
        return DistillResult(made, fresh=False, tensorboard=reports if reports.is_dir() else None)
    if choice.because:
        message = f"the teacher is {teacher.name}, and the student starts as "
        start = "it does" if base is teacher else "a transplant of it"
        warnings.warn(f"{message}{start}: {choice.because}", ChoiceNotice, stacklevel=3)
    controls = control_bitexts(config) if objective is not None else {}
    model = open_start(config, teacher, base)
    warn_of_seen(base or teacher, config, inputs, store)
    request = _Request(
        config=config,
        objective=objective,
        bitexts=bitexts,
        controls=controls,
        teacher=Teacher.loaded(teacher),
        cache=store.home / "cache",
        report=Report(programs=config.report_to, name=name, directory=reports, settings=deciding),
        progress=progress,
    )
    with store.draft("models", name, **made_from) as draft:
        draft.results = _make(request, model, draft, together)
        before = lineage(inputs, store)
        card = model_card(name, config.pairs, deciding, inputs, draft.results, before)
        (draft.path / "README.md").write_text(card, encoding="utf-8")
    made = store.get("models", name)
    return DistillResult(made, fresh=True, tensorboard=reports if reports.is_dir() else None)


def _make(
    request: _Request, model: MultiVectorEncoder, draft: Draft, together: Processes
) -> dict[str, Any]:
    """Make the student's checkpoint in the draft, out of the model that it starts from.

    Returns:
        What was measured.
    """
    import torch

    from clirot.distillation.controls import Controls
    from clirot.distillation.objectives.objective import transports
    from clirot.distillation.preparation import development_maps, prepare
    from clirot.distillation.pruning import prune_student
    from clirot.distillation.start import start
    from clirot.distillation.training.epochs import macro_mean
    from clirot.distillation.training.trainer import best_device, train
    from clirot.encoding.encoders import save_model

    config, objective = request.config, request.objective
    torch.manual_seed(config.training.seed)
    cache, progress = request.cache, request.progress
    prepared = prepare(
        config, objective, request.bitexts, request.teacher, cache=cache, progress=progress
    )
    begun = start(model, config, prepared)
    model = begun.model
    results: dict[str, Any] = {
        **prepared.counted(request.bitexts, config.training.sampling_temperature),
        "start": dict(begun.figures),
    }
    added = begun.new_from
    if config.bridge.bridge_texts and objective is not None:
        from clirot.distillation.bridge import Bridge

        results["bridge"] = Bridge(
            config=config,
            objective=objective,
            prepared=prepared,
            cache=cache,
            scratch=draft.scratch / "bridge",
            progress=progress,
        ).cross(model)
    if config.prune_vocabulary:
        pruned = prune_student(model, config, prepared)
        results["pruned"], added = dict(pruned.figures), pruned.place(added)
    if objective is None:
        by_language = [development_maps(model, prepared.developments)]
        results |= {"development_map": [macro_mean(by_language[0])], "best_epoch": 0}
    else:
        task = _task(request, model, prepared, draft.scratch, new_from=added)
        controls = Controls.of(config, prepared, request.teacher.ref, request.controls)
        before = controls.measured(model)
        if together.count > 1:  # the other processes take these up in help_first
            begin = draft.scratch / "start"
            save_model(model, begin)
            together.agree(begin)
            together.agree(task)
        found, report = prepared.developments, request.report
        history = train(model, task, found, processes=together, progress=progress, report=report)
        by_language = history.languages
        results |= {
            "development_map": history.development,
            "development_entropy": history.entropy,
            "loss": history.loss,
            "plan": history.figures,
            "loss_curve": history.curve,
            "best_epoch": history.best_epoch,
            "cut_texts": {"teacher": prepared.material.teacher.cut.row, "student": history.cut},
        }
        after = controls.measured(model)
        results["controls"] = {one: [before[one], after[one]] for one in before}
        if transports(objective):  # which solver found the plans
            results["solver"] = config.objective_settings.plan.resolved(best_device())
    if len(request.bitexts) > 1:
        results["development_map_by_language"] = {
            language: [one[language] for one in by_language] for language in request.bitexts
        }
    save_model(model, draft.path)
    return results


def _task(
    request: _Request,
    model: MultiVectorEncoder,
    prepared: Prepared,
    scratch: Path,
    *,
    new_from: int | None,
) -> Task:
    """What is trained: the settings as they are, and the objective with what it needs to know.

    Args:
        request: what the student is made from.
        model: the student before training.
        prepared: its sentences and the teacher's vectors.
        scratch: a directory for the state of the training.
        new_from: the first subword that the student has gained; None: there is none.
    """
    from clirot.distillation.corpus_statistics import corpus_statistics
    from clirot.distillation.objectives.objective import informed
    from clirot.distillation.training.batches import Task
    from clirot.distillation.training.plan_figures import plan_of

    config, sides = request.config, STUDENT_SIDES[request.config.side]
    assert request.objective is not None
    corpus = corpus_statistics(
        plan_of(request.objective).plan,
        model,
        prepared.material,
        sides=sides,
        teacher_tokenizer=prepared.documents.model.tokenizer,
        translations=prepared.english,
    )
    return Task(
        settings=config.training,
        objective=informed(request.objective, corpus),
        temperature=config.objective_settings.contrast.temperature,
        material=prepared.material,
        scratch=scratch,
        sides=sides,
        new_from=new_from,
    )
