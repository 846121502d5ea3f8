"""Cut passages so that a prompt fits what a model reads.

The best passages are kept whole as long as there is room; the first that does not fit is cut, and
those after it are left out. The question is never cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clirot.errors import InputError
from clirot.retrieval.answering.prompts import Prompt
from clirot.retrieval.answering.reader import Reader

_LEAST = 8
"""Tokens: a shorter piece of a passage is left out instead."""


@dataclass(frozen=True)
class Fitted:
    """A prompt that a model can read."""

    given: str
    """As the model gets it."""
    left_out: int = 0
    """Passages that had no room."""
    shortened: bool = False
    """Whether a passage lost its end."""
    whole: int = 0
    """Tokens of the prompt with all its passages, where that is more than the model reads."""


def fitted(reader: Reader, prompt: Prompt, question: str, passages: Sequence[str]) -> Fitted:
    """A prompt with as many of the passages as the model reads.

    Args:
        reader: the model.
        prompt: with places for question and passages.
        question: on one line.
        passages: the best first, each on one line.

    Raises:
        InputError: the question alone is longer than the model reads, or its chat template cannot
            be filled.
    """

    def given(chosen: Sequence[str]) -> str:
        return reader.as_given(prompt.filled(question, chosen))

    def room(chosen: Sequence[str]) -> int:
        """Tokens that are left; negative where it is too long."""
        assert reader.longest is not None
        return reader.longest - reader.length(given(chosen))

    whole = given(passages)
    if reader.longest is None or (tokens := reader.length(whole)) <= reader.longest:
        return Fitted(whole)
    if (left := room(())) < 0:
        raise InputError(
            f"a question is {-left:,} tokens longer than {reader.name} reads: {question[:60]!r}",
            hint="lower `max_tokens`, take a shorter `prompt`, or a model that reads more",
        )
    kept: list[str] = []
    for place, passage in enumerate(passages):
        if room([*kept, passage]) >= 0:
            kept.append(passage)
            continue
        piece = _piece(reader, passage, kept, room)
        if piece:
            kept.append(piece)
        return Fitted(given(kept), len(passages) - place - bool(piece), bool(piece), tokens)
    raise AssertionError("a prompt was too long, and all its passages fitted")


def _piece(
    reader: Reader, passage: str, kept: Sequence[str], room: Callable[[Sequence[str]], int]
) -> str:
    """The longest beginning of a passage that fits after others; empty where too little does."""
    tokens = room(kept)
    # A text's tokens depend on what stands around it, so the first guess may be a few too many.
    while tokens >= _LEAST:
        piece = reader.beginning(passage, tokens)
        over = -room([*kept, piece])
        if over <= 0:
            return piece
        tokens -= over
    return ""
