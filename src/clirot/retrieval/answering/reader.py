"""A causal language model that reads a prompt and writes one line.

The tokenizer is loaded at once, for it says how long a prompt may be; the weights when there is
something to answer. Weights are safetensors only, and code from a checkpoint is never run. What a
checkpoint says of its own generation (sampling, penalties) is not followed but for its end tokens:
an answer is the most probable token each time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from clirot.encoding.checkpoint_files import check_files
from clirot.encoding.libraries import quiet_libraries
from clirot.encoding.loading import check_weights, loading
from clirot.encoding.overflow import head_of, read_heads
from clirot.encoding.vocabulary import check_embeddings, load_tokenizer
from clirot.errors import InputError, UsageError, first_line
from clirot.known_models import KNOWN
from clirot.models import ModelRef
from clirot.retrieval.answering.configuration import WritingSettings

_NO_LIMIT = 1_000_000  # a tokenizer that states no longest text has some huge number
_HINT = "a causal language model of transformers, with its tokenizer and safetensors weights"
_FIXED: dict[str, Any] = {
    "enable_thinking": False,  # Qwen3 would reason at length before the answer
    "date_string": "26 Jul 2024",  # Llama's own fallback; it would write the date of the day
}
"""What chat templates are told beside the message. Templates that ask for none of it ignore it."""


@dataclass(frozen=True)
class Written:
    """What became of a prompt."""

    answer: str
    """One line; may be empty."""
    cut: bool = False
    """Whether it reached the longest that was allowed."""


class Reader:
    """A model that answers.

    Prompts of like length go together. The others of its batch change a prompt's scores by float
    rounding only, which can matter where two tokens score alike.

    Args:
        ref: the model, from :func:`clirot.models.resolve`.
        settings: how it writes.

    Raises:
        UsageError: it is no causal language model.
        InputError: its files are not whole, or its configuration or its tokenizer is missing or
            cannot be loaded.
    """

    def __init__(self, ref: ModelRef, settings: WritingSettings) -> None:
        self.name = ref.name
        self._ref = ref
        self._settings = settings
        check_files(ref.path)
        self._config = _causal_config(ref)
        self._tokenizer = load_tokenizer(ref.path, partial(_not_loadable, ref.path))

    @property
    def identity(self) -> Mapping[str, Any]:
        """What decides an answer besides the prompt."""
        return {
            "model": self._ref.digest,
            "dtype": str(self._dtype).removeprefix("torch."),
            "max_tokens": self._settings.max_tokens,
        }

    @cached_property
    def longest(self) -> int | None:
        """The longest prompt that leaves room for an answer, in tokens; None: no limit."""
        stated = [
            self._tokenizer.model_max_length,
            getattr(self._config.get_text_config(), "max_position_embeddings", None),
        ]
        known = [int(one) for one in stated if one is not None and 0 < one < _NO_LIMIT]
        return min(known) - self._settings.max_tokens if known else None

    def as_given(self, prompt: str) -> str:
        """A prompt as the model gets it: in its chat template, where it has one.

        Raises:
            InputError: the template cannot be filled.
        """
        if not self._has_template:
            return prompt
        try:
            return str(
                self._tokenizer.apply_chat_template(
                    [{"role": "user", "content": prompt}],
                    tokenize=False,
                    add_generation_prompt=True,
                    **_FIXED,
                )
            )
        except Exception as error:  # of every kind: a template is a program
            raise InputError(
                f"the chat template cannot be filled: {first_line(error)}",
                path=self._ref.path,
                hint="a template that takes one message of the user; a checkpoint without any "
                "gets the plain prompt",
            ) from error

    def length(self, given: str) -> int:
        """Tokens of a prompt, as :meth:`as_given` gives it. They are
        :class:`~clirot.cut_texts.AtLeast` so many where it is far too long.
        """
        _, lengths = read_heads(
            [given], lambda some: [len(self._ids(one)) for one in some], self.longest
        )
        return lengths[0]

    def beginning(self, text: str, tokens: int) -> str:
        """The beginning of a text, of so many tokens at most."""
        head = head_of(text)
        ids = self._bare(head)
        if len(ids) < tokens and len(head) < len(text):
            ids = self._bare(text)
        kept = ids[: max(tokens, 0)]
        return str(self._tokenizer.decode(kept, skip_special_tokens=True)).strip()

    def answers(self, given: Sequence[str]) -> Iterator[dict[int, Written]]:
        """Answer prompts.

        Args:
            given: prompts as :meth:`as_given` gives them, none longer than :attr:`longest`.

        Yields:
            Place of a prompt -> what became of it, for each batch; the longest prompts first, so
            that too little memory shows at the beginning.

        Raises:
            InputError: the weights cannot be loaded, or are not those that it needs.
        """
        with quiet_libraries():
            ids = [self._ids(one) for one in given]
        rows = sorted(range(len(ids)), key=lambda row: (-len(ids[row]), row))
        size = self._settings.batch_size
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            with quiet_libraries():
                found = self._written([ids[row] for row in batch])
            yield dict(zip(batch, found, strict=True))

    @property
    def _has_template(self) -> bool:
        return bool(getattr(self._tokenizer, "chat_template", None))

    def _bare(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _ids(self, given: str) -> list[int]:
        # A chat template has the tokens around a text already.
        ids: list[int] = self._tokenizer(given, add_special_tokens=not self._has_template)[
            "input_ids"
        ]
        end = self._tokenizer.eos_token_id
        # Some tokenizers end every text, and a model that reads the end writes nothing to it.
        own = not self._has_template and len(ids) > 1 and ids[-1] == end
        return ids[:-1] if own else ids

    def _written(self, prompts: list[list[int]]) -> list[Written]:
        """One answer for each prompt, given as ids."""
        import torch
        from transformers import StoppingCriteriaList

        model = self._model
        ends = set(model.generation_config.eos_token_id or ())
        pad = model.generation_config.pad_token_id
        width = max(len(ids) for ids in prompts)
        # Left, so that every prompt ends where its answer begins.
        tokens = [[pad] * (width - len(ids)) + ids for ids in prompts]
        mask = [[0] * (width - len(ids)) + [1] * len(ids) for ids in prompts]
        with torch.inference_mode():
            output = model.generate(
                input_ids=torch.tensor(tokens, device=model.device),
                attention_mask=torch.tensor(mask, device=model.device),
                stopping_criteria=StoppingCriteriaList([_line_end(self._tokenizer, width)]),
            )
        found = []
        for ids in output[:, width:].tolist():
            end = next((place for place, one in enumerate(ids) if one in ends), None)
            text = str(self._tokenizer.decode(ids[:end], skip_special_tokens=True))
            lines = text.strip().splitlines()
            answer = " ".join(lines[0].split()) if lines else ""
            found.append(Written(answer, cut=end is None and not _is_over(text)))
        return found

    @cached_property
    def _dtype(self) -> Any:
        import torch

        name = self._settings.dtype
        if name == "auto":
            on_gpu = torch.cuda.is_available()
            bfloat16 = on_gpu and torch.cuda.is_bf16_supported(including_emulation=False)
            name = "bfloat16" if bfloat16 else "float32"
        return getattr(torch, name)

    @cached_property
    def _model(self) -> Any:
        import torch
        from transformers import AutoModelForCausalLM, GenerationConfig

        path = self._ref.path
        with loading(path) as loaded:
            try:
                model: Any = AutoModelForCausalLM.from_pretrained(
                    path,
                    local_files_only=True,
                    trust_remote_code=False,
                    use_safetensors=True,
                    dtype=self._dtype,
                )
            except Exception as error:  # of every kind, depending on the architecture
                raise _not_loadable(path, error) from error
            for one in loaded:
                check_weights(one, path)
            check_embeddings(self._tokenizer, model, path)
        ends = _end_ids(model, self._tokenizer)
        padding = (self._tokenizer.pad_token_id, *ends, 0)  # it is masked, so any will do
        model.generation_config = GenerationConfig(
            do_sample=False,
            max_new_tokens=self._settings.max_tokens,
            eos_token_id=ends or None,
            pad_token_id=next(one for one in padding if one is not None),
        )
        return model.eval().to("cuda" if torch.cuda.is_available() else "cpu")


def _end_ids(model: Any, tokenizer: Any) -> list[int]:
    """The ids that end an answer: those that the checkpoint states, and the tokenizer's."""
    stated = model.generation_config.eos_token_id
    if stated is None:
        stated = model.config.get_text_config().eos_token_id
    own = stated if isinstance(stated, list) else [stated]
    return sorted({int(one) for one in (*own, tokenizer.eos_token_id) if one is not None})


