"""What a transport plan wants to know of the training bitext: counted, fitted, aligned.

All of it follows from the bitext, the tokenizers and the teacher, so that a resumed run works it
out again as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clirot.models import Side
from clirot.objectives import CorpusStatistics, Transport
from clirot.objectives.costs import Lexicon, Transform
from clirot.objectives.marginals import inverse_document_frequency
from clirot.objectives.transport import LAST_LAYER
from clirot.training.reading import token_ids
from clirot.training.teacher_tokens import TeacherTokens
from clirot.translation import ibm1

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

_SAMPLE = 200_000
"""Tokens that a mean and a covariance are fitted on: some hundred for each entry of a mean."""


def corpus_statistics(
    plan: Transport,
    student: MultiVectorEncoder,
    sentences: Sequence[str],
    *,
    side: Side,
    teacher: TeacherTokens,
    teacher_tokenizer: Any,
    translations: Sequence[str],
) -> CorpusStatistics:
    """What the settings of ``plan`` ask for, and no more.

    Args:
        plan: whose settings to look at.
        student: its tokenizer and prompts.
        sentences: the student's training sentences.
        side: as what the student reads them.
        teacher: the teacher's tokens of the translations, with ids where the plan asks for them.
        teacher_tokenizer: the teacher's.
        translations: the translations; row ``k`` is that of the ``k``-th sentence.
    """
    found: dict[str, Any] = {}
    if plan.marginals == "idf":
        own = token_ids(student, sentences, side=side)
        ids = (teacher.sentence(row).ids for row in range(len(teacher)))
        found["student_idf"] = idf_table(own, len(student.tokenizer))
        found["teacher_idf"] = idf_table(
            (one for one in ids if one is not None), len(teacher_tokenizer)
        )
    if plan.centring in ("corpus", "whiten"):
        found["transform"] = Transform.fitted(
            _sample(teacher, of_layer=plan.teacher_layer != LAST_LAYER),
            whiten=plan.centring == "whiten",
        )
    if plan.lexical_prior:
        found["lexicon"] = lexicon_of(student.tokenizer, sentences, teacher_tokenizer, translations)
    return CorpusStatistics(**found)


def idf_table(documents: Iterable[NDArray[np.int64]], vocabulary: int) -> Tensor:
    """Inverse document frequency of every id: ``(vocabulary,)``, or more if ids go beyond."""
    kinds = [np.unique(ids) for ids in documents]
    every = np.concatenate([*kinds, np.zeros(0, dtype=np.int64)]).astype(np.int64)
    frequency = np.bincount(every, minlength=vocabulary)
    return inverse_document_frequency(torch.from_numpy(frequency), len(kinds))


def lexicon_of(
    student_tokenizer: Any,
    sentences: Sequence[str],
    teacher_tokenizer: Any,
    translations: Sequence[str],
) -> Lexicon:
    """Which subwords of two tokenizers translate each other, by IBM model 1 over a bitext.

    The probability is ``sqrt(t(e|f) t(f|e))``, the geometric mean of both directions, so that a
    rare word which happens to occur beside another does not count as its translation.
    """
    own = _plain_ids(student_tokenizer, sentences)
    other = _plain_ids(teacher_tokenizer, translations)
    sizes = [
        1 + max((int(ids.max()) for ids in side if len(ids)), default=0) for side in (own, other)
    ]
    forward = ibm1(list(zip(own, other, strict=True)), n_target=sizes[0], n_english=sizes[1])
    backward = ibm1(list(zip(other, own, strict=True)), n_target=sizes[1], n_english=sizes[0])
    both = forward.probability.multiply(backward.probability.T).sqrt().tocoo()
    return Lexicon(
        torch.from_numpy(both.row.astype(np.int64)),
        torch.from_numpy(both.col.astype(np.int64)),
        torch.from_numpy(both.data),
    )


def _plain_ids(tokenizer: Any, texts: Sequence[str]) -> list[NDArray[np.int64]]:
    encoded = tokenizer(list(texts), add_special_tokens=False, verbose=False)
    return [np.asarray(ids, dtype=np.int64) for ids in encoded["input_ids"]]


def _sample(teacher: TeacherTokens, *, of_layer: bool) -> Tensor:
    """Unit vectors of evenly chosen sentences, as many as hold the wanted number of tokens."""
    stride = max(1, teacher.tokens // _SAMPLE)
    parts: list[NDArray[np.float32]] = []
    for row in range(0, len(teacher), stride):
        one = teacher.sentence(row)
        parts.append(one.layer if of_layer and one.layer is not None else one.vectors)
    sample = torch.from_numpy(np.concatenate(parts))
    return torch.nn.functional.normalize(sample, dim=1)
