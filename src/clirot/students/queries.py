"""How much of a sentence a student reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
