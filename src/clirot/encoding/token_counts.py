"""How many tokens an encoder reads of a text, and where the tokens lie: what splitting texts needs.

Nothing is encoded here, and nothing is cut.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from clirot.encoding.libraries import quiet_libraries
from clirot.errors import InputError

if TYPE_CHECKING:
    from clirot.encoding.encoders import MultiVectorTokenEncoder


class TokenCounter:
    """The tokenizer of an encoder, as the encoder uses it.

    Args:
        encoder: one side of a model. Its prompt counts.

    Raises:
        InputError: its tokenizer does not say where tokens lie, because it is written in Python.
    """

    name: str
    """The model's name."""
    limit: int
    """Tokens that the encoder reads of a text at most, its prompt and the tokens around included.
    """
    around: int
    """Tokens that it reads of an empty text: its prompt and the tokens around."""

    def __init__(self, encoder: MultiVectorTokenEncoder) -> None:
        model: Any = encoder.model
        self.name = encoder.name
        self._tokenizer = model.tokenizer
        if not getattr(self._tokenizer, "is_fast", False):
            raise InputError(
                f"{encoder.name} has a tokenizer that does not say where its tokens lie "
                f"({type(self._tokenizer).__name__}), so that no text can be split by its tokens",
                hint="take a checkpoint with a tokenizer.json",
            )
        self._prompt = prompt_of(encoder)
        # The tokenizer remembers how it was told to cut; a module may cut documents shorter than
        # the tokenizer says.
        with quiet_libraries():
            features = model.preprocess(["a"], prompt=self._prompt, task=encoder.side)
        cutting = self._tokenizer.backend_tokenizer.truncation
        self.limit = int(cutting["max_length"]) if cutting else sys.maxsize
        self._templated = features["modality"] == "message"
        if self._templated:
            self.around = int(features["attention_mask"].sum()) - self.lengths(["a"])[0]
        else:
            self.around = self.count("")

    def count(self, text: str) -> int:
        """Tokens that the encoder would read of a text if it had no limit."""
        if self._templated:  # a chat template around it, whose tokens do not depend on the text
            return self.around + self.lengths([text])[0]
        return len(self._read(self._prompt + text, special=True)["input_ids"])

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by itself, without the prompt and the tokens around."""
        return [len(ids) for ids in self._read(list(texts), special=False)["input_ids"]]

    def places(self, text: str) -> list[tuple[int, int]]:
        """Where the tokens of a text lie, in characters (code points), in their order.

        A character may be several tokens: these have the same place. White space may belong to the
        token behind it.
        """
        found: list[tuple[int, int]] = self._read(text, special=False, places=True)[
            "offset_mapping"
        ]
        return found

    def _read(self, text: str | list[str], *, special: bool, places: bool = False) -> Any:
        return self._tokenizer(
            text,
            add_special_tokens=special,
            return_offsets_mapping=places,
            return_attention_mask=False,
            return_token_type_ids=False,
            truncation=False,
            padding=False,
            verbose=False,
        )


def prompt_of(encoder: MultiVectorTokenEncoder) -> str:
    """What an encoder reads before each text; empty where there is nothing."""
    model: Any = encoder.model
    name = encoder.side if encoder.side in model.prompts else model.default_prompt_name
    return (model.prompts[name] if name is not None else None) or ""
