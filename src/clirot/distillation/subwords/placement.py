"""Where new subwords start among the input embeddings, from a word alignment of the bitext.

IBM model 1 aligns the subwords of both sides. A subword starts at the mean of the embeddings of its
translations, weighted by how likely they are: the idea of WECHSEL (Minixhofer, Paischer and
Rekabsaz 2022, arXiv 2112.06598) with a bitext in place of two spaces of word vectors, as in
Trans-Tokenization (Remy et al. 2024, arXiv 2408.04303).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clirot.bitext.translation_table import TranslationTable, ibm1

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]


def plain_ids(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], longest: int | None = None
) -> list[Ids]:
    """The ids of the subwords of each text, without special tokens, cut at ``longest``."""
    cut = longest is not None
    encoded = tokenizer(
        list(texts), add_special_tokens=False, truncation=cut, max_length=longest, verbose=False
    )
    return [np.asarray(ids, dtype=np.int64) for ids in encoded["input_ids"]]


def aligned(
    target: Sequence[Ids],
    english: Sequence[Ids],
    *,
    n_target: int,
    n_english: int,
    sharpness: float,
) -> TranslationTable:
    """Weights of English subwords as translations of those of another language.

    The probabilities of both directions are multiplied, so that a rare English word which happens
    to occur beside a subword does not collect its mass ("garbage collection"). Rows of subwords
    that occur in the bitext sum to 1.

    Args:
        target: the ids of each sentence, below ``n_target``.
        english: the ids of each translation, below ``n_english``.
        n_target: number of target subwords.
        n_english: number of English subwords.
        sharpness: see :class:`~clirot.distillation.settings.TransplantSettings`.

    Returns:
        ``(n_target, n_english)``.
    """
    from scipy import sparse

    forward = ibm1(list(zip(target, english, strict=True)), n_target=n_target, n_english=n_english)
    backward = ibm1(list(zip(english, target, strict=True)), n_target=n_english, n_english=n_target)
    weights = forward.probability.power(sharpness).multiply(backward.probability.T).tocsr()
    sums = np.asarray(weights.sum(axis=1)).ravel()
    inverse = np.divide(1.0, sums, out=np.zeros_like(sums), where=sums > 0)
    return TranslationTable(
        probability=(sparse.diags(inverse) @ weights).tocsr(), evidence=forward.evidence
    )


def merged(tables: Sequence[TranslationTable], passes: Sequence[float]) -> TranslationTable:
    """One table for several languages: each row is a mean, weighted by evidence times ``passes``,
    that is by how often training will see the subword in each language.
    """
    from scipy import sparse

    if len(tables) == 1:
        return tables[0]
    evidence = np.stack(
        [table.evidence * often for table, often in zip(tables, passes, strict=True)]
    )
    total = evidence.sum(axis=0)  # (subwords,)
    share = np.divide(evidence, total, out=np.zeros_like(evidence), where=total > 0)
    rows = [
        sparse.diags(part) @ table.probability for part, table in zip(share, tables, strict=True)
    ]
    return TranslationTable(probability=sum(rows[1:], start=rows[0]).tocsr(), evidence=total)


def placed(
    old: Floats,
    table: TranslationTable,
    replaced: Mapping[int, Sequence[int]],
    *,
    known: float,
) -> tuple[Floats, float]:
    """Input embeddings of new subwords.

    Each is a mean of two: of the embeddings of its translations, and of those of the old subwords
    that it replaces, which is what the encoder knows of it already (Gee et al. 2022, "Fast
    Vocabulary Transfer", arXiv 2402.09977). The first weighs as much as there is evidence for it in
    the bitext. A mean of vectors is shorter than they are; it is stretched to their mean length.

    Args:
        old: ``(subwords, dim)``, the encoder's embeddings.
        table: ``(ids, subwords)`` translations.
        replaced: id of each new subword -> the ids of the old ones that it is made of, as far as
            the vocabulary has them.
        known: how much evidence the old subwords are, in expected alignments.

    Returns:
        ``(new, dim)`` embeddings in the order of ``replaced``, and the share of the new subwords
        that the bitext has translations for.
    """
    used = table.probability[list(replaced)].tocsr() if replaced else table.probability[:0]
    columns = np.unique(used.indices)
    vectors = np.asarray(old[columns], dtype=np.float64)
    compact = used[:, columns]
    translated = compact @ vectors
    lengths = compact @ np.linalg.norm(vectors, axis=1)
    seen = np.diff(used.indptr) > 0
    usual = old.mean(axis=0, dtype=np.float64)
    usual_length = float(np.linalg.norm(old, axis=1).mean())
    found = np.empty((len(replaced), old.shape[1]))
    for row, (place, parts) in enumerate(replaced.items()):
        evidence = float(table.evidence[place]) if seen[row] else 0.0
        prior = known if parts else 0.0
        if not evidence + prior:
            mean, length = usual, usual_length
        else:
            own = np.asarray(old[list(parts)], dtype=np.float64)
            mean = evidence * translated[row] if evidence else np.zeros(old.shape[1])
            length = evidence * lengths[row] if evidence else 0.0
            if prior:
                mean = mean + prior * own.mean(axis=0)
                length += prior * float(np.linalg.norm(own, axis=1).mean())
            mean, length = mean / (evidence + prior), length / (evidence + prior)
        found[row] = mean * (length / max(float(np.linalg.norm(mean)), 1e-12))
    return found, float(seen.mean()) if len(seen) else 1.0
