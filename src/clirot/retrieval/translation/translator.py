"""What a translator is to clirot: texts in, one or several translations of each out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from clirot.settings import check_ranges, setting
from clirot.store import Store


@dataclass(frozen=True, kw_only=True)
class DecodingSettings:
    """How a model writes a translation."""

    beams: int = setting(
        4, "Number of translations that beam search keeps at a time; 1 is greedy.", at_least=1
    )
    n_best: int = setting(
        1,
        "Number of translations of a text, the best first. Several are written one after the other "
        "as one text, so that a topic has the words of all of them; of like ones, one.",
        at_least=1,
    )
    max_tokens: int = setting(
        256, "Longest translation. One that reaches it is cut, and counted.", unit="tokens",
        at_least=1,
    )  # fmt: skip
    batch_size: int = setting(
        16, "Number of texts that are translated together.", at_least=1, decides=False
    )
    dtype: str = setting(
        "float32",
        "Number type of the model's weights. The short ones need half the memory, on a GPU.",
        choices=("float32", "bfloat16", "float16"),
    )

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is asked of a translator, whatever its kind."""

    model: str | None
    """Name, directory or Hub id; None where a command translates."""
    command: str | None
    """The program, as a shell would read it; None where a model translates."""
    table: str | None
    """Name of the translation table for word by word; None: the one of the languages."""
    timeout: float
    """Seconds that the program may run; 0: as long as it likes."""
    src: str | None
    """Language of the texts, in any accepted spelling or the model's own; None: not known."""
    tgt: str
    """Language to translate into, likewise."""
    decoding: DecodingSettings
    store: Store


@dataclass(frozen=True)
class Rendering:
    """What became of a text."""

    texts: tuple[str, ...]
    """Its translations, the best first; without line breaks. An empty one is possible."""
    cut: bool = False
    """Whether a translation reached the longest that was allowed."""
    shortened: tuple[int, int] | None = None
    """Where the text is longer than the model reads, so that its end was not read: its tokens, and
    those that were read."""


class Translator(Protocol):
    """Something that translates."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        ...

    @property
    def identity(self) -> Mapping[str, Any] | None:
        """All that decides a translation besides the text, such as the model's digest, for the
        cache. None: that is not known, so that nothing can be kept.
        """
        ...

    @property
    def window(self) -> int | None:
        """How many texts it should get at once; None: all that there are."""
        ...

    def translate(self, texts: Sequence[str]) -> Iterator[dict[int, Rendering]]:
        """Translate texts, none of them empty and each of one line.

        Yields batches, in any order: place in ``texts`` -> what became of the text. Every place
        comes once.

        Raises:
            ClirotError: it cannot be done. What was yielded before is kept.
        """
        ...
