"""Which texts an encoder cuts, and how long they are, read off the tokenizer as it runs.

A fast tokenizer splits a text that is too long into the part that the model reads and the rest,
which it keeps (``Encoding.overflowing``). So the length of a whole text is known without a second
pass over it. A tokenizer written in Python throws the rest away; there only the longest texts of a
batch are read again, since no other can have been cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from clirot.cut_texts import AtLeast

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder


LONGEST_HEAD = 1 << 20
"""Characters of a text that are tokenized at first: a million, where models read some ten thousand
tokens. A text of 100 MB would take minutes and gigabytes, to read 512 tokens of it."""


def head_of(text: str) -> str:
    """The beginning of a long text, up to the end of a word where there is one near."""
    if len(text) <= LONGEST_HEAD:
        return text
    end = text.rfind(" ", LONGEST_HEAD // 2, LONGEST_HEAD)
    return text[: LONGEST_HEAD if end < 0 else end]


def read_heads(
    texts: Sequence[str],
    lengths_of: Callable[[Sequence[str]], Sequence[int]],
    longest: int | None,
) -> tuple[list[str], list[int]]:
    """What has to be tokenized of texts, and how long they are, by tokenizing no more than that.

    Args:
        texts: the texts.
        lengths_of: the tokenizer: from texts to their tokens.
        longest: the tokens that the model reads; None: all, so that every text is taken whole.

    Returns:
        For each text itself, or its beginning where that is longer than the model reads; and its
        tokens, which are an :class:`~clirot.cut_texts.AtLeast` there.
    """
    heads = list(texts) if longest is None else [head_of(text) for text in texts]
    lengths = list(lengths_of(heads)) if heads else []
    for place, (head, text) in enumerate(zip(heads, texts, strict=True)):
        if len(head) == len(text):
            continue
        if longest is not None and lengths[place] > longest:
            lengths[place] = AtLeast(lengths[place])
        else:  # a million characters of white space, or a word that is one token
            heads[place], (lengths[place],) = text, lengths_of([text])
    return heads, lengths


@contextmanager
def noting_cuts(model: MultiVectorEncoder) -> Iterator[dict[str, tuple[int, int]]]:
    """Note the texts that the encoder cuts within the block.

    Args:
        model: the encoder. What it computes stays the same.

    Yields:
        Text -> its length in tokens with its prompt and the tokens around it, and how many of these
        were read. Only texts that were cut are in it.
    """
    found: dict[str, tuple[int, int]] = {}
    before = vars(model).get("preprocess")
    own = model.preprocess

    def preprocess(inputs: Any, prompt: str | None = None, **more: Any) -> Any:
        features = own(inputs, prompt=prompt, **more)
        found.update(_cut(model, inputs, prompt or "", features))
        return features

    changed: Any = model
    changed.preprocess = preprocess
    try:
        yield found
    finally:
        if before is None:
            del changed.preprocess
        else:
            changed.preprocess = before


def _cut(
    model: MultiVectorEncoder, texts: Sequence[Any], prompt: str, features: Any
) -> Iterator[tuple[str, tuple[int, int]]]:
    encodings = getattr(features, "encodings", None)
    if encodings is not None:
        for text, one in zip(texts, encodings, strict=True):
            if one.overflowing:
                yield text, (_whole(one), sum(one.attention_mask))
        return
    mask = features.get("attention_mask")
    if mask is None or features.get("modality") != "text":
        return
    width = int(mask.shape[1])
    for text, row in zip(texts, mask, strict=True):
        if int(row.sum()) == width:
            tokens = len(model.tokenizer(f"{prompt}{text}", verbose=False)["input_ids"])
            if tokens > width:
                yield text, (tokens, width)


def _whole(encoding: Any) -> int:
    """Tokens of a text with its rest; the tokens around it, which each part has, count once."""
    tokens = sum(encoding.attention_mask)
    for part in encoding.overflowing:
        tokens += sum(
            real and not special
            for real, special in zip(part.attention_mask, part.special_tokens_mask, strict=True)
        )
    return int(tokens)
