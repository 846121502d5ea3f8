"""Whether a tokenizer is there, and fits the embeddings of its model.

transformers makes a tokenizer out of nothing where the files of one are missing: it knows a few
special tokens, and reads every word as unknown. Every text then has the same vectors.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from clirot.errors import InputError, ModelWarning

_FILES = ("vocab*", "*.model", "*.spm", "*.tiktoken", "tekken.json", "tokenizer*.json")
_SETTINGS = "tokenizer_config.json"
_ELSEWHERE = ("image", "audio", "video")
"""What tokens stand for in models that also see or hear. The encoder of text that was made of such
a model has no embedding for them, and text has none of them."""
_EXPECTED_SHARE = 0.9
"""Embeddings are padded to a round number or hold a few reserved rows, never a tenth of them."""
_HINT = "save the tokenizer beside the weights: tokenizer.save_pretrained(directory)"


def check_tokenizer_files(path: Path) -> None:
    """Refuse a checkpoint that has nothing of a tokenizer.

    The tokenizers without a vocabulary (of bytes or characters) have their settings at least.

    Raises:
        InputError: there is no file of a tokenizer.
    """
    if not _has_vocabulary(path) and not (path / _SETTINGS).is_file():
        raise InputError(
            "there is no tokenizer (tokenizer.json, vocab.txt, a model of SentencePiece)",
            path=path,
            hint=_HINT,
        )


def check_vocabulary(tokenizer: Any, path: Path) -> None:
    """Refuse a tokenizer that knows no words.

    Args:
        tokenizer: as transformers has loaded it.
        path: the checkpoint.

    Raises:
        InputError: its vocabulary is not in the checkpoint, or is empty.
    """
    if not tokenizer.vocab_files_names:  # its tokens are bytes or characters, by its code
        return
    special = {*tokenizer.get_added_vocab(), *tokenizer.all_special_tokens}
    if not _has_vocabulary(path) or not tokenizer.get_vocab().keys() - special:
        raise InputError(
            "the tokenizer has no vocabulary (tokenizer.json, vocab.txt, a model of "
            "SentencePiece), and would read every word as unknown",
            path=path,
            hint=_HINT,
        )


def check_embeddings(tokenizer: Any, model: Any, path: Path) -> None:
    """Refuse a tokenizer that has more tokens than its model has embeddings.

    It warns (ModelWarning) of one that has far fewer, as one whose vocabulary was cut off has.

    Args:
        tokenizer: as transformers has loaded it.
        model: the model of transformers that reads its tokens.
        path: the checkpoint.

    Raises:
        InputError: a token has no embedding.
    """
    if not tokenizer.vocab_files_names:
        return
    table = model.get_input_embeddings()
    rows = int(table.weight.shape[0])
    ids: dict[str, int] = tokenizer.get_vocab()
    elsewhere = {getattr(tokenizer, f"{one}_token", None) for one in _ELSEWHERE}
    beyond = sorted((place, token) for token, place in ids.items() if place >= rows)
    beyond = [(place, token) for place, token in beyond if token not in elsewhere]
    if beyond:
        place, token = beyond[0]
        raise InputError(
            f"the tokenizer has {len(beyond):,} tokens without an embedding: {token!r} is number "
            f"{place:,}, and there are {rows:,} embeddings",
            path=path,
            hint="the tokenizer is of another model, or gained tokens after it was saved: call "
            "model.resize_token_embeddings(len(tokenizer)) where it was trained, and save both",
        )
    if len(ids) < _EXPECTED_SHARE * rows:
        warnings.warn(
            f"{path}: the tokenizer has {len(ids):,} tokens for {rows:,} embeddings: is it of this "
            "model, and its vocabulary whole?",
            ModelWarning,
            stacklevel=3,
        )


def _has_vocabulary(path: Path) -> bool:
    found = (file for pattern in _FILES for file in path.glob(pattern))
    return any(file.is_file() and file.name != _SETTINGS for file in found)
