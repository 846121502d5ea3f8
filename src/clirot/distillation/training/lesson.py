"""What a training is about, for the trainer, which does not know whether it distils or not.

A :class:`Lesson` says which rows of text there are, how they are made into batches, and gives
itself to a model: the loss over a batch, and what is measured at the end of an epoch. Bitext is
taught by :class:`clirot.distillation.training.batches.Task`, judged topics by
:class:`clirot.supervision.lesson.JudgedLesson`. Everything else of a training is the same for
both: resumption, seeds, processes, the best epoch, reports.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from clirot.distillation.loop import LoopSettings
from clirot.models import Side
from clirot.processes import Processes

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

    from clirot.distillation.training.lengths import Lengths


@dataclass(frozen=True)
class Measured:
    """What was measured of a model on a development task."""

    score: float
    """Of retrieval, from 0 to 1: the epoch with the highest one is kept."""
    entropy: float
    """Cross-entropy of what should be found, in nats, by which like scores are told apart."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """Of anything else that is worth watching."""


class Given(AbstractContextManager["Given"]):
    """A lesson that is given to one model: within the block it can be trained."""

    loss: nn.Module
    """The loss of a batch, as sentence-transformers' trainer calls it."""

    @abstractmethod
    def measured(self, development: Any) -> Measured:
        """How the model does on a development task now."""


@dataclass(frozen=True, kw_only=True)
class Lesson(ABC):
    """A training, the same in every process that takes part in it."""

    scratch: Path
    """Directory for checkpoints. A lesson that was interrupted goes on from what it left there."""
    sides: tuple[Side, ...] = ("query",)
    """How the model reads texts in training."""
    new_from: int | None = None
    """Ids from here on are subwords that a transplant added: beside low-rank adapters, the input
    embeddings are then trained too. None: the model starts with all its subwords."""

    verb = "train"
    """What progress is called."""
    unit = "rows"
    measure = "MAP"
    """What :attr:`Measured.score` is."""
    reader = "the model"
    """Who it is that is trained, for remarks on texts that are cut."""

    @property
    @abstractmethod
    def loop(self) -> LoopSettings:
        """How it is trained."""

    @property
    @abstractmethod
    def rows(self) -> int:
        """How many rows an epoch has."""

    @property
    @abstractmethod
    def columns(self) -> Mapping[str, Side]:
        """Column of text -> how the model reads it; the loss gets the columns in this order."""

    @abstractmethod
    def dataset(self, processes: Processes) -> Any:
        """The rows as a :class:`datasets.Dataset`, in which ``label`` is no text."""

    @abstractmethod
    def sampler(self, lengths: Lengths, processes: Processes) -> Callable[..., Any]:
        """The ``batch_sampler`` of sentence-transformers. It shares batches out by itself."""

    @abstractmethod
    def lengths(self, model: MultiVectorEncoder) -> Lengths:
        """How long the texts are, and what of them is read."""

    @abstractmethod
    def read_as(self, developments: Mapping[str, Any]) -> Mapping[Side, Sequence[str]]:
        """Every text that the model reads in training, by the side that it reads it as.

        Args:
            developments: the development tasks, whose texts are read too.
        """

    @abstractmethod
    def topics(self, development: Any) -> int:
        """How many topics a development task has."""

    @abstractmethod
    def given_to(self, model: MultiVectorEncoder, processes: Processes) -> Given:
        """The lesson for a model."""
