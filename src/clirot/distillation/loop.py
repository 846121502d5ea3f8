"""The settings of a training that `distill` and `train` have in common.

This module is light, so that a command can show its options quickly.
"""

from __future__ import annotations

from dataclasses import dataclass

from clirot.settings import check_ranges, setting


@dataclass(frozen=True, kw_only=True)
class LoopSettings:
    """How a model is trained, whatever it is trained on."""

    seed: int = setting(
        13, "Decides the order of the batches and every random start of weights.", at_least=0
    )
    epochs: int = setting(3, "Passes over what is trained on.", at_least=1)
    batch_size: int = setting(32, "Rows of a batch.", at_least=1)
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
    learning_rate: float = setting(5e-5, "Peak learning rate of the body.", above=0)
    embedding_learning_rate: float = setting(
        5e-5,
        "Peak learning rate of the input embeddings. 0 leaves them as they are.",
        at_least=0,
    )
    start_share: float = setting(
        0.0,
        """Share of the weights before training in the weights that are kept, which are a mean of
        the two. It keeps what an encoder knew of other kinds of text.""",
        at_least=0,
        below=1,
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
        "Longest input of the model in training; longer texts are cut.",
        unit="tokens",
        at_least=1,
    )
    lora_rank: int = setting(
        0,
        """Rank of low-rank adapters that are trained in place of the body's weights and merged into
        them at the end, for decoders and other large bodies. With adapters, the input embeddings
        are not trained. 0 trains the weights themselves.""",
        at_least=0,
        at_most=1024,
    )

    def __post_init__(self) -> None:
        check_ranges(self)

    @property
    def added_rate(self) -> float:
        """Peak learning rate of the embeddings of subwords that were added."""
        return self.embedding_learning_rate
