"""Translation by a sequence-to-sequence checkpoint of transformers.

The tokenizer is loaded at once, for it says which languages there are; the weights when there is
something to translate. Weights are safetensors only, and code from a checkpoint is never run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from clirot.encoding.checkpoint_files import check_files
from clirot.encoding.libraries import quiet_libraries
from clirot.encoding.loading import check_weights, loading
from clirot.encoding.overflow import read_heads
from clirot.encoding.vocabulary import check_embeddings, load_tokenizer
from clirot.errors import InputError, UsageError, first_line
from clirot.models import ModelRef
from clirot.retrieval.translation.prompts import Prompt, prompt_for
from clirot.retrieval.translation.translator import DecodingSettings, Order, Rendering

WINDOW = 4096
"""Texts that are sorted by length together."""
_EXTRA = "pip install 'clirot[translation]'"
_NO_LIMIT = 1_000_000  # a tokenizer that states no longest text has some huge number


class Seq2SeqTranslator:
    """A :class:`~clirot.retrieval.translation.translator.Translator` over a checkpoint.

    Texts of like length go together. The other texts of its batch change a text's scores by float
    rounding only, which can matter where two translations score alike.

    Args:
        order: what is asked for.
        ref: the model, from :func:`clirot.models.resolve`.

    Raises:
        UnknownNameError: the model does not know a language; the hint suggests the closest.
        UsageError: it is no sequence-to-sequence model, or wants to know the source language.
        InputError: its files are not whole, or its tokenizer is missing or cannot be loaded.
    """

    window = WINDOW

    def __init__(self, order: Order, ref: ModelRef) -> None:
        self.name = ref.name
        self._ref = ref
        self._decoding = order.decoding
        check_files(ref.path)
        _check_architecture(ref)
        self._tokenizer = open_tokenizer(ref.path)
        self.prompt = prompt_for(self._tokenizer, ref.name, order.src, order.tgt)

    @property
    def identity(self) -> Mapping[str, Any]:
        """See :class:`~clirot.retrieval.translation.translator.Translator`."""
        own = identity_of(self._ref, self.prompt, self._decoding)
        return {"kind": "seq2seq", "dtype": self._decoding.dtype, **own}

    def translate(self, texts: Sequence[str]) -> Iterator[dict[int, Rendering]]:
        """See :meth:`~clirot.retrieval.translation.translator.Translator.translate`.

        The longest texts come first, so that too little memory shows at the beginning.

        Raises:
            InputError: the weights cannot be loaded, or are not those that it needs.
        """
        with quiet_libraries():
            model = self._model
            longest = longest_source(self._tokenizer, model.config)
            prompted, lengths = read_heads(
                [f"{self.prompt.prefix}{text}" for text in texts],
                lambda some: [len(ids) for ids in self._tokenizer(list(some))["input_ids"]],
                longest,
            )

        def write(batch: list[int]) -> list[list[tuple[str, bool]]]:
            with quiet_libraries():
                return self._written([prompted[row] for row in batch], longest)

        yield from in_batches(lengths, longest, self._decoding.batch_size, write)

    def _written(self, texts: list[str], longest: int | None) -> list[list[tuple[str, bool]]]:
        """For each text its translations, and whether each was cut."""
        import torch

        model, settings = self._model, self._decoding
        inputs = self._tokenizer(
            texts, return_tensors="pt", padding=True, truncation=longest is not None,
            max_length=longest,
        ).to(model.device)  # fmt: skip
        told: dict[str, Any] = {}
        if self.prompt.target_id is not None:
            name = "decoder_start_token_id" if self.prompt.starts else "forced_bos_token_id"
            told[name] = self.prompt.target_id
        allowed = self._longest_translation()
        with torch.inference_mode():
            output = model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                num_beams=settings.beams,
                num_return_sequences=settings.n_best,
                max_new_tokens=allowed,
                do_sample=False,
                **told,
            )
        start = model.generation_config.decoder_start_token_id
        lead = self.prompt.lead(start)
        ends = _ends(model)
        found = []
        for ids in output.tolist():
            own = ids[len(lead) :] if ids[: len(lead)] == lead else ids
            end = next((place for place, one in enumerate(own) if one in ends), None)
            # Some models are made to end where the longest translation does, in mid-sentence.
            forced = end is not None and end + len(ids) - len(own) >= allowed
            forced = forced and model.generation_config.forced_eos_token_id is not None
            text = self._tokenizer.decode(own[:end], skip_special_tokens=True)
            found.append((str(text), end is None or forced))
        many = settings.n_best
        return [found[place : place + many] for place in range(0, len(found), many)]

    def _longest_translation(self) -> int:
        """In tokens; a model with learnt positions writes no further than they go."""
        positions = getattr(self._model.config, "max_position_embeddings", None)
        own = self._decoding.max_tokens
        return own if positions is None else min(own, int(positions) - 1)

    @cached_property
    def _model(self) -> Any:
        import torch
        from transformers import AutoModelForSeq2SeqLM

        path = self._ref.path
        with loading(path) as loaded:
            try:
                model = AutoModelForSeq2SeqLM.from_pretrained(
                    path,
                    local_files_only=True,
                    trust_remote_code=False,
                    use_safetensors=True,
                    dtype=getattr(torch, self._decoding.dtype),
                )
            except Exception as error:  # of every kind, depending on the architecture
                raise _not_loadable(path, error) from error
            for one in loaded:
                check_weights(one, path)
            check_embeddings(self._tokenizer, model, path)
        return model.eval().to("cuda" if torch.cuda.is_available() else "cpu")


def identity_of(ref: ModelRef, prompt: Prompt, decoding: DecodingSettings) -> dict[str, Any]:
    """What decides the translations of any model, for the cache."""
    return {
        "model": ref.digest,
        "source": prompt.source,
        "target": prompt.target or prompt.prefix,
        "beams": decoding.beams,
        "n_best": decoding.n_best,
        "max_tokens": decoding.max_tokens,
    }


def in_batches(
    lengths: Sequence[int],
    longest: int | None,
    size: int,
    write: Callable[[list[int]], list[list[tuple[str, bool]]]],
) -> Iterator[dict[int, Rendering]]:
    """Translate texts of like length together, the longest first.

    Args:
        lengths: of each text, in tokens.
        longest: the longest text that the model reads; None: any.
        size: texts of a batch.
        write: from the places of some texts to the translations of each, and whether it was cut.

    Yields:
        Place of a text -> what became of it, for each batch.
    """
    rows = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    for start in range(0, len(rows), size):
        batch = rows[start : start + size]
        yield {
            row: Rendering(
                tuple(" ".join(text.split()) for text, _ in found),
                cut=any(cut for _, cut in found),
                shortened=(
                    (lengths[row], longest)
                    if longest is not None and lengths[row] > longest
                    else None
                ),
            )
            for row, found in zip(batch, write(batch), strict=True)
        }


def open_tokenizer(path: Path) -> Any:
    """The tokenizer of a checkpoint.

    Raises:
        InputError: it is not there, has no vocabulary, or cannot be loaded, for example because an
            extra is not installed.
    """
    if (path / "source.spm").is_file() and find_spec("sacremoses") is None:
        # Without it OPUS-MT would read punctuation otherwise than in its training.
        raise InputError(
            "the tokenizer of OPUS-MT needs sentencepiece and sacremoses", path=path, hint=_EXTRA
        )
    return load_tokenizer(path, partial(_not_loadable, path))


def longest_source(tokenizer: Any, config: Any) -> int | None:
    """The longest text that a model reads, in tokens with those around it; None: no limit."""
    stated = [tokenizer.model_max_length, getattr(config, "max_position_embeddings", None)]
    known = [int(one) for one in stated if one is not None and one < _NO_LIMIT]
    return min(known) if known else None


def _ends(model: Any) -> set[int]:
    """The ids that end a translation."""
    end = model.generation_config.eos_token_id
    return set(end) if isinstance(end, list) else {end}


def _check_architecture(ref: ModelRef) -> None:
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(
            ref.path, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # of every kind, depending on what the file holds
        raise _not_loadable(ref.path, error) from error
    if not config.is_encoder_decoder:
        raise UsageError(
            f"{ref.name} is no model for translation: {config.model_type} is not an encoder with a "
            "decoder",
            hint="a sequence-to-sequence checkpoint: NLLB, M2M-100, MADLAD, OPUS-MT, mBART",
        )


def _not_loadable(path: Path, error: Exception) -> InputError:
    hint = "a sequence-to-sequence checkpoint of transformers with safetensors weights"
    if find_spec("sentencepiece") is None:
        hint = f"M2M-100 and OPUS-MT need sentencepiece: {_EXTRA}"
    return InputError(
        f"cannot be loaded for translation: {first_line(error)}", path=path, hint=hint
    )
