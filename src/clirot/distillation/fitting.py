"""The training itself, as each of several processes does it, or the only one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clirot.distillation.configuration import TRANSPLANT, DistillConfig
from clirot.errors import ClirotError
from clirot.models import STUDENT_SIDES
from clirot.records import ProgressSink, silent

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

    from clirot.distillation.objectives.objective import Objective
    from clirot.distillation.objectives.tokens import SentenceTokens
    from clirot.distillation.training.development import Development
    from clirot.distillation.training.epochs import History
    from clirot.distillation.training.material import Material
    from clirot.distillation.training.processes import Processes
    from clirot.distillation.training.reporting import Report


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What the first of several processes asks the others to help with."""

    start: Path
    """The student before training."""
    scratch: Path
    objective: Objective
    """With what it knows of the bitext, which is not worked out again."""
    sentences: Sequence[str]
    rows: Sequence[int]
    sizes: Sequence[int]
    tokens: Path
    """The teacher's."""


def assign(
    together: Processes, start: Path, scratch: Path, objective: Objective, material: Material
) -> None:
    """Ask the other processes to help; they take it up in :func:`assist`."""
    together.agree(
        Assignment(
            start=start,
            scratch=scratch,
            objective=objective,
            sentences=material.sentences,
            rows=material.rows,
            sizes=material.sizes,
            tokens=material.teacher.directory,
        )
    )


def assist(config: DistillConfig, together: Processes) -> bool:
    """Help the first process train what it trains; False where it did not have to.

    Raises:
        ClirotError: this process does not see what the first one wrote.
    """
    from clirot.distillation.training.material import Material
    from clirot.distillation.training.teacher_tokens import TeacherTokens
    from clirot.encoding.encoders import load_model

    wanted: Assignment | None = together.agree()
    if wanted is None:
        return False
    if not wanted.start.is_dir():
        raise ClirotError(
            f"this process does not see {wanted.start}, which the first one wrote",
            hint="all processes of a training must share CLIROT_HOME",
        )
    material = Material(
        sentences=wanted.sentences,
        rows=wanted.rows,
        sizes=wanted.sizes,
        teacher=TeacherTokens(wanted.tokens),
    )
    fit(
        config,
        load_model(wanted.start),
        wanted.objective,
        material,
        scratch=wanted.scratch,
        together=together,
    )
    together.agree()
    return True


def fit(
    config: DistillConfig,
    model: MultiVectorEncoder,
    objective: Objective,
    material: Material,
    developments: Mapping[str, Development] | None = None,
    translations: Mapping[str, Sequence[SentenceTokens]] | None = None,
    *,
    scratch: Path,
    together: Processes,
    progress: ProgressSink = silent,
    report: Report | None = None,
) -> History:
    """Train the student in place: see :func:`clirot.distillation.training.trainer.train`."""
    from clirot.distillation.training.adapters import adapted
    from clirot.distillation.training.trainer import Recipe, train
    from clirot.encoding.encoders import quiet_libraries

    transplanted = config.student == TRANSPLANT
    with quiet_libraries(), adapted(model, rank=config.lora_rank, embeddings=transplanted):
        return train(
            model,
            material,
            objective,
            developments or {},
            Recipe(
                epochs=config.epochs,
                batch_size=config.batch_size,
                accumulate=config.accumulate,
                checkpointing=config.checkpointing,
                learning_rate=config.learning_rate,
                embedding_learning_rate=config.embedding_learning_rate,
                warmup=config.warmup,
                max_tokens=config.max_tokens,
                seed=config.seed,
                sampling_temperature=config.sampling_temperature,
            ),
            sides=STUDENT_SIDES[config.side],
            translations=translations,
            scratch=scratch,
            progress=progress,
            processes=together,
            report_to=config.report_to,
            report=report,
        )
