"""Bitext made ready to train on: it is split, and its English side is encoded.

Also what a transport plan needs to know of the training bitext: frequencies, means, translations.
The teacher's side is one language and is counted over all pairs. The student's subwords are counted
and aligned in each language by itself: pooled counts would make every word of a language with
little bitext look rare, and would divide a subword's translations among the languages that spell it
alike. The bitext counts as it is, whatever the sampling temperature.

Everything follows from the bitext, the tokenizers and the teacher, so a run that is resumed finds
the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clirot.bitext.translation_table import ibm1
from clirot.distillation.configuration import DistillConfig
from clirot.distillation.objectives.objective import Objective
from clirot.distillation.objectives.transport import (
    CorpusStatistics,
    Lexicon,
    Transform,
    inverse_document_frequency,
)
from clirot.distillation.settings import LAST_LAYER, PlanSettings
from clirot.distillation.subwords.placement import plain_ids
from clirot.distillation.training.batches import Material, draws
from clirot.distillation.training.development import (
    WATCHED_PAIRS,
    Development,
    Split,
    plan_of,
    pool,
    split_together,
)
from clirot.distillation.training.reading import reading_of, token_ids
from clirot.distillation.training.teacher_tokens import Reading, TeacherTokens, teacher_tokens
from clirot.encoding.encoders import MultiVectorTokenEncoder, load_encoder
from clirot.models import STUDENT_SIDES, ModelRef, Side
from clirot.records import ProgressSink

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

    from clirot.bitext import Bitext


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
        if len(each) > 1:
            drawn = draws(self.material.sizes, temperature)
            found["languages"] = {
                language: {**one, "drawn_an_epoch": count}
                for (language, one), count in zip(each.items(), drawn, strict=True)
            }
        return found

    def measured(self, model: MultiVectorEncoder) -> dict[str, float]:
        """Language -> MAP of a student on its development task."""
        found = {}
        for language, task in self.developments.items():
            encoder = MultiVectorTokenEncoder(model, side=task.side, name="student", digest="")
            found[language] = task.mean_average_precision(task.student_tokens(encoder))
        return found


def prepare(
    config: DistillConfig,
    objective: Objective | None,
    bitexts: Mapping[str, Bitext],
    teacher: ModelRef,
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
    documents = load_encoder(teacher, side="document")
    english = [pair.src for part in parts.values() for pair in part.train]
    # Each sentence is encoded once: corpora translate the same English into several languages, and
    # objectives recognise the copies of a sentence by its row.
    place = {sentence: row for row, sentence in enumerate(dict.fromkeys(english))}
    rows, english = [place[sentence] for sentence in english], list(place)
    asked_for = plan_of(objective).plan.asks_for if objective is not None else frozenset[str]()
    reading = reading_of(
        documents,
        layer=config.objective_settings.plan.teacher_layer if "layer" in asked_for else None,
        mask_padding=config.mask_padding,
    )
    tokens = teacher_tokens(
        reading if config.mask_padding or asked_for else documents,
        english,
        cache=cache,
        progress=progress,
    )
    # Tokens of sentences filled with masks are not the teacher's tokens of documents.
    encoded = {} if config.mask_padding else place
    sides = STUDENT_SIDES[config.side]
    developments = {}
    for language, part in parts.items():
        task = development_task(part, sides, teacher, documents, tokens=tokens, row=encoded)
        if objective is not None:
            task = _watched(task, reading, filled=config.mask_padding > 0)
        developments[language] = task
    return Prepared(
        parts=parts,
        material=Material(
            sentences=[pair.tgt for part in parts.values() for pair in part.train],
            rows=rows,
            sizes=[len(part.train) for part in parts.values()],
            teacher=tokens,
        ),
        english=english,
        documents=documents,
        developments=developments,
    )


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


_SAMPLE = 200_000
"""Tokens that a mean and a covariance are fitted on: hundreds for each entry of a mean."""


def corpus_statistics(
    plan: PlanSettings,
    student: MultiVectorEncoder,
    material: Material,
    *,
    sides: Sequence[Side],
    teacher_tokenizer: Any,
    translations: Sequence[str],
) -> CorpusStatistics:
    """What a plan with these settings needs, and no more.

    Args:
        plan: the settings.
        student: its tokenizer and prompts are used.
        material: the student's training sentences, and the teacher's tokens of their translations,
            with ids where the plan needs them.
        sides: how the student reads its sentences; a sentence has the ids of both readings.
        teacher_tokenizer: the teacher's.
        translations: the English sentence of every row of the teacher's tokens.
    """
    found: dict[str, Any] = {}
    teacher, rows = material.teacher, material.rows
    if plan.marginals == "idf":
        readings = [token_ids(student, material.sentences, side=side) for side in sides]
        own = [np.concatenate(ids) for ids in zip(*readings, strict=True)]
        found["student_idf"] = idf_of_languages(
            [own[part] for part in material.languages()], len(student.tokenizer)
        )
        ids = (teacher.sentence(row).ids for row in rows)
        found["teacher_idf"] = idf_table(
            (one for one in ids if one is not None), len(teacher_tokenizer)
        )
    if plan.centring in ("corpus", "whiten"):
        found["transform"] = Transform.fitted(
            _sample(teacher, rows, of_layer=plan.teacher_layer != LAST_LAYER),
            whiten=plan.centring == "whiten",
        )
    if plan.lexical_prior:
        bitexts = [
            (material.sentences[part], [translations[row] for row in rows[part]])
            for part in material.languages()
        ]
        found["lexicon"] = lexicon_of(student.tokenizer, teacher_tokenizer, bitexts)
    return CorpusStatistics(**found)


def idf_of_languages(languages: Sequence[Sequence[NDArray[np.int64]]], vocabulary: int) -> Tensor:
    """Inverse document frequency of a student's ids: ``(vocabulary,)``, or longer if ids go beyond.

    An id that several languages have gets the lowest of their values. An id that no language has
    gets the highest possible value of the largest language.

    Args:
        languages: for each language, the ids of every sentence.
        vocabulary: the number of ids.
    """
    highest = max((int(ids.max()) for one in languages for ids in one if len(ids)), default=0)
    tables = torch.stack([idf_table(one, max(vocabulary, highest + 1)) for one in languages])
    none = torch.zeros(1)
    absent = torch.stack([inverse_document_frequency(none, len(one)) for one in languages])
    lowest = tables.masked_fill(tables >= absent, float("inf")).amin(dim=0)
    return torch.where(lowest.isinf(), tables.amax(dim=0), lowest)


def idf_table(documents: Iterable[NDArray[np.int64]], vocabulary: int) -> Tensor:
    """Inverse document frequency of every id: ``(vocabulary,)``, or longer if ids go beyond."""
    kinds = [np.unique(ids) for ids in documents]
    every = np.concatenate([*kinds, np.zeros(0, dtype=np.int64)]).astype(np.int64)
    frequency = np.bincount(every, minlength=vocabulary)
    return inverse_document_frequency(torch.from_numpy(frequency), len(kinds))


def lexicon_of(
    student_tokenizer: Any,
    teacher_tokenizer: Any,
    bitexts: Sequence[tuple[Sequence[str], Sequence[str]]],
) -> Lexicon:
    """Which subwords of two tokenizers translate each other, by IBM model 1 over each bitext.

    The probability is ``sqrt(t(e|f) t(f|e))``, the geometric mean of both directions, so that a
    rare word which happens to occur beside another does not count as its translation. A pair that
    several languages have gets the largest of their values.

    Args:
        student_tokenizer: the student's.
        teacher_tokenizer: the teacher's.
        bitexts: for each language, its sentences and their translations.
    """
    sides = [
        (plain_ids(student_tokenizer, own), plain_ids(teacher_tokenizer, other))
        for own, other in bitexts
    ]
    sizes = [
        1 + max((int(ids.max()) for side in sides for ids in side[place] if len(ids)), default=0)
        for place in (0, 1)
    ]
    found: Any = None
    for own, other in sides:
        forward = ibm1(list(zip(own, other, strict=True)), n_target=sizes[0], n_english=sizes[1])
        backward = ibm1(list(zip(other, own, strict=True)), n_target=sizes[1], n_english=sizes[0])
        both = forward.probability.multiply(backward.probability.T).sqrt().tocsr()
        found = both if found is None else found.maximum(both)
    entries = found.tocoo()
    return Lexicon(
        torch.from_numpy(entries.row.astype(np.int64)),
        torch.from_numpy(entries.col.astype(np.int64)),
        torch.from_numpy(entries.data),
    )


def _sample(teacher: TeacherTokens, rows: Sequence[int], *, of_layer: bool) -> Tensor:
    """Unit vectors of evenly chosen sentences that hold about the wanted number of tokens."""
    stride = max(1, teacher.tokens(rows) // _SAMPLE)
    parts: list[NDArray[np.float32]] = []
    for row in rows[::stride]:
        one = teacher.sentence(row)
        parts.append(one.layer if of_layer and one.layer is not None else one.vectors)
    sample = torch.from_numpy(np.concatenate(parts))
    return torch.nn.functional.normalize(sample, dim=1)
