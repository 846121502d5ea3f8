"""Bitext made ready to train on: it is split, and its English side is encoded.

Everything follows from the bitext, the tokenizers and the teacher, so a run that is resumed finds
the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clirot.distillation.configuration import DistillConfig
from clirot.distillation.objectives.objective import Objective
from clirot.distillation.training.batches import Material
from clirot.distillation.training.development import (
    Development,
    Split,
    by_text,
    pool,
    split_together,
)
from clirot.distillation.training.lengths import warn_of_cut
from clirot.distillation.training.plan_figures import WATCHED_PAIRS, plan_of
from clirot.distillation.training.reading import reading_of
from clirot.distillation.training.sampling import draws
from clirot.distillation.training.teacher_tokens import Reading, TeacherTokens, teacher_tokens
from clirot.encoding.encoders import MultiVectorTokenEncoder, load_encoder
from clirot.encoding.overflow import noting_cuts
from clirot.models import STUDENT_SIDES, ModelRef, Side
from clirot.records import ProgressSink, SentencePair

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

    from clirot.bitext import Bitext


@dataclass(frozen=True)
class Teacher:
    """The teacher, loaded to read documents; it is loaded before anything is written."""

    ref: ModelRef
    documents: MultiVectorTokenEncoder

    @classmethod
    def loaded(cls, ref: ModelRef) -> Teacher:
        """Load it.

        Raises:
            InputError: it is not a model that can be loaded, or is not whole.
        """
        return cls(ref, load_encoder(ref, side="document"))


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Bitext that is ready to train on."""

    parts: Mapping[str, Split]
    """Language -> its bitext."""
    material: Material
    english: Sequence[str]
    """The sentence of every row of the teacher's tokens."""
    documents: MultiVectorTokenEncoder
    """The teacher, reading documents."""
    developments: Mapping[str, Development]
    """Language -> its development task."""

    def counted(self, bitexts: Mapping[str, Bitext], temperature: float) -> dict[str, Any]:
        """How many sentence pairs there are in all, and of each of several languages.

        Args:
            bitexts: language -> its bitext.
            temperature: by which the languages are sampled.
        """
        each = {
            language: {
                "pairs": len(bitexts[language].pairs),
                "training_pairs": len(part.train),
                "development_pairs": len(part.development),
                "set_aside": len(part.aside),
            }
            for language, part in self.parts.items()
        }
        found: dict[str, Any] = {
            name: sum(one[name] for one in each.values()) for name in next(iter(each.values()))
        }
        found["duplicates_across_sources"] = sum(
            sum(bitext.dropped.values()) for bitext in bitexts.values()
        )
        if own := len(self.material.sentences) - found["training_pairs"]:
            found["source_sentences"] = own
        if len(each) > 1:
            drawn = draws(self.material.sizes, temperature)
            found["languages"] = {
                language: {**one, "drawn_an_epoch": count}
                for (language, one), count in zip(each.items(), drawn, strict=True)
            }
        return found


def prepare(
    config: DistillConfig,
    objective: Objective | None,
    bitexts: Mapping[str, Bitext],
    teacher: Teacher,
    *,
    cache: Path,
    progress: ProgressSink,
) -> Prepared:
    """Split the bitext and encode its English side.

    Args:
        config: the settings.
        objective: what is trained on; its plan decides what is read off the teacher. None: nothing
            is trained.
        bitexts: language -> its bitext.
        teacher: who encodes the English side.
        cache: directory for caches.
        progress: told of sentences encoded.

    Raises:
        InputError: too little bitext.
        UsageError: the teacher has no such layer, or cannot be filled with ``[MASK]``.
    """
    parts = split_together(
        {language: bitext.pairs for language, bitext in bitexts.items()},
        development=config.training.development,
    )
    documents = teacher.documents
    training = _training_pairs(parts, config.training.source_share)
    english = [pair.src for pairs in training.values() for pair in pairs]
    # Each sentence is encoded once: corpora translate the same English into several languages, and
    # objectives recognise the copies of a sentence by its row.
    place = {sentence: row for row, sentence in enumerate(dict.fromkeys(english))}
    rows, english = [place[sentence] for sentence in english], list(place)
    reading = _reading(config, objective, documents)
    tokens = encoded(config, objective, documents, english, cache, progress)
    # Tokens of sentences filled with masks are not the teacher's tokens of documents.
    known = {} if config.mask_padding else place
    sides = STUDENT_SIDES[config.side]
    developments = {}
    for language, part in parts.items():
        task = development_task(part, sides, teacher.ref, documents, tokens=tokens, row=known)
        if objective is not None:
            task = _watched(task, reading, filled=config.mask_padding > 0)
        developments[language] = task
    return Prepared(
        parts=parts,
        material=Material(
            sentences=[pair.tgt for pairs in training.values() for pair in pairs],
            rows=rows,
            sizes=[len(pairs) for pairs in training.values()],
            teacher=tokens,
        ),
        english=english,
        documents=documents,
        developments=developments,
    )


