"""How long the training sentences are, how much of them is read, and which of them are cut."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clirot.cut_texts import CutTexts
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
    longest: int | dict[str, int]
    """The longest input in training, prompt and expansion included; of each side where they differ
    with it."""
    cut: CutTexts
    """The sentences that are longer, with their prompt."""
    what: str = "training sentences"
    """What they are, for remarks."""

    @classmethod
    def of(
        cls,
        model: MultiVectorEncoder,
        texts: Sequence[str],
        max_tokens: int,
        sides: Sequence[Side],
    ) -> Lengths:
        """Measure sentences that are read on all sides; the tokenizer runs once over all, and again
        over those near the limit.

        Args:
            model: who reads them.
            texts: the sentences.
            max_tokens: the setting.
            sides: how they are read.
        """
        longest = min(longest_input(model, max_tokens, side) for side in sides)
        lengths = token_counts(model, texts, longest)
        prompts = {prompt_of(model, side) for side in sides}
        read = dict(enumerate(lengths)) if "" in prompts else {}
        for prompt in filter(None, prompts):
            most = len(model.tokenizer(prompt, verbose=False)["input_ids"])
            near = [place for place, one in enumerate(lengths) if one + most > longest]
            whole = token_counts(model, [f"{prompt}{texts[place]}" for place in near], longest)
            for place, tokens in zip(near, whole, strict=True):
                read[place] = max(tokens, read.get(place, 0))
        cut = CutTexts()
        for place, tokens in sorted(read.items()):
            if tokens > longest:
                cut.add(texts[place], tokens, longest)
        return cls(lengths, longest, cut)

    @classmethod
    def by_side(
        cls,
        model: MultiVectorEncoder,
        texts: Mapping[Side, Mapping[str, str]],
        max_tokens: int,
        what: str,
    ) -> Lengths:
        """Measure texts that are read on one side each, with their prompts.

        Args:
            model: who reads them.
            texts: side -> id -> text.
            max_tokens: the setting.
            what: what the texts are, for remarks.
        """
        counted: list[int] = []
        longest: dict[str, int] = {}
        cut = CutTexts()
        for side, named in texts.items():
            longest[side] = longest_input(model, max_tokens, side)
            prompt = prompt_of(model, side)
            counts = token_counts(
                model, [f"{prompt}{text}" for text in named.values()], longest[side]
            )
            for name, tokens in zip(named, counts, strict=True):
                if tokens > longest[side]:
                    cut.add(name, tokens, longest[side])
            counted += counts
        return cls(counted, longest, cut, what)


def warn_of_cut(cut: CutTexts, of: int, reader: str, what: str = "training sentences") -> None:
    """Warn (CutTextWarning) of training texts that are longer than a model reads.

    Args:
        cut: these.
        of: how many there are in all.
        reader: the model.
        what: what they are.
    """
    if cut.count:
        warnings.warn(cut.remark(of, what, reader), CutTextWarning, stacklevel=3)


def token_counts(model: MultiVectorEncoder, texts: Sequence[str], longest: int) -> list[int]:
    """Tokens of each text, as the tokenizer counts them; of a very long one, of its beginning.

    Args:
        model: whose tokenizer.
        texts: any.
        longest: how many tokens are read.
    """
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
