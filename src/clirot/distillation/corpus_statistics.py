"""What a transport plan needs to know of the training bitext: frequencies, means, translations.

The teacher's side is one language and is counted over all pairs. The student's subwords are counted
and aligned in each language by itself: pooled counts would make every word of a language with
little bitext look rare, and would divide a subword's translations among the languages that spell it
alike. The bitext counts as it is, whatever the sampling temperature.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clirot.bitext.translation_table import ibm1
from clirot.distillation.objectives.transport import (
    CorpusStatistics,
    Lexicon,
    Transform,
    inverse_document_frequency,
)
from clirot.distillation.settings import LAST_LAYER, PlanSettings
from clirot.distillation.subwords.placement import plain_ids
from clirot.distillation.training.batches import Material
from clirot.distillation.training.reading import token_ids
from clirot.distillation.training.teacher_tokens import TeacherTokens
from clirot.models import Side

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

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
