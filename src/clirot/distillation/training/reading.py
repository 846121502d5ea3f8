"""What a transport plan may want to know of a sentence's tokens, read off an encoder as it runs.

An encoder gives unit vectors. Which of its tokens stand for no text, their ids, their norms before
they were normalised, and what they were in an earlier layer are found by hooks on its modules,
which are there as long as the :class:`TokenReader` is open and change nothing that it computes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sentence_transformers.multi_vector_encoder.modules import BaseTokenPooling
from torch import Tensor

from clirot.distillation.objectives.tokens import SentenceTokens, TokenBatch
from clirot.distillation.students import check_fillable, fill_with_masks
from clirot.distillation.training.teacher_tokens import Reading
from clirot.encoding.encoders import MultiVectorTokenEncoder
from clirot.errors import UsageError
from clirot.models import Side

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

_BATCH_TOKENS = 4096
_CHUNK = 4096
_NORMS, _LAYER = "clirot_norms", "clirot_layer"


class TokenReader:
    """Reads an encoder's tokens; a context manager, within which the encoder's outputs carry more.

    Args:
        model: the encoder.
        layer: which layer's tokens to read besides the last: 0 are the input embeddings; None:
            none.

    Raises:
        UsageError: no such layer, or the encoder merges tokens.
    """

    def __init__(self, model: MultiVectorEncoder, *, layer: int | None = None) -> None:
        self._model = model
        self._layer = layer
        self._handles: list[Any] = []
        self._before: bool | None = None
        self._special = special_ids(model)
        self._lengths: dict[str, int] = {}
        pooling = next((type(one) for one in model if isinstance(one, BaseTokenPooling)), None)
        if pooling is not None:
            raise UsageError(
                f"the encoder merges tokens ({pooling.__name__}): what each of its vectors stands "
                "for is lost",
                hint="choose another model, or save this one without that module; an index may be "
                "made smaller afterwards",
            )
        backbone: Any = model[0]
        self._body = backbone.auto_model
        layers = self._body.config.get_text_config().num_hidden_layers
        if layer is not None and not 0 <= layer <= layers:
            raise UsageError(
                f"teacher_layer {layer}: the encoder has {layers} layers",
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
        """The tokens of a forward pass of one side, by what it gave back."""
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
        """The tokens that are scored of each text, some thousands at a time and in order.

        Args:
            texts: any texts.
            side: as what they are read.
            prompt: what is put before them; None: the side's own.
        """
        before = prompt if prompt is not None else prompt_of(self._model, side)
        encode = self._model.encode_query if side == "query" else self._model.encode_document
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            order = sorted(range(len(chunk)), key=lambda row: (len(chunk[row]), row))
            found: dict[int, SentenceTokens] = {}
            for rows in _runs(order, chunk):
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

        def column(values: Tensor | None) -> Any:
            return None if values is None else values[0][kept].cpu().numpy()

        return SentenceTokens(
            vectors=tokens.vectors[0][kept].float().cpu().numpy(),
            ids=column(tokens.ids),
            special=column(tokens.special),
            norms=column(tokens.norms),
            layer=column(tokens.layer),
        )

    def _special_places(self, ids: Tensor, prompt_length: int) -> Tensor:
        """Where tokens stand for no text: by their id, or within the prompt."""
        special = torch.isin(ids, self._special.to(ids.device))
        if prompt_length:
            tokenizer = self._model.tokenizer
            padding = (ids == tokenizer.pad_token_id).cumprod(dim=1).sum(dim=1, keepdim=True)
            start = padding if tokenizer.padding_side == "left" else torch.zeros_like(padding)
            place = torch.arange(ids.shape[1], device=ids.device)[None]
            special = special | (place < start + prompt_length)
        return special

    def _prompt_length(self, prompt: str) -> int:
        """How many tokens a prompt has before a text.

        Not what sentence-transformers counts: the space that a prompt ends in is a token of a lone
        prompt in some tokenizers, and joins the first word of a text in all of these. What two
        texts have in common is the prompt's.
        """
        if prompt and prompt not in self._lengths:
            out = self._model.preprocess(["a", "b"], prompt=prompt, task="document")
            one, two = out["input_ids"]
            self._lengths[prompt] = int((one == two).long().cumprod(dim=0).sum())
        return self._lengths[prompt] if prompt else 0

    def _note_layer(self, _: Any, __: Any, features: dict[str, Any]) -> None:
        layers = features.pop("all_layer_embeddings")
        # At unit norm, since half precision, in which a teacher's are stored, does not hold the few
        # huge entries that decoders have in their middle layers.
        features[_LAYER] = torch.nn.functional.normalize(
            layers[self._layer].detach().float(), dim=-1
        )


def reading_of(
    encoder: MultiVectorTokenEncoder, *, layer: int | None = None, mask_padding: int = 0
) -> Reading:
    """How the teacher of a training set is read: as documents, with more than their vectors.

    Args:
        encoder: the teacher's document side.
        layer: see :class:`TokenReader`.
        mask_padding: fill sentences with ``[MASK]`` up to so many tokens, which are scored like
            the others; 0: none. Filled inputs keep the prompt of a document but are read to the end
            and with all of their tokens scored, as queries are: filling is what queries have.

    Raises:
        UsageError: no such layer, or the teacher has no mask token or no room for so many.
    """
    model = encoder.model
    prompt = prompt_of(model, "document")
    backbone: Any = model[0]
    TokenReader(model, layer=layer)  # refuses a layer that there is not
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


def prompt_of(model: MultiVectorEncoder, side: Side) -> str:
    """What ``encode_query`` or ``encode_document`` puts before a text."""
    name = side if side in model.prompts else model.default_prompt_name
    return (model.prompts[name] if name is not None else None) or ""


def special_ids(model: MultiVectorEncoder) -> Tensor:
    """Ids that stand for no text: ``(ids,)``.

    Not the unknown token, which stands for a word, nor the mask token, which ColBERT fills queries
    with to be scored.
    """
    tokenizer = model.tokenizer
    kept = {tokenizer.unk_token_id, tokenizer.mask_token_id}
    return torch.tensor(sorted(set(tokenizer.all_special_ids) - kept), dtype=torch.long)


def token_ids(
    model: MultiVectorEncoder, texts: Sequence[str], *, side: Side, prompt: str | None = None
) -> list[np.ndarray]:
    """The ids of each text as the encoder reads it, padding left out: ``(tokens,)`` int64 each.

    Args:
        model: the encoder; only its tokenizer runs.
        texts: any texts.
        side: as what they are read.
        prompt: what is put before them; None: the side's own.
    """
    prompt = prompt if prompt is not None else prompt_of(model, side)
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


def _runs(order: Sequence[int], texts: Sequence[str]) -> Iterator[list[int]]:
    """Consecutive runs of ``order`` (sorted by length) whose padded size stays within bounds.

    Characters stand in for tokens: near enough to group texts of like length.
    """
    batch: list[int] = []
    for row in order:
        if batch and (len(texts[row]) // 3 + 2) * (len(batch) + 1) > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
