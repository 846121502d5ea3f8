"""The bridge: a student learns the teacher's tokens on the teacher's own language first.

Where the best teacher reads English alone and the student is a multilingual encoder, the two have
nothing in common when training begins, and bitext is scarce. English text is not. So the student
first learns to read English as the teacher does, from text that needs no translation, and then its
language from bitext. Its other languages follow English as far as the encoder has them aligned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clirot.bitext.formats.lines import read_lines
from clirot.distillation.configuration import DistillConfig
from clirot.distillation.corpus_statistics import corpus_statistics
from clirot.distillation.objectives.objective import Objective, informed
from clirot.distillation.preparation import Prepared, development_maps, encoded
from clirot.distillation.training.batches import Material, Task
from clirot.distillation.training.development import FEWEST_PAIRS
from clirot.distillation.training.epochs import macro_mean
from clirot.distillation.training.plan_figures import plan_of
from clirot.distillation.training.trainer import train
from clirot.errors import InputError
from clirot.models import STUDENT_SIDES
from clirot.records import ProgressSink
from clirot.store import Input

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder


def bridge_inputs(config: DistillConfig) -> list[Input]:
    """The texts of the bridge, with their digests.

    Raises:
        InputError: one cannot be read.
    """
    return [Input.of_file("bridge text", path) for path in config.bridge.bridge_texts]


@dataclass(frozen=True, kw_only=True)
class Bridge:
    """What a student crosses before it sees bitext."""

    config: DistillConfig
    objective: Objective
    prepared: Prepared
    cache: Path
    """Directory for caches."""
    scratch: Path
    """Directory for the state of this training. A bridge that was interrupted goes on from it."""
    progress: ProgressSink

    def cross(self, model: MultiVectorEncoder) -> dict[str, Any]:
        """Train ``model`` in place on text in the teacher's language.

        The epoch is kept that finds the held-out sentences best by their own text, in the teacher's
        language; none of these is trained on.

        Returns:
            How many sentences there were, and the development MAP of the student in its own
            languages and in the teacher's: before the bridge, and after it.

        Raises:
            InputError: there is too little text, or it cannot be read.
        """
        config, prepared = self.config, self.prepared
        sentences = self._sentences()
        tokens = encoded(
            config, self.objective, prepared.documents, sentences, self.cache, self.progress
        )
        material = Material(
            sentences=sentences, rows=range(len(sentences)), sizes=[len(sentences)], teacher=tokens
        )
        corpus = corpus_statistics(
            plan_of(self.objective).plan,
            model,
            material,
            sides=STUDENT_SIDES[config.side],
            teacher_tokenizer=prepared.documents.model.tokenizer,
            translations=sentences,
        )
        self.scratch.mkdir(exist_ok=True)
        task = Task(
            # All of the way: what the student was has another space than the teacher.
            settings=replace(config.training, epochs=config.bridge.bridge_epochs, start_share=0.0),
            objective=informed(self.objective, corpus),
            temperature=config.objective_settings.contrast.temperature,
            material=material,
            scratch=self.scratch,
            sides=STUDENT_SIDES[config.side],
        )
        own = {
            language: replace(each, texts=each.untranslated, watched=())
            for language, each in prepared.developments.items()
        }
        before = macro_mean(development_maps(model, prepared.developments))
        history = train(model, task, own, progress=self.progress)
        after = macro_mean(development_maps(model, prepared.developments))
        return {
            "sentences": len(sentences),
            "development_map": [before, after],
            "source_development_map": history.development,
            "loss": history.loss,
            "best_epoch": history.best_epoch,
            "cut_texts": {"teacher": tokens.cut.row, "student": history.cut},
        }

    def _sentences(self) -> Sequence[str]:
        """The different sentences of the texts, without those that are held out."""
        held = {
            sentence for task in self.prepared.developments.values() for sentence in task.english
        }
        found = dict.fromkeys(
            line.strip() for path in self.config.bridge.bridge_texts for line in read_lines(path)
        )
        kept = [sentence for sentence in found if sentence and sentence not in held]
        if len(kept) < FEWEST_PAIRS:
            raise InputError(
                f"the bridge has {len(kept)} different sentences, at least {FEWEST_PAIRS} are "
                "needed",
                hint="`bridge_texts` are files with a sentence a line, in the teacher's language",
            )
        return kept
