"""The student, from bitext to the model registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clirot.distillation.bitext import bitexts_of
from clirot.distillation.configuration import TRANSPLANT, UNTRAINED, DistillConfig
from clirot.distillation.fitting import assign, assist, fit
from clirot.distillation.forebears import check_teacher, warn_of_seen
from clirot.distillation.preparation import Prepared, prepare, watched_translations
from clirot.distillation.starting import open_start, start, transplant_config
from clirot.distillation.unused import warn_of_unused
from clirot.errors import UsageError
from clirot.models import KNOWN, STUDENT_SIDES
from clirot.records import ProgressSink, silent
from clirot.store import Artefact, Input, Store

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

    from clirot.bitext import Bitext
    from clirot.distillation.objectives.objective import Objective
    from clirot.distillation.training.processes import Processes
    from clirot.distillation.training.reporting import Report
    from clirot.models import ModelRef


@dataclass(frozen=True)
class DistillResult:
    """A student in the registry."""

    artefact: Artefact
    fresh: bool
    """False where it was there already."""
    tensorboard: Path | None = None
    """Directory of the reports for TensorBoard, where there are any."""

    @property
    def name(self) -> str:
        """Its name in the model registry."""
        return self.artefact.name

    @property
    def development(self) -> list[float]:
        """MAP on the development split: before training, then after every epoch; of several
        languages the mean, in which each counts alike.
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
    def best_epoch(self) -> int:
        """The epoch whose weights were kept; 0 is the student before training."""
        return int(self.artefact.manifest.results["best_epoch"])


def distill(
    config: DistillConfig, *, store: Store | None = None, progress: ProgressSink = silent
) -> DistillResult:
    """Make the student, or find it made.

    Fetches the catalogue's recommended bitext first if the store has nothing for the pair and
    neither sources nor files are given. An interrupted call resumes from its last checkpoint; the
    same configuration, bitext and seed give the same weights on the same machine.

    Several processes started together (``torchrun``) share each batch out, and must share the
    store; all of them return the student, which only the first writes.

    Warns of faults in the bitext (BitextWarning), and of settings that the objective has no use for
    (UnusedSettingWarning).

    Raises:
        UnknownNameError: no such model, objective or source.
        UsageError: a setting that the objective cannot have.
        InputError: too little bitext.
        ArtefactError: a student of that name exists and was made otherwise.
    """
    from clirot.distillation.training.processes import launched, processes

    store = store if store is not None else Store()
    _, count = launched()
    if config.batch_size < count:
        raise UsageError(
            f"a batch of {config.batch_size} cannot be shared out among {count} processes",
            hint="raise --batch-size, or launch fewer processes",
        )
    with processes() as together:
        if not together.first:
            helped = assist(config, together)
            return DistillResult(store.get("models", config.artefact_name), fresh=helped)
        result = _distill(config, store, progress, together)
        together.agree(None)  # nothing is left to help with
        return result


def _distill(
    config: DistillConfig, store: Store, progress: ProgressSink, together: Processes
) -> DistillResult:
    from clirot.distillation.training.reporting import Report
    from clirot.models import resolve
    from clirot.store.manifest import fingerprint

    name, deciding = config.artefact_name, config.deciding()
    if name in KNOWN:
        raise UsageError(
            f"{name!r} is the name of a known model: a student of that name could not be found",
            hint="choose another --name",
        )
    objective = _objective(config)
    warn_of_unused(config, objective)
    if config.report_to:
        from clirot.distillation.training.reporting import check_reporters

        check_reporters(config.report_to)
        if objective is None:
            raise UsageError("there is no training to report on with objective none")
    if config.lora_rank:
        from clirot.distillation.training.adapters import check_installed

        check_installed()
    if config.student == TRANSPLANT:
        transplant_config(config)
    teacher = resolve(config.teacher, store)
    check_teacher(teacher, name)
    base = None if config.student == TRANSPLANT else resolve(config.student, store)
    if base is not None:
        deciding["student"] = _findable(base)  # however its path was written
    bitexts = bitexts_of(config, store, progress)
    inputs = (
        *(one for bitext in bitexts.values() for one in bitext.inputs),
        Input(kind="teacher", name=_findable(teacher), digest=teacher.digest),
        *([Input(kind="base", name=_findable(base), digest=base.digest)] if base else []),
    )
    made = store.finished(
        "models", name, config=deciding, inputs=inputs, seed=config.seed, replace=config.replace
    )
    # Beside the students, for it outlives the draft; other settings are another run.
    run = fingerprint("models", deciding, inputs, config.seed)[:8]
    report = Report(name=name, directory=store.home / "reports" / name / run, settings=deciding)
    if made is not None:
        return DistillResult(made, fresh=False, tensorboard=_existing(report.directory))
    student = open_start(config, teacher, base)
    warn_of_seen(base or teacher, config, inputs, store)
    with store.draft("models", name, config=deciding, inputs=inputs, seed=config.seed) as draft:
        draft.results = _train(
            config,
            objective,
            bitexts,
            teacher,
            student,
            store,
            draft.path,
            draft.scratch,
            progress,
            together,
            report,
        )
        _write_card(draft.path, config, deciding, inputs, draft.results)
    made = store.get("models", name)
    return DistillResult(made, fresh=True, tensorboard=_existing(report.directory))


def _existing(directory: Path) -> Path | None:
    return directory if directory.is_dir() else None


def _findable(ref: ModelRef) -> str:
    """The name by which a model is found again later, from whatever directory."""
    return str(ref.path) if ref.origin == "path" else ref.name


