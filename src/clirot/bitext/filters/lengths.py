"""Sides that are too short, too long, or too different in length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clirot.bitext.filters.batch import Batch
from clirot.bitext.filters.config import RATIO_FROM, FilterConfig


def judge_lengths(batch: Batch, config: FilterConfig) -> None:
    """Drop by characters and words of the sides and by their ratios."""
    src, tgt = batch.points
    characters = np.stack([src.lengths, tgt.lengths])
    words = np.stack([points.count(points.array == 0x20) + 1 for points in (src, tgt)])
    short = (characters < config.min_length) | (words < config.min_words)
    batch.drop(short[0] | short[1], "too short")
    long = np.zeros(len(batch), bool)
    if config.max_length:
        long |= (characters > config.max_length).any(axis=0)
    if config.max_words:
        long |= (words > config.max_words).any(axis=0)
    batch.drop(long, "too long")
    uneven = np.zeros(len(batch), bool)
    if config.max_ratio:
        uneven |= _uneven(characters, config.max_ratio)
    if config.max_word_ratio:
        uneven |= _uneven(words, config.max_word_ratio)
    batch.drop(uneven & (characters.max(axis=0) >= RATIO_FROM), "length ratio")


def _uneven(sizes: NDArray[np.int64], ratio: float) -> NDArray[np.bool_]:
    uneven: NDArray[np.bool_] = sizes.max(axis=0) > ratio * sizes.min(axis=0)
    return uneven
