"""A student with the subwords that its languages need, and no others.

Most of a multilingual encoder are the embeddings of subwords that bitext of one language does not
have: 96 of the 118 million parameters of multilingual-e5-small. The student is pruned before it is
trained. What it is trained and measured on is cut as before, so that it becomes the student that it
would have become; text with other words is cut into shorter pieces. How much of the held-out text
that would be is measured with a vocabulary that has not seen it.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
from torch import nn

from clirot.bitext.formats.lines import read_lines
from clirot.distillation.configuration import DistillConfig
from clirot.distillation.fast_tokenizer import replace_tokenizer
from clirot.distillation.pruned_tokenizer import Vocabulary
from clirot.distillation.subwords.placement import plain_ids
from clirot.distillation.training.vocabulary import occurring_ids
from clirot.errors import VocabularyWarning
from clirot.models import STUDENT_SIDES, Side
from clirot.store import Input

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder
    from transformers import PreTrainedTokenizerFast

    from clirot.distillation.preparation import Prepared

_MANY = 0.01
"""Share of the held-out words that are cut in another way, above which there is a warning."""


def vocabulary_inputs(config: DistillConfig) -> list[Input]:
    """The texts whose subwords are kept, with their digests.

    Raises:
        InputError: one cannot be read.
    """
    paths = config.vocabulary_texts if config.prune_vocabulary else ()
    return [Input.of_file("vocabulary text", path) for path in paths]


@dataclass(frozen=True)
class Pruned:
    """What became of a vocabulary."""

    ids: NDArray[np.int64]
    """``(pieces,)``: the former id of every piece, ascending."""
    figures: Mapping[str, float]
    """``pieces_before``, ``pieces_after``; ``bytes_before``, ``bytes_after`` (weights and
    tokenizer); ``development_pieces``: share of the pieces of the held-out text that would not have
    been kept without it; ``development_words``: share of its words that would be cut in another
    way."""

    def place(self, former: int | None) -> int | None:
        """Where the pieces begin that had this id and higher ones."""
        return int(np.searchsorted(self.ids, former)) if former is not None else None


def prune_student(model: MultiVectorEncoder, config: DistillConfig, prepared: Prepared) -> Pruned:
    """Prune a student's vocabulary to its bitext and the texts that were named, in place.

    Warns (VocabularyWarning) where much of the held-out text is cut in another way.

    Raises:
        InputError: a text cannot be read.
    """
    parts = prepared.parts.values()
    texts = [*prepared.material.sentences, *(pair.tgt for part in parts for pair in part.aside)]
    for path in config.vocabulary_texts:
        texts += [line for line in read_lines(path) if line.strip()]
    return prune(
        model,
        texts,
        [pair.tgt for part in parts for pair in part.development],
        sides=STUDENT_SIDES[config.side],
    )


def prune(
    model: MultiVectorEncoder,
    texts: Sequence[str],
    development: Sequence[str],
    *,
    sides: Sequence[Side],
) -> Pruned:
    """Take the subwords out of a model that these texts do not have, in place.

    Args:
        model: the model; its tokenizer, its input embeddings and the ids in its configuration are
            replaced.
        texts: what it is trained on, and more of its languages.
        development: what it is measured on. Its subwords are kept too, and it shows how much of
            other text is cut in another way.
        sides: how the model reads them.

    Raises:
        UsageError: the tokenizer is of a kind that cannot be pruned.
    """
    backbone: Any = model[0]
    tokenizer = backbone.tokenizer
    vocabulary = Vocabulary(tokenizer)
    before = _size(model)
    fixed = _fixed_ids(model)
    seen = vocabulary.closed([*occurring_ids(model, texts, sides=sides), *fixed], texts)
    every = [*texts, *development]
    held = occurring_ids(model, development, sides=sides)
    kept = vocabulary.closed([*seen, *held], every)
    figures = _lost(tokenizer, vocabulary.pruned(seen), seen, development)
    pieces = len(tokenizer)
    _replace(model, vocabulary.pruned(kept), kept)
    figures = {
        "pieces_before": pieces,
        "pieces_after": len(kept),
        "bytes_before": before,
        "bytes_after": _size(model),
        **figures,
    }
    if figures["development_words"] > _MANY:
        warnings.warn(
            f"{figures['development_words']:.1%} of the words of the held-out text would be cut "
            "into other subwords by a vocabulary that was pruned without it: other text has as "
            "many words that the student reads otherwise than its base. More text of its languages "
            "(`vocabulary_texts`) keeps more subwords",
            VocabularyWarning,
            stacklevel=2,
        )
    return Pruned(kept, figures)


def _fixed_ids(model: MultiVectorEncoder) -> set[int]:
    """The ids that the model itself names, and those that must keep their places."""
    backbone: Any = model[0]
    body, tokenizer = backbone.auto_model, backbone.tokenizer
    found = {one for config in _configs(body) for ids in _named(config).values() for one in ids}
    for module in model:
        if isinstance(module, MultiVectorMask):
            found.update(module.keep_only_token_ids or ())
            found.update(map(tokenizer.convert_tokens_to_ids, module.skiplist_words))
    positions: Any = getattr(getattr(body, "embeddings", None), "position_embeddings", None)
    if getattr(positions, "padding_idx", None) is not None:
        # RoBERTa and XLM-R count positions from the id of padding, which must not change.
        found.update(range(positions.padding_idx + 1))
    return {int(one) for one in found if one is not None}


def _configs(body: Any) -> list[Any]:
    """The configurations of a model: its own, that of its text part, that of generation."""
    every = [body.config, body.config.get_text_config(), getattr(body, "generation_config", None)]
    return list({id(one): one for one in every if one is not None}.values())


def _named(config: Any) -> dict[str, list[int]]:
    """Name of a setting -> the ids that it has."""
    found = {}
    for name, value in config.to_dict().items():
        if name.endswith(("_token_id", "_token_ids")) and isinstance(value, int | list):
            found[name] = value if isinstance(value, list) else [value]
    return found


def _replace(
    model: MultiVectorEncoder, tokenizer: PreTrainedTokenizerFast, kept: NDArray[np.int64]
) -> None:
    """Give a model another tokenizer, whose ids were these."""
    backbone: Any = model[0]
    body = backbone.auto_model
    new = {int(one): place for place, one in enumerate(kept)}
    table: nn.Parameter = body.get_input_embeddings().weight
    rows = table.detach()[torch.from_numpy(kept).to(table.device)].clone()
    former = {one: one.padding_idx for one in _embeddings(model, table)}
    body.resize_token_embeddings(len(kept), mean_resizing=False)
    table = body.get_input_embeddings().weight
    with torch.no_grad():
        table.copy_(rows)
    for one in _embeddings(model, table):
        padding = former.get(one)
        one.padding_idx = new.get(padding) if padding is not None else None
    for config in _configs(body):
        for name, ids in _named(config).items():
            places = [new[one] for one in ids if one in new]
            alone = not isinstance(getattr(config, name), list)
            setattr(config, name, (places[0] if places else None) if alone else places)
    for module in model:
        if isinstance(module, MultiVectorMask) and module.keep_only_token_ids is not None:
            module.keep_only_token_ids = [new[one] for one in module.keep_only_token_ids]
    replace_tokenizer(model, tokenizer)


def _embeddings(model: nn.Module, table: nn.Parameter) -> list[nn.Embedding]:
    """The modules that look a table up."""
    return [one for one in model.modules() if isinstance(one, nn.Embedding) and one.weight is table]


def _size(model: MultiVectorEncoder) -> int:
    """Bytes of the weights and of the tokenizer."""
    weights = {one.data_ptr(): int(one.nbytes) for one in model.state_dict().values()}
    tokenizer: Any = model.tokenizer
    return sum(weights.values()) + len(tokenizer.backend_tokenizer.to_str().encode())


def _lost(
    whole: PreTrainedTokenizerFast,
    pruned: PreTrainedTokenizerFast,
    ids: NDArray[np.int64],
    texts: Iterable[str],
) -> dict[str, float]:
    """How much of some texts a pruned tokenizer reads otherwise: shares of pieces and of words."""
    texts = list(texts)
    if not texts:
        return {"development_pieces": 0.0, "development_words": 0.0}
    pieces = np.concatenate(plain_ids(whole, texts))
    words = Counter(word for text in texts for word in text.split())
    cut = [
        [one.convert_ids_to_tokens(found.tolist()) for found in plain_ids(one, list(words))]
        for one in (whole, pruned)
    ]
    changed = sum(
        count for count, one, other in zip(words.values(), *cut, strict=True) if one != other
    )
    return {
        "development_pieces": round(float((~np.isin(pieces, ids)).mean()), 6),
        "development_words": round(changed / max(1, words.total()), 6),
    }