def encoded(
    config: DistillConfig,
    objective: Objective | None,
    documents: MultiVectorTokenEncoder,
    sentences: Sequence[str],
    cache: Path,
    progress: ProgressSink,
) -> TeacherTokens:
    """The teacher's tokens of sentences, with what the objective's plan reads off them.

    It warns (CutTextWarning) of sentences that are longer than the teacher reads.

    Args:
        config: the settings.
        objective: what is trained on; None: nothing is.
        documents: the teacher, reading documents.
        sentences: distinct ones.
        cache: directory for caches.
        progress: told of sentences encoded.
    """
    reads_more = config.mask_padding or _asked_for(objective)
    reader = _reading(config, objective, documents) if reads_more else documents
    with noting_cuts(documents.model) as cuts:
        tokens = teacher_tokens(reader, sentences, cache=cache, cuts=cuts, progress=progress)
    warn_of_cut(tokens.cut, len(sentences), f"the teacher, {documents.name},")
    return tokens


def _asked_for(objective: Objective | None) -> frozenset[str]:
    return plan_of(objective).plan.asks_for if objective is not None else frozenset()


def _reading(
    config: DistillConfig, objective: Objective | None, documents: MultiVectorTokenEncoder
) -> Reading:
    layer = config.objective_settings.plan.teacher_layer
    return reading_of(
        documents,
        layer=layer if "layer" in _asked_for(objective) else None,
        mask_padding=config.mask_padding,
    )


def _training_pairs(parts: Mapping[str, Split], share: float) -> dict[str, list[SentencePair]]:
    """Language -> its pairs, and after them sentences of the teacher's language with themselves, so
    many for each pair. They are chosen by their text alone.
    """
    found = {}
    for language, part in parts.items():
        wanted = round(share * len(part.train))
        sources = dict.fromkeys(pair.src for pair in by_text(part.train)) if wanted else {}
        own = [SentencePair(one, one) for one in islice(sources, wanted)]
        found[language] = [*part.train, *own]
    return found


def development_maps(
    model: MultiVectorEncoder, developments: Mapping[str, Development]
) -> dict[str, float]:
    """Language -> MAP of a student on its development task."""
    found = {}
    for language, task in developments.items():
        encoder = MultiVectorTokenEncoder(model, side=task.side, name="student", digest="")
        found[language] = task.mean_average_precision(task.student_tokens(encoder))
    return found


def development_task(
    part: Split,
    sides: Sequence[Side],
    teacher: ModelRef,
    documents: MultiVectorTokenEncoder,
    *,
    tokens: TeacherTokens | None = None,
    row: Mapping[str, int] | None = None,
) -> Development:
    """The development task of the first side.

    Args:
        part: the bitext.
        sides: how the student reads its sentences.
        teacher: who reads the English ones.
        documents: the teacher, reading documents.
        tokens: what is encoded already.
        row: in which row of ``tokens`` a sentence is; it is not encoded again.
    """
    row = row if row is not None and tokens is not None else {}
    held = dict.fromkeys(pair.src for pair in part.development)
    wanted = pool(part) if sides[0] == "query" else list(held)
    unseen = [sentence for sentence in wanted if sentence not in row]
    vectors = dict(zip(unseen, documents.encode(unseen), strict=True))
    if tokens is not None:
        vectors |= {sentence: tokens[row[sentence]] for sentence in wanted if sentence in row}
    if sides[0] == "query":
        return Development.of(part, vectors)
    topics = load_encoder(teacher, side="query").encode(list(held))
    return Development.of(part, vectors, queries=dict(zip(held, topics, strict=True)))


def _watched(task: Development, reading: Reading, *, filled: bool) -> Development:
    """The task with all that is known of the teacher's tokens of its first pairs, whose plans are
    watched during training; read as in training.
    """
    tokens = [one for batch in reading.read(task.english[:WATCHED_PAIRS]) for one in batch]
    if not filled:
        # The vectors are there already; those of another batch would differ by rounding.
        known = zip(tokens, task.translations, strict=False)
        tokens = [one._replace(vectors=vectors) for one, vectors in known]
    return replace(task, watched=tokens)