def _objective(config: DistillConfig) -> Objective | None:
    """What to train on; None: nothing."""
    if config.objective == UNTRAINED:
        return None
    from clirot.distillation.objectives.objective import objective_of

    objective = objective_of(config.objective, config.objectives())
    if objective.in_batch and config.batch_size == 1:
        raise UsageError(
            f"objective {config.objective!r} compares the sentences of a batch, and batches of 1 "
            "have nothing to compare",
            hint="raise --batch-size",
        )
    return objective


def _train(
    config: DistillConfig,
    objective: Objective | None,
    bitexts: Mapping[str, Bitext],
    teacher: ModelRef,
    model: MultiVectorEncoder,
    store: Store,
    target: Path,
    scratch: Path,
    progress: ProgressSink,
    together: Processes,
    report: Report,
) -> dict[str, Any]:
    """Make the student's checkpoint in ``target``, of the opened model that it starts from; returns
    what was measured.
    """
    import torch

    from clirot.distillation.training.epochs import macro_mean

    torch.manual_seed(config.seed)
    prepared = prepare(
        config, objective, bitexts, teacher, cache=store.home / "cache", progress=progress
    )
    model, transplanted = start(model, config, prepared)
    results: dict[str, Any] = {**_counted(config, bitexts, prepared), "start": dict(transplanted)}
    if objective is None:
        by_language = [_untrained(model, config, prepared)]
        results |= {"development_map": [macro_mean(by_language[0])], "best_epoch": 0}
    else:
        objective = _informed(config, objective, model, prepared)
        if together.count > 1:
            begin = scratch / "start"
            _save(model, begin)
            assign(together, begin, scratch, objective, prepared.material)
        history = fit(
            config,
            model,
            objective,
            prepared.material,
            prepared.developments,
            watched_translations(config, prepared),
            scratch=scratch,
            together=together,
            progress=progress,
            report=report,
        )
        by_language = history.languages
        results |= {
            "development_map": history.development,
            "loss": history.loss,
            "plan": history.figures,
            "loss_curve": history.curve,
            "best_epoch": history.best_epoch,
        }
    if len(bitexts) > 1:
        results["development_map_by_language"] = {
            language: [one[language] for one in by_language] for language in bitexts
        }
    _save(model, target)
    return results


def _counted(
    config: DistillConfig, bitexts: Mapping[str, Bitext], prepared: Prepared
) -> dict[str, Any]:
    """How much bitext there is, in all and of each of several languages."""
    from clirot.distillation.training.batching import draws

    parts, sizes = prepared.parts, prepared.material.sizes
    found: dict[str, Any] = {
        "pairs": sum(len(bitext.pairs) for bitext in bitexts.values()),
        "training_pairs": sum(sizes),
        "development_pairs": sum(len(part.development) for part in parts.values()),
        "set_aside": sum(len(part.aside) for part in parts.values()),
        "duplicates_across_sources": sum(
            sum(bitext.dropped.values()) for bitext in bitexts.values()
        ),
    }
    if len(parts) > 1:
        drawn_pairs = draws(sizes, config.sampling_temperature)
        found["languages"] = {
            language: {
                "pairs": len(bitexts[language].pairs),
                "training_pairs": len(part.train),
                "development_pairs": len(part.development),
                "set_aside": len(part.aside),
                "drawn_an_epoch": drawn,
            }
            for (language, part), drawn in zip(parts.items(), drawn_pairs, strict=True)
        }
    return found


def _untrained(
    model: MultiVectorEncoder, config: DistillConfig, prepared: Prepared
) -> dict[str, float]:
    """Language -> MAP of the student as it starts."""
    from clirot.encoding.encoders import MultiVectorTokenEncoder

    side = STUDENT_SIDES[config.side][0]
    encoder = MultiVectorTokenEncoder(model, side=side, name="student", digest="")
    return {
        language: task.mean_average_precision(task.student_tokens(encoder))
        for language, task in prepared.developments.items()
    }


def _informed(
    config: DistillConfig, objective: Objective, model: MultiVectorEncoder, prepared: Prepared
) -> Objective:
    """The objective with what its plans want to know of the bitext."""
    from clirot.distillation.objectives.objective import informed
    from clirot.distillation.training.corpus_statistics import corpus_statistics
    from clirot.distillation.training.diagnostics import plan_of

    corpus = corpus_statistics(
        plan_of(objective).plan,
        model,
        prepared.material,
        sides=STUDENT_SIDES[config.side],
        teacher_tokenizer=prepared.documents.model.tokenizer,
        translations=prepared.english,
    )
    return informed(objective, corpus)


def _save(model: MultiVectorEncoder, target: Path) -> None:
    """Write the checkpoint.

    A fast tokenizer remembers how its last call cut and padded, and would save that: a run resumed
    after its last step made other calls than an uninterrupted one.
    """
    from clirot.encoding.encoders import quiet_libraries

    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is not None:
        backend.no_truncation()
        backend.no_padding()
    with quiet_libraries():
        model.save_pretrained(str(target), create_model_card=False)


def _write_card(
    target: Path,
    config: DistillConfig,
    deciding: Mapping[str, Any],
    inputs: tuple[Input, ...],
    results: Mapping[str, Any],
) -> None:
    from clirot.distillation.model_card import model_card

    (target / "README.md").write_text(
        model_card(config.artefact_name, config.pairs, deciding, inputs, results),
        encoding="utf-8",
    )