def _is_over(text: str) -> bool:
    """Whether a line has been written and ended."""
    return "\n" in text.lstrip()


def _line_end(tokenizer: Any, start: int) -> Any:
    """Ends each answer after its first line; ``start``: the tokens of the prompts."""
    import torch
    from transformers import StoppingCriteria

    class LineEnd(StoppingCriteria):
        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
            written = [
                _is_over(str(tokenizer.decode(ids, skip_special_tokens=True)))
                for ids in input_ids[:, start:].tolist()
            ]
            return torch.tensor(written, device=input_ids.device)

    return LineEnd()


def _causal_config(ref: ModelRef) -> Any:
    """The configuration of a causal language model.

    Raises:
        UsageError: it is something else.
        InputError: it cannot be read.
    """
    with quiet_libraries():
        from transformers import AutoConfig
        from transformers.models.auto import modeling_auto

        try:
            config = AutoConfig.from_pretrained(
                ref.path, local_files_only=True, trust_remote_code=False
            )
        except Exception as error:  # of every kind, depending on what the file holds
            raise _not_loadable(ref.path, error) from error
    causal = modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    masked = modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    writes = causal.get(config.model_type)
    # An encoder has a causal class too (BertLMHeadModel), for those who make a decoder of it.
    if config.model_type in masked and not getattr(config, "is_decoder", False):
        writes = None
    named = config.architectures or ([writes] if writes else [])
    if config.is_encoder_decoder or writes is None or writes not in named:
        has = ", ".join(named) or "no architecture"
        raise UsageError(
            f"{ref.name} is no reader: {config.model_type} ({has}) is no causal language model",
            hint=f"known: {', '.join(one for one, row in KNOWN.items() if row.task == 'answers')}; "
            f"or {_HINT}",
        )
    return config


def _not_loadable(path: Path, error: Exception) -> InputError:
    return InputError(f"cannot be loaded as a reader: {first_line(error)}", path=path, hint=_HINT)
