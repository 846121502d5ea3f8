"""Translation by a model in the format of CTranslate2 (extra ``ctranslate2``).

CTranslate2's own converter makes such a directory from a checkpoint. The files of the checkpoint's
tokenizer must be copied beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from clirot.encoding.checkpoint_files import check_files
from clirot.encoding.libraries import quiet_libraries
from clirot.encoding.overflow import read_heads
from clirot.errors import InputError, UsageError, first_line
from clirot.models import ModelRef
from clirot.retrieval.translation.prompts import prompt_for
from clirot.retrieval.translation.seq2seq import (
    WINDOW,
    identity_of,
    in_batches,
    longest_source,
    open_tokenizer,
)
from clirot.retrieval.translation.translator import Order, Rendering

_FEW = 0.1
"""Share of the tokenizer's tokens that the model may lack: converters leave out a few."""


class CTranslate2Translator:
    """A :class:`~clirot.retrieval.translation.translator.Translator` over a converted model.

    The number type of its weights was chosen when it was converted.

    Args:
        order: what is asked for.
        ref: the model, from :func:`clirot.models.resolve`.

    Raises:
        UsageError: CTranslate2 is not installed, or the model wants to know the source language.
        UnknownNameError: the model does not know a language; the hint suggests the closest.
        InputError: the tokenizer is not there, cannot be loaded, or is of another model.
    """

    window = WINDOW

    def __init__(self, order: Order, ref: ModelRef) -> None:
        if find_spec("ctranslate2") is None:
            raise UsageError(
                f"{ref.name} is a model in the format of CTranslate2, which is not installed",
                hint="pip install 'clirot[ctranslate2]'",
            )
        self.name = ref.name
        self._ref = ref
        self._decoding = order.decoding
        check_files(ref.path)
        if not (ref.path / "tokenizer_config.json").is_file():
            raise InputError(
                "a model of CTranslate2 without the tokenizer of its checkpoint",
                path=ref.path,
                hint="copy the tokenizer's files there: tokenizer_config.json and what lies beside "
                "it in the checkpoint (tokenizer.json, vocab.json, *.spm, *.model)",
            )
        self._tokenizer = open_tokenizer(ref.path)
        _check_vocabulary(self._tokenizer, ref.path)
        self.prompt = prompt_for(self._tokenizer, ref.name, order.src, order.tgt)

    @property
    def identity(self) -> Mapping[str, Any]:
        """See :class:`~clirot.retrieval.translation.translator.Translator`."""
        return {"kind": "ctranslate2", **identity_of(self._ref, self.prompt, self._decoding)}

    def translate(self, texts: Sequence[str]) -> Iterator[dict[int, Rendering]]:
        """See :meth:`~clirot.retrieval.translation.translator.Translator.translate`.

        Raises:
            InputError: the model cannot be loaded.
        """
        longest = longest_source(self._tokenizer, None)
        with quiet_libraries():
            prompted, lengths = read_heads(
                [f"{self.prompt.prefix}{text}" for text in texts],
                lambda some: [len(ids) for ids in self._tokenizer(list(some))["input_ids"]],
                longest,
            )
            cut = {"truncation": True, "max_length": longest} if longest else {}
            ids = self._tokenizer(prompted, **cut)["input_ids"] if texts else []
        sources = [self._tokenizer.convert_ids_to_tokens(one) for one in ids]
        yield from in_batches(
            lengths,
            longest,
            self._decoding.batch_size,
            lambda batch: self._written([sources[row] for row in batch]),
        )

    def _written(self, sources: list[list[str]]) -> list[list[tuple[str, bool]]]:
        """For each text its translations, and whether each was cut."""
        settings = self._decoding
        prefix = [] if self.prompt.target is None else [self.prompt.target]
        results = self._model.translate_batch(
            sources,
            target_prefix=[prefix] * len(sources) if prefix else None,
            beam_size=max(settings.beams, settings.n_best),
            num_hypotheses=settings.n_best,
            max_decoding_length=settings.max_tokens,  # the prefix included, as in transformers
            return_end_token=True,
        )
        end = self._tokenizer.eos_token
        found: list[list[tuple[str, bool]]] = []
        for result in results:
            found.append([])
            for tokens in result.hypotheses:
                own = tokens[len(prefix) :] if tokens[: len(prefix)] == prefix else tokens
                ended = bool(own) and own[-1] == end
                ids = self._tokenizer.convert_tokens_to_ids(own[:-1] if ended else own)
                text = self._tokenizer.decode(ids, skip_special_tokens=True)
                found[-1].append((str(text), not ended))
        return found

    @cached_property
    def _model(self) -> Any:
        import ctranslate2

        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
        try:
            return ctranslate2.Translator(str(self._ref.path), device=device)
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"cannot be loaded by CTranslate2: {first_line(error)}", path=self._ref.path
            ) from error


def _check_vocabulary(tokenizer: Any, path: Path) -> None:
    """Refuse a tokenizer of another model: a token that the model does not know is read as unknown.

    Raises:
        InputError: many tokens of the tokenizer are not in the model's vocabulary.
    """
    files = (path / f"{which}_vocabulary.json" for which in ("shared", "source"))
    file = next((one for one in files if one.is_file()), None)
    if file is None:
        return  # older converters wrote it as text, in a form of their own
    try:
        known = set(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"not a list of tokens: {first_line(error)}", path=file) from error
    own = tokenizer.get_vocab().keys() - {*tokenizer.get_added_vocab()}
    unknown = sorted(own - known)
    if len(unknown) > _FEW * len(own):
        raise InputError(
            f"{len(unknown):,} of the {len(own):,} tokens of the tokenizer are not in it, first "
            f"{unknown[0]!r}",
            path=file,
            hint="copy the tokenizer's files of the checkpoint that was converted",
        )
