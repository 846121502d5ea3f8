"""How much of a sentence a student reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clirot.errors import UsageError

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder


def read_whole_queries(model: MultiVectorEncoder) -> None:
    """Let a student read all of a query, in place.

    A ColBERT cuts queries at 32 tokens or so and fills shorter ones with ``[MASK]``. The filling
    stays, and so does the input of every query that fits. The cut goes: a student learns from
    sentences whose translations the teacher reads as documents, to their end, and the same sentence
    takes more subwords in a language that the vocabulary knows less well.
    """
    backbone: Any = model[0]
    expansion = backbone.query_expansion
    backbone.query_length = None
    if expansion is not None:
        backbone.query_expansion = expansion | {"strategy": "min"}


def check_fillable(model: MultiVectorEncoder, length: int) -> None:
    """Raise unless a model's queries can be filled with ``[MASK]``.

    Raises:
        UsageError: it has no mask token, or reads no more than fewer tokens.
    """
    backbone: Any = model[0]
    tokenizer = backbone.tokenizer
    if tokenizer.mask_token_id is None:
        raise UsageError(
            f"mask_padding {length}: the tokenizer ({type(tokenizer).__name__}) has no mask token "
            "to fill sentences with",
            hint="leave --mask-padding at 0, or choose a BERT-like model",
        )
    longest = backbone.max_seq_length
    if longest is not None and length > longest:
        raise UsageError(
            f"mask_padding {length}: the encoder reads no more than {longest} tokens",
            hint=f"choose a --mask-padding of at most {longest}",
        )


def fill_with_masks(model: MultiVectorEncoder, length: int) -> None:
    """Fill a model's queries with ``[MASK]`` up to so many tokens, in place.

    As ColBERT fills its queries (arXiv 2004.12832, section 3.2); whether the other tokens attend to
    the filling is left as it is where the model fills already, and they do where it does not.
    Longer queries are read to their end.

    Raises:
        UsageError: see :func:`check_fillable`.
    """
    check_fillable(model, length)
    backbone: Any = model[0]
    expansion = backbone.query_expansion or {"attend": True}
    backbone.query_length = None
    backbone.query_expansion = expansion | {"strategy": "min", "length": length}
