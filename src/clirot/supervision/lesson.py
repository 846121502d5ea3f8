"""What is taught out of judged topics: groups of texts, and a loss of sentence-transformers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clirot.distillation.training.lengths import Lengths
from clirot.distillation.training.lesson import Given, Lesson, Measured
from clirot.models import Side
from clirot.processes import Processes
from clirot.supervision.configuration import JudgedTrainingSettings
from clirot.supervision.development import JudgedDevelopment
from clirot.supervision.groups import Group
from clirot.supervision.losses import LOSSES
from clirot.supervision.sampling import Documents, sampler_factory

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder


@dataclass(frozen=True, kw_only=True)
class JudgedLesson(Lesson):
    """Groups of a topic and documents."""

    settings: JudgedTrainingSettings
    loss: str
    """Name of a loss."""
    groups: Sequence[Group]
    topics_read: Mapping[str, str]
    """Topic -> its text, of the groups."""
    documents_read: Mapping[str, str]
    """Document -> its text, of the groups."""
    relevant: Mapping[str, Documents]
    """Topic -> the documents that are relevant to it, be it a little."""
    measure: str = "MAP"
    """What the held-out topics are measured by, as progress shows it."""
    sides: tuple[Side, ...] = ("query", "document")

    verb = "train"
    unit = "groups"

    @property
    def loop(self) -> JudgedTrainingSettings:
        """How the model is trained."""
        return self.settings

    @property
    def rows(self) -> int:
        """The groups."""
        return len(self.groups)

    @property
    def columns(self) -> Mapping[str, Side]:
        """The topic, the relevant document, and the negatives."""
        negatives = len(self.groups[0].documents) - 1
        found: dict[str, Side] = {"query": "query", "positive": "document"}
        return found | {f"negative_{number}": "document" for number in range(1, negatives + 1)}

    def dataset(self, processes: Processes) -> Any:
        """The texts of the groups, with the teacher's scores where the loss learns them."""
        from datasets import Dataset

        texts: dict[str, list[Any]] = {
            "query": [self.topics_read[group.topic] for group in self.groups]
        }
        for number, column in enumerate(list(self.columns)[1:]):
            texts[column] = [self.documents_read[one.documents[number]] for one in self.groups]
        if LOSSES[self.loss].scores:
            texts["label"] = [group.scores for group in self.groups]
        return Dataset.from_dict(texts)

    def sampler(self, lengths: Lengths, processes: Processes) -> Callable[..., Any]:
        """Full batches; with a loss over the batch, none with a false negative in it."""
        return self._sampler((processes.rank, processes.count))

    def _sampler(self, share: tuple[int, int]) -> Callable[..., Any]:
        nothing: list[Documents] = [frozenset()] * len(self.groups)
        in_batch = LOSSES[self.loss].in_batch
        return sampler_factory(
            [frozenset(one.documents) for one in self.groups] if in_batch else nothing,
            [self.relevant[one.topic] for one in self.groups] if in_batch else nothing,
            batch_size=self.settings.batch_size,
            seed=self.settings.seed,
            share=share,
        )

    def check_batches(self) -> None:
        """Put the batches of an epoch together, before anything is trained.

        Raises:
            InputError: so many groups may not meet in a batch.
        """
        for _ in self._sampler((0, 1))(None).batches():
            pass

    def lengths(self, model: MultiVectorEncoder) -> Lengths:
        """How long topics and documents are."""
        texts: dict[Side, Mapping[str, str]] = {
            "query": self.topics_read,
            "document": self.documents_read,
        }
        return Lengths.by_side(model, texts, self.settings.max_tokens, "topics and documents")

    def read_as(self, developments: Mapping[str, Any]) -> Mapping[Side, Sequence[str]]:
        """The texts of the groups and of the development tasks."""
        found: dict[Side, list[str]] = {
            "query": list(self.topics_read.values()),
            "document": list(self.documents_read.values()),
        }
        for development in developments.values():
            for side, texts in development.read_as().items():
                found[side] += texts
        return found

    def topics(self, development: JudgedDevelopment) -> int:
        """The topics that are held out."""
        return len(development.topics)

    def given_to(self, model: MultiVectorEncoder, processes: Processes) -> GroupsGiven:
        """The groups for a model."""
        return GroupsGiven(self, model, processes)


class GroupsGiven(Given):
    """Groups for a model.

    Args:
        lesson: what is taught.
        model: what is trained.
        processes: those that train together.
    """

    def __init__(
        self, lesson: JudgedLesson, model: MultiVectorEncoder, processes: Processes
    ) -> None:
        self._model = model
        self.loss = LOSSES[lesson.loss].made(model, lesson.settings, processes)

    def __exit__(self, *_: object) -> None:
        return None

    def measured(self, development: JudgedDevelopment) -> Measured:
        """How the model does on held-out topics."""
        return development.measured(self._model)
