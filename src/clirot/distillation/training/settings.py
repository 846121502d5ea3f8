"""The settings of training: how long, how fast, in which batches, and what is held out.

The trainer takes them as they are. This module is light, so that a command can show its options
quickly.
"""

from __future__ import annotations

from dataclasses import dataclass

from clirot.errors import UsageError
from clirot.settings import check_ranges, setting

_SEEDS = 2**32


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How a student is trained."""

    seed: int = setting(
        13, "Decides the order of the batches and every random start of weights.", at_least=0
    )
    epochs: int = setting(3, "Passes over the bitext.", at_least=1)
    batch_size: int = setting(
        32,
        """Sentence pairs in a batch. Where several processes train together, they share each batch
        out among themselves.""",
        at_least=1,
    )
    accumulate: int = setting(
        1,
        """Batches whose gradients are added up before a step, for when memory does not hold a
        larger batch. Contrastive objectives still see the sentences of one batch only.""",
        at_least=1,
    )
    checkpointing: bool = setting(
        False,
        """Compute activations a second time instead of keeping them: less memory, about a third
        more time.""",
    )
    learning_rate: float = setting(2e-4, "Peak learning rate of the body.", above=0)
    embedding_learning_rate: float = setting(
        4e-3,
        "Peak learning rate of the input embeddings, most of which are new in a transplant.",
        above=0,
    )
    warmup: float = setting(
        0.1,
        """Share of the steps in which the learning rates rise to their peaks; they fall linearly
        afterwards.""",
        at_least=0,
        below=1,
    )
    max_tokens: int = setting(
        256,
        """Longest input of the student in training; longer sentences are cut. The teacher reads its
        own sentences to the end.""",
        unit="tokens",
        at_least=1,
    )
    lora_rank: int = setting(
        0,
        """Rank of low-rank adapters that are trained in place of the body's weights and merged into
        them at the end, for decoders and other large bodies. The input embeddings are then trained
        in a transplant only. 0 trains the weights themselves.""",
        at_least=0,
        at_most=1024,
    )
    development: int = setting(
        500,
        """Sentence pairs of each language that are held out to choose the best epoch on; at most a
        tenth of its bitext.""",
        at_least=1,
    )
    sampling_temperature: float = setting(
        2.0,
        """With several languages, a language with n sentence pairs gets a share of the training in
        proportion to n^(1/T). 1 takes them as the bitext has them; a larger T favours languages
        with little bitext.""",
        at_least=1,
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.seed >= _SEEDS:
            raise UsageError(f"`seed` must be below {_SEEDS} (2^32), got {self.seed}")
