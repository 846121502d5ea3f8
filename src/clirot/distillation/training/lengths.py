"""How long the training sentences are, how much of them is read, and which of them are cut."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clirot.cut_texts import CutTexts
from clirot.distillation.training.batches import Task
from clirot.distillation.training.reading import prompt_of
from clirot.encoding.overflow import read_heads
from clirot.errors import CutTextWarning
from clirot.models import Side

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder


@dataclass(frozen=True)
class Lengths:
    """The lengths of a task's sentences, as the student reads them."""

    sentences: Sequence[int]
    """Tokens of each, without a prompt and whole; batches are made by it."""
    longest: int
    """The longest input in training, prompt and expansion included."""
    cut: CutTexts
    """The sentences that are longer, with their prompt."""

    @classmethod
    def of(cls, model: MultiVectorEncoder, task: Task) -> Lengths:
        """Measure them; the tokenizer runs once over all, and again over those near the limit."""
        texts = task.material.sentences
        longest = min(longest_input(model, task.settings.max_tokens, side) for side in task.sides)
        lengths = _tokens(model, texts, longest)
        prompts = {prompt_of(model, side) for side in task.sides}
        read = dict(enumerate(lengths)) if "" in prompts else {}
        for prompt in filter(None, prompts):
            most = len(model.tokenizer(prompt, verbose=False)["input_ids"])
            near = [place for place, one in enumerate(lengths) if one + most > longest]
            whole = _tokens(model, [f"{prompt}{texts[place]}" for place in near], longest)
            for place, tokens in zip(near, whole, strict=True):
                read[place] = max(tokens, read.get(place, 0))
        cut = CutTexts()
        for place, tokens in sorted(read.items()):
            if tokens > longest:
                cut.add(texts[place], tokens, longest)
        return cls(lengths, longest, cut)


def warn_of_cut(cut: CutTexts, of: int, reader: str) -> None:
    """Warn (CutTextWarning) of training sentences that are longer than a model reads.

    Args:
        cut: these.
        of: how many training sentences there are.
        reader: the model.
    """
    if cut.count:
        warnings.warn(cut.remark(of, "training sentences", reader), CutTextWarning, stacklevel=3)


def _tokens(model: MultiVectorEncoder, texts: Sequence[str], longest: int) -> list[int]:
    _, lengths = read_heads(
        texts,
        lambda some: [len(ids) for ids in model.tokenizer(list(some), verbose=False)["input_ids"]],
        longest,
    )
    return lengths


def longest_input(model: MultiVectorEncoder, max_tokens: int, side: Side) -> int:
    """The longest input in training, prompt and expansion included.

    The trainer's limit replaces the model's own, so it must not be above what ``encode_query`` or
    ``encode_document`` cuts at, nor above the positions that the encoder has.
    """
    backbone: Any = model[0]
    own = backbone.query_length if side == "query" else backbone.document_length
    longest = min(max_tokens, own or backbone.max_seq_length or max_tokens)
    expansion = backbone.query_expansion if side == "query" else None
    if expansion is None:
        return longest
    fixed: int = expansion["length"]
    return fixed if expansion["strategy"] == "fixed" else max(longest, fixed)
