"""An encoder whose vocabulary lacks a language gains subwords of it, in place.

The languages take their turns. Each learns subwords from its side of the bitext, on top of those
that the ones before it have learnt; the English side, and the languages that need no subwords, are
cut as before. Then each bitext is aligned, and the new subwords get their embeddings
(:mod:`~clirot.distillation.subwords.placement`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clirot.distillation.fast_tokenizer import replace_tokenizer
from clirot.distillation.settings import TransplantSettings
from clirot.distillation.subwords.base_vocabulary import BaseVocabulary
from clirot.distillation.subwords.coverage import Coverage, coverage
from clirot.distillation.subwords.growth import grown
from clirot.distillation.subwords.placement import aligned, merged, placed, plain_ids
from clirot.records import SentencePair

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder


@dataclass(frozen=True)
class Extension:
    """What an encoder has gained."""

    added: Mapping[str, int]
    """Language -> how many subwords it has added."""
    after: Mapping[str, Coverage]
    """The same languages -> how the vocabulary cuts them now."""
    first_new: int
    """The first new id."""
    explained: float
    """Share of the new subwords that the alignment found translations for."""
    changed: float
    """Share of the English sentences that are cut otherwise than before."""

    @property
    def new_subwords(self) -> int:
        """How many there are in all."""
        return sum(self.added.values())

    def figures(self) -> dict[str, Any]:
        """What a manifest says of it."""
        return {
            "new_subwords": self.new_subwords,
            "first_new": self.first_new,
            "explained": round(self.explained, 4),
            "english_changed": round(self.changed, 6),
            "added": dict(self.added),
            "coverage_after": {name: one.figures() for name, one in self.after.items()},
        }


def extend(
    model: MultiVectorEncoder,
    bitexts: Mapping[str, Sequence[SentencePair]],
    settings: TransplantSettings,
    *,
    wanted: Sequence[str],
    passes: Mapping[str, float],
) -> Extension:
    """Add subwords to a freshly loaded encoder, in place.

    Its ids stay what they are. New ones follow after the last id that a piece or an added token
    has. The table of embeddings may be longer than that; rows that no id uses are taken first, and
    those beyond the last new id stay.

    Args:
        model: the encoder; its tokenizer and its input embeddings are replaced.
        bitexts: language -> its training bitext; ``src`` in English.
        settings: how it is done.
        wanted: the languages to learn subwords of.
        passes: language -> how often training sees a pair of its bitext, relative to the others.

    Raises:
        UsageError: subwords cannot be added to the tokenizer.
    """
    import torch

    backbone: Any = model[0]
    begin = backbone.tokenizer
    original = BaseVocabulary(begin)
    base = original
    others = Counter[str]()
    for language, pairs in bitexts.items():
        others += base.words(pair.src for pair in pairs)
        if language not in wanted:
            others += base.words(pair.tgt for pair in pairs)
    parts: dict[str, tuple[str, ...]] = {}
    added: dict[str, int] = {}
    for language in wanted:
        words = base.words(pair.tgt for pair in bitexts[language])
        # Bitext has stray sentences of the one language on the side of the other.
        protected = {one for one, count in others.items() if count >= words[one]}
        growth = grown(base, words, protected, most=settings.vocabulary)
        for piece, old in growth.parts.items():
            parts[piece] = tuple(part for one in old for part in parts.get(one, (one,)))
        added[language] = len(growth.pieces)
        if growth.pieces:
            base = BaseVocabulary(base.with_model(growth.model))
    after = base.tokenizer
    first, size = original.first_new, base.first_new
    new = {base.ids[piece]: piece for piece in base.ids if base.ids[piece] >= first}
    replaced = {place: original.known(parts[new[place]]) for place in sorted(new)}

    longest = backbone.max_seq_length
    tables, sources = [], []
    for language in wanted:
        pairs = bitexts[language]
        source = plain_ids(begin, [pair.src for pair in pairs], longest)
        target = plain_ids(after, [pair.tgt for pair in pairs], longest)
        tables.append(
            aligned(target, source, n_target=size, n_english=first, sharpness=settings.sharpness)
        )
        sources.append((pairs, source))
    table = merged(tables, [passes[language] for language in wanted])
    body = backbone.auto_model
    weight = body.get_input_embeddings().weight
    old = weight.detach().cpu().float().numpy()
    vectors, explained = placed(old[:first], table, replaced, known=settings.same_spelling)
    if size > len(old):
        body.resize_token_embeddings(size, mean_resizing=False)
    weight = body.get_input_embeddings().weight
    with torch.no_grad():
        weight[first:size] = torch.from_numpy(vectors).to(weight)
    replace_tokenizer(model, after)
    return Extension(
        after={language: coverage(after, bitexts[language]) for language in wanted},
        added=added,
        first_new=first,
        explained=explained,
        changed=_changed(after, sources, longest),
    )


def _changed(tokenizer: Any, sources: Sequence[Any], longest: int | None) -> float:
    """Share of the English sentences whose ids are others now."""
    total = differ = 0
    for pairs, before in sources:
        now = plain_ids(tokenizer, [pair.src for pair in pairs], longest)
        total += len(now)
        differ += sum(
            not np.array_equal(one, other) for one, other in zip(before, now, strict=True)
        )
    return differ / max(total, 1)
