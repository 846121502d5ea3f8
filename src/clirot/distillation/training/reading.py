"""What a transport plan needs to know of tokens besides their vectors, read off a running encoder.

An encoder gives unit vectors. A :class:`TokenReader` also finds the ids of the tokens, which ones
stand for no text, their norms before they were normalised, and their vectors in an earlier layer.
It does so by hooks on the encoder's modules, which change nothing that the encoder computes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sentence_transformers.multi_vector_encoder.modules import BaseTokenPooling
from torch import Tensor

from clirot.distillation.objectives.tokens import SentenceTokens, TokenBatch
from clirot.distillation.training.teacher_tokens import Reading
from clirot.encoding.batching import length_batches
from clirot.encoding.encoders import MultiVectorTokenEncoder
from clirot.errors import UsageError
from clirot.models import Side

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

_CHUNK = 4096
_NORMS, _LAYER = "clirot_norms", "clirot_layer"


class TokenReader:
    """Reads an encoder's tokens. It is a context manager: the hooks are there within the block.

    Args:
        model: the encoder.
        layer: an earlier layer whose tokens to read too; 0 are the input embeddings.

    Raises:
        UsageError: there is no such layer, or the encoder merges tokens.
    """

    def __init__(self, model: MultiVectorEncoder, *, layer: int | None = None) -> None:
        self._model = model
        self._layer = layer
        self._handles: list[Any] = []
        self._before: bool | None = None
        # Without the unknown token, which stands for a word, and the mask token: ColBERT scores the
        # masks that it fills queries with.
        tokenizer = model.tokenizer
        text = {tokenizer.unk_token_id, tokenizer.mask_token_id}
        self._special = torch.tensor(sorted({*tokenizer.all_special_ids} - text), dtype=torch.long)
        self._lengths: dict[str, int] = {}
        pooling = next((type(one) for one in model if isinstance(one, BaseTokenPooling)), None)
        if pooling is not None:
            raise UsageError(
                f"the encoder merges tokens ({pooling.__name__}), so that it is not known which "
                "token a vector stands for",
                hint="choose another model, or save this one without that module",
            )
        backbone: Any = model[0]
        self._body = backbone.auto_model
        layers = self._body.config.get_text_config().num_hidden_layers
        if layer is not None and not 0 <= layer <= layers:
            raise UsageError(
                f"`teacher_layer` {layer}: the encoder has {layers} layers",
                hint=f"choose 0 (the input embeddings) to {layers}, or -1: the tokens as scored",
            )

    def __enter__(self) -> TokenReader:
        from sentence_transformers.base.modules import Normalize

        for module in self._model:
            if isinstance(module, Normalize) and module.module_input_name == "token_embeddings":
                self._handles.append(module.register_forward_pre_hook(_note_norms))
        if self._layer is not None:
            self._before = getattr(self._body.config, "output_hidden_states", None)
            self._body.config.output_hidden_states = True
            self._handles.append(self._model[0].register_forward_hook(self._note_layer))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        if self._layer is not None:
            self._body.config.output_hidden_states = self._before

    def batch(self, out: dict[str, Any], side: Side) -> TokenBatch:
        """The tokens of a batch, from the output of a forward pass."""
        return self._batch(out, prompt_of(self._model, side))

    def _batch(self, out: dict[str, Any], prompt: str) -> TokenBatch:
        return TokenBatch(
            vectors=out["token_embeddings"],
            mask=out["attention_mask"].bool(),
            ids=out["input_ids"],
            special=self._special_places(out["input_ids"], self._prompt_length(prompt)),
            norms=out.get(_NORMS),
            layer=out.get(_LAYER),
        )

    def read(
        self, texts: Sequence[str], *, side: Side, prompt: str | None = None
    ) -> Iterator[list[SentenceTokens]]:
        """The scored tokens of each text, some thousands of texts at a time and in order.

        Args:
            texts: any texts.
            side: whether they are read as queries or as documents.
            prompt: what is put before them; None: the prompt of the side.
        """
        before = prompt if prompt is not None else prompt_of(self._model, side)
        encode = self._model.encode_query if side == "query" else self._model.encode_document
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            found: dict[int, SentenceTokens] = {}
            for rows in length_batches(chunk):
                outputs: Any = encode(
                    [chunk[row] for row in rows],
                    prompt=prompt,
                    batch_size=len(rows),
                    output_value=None,
                    show_progress_bar=False,
                )
                for row, out in zip(rows, outputs, strict=True):
                    found[row] = self._sentence(out, before)
            yield [found[row] for row in range(len(chunk))]

    def _sentence(self, out: dict[str, Any], prompt: str) -> SentenceTokens:
        known: dict[str, Any] = {
            name: value[None] for name, value in out.items() if isinstance(value, Tensor)
        }
        tokens = self._batch(known, prompt)
        kept = tokens.mask[0]
        columns = {name: getattr(tokens, name) for name in SentenceTokens._fields}
        found: dict[str, Any] = {
            name: None if values is None else values[0][kept].cpu().numpy()
            for name, values in columns.items()
        }
        return SentenceTokens(**found)

    def _special_places(self, ids: Tensor, prompt_length: int) -> Tensor:
        """Where tokens stand for no text: special ids, and the tokens of the prompt."""
        special = torch.isin(ids, self._special.to(ids.device))
        if prompt_length:
            tokenizer = self._model.tokenizer
            padding = (ids == tokenizer.pad_token_id).cumprod(dim=1).sum(dim=1, keepdim=True)
            start = padding if tokenizer.padding_side == "left" else torch.zeros_like(padding)
            place = torch.arange(ids.shape[1], device=ids.device)[None]
            special = special | (place < start + prompt_length)
        return special

    def _prompt_length(self, prompt: str) -> int:
        """How many tokens a prompt has before a text: those that two texts have in common.

        sentence-transformers counts the tokens of the prompt alone. In some tokenizers the space at
        its end is then a token, which joins the first word where a text follows.
        """
        if prompt and prompt not in self._lengths:
            out = self._model.preprocess(["a", "b"], prompt=prompt, task="document")
            one, two = out["input_ids"]
            self._lengths[prompt] = int((one == two).long().cumprod(dim=0).sum())
        return self._lengths[prompt] if prompt else 0

    def _note_layer(self, _: Any, __: Any, features: dict[str, Any]) -> None:
        layers = features.pop("all_layer_embeddings")
        # At unit norm: the teacher's are stored in half precision, which does not hold the few huge
        # entries that decoders have in their middle layers.
        features[_LAYER] = torch.nn.functional.normalize(
            layers[self._layer].detach().float(), dim=-1
        )


def reading_of(
    encoder: MultiVectorTokenEncoder, *, layer: int | None = None, mask_padding: int = 0
) -> Reading:
    """How the teacher's sentences are read in training: as documents, with more than vectors.

    Args:
        encoder: the teacher's document side.
        layer: see :class:`TokenReader`.
        mask_padding: length in tokens up to which sentences are filled with ``[MASK]``; 0: none.
            Filled sentences keep the prompt of a document, but are read to the end and with all
            tokens scored, as queries are, since models fill queries only.

    Raises:
        UsageError: there is no such layer, or the teacher cannot be filled with masks.
    """
    model = encoder.model
    prompt = prompt_of(model, "document")
    backbone: Any = model[0]
    TokenReader(model, layer=layer)  # raises if there is no such layer
    if mask_padding:
        check_fillable(model, mask_padding)

    def read(texts: Sequence[str]) -> Iterator[list[SentenceTokens]]:
        before = backbone.query_length, backbone.query_expansion
        try:
            if mask_padding:
                fill_with_masks(model, mask_padding)
            with TokenReader(model, layer=layer) as reader:
                side: Side = "query" if mask_padding else "document"
                yield from reader.read(texts, side=side, prompt=prompt)
        finally:
            backbone.query_expansion = None
            backbone.query_length, backbone.query_expansion = before

    return Reading(
        digest=encoder.digest, described=f"layer {layer}, mask padding {mask_padding}", read=read
    )


def check_fillable(model: MultiVectorEncoder, length: int) -> None:
    """Raise unless a model's queries can be filled with ``[MASK]`` up to a length.

    Raises:
        UsageError: the model has no mask token, or does not read so many tokens.
    """
    backbone: Any = model[0]
    tokenizer = backbone.tokenizer
    if tokenizer.mask_token_id is None:
        raise UsageError(
            f"`mask_padding` {length}: the tokenizer ({type(tokenizer).__name__}) has no mask "
            "token to fill sentences with",
            hint="leave `mask_padding` at 0, or choose a BERT-like model",
        )
    longest = backbone.max_seq_length
    if longest is not None and length > longest:
        raise UsageError(
            f"`mask_padding` {length}: the encoder reads at most {longest} tokens",
            hint=f"choose a `mask_padding` of at most {longest}",
        )


def fill_with_masks(model: MultiVectorEncoder, length: int) -> None:
    """Fill a model's queries with ``[MASK]`` up to a length in tokens, in place.

    As ColBERT fills its queries (arXiv 2004.12832, section 3.2). Where the model fills its queries
    already, the other tokens attend to the masks or not as they did; elsewhere they do. Longer
    queries are read to their end.

    Raises:
        UsageError: see :func:`check_fillable`.
    """
    check_fillable(model, length)
    backbone: Any = model[0]
    expansion = backbone.query_expansion or {"attend": True}
    backbone.query_length = None
    backbone.query_expansion = expansion | {"strategy": "min", "length": length}


def prompt_of(model: MultiVectorEncoder, side: Side) -> str:
    """What ``encode_query`` or ``encode_document`` puts before a text."""
    name = side if side in model.prompts else model.default_prompt_name
    return (model.prompts[name] if name is not None else None) or ""


def token_ids(model: MultiVectorEncoder, texts: Sequence[str], *, side: Side) -> list[np.ndarray]:
    """The ids of each text as the encoder reads it, without padding: ``(tokens,)`` int64 each.

    Only the tokenizer runs.
    """
    prompt = prompt_of(model, side)
    found: list[np.ndarray] = []
    for start in range(0, len(texts), 1000):
        out = model.preprocess(list(texts[start : start + 1000]), prompt=prompt, task=side)
        real = out["attention_mask"].bool()
        filled = out.get("query_expansion_positions")
        if filled is not None:
            real = real | filled.bool()
        found += [ids[kept].cpu().numpy() for ids, kept in zip(out["input_ids"], real, strict=True)]
    return found


def _note_norms(_: Any, arguments: tuple[dict[str, Any], ...]) -> None:
    features = arguments[0]
    features[_NORMS] = features["token_embeddings"].detach().float().norm(dim=-1)
