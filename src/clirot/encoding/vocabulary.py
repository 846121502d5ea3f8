"""Whether a tokenizer is there, and fits the embeddings of its model.

transformers makes a tokenizer out of nothing where the files of one are missing: it knows a few
special tokens, and reads every word as unknown. Every text then has the same vectors.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clirot.encoding.libraries import heard_libraries
from clirot.errors import InputError, ModelWarning, first_line
from clirot.json_values import json_object, json_object_in

_FILES = ("vocab*", "*.model", "*.spm", "*.tiktoken", "tekken.json", "tokenizer*.json")
_SETTINGS = "tokenizer_config.json"
_ELSEWHERE = ("image", "audio", "video")
"""What tokens stand for in models that also see or hear. The encoder of text that was made of such
a model has no embedding for them, and text has none of them."""
_EXPECTED_SHARE = 0.9
_PADDING = 256  # rows that are added at most to make their number a multiple of some power of two
"""Embeddings are padded to a round number or hold a few reserved rows, never a tenth of them."""
_VOCABULARY = "tokenizer.json, vocab.txt, a model of SentencePiece"
_HINT = "save the tokenizer beside the weights: tokenizer.save_pretrained(directory)"


def load_tokenizer(path: Path, failure: Callable[[Exception], InputError]) -> Any:
    """The tokenizer of a checkpoint of transformers, with its vocabulary.

    Args:
        path: the checkpoint.
        failure: makes an error of what a library raised.

    Raises:
        InputError: it is missing, has no vocabulary, or cannot be loaded.
    """
    check_tokenizer_files(path)
    with heard_libraries(path):
        from transformers import AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(
                path, local_files_only=True, trust_remote_code=False
            )
        except Exception as error:  # of every kind, depending on the tokenizer
            if lacking := _lacking(path):
                raise InputError(
                    f"the tokenizer has no vocabulary: {' and '.join(lacking)} must be there",
                    path=path,
                    hint=_HINT,
                ) from error
            _check_whole(path)
            raise failure(error) from error
    check_vocabulary(tokenizer, path)
    return tokenizer


def _check_whole(path: Path) -> None:
    """Raise where a file of a tokenizer that cannot be loaded is damaged: the error names it."""
    from tokenizers import Tokenizer

    for name in ("tokenizer.json", _SETTINGS, "special_tokens_map.json", "vocab.json"):
        if not (file := path / name).is_file():
            continue
        try:
            text = file.read_text(encoding="utf-8")
            json_object(text)
            if name == "tokenizer.json":
                Tokenizer.from_str(text)
        except Exception as error:  # tokenizers raises Exception itself
            raise InputError(
                f"the tokenizer is damaged: {first_line(error)}",
                path=file,
                hint="copy or download the checkpoint again",
            ) from error


def check_tokenizer_files(path: Path) -> None:
    """Refuse a checkpoint that has no tokenizer, or one without its vocabulary.

    The tokenizers of bytes and characters have none; their settings name the class.

    Raises:
        InputError: a file is missing.
    """
    if _has_vocabulary(path):
        return
    settings = path / _SETTINGS
    if not settings.is_file():
        raise InputError(f"there is no tokenizer ({_VOCABULARY})", path=path, hint=_HINT)
    if not _needs_none(settings):
        raise InputError(
            f"the tokenizer has no vocabulary ({_VOCABULARY}), and would read every word as "
            "unknown",
            path=path,
            hint=_HINT,
        )


def check_vocabulary(tokenizer: Any, path: Path) -> None:
    """Refuse a tokenizer that knows no words.

    Args:
        tokenizer: as transformers has loaded it.
        path: the checkpoint.

    Raises:
        InputError: its vocabulary is empty.
    """
    if not tokenizer.vocab_files_names:  # its tokens are bytes or characters, by its code
        return
    special = {*tokenizer.get_added_vocab(), *tokenizer.all_special_tokens}
    if not tokenizer.get_vocab().keys() - special:
        raise InputError(
            "the vocabulary of the tokenizer is empty, so that it would read every word as unknown",
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
    # M2M-100 has the tokens of languages outside of its vocabulary.
    known = {*ids.values(), *getattr(tokenizer, "lang_token_to_id", {}).values()}
    if len(known) < min(_EXPECTED_SHARE * rows, rows - _PADDING):
        warnings.warn(
            f"{path}: the tokenizer has {len(known):,} tokens for {rows:,} embeddings: is it of "
            "this model, and its vocabulary whole?",
            ModelWarning,
            stacklevel=3,
        )


def _has_vocabulary(path: Path) -> bool:
    found = (file for pattern in _FILES for file in path.glob(pattern))
    return any(file.is_file() and file.name != _SETTINGS for file in found)


def _needs_none(settings: Path) -> bool:
    """Whether the class that a tokenizer's settings name has no file of a vocabulary."""
    return _files_of(settings) == []


def _lacking(path: Path) -> list[str]:
    """The files that a tokenizer needs and that are not there, where its settings tell its class
    and it has no file that holds all of it.
    """
    if (path / "tokenizer.json").is_file():
        return []
    return [name for name in _files_of(path / _SETTINGS) or [] if not (path / name).is_file()]


def _files_of(settings: Path) -> list[str] | None:
    """The files of the class that a tokenizer's settings name; None: the class is not known."""
    import transformers

    try:
        named = json_object_in(settings).get("tokenizer_class")
        names = dict(getattr(transformers, str(named)).vocab_files_names)
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return [
        name for kind, name in names.items() if kind.endswith(("vocab_file", "spm", "spm_file"))
    ]
