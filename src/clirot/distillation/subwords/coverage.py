"""How well a vocabulary covers a language, read off bitext.

Pieces a word alone do not tell: Finnish has long words, and Thai and Chinese have no spaces between
theirs. The translations are the yardstick. They say the same in English, which every encoder
covers, so a language that is covered takes about as many pieces as they do (Petrov, La Malfa, Torr
and Bibi 2023, "Language Model Tokenizers Introduce Unfairness Between Languages", arXiv 2305.15425,
call the ratio the premium). A language needs subwords where both its words and its sentences are
broken into clearly more pieces than English ones, or where characters of it are unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clirot.records import SentencePair

UNKNOWN = 0.01
"""Share of unknown pieces above which an encoder does not cover a language."""
_WORD_RATIO = 1.75
_PREMIUM = 1.4
_SAMPLE = 20_000
"""Sentence pairs that are counted."""


@dataclass(frozen=True)
class Coverage:
    """How a vocabulary cuts the sentences of a language and their English translations."""

    unknown: float
    """Share of the pieces that stand for what the vocabulary has no piece for."""
    pieces_a_word: float
    """Words are what stands between spaces."""
    english_pieces_a_word: float
    premium: float
    """Pieces of the sentences for each piece of their translations."""

    @property
    def lacking(self) -> bool:
        """Whether the language is one that the vocabulary breaks to pieces, or does not know."""
        broken = (
            self.pieces_a_word >= _WORD_RATIO * self.english_pieces_a_word
            and self.premium >= _PREMIUM
        )
        return broken or self.unknown >= UNKNOWN

    def figures(self) -> dict[str, float]:
        """The figures by name, as a manifest has them."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def coverage(tokenizer: Any, pairs: Sequence[SentencePair]) -> Coverage:
    """Count how a tokenizer cuts bitext.

    Args:
        tokenizer: the encoder's.
        pairs: bitext; ``src`` is English, or whatever language the encoder covers.
    """
    chosen = pairs[:: max(1, len(pairs) // _SAMPLE)]
    own, unknown = _pieces(tokenizer, [pair.tgt for pair in chosen])
    english, _ = _pieces(tokenizer, [pair.src for pair in chosen])
    words = sum(len(pair.tgt.split()) for pair in chosen)
    english_words = sum(len(pair.src.split()) for pair in chosen)
    return Coverage(
        unknown=unknown / max(own, 1),
        pieces_a_word=own / max(words, 1),
        english_pieces_a_word=english / max(english_words, 1),
        premium=own / max(english, 1),
    )


def _pieces(tokenizer: Any, texts: Sequence[str]) -> tuple[int, int]:
    """How many pieces texts have, and how many of them are unknown."""
    encoded = tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
    unknown = tokenizer.unk_token_id
    return sum(map(len, encoded)), sum(ids.count(unknown) for ids in encoded)
