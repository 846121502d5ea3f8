"""What can be set of a training on judged topics.

This module is light, so that a command can show its options quickly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clirot.distillation.loop import LoopSettings
from clirot.errors import UsageError
from clirot.settings import check_ranges, leaves, part, setting, values

BM25 = "bm25"
JUDGED = "judged"
DOCPAIRS = "docpairs"
SCOREDDOCS = "scoreddocs"
CONTRASTIVE, MARGIN_MSE, KL = "contrastive", "margin-mse", "kl"
TOPICS, DOCUMENTS = "topics", "documents"
MEASURES = {"map": "MAP", "ndcg@10": "nDCG@10", "mrr@10": "MRR@10", "recall@100": "R@100"}
"""Measures of held-out topics, as progress and model cards show them."""
_FORMAT = 1  # of the training procedure: a change makes older models outdated


@dataclass(frozen=True, kw_only=True)
class TopicChoice:
    """Which judged topics are used, and what for."""

    every: int = setting(
        1, "Take every so many-th judged topic, the first one among them.", at_least=1
    )
    max_topics: int = setting(
        0,
        """Judged topics that are used at most, chosen by their text alone. 0: all of them.""",
        unit="topics",
        at_least=0,
    )
    relevant_from: int = setting(
        1,
        """Grade from which on a document is relevant. Documents with a lower grade above 0 are
        neither trained on as relevant nor taken as negatives.""",
        at_least=1,
    )
    development: int = setting(
        50,
        """Topics that are held out to choose the best epoch on; at most a fifth of them.""",
        unit="topics",
        at_least=1,
    )
    measure: str = setting(
        "map",
        "What is measured on these after every epoch.",
        choices=tuple(MEASURES),
    )
    development_documents: int = setting(
        2000,
        """Documents that the held-out topics are searched in: those that are relevant to them, then
        what was found for them, then others. Relevant ones are never left out.""",
        unit="documents",
        at_least=2,
    )
    split_seed: int = setting(
        0, "Decides which topics are held out; the seed of the training does not.", at_least=0
    )
    apart: str = setting(
        TOPICS,
        """What the topics that are held out may share with those that are trained on. topics:
        documents, as in most collections. documents: nothing, since topics with a relevant document
        in common stay together.""",
        choices=(TOPICS, DOCUMENTS),
    )
    folds: int = setting(
        1,
        """Parts of the topics for cross-validation: one of them is left out of everything, to test
        on. Its judgements are kept with the model (left-out.qrels). 1 leaves out nothing.""",
        at_least=1,
    )
    fold: int = setting(1, "Which of the parts is left out.", at_least=1)

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.fold > self.folds:
            raise UsageError(
                f"`fold` {self.fold}: there are {self.folds} parts (`folds`)",
                hint="number them from 1",
            )


@dataclass(frozen=True, kw_only=True)
class GroupSettings:
    """How a group of a topic, a relevant document and negatives is put together."""

    positives: int = setting(
        10,
        """Relevant documents of a topic that are trained on at most, those of the highest grade
        first. Each makes a group.""",
        at_least=1,
    )
    group_negatives: int = setting(
        4, "Negatives of a group, drawn from the mined ones.", at_least=1, at_most=200
    )
    depth: int = setting(
        100, "Rank down to which negatives are mined.", unit="documents", at_least=1
    )
    first_rank: int = setting(
        1,
        """Rank from which on they are mined. Documents that nobody judged and that stand first may
        well be relevant.""",
        at_least=1,
    )
    margin: float = setting(
        0.05,
        """With a teacher: a mined document is left out as a false negative where the teacher's
        score is above that of the relevant document less this share of it.""",
        at_least=0,
        below=1,
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.first_rank > self.depth:
            raise UsageError(
                f"`first_rank` {self.first_rank} is below the last rank that is looked at, "
                f"`depth={self.depth}`",
                hint="raise `depth`",
            )


@dataclass(frozen=True, kw_only=True)
class JudgedTrainingSettings(LoopSettings):
    """How a model is trained on groups."""

    batch_size: int = setting(
        16,
        """Groups in a batch, each of another topic. Where several processes train together, they
        share each batch out evenly.""",
        at_least=2,
    )
    mini_batch: int = setting(
        16,
        """Texts that are encoded together. It bounds the memory of large batches, and changes
        nothing else.""",
        unit="texts",
        at_least=1,
    )
    learning_rate: float = setting(2e-5, "Peak learning rate of the body.", above=0)
    embedding_learning_rate: float = setting(
        2e-5,
        "Peak learning rate of the input embeddings. 0 leaves them as they are.",
        at_least=0,
    )
    temperature: float = setting(
        0.03,
        """What scores are divided by before the softmax, in losses contrastive and kl; a score is
        MaxSim, averaged over the topic's tokens. ColBERT's sum over 32 tokens is 0.03.""",
        at_least=1e-4,
        at_most=100,
    )


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """What to train, on which judged topics, and how."""

    model: str = setting(
        meaning="Encoder that is trained: a name of the model registry, a directory or a Hub id.",
        decides=False,  # it is an input, recorded with its digest
    )
    collection: str = setting(
        meaning="Collection with judged topics: an id (cranfield, mmarco/de/train) or a directory.",
        decides=False,  # as the model
    )
    lang: str | None = setting(
        None,
        "Language of the topics. It may be left out where there is only one, or where the "
        "collection's id names it.",
    )
    docs_lang: str | None = setting(
        None, "Language of the documents, where a directory has documents in several."
    )
    topics_variant: str | None = setting(
        None, "Variant of the topics: another wording of them, such as a translation."
    )
    name: str | None = setting(
        None,
        "Name of the model in the registry; by default MODEL.COLLECTION, with the language of the "
        "topics where one is named.",
        decides=False,
    )
    loss: str = setting(
        CONTRASTIVE,
        """What is minimised. contrastive: the relevant document against the negatives of the whole
        batch. margin-mse: the distance to the teacher's margins. kl: the divergence from the
        teacher's distribution over the group. The last two need a teacher.""",
        choices=(CONTRASTIVE, MARGIN_MSE, KL),
    )
    teacher: str | None = setting(
        None,
        """Model whose scores are learnt (margin-mse, kl), and by whose scores false negatives are
        left out: a name of the registry, a directory or a Hub id.""",
        decides=False,  # as the model
    )
    teacher_lang: str | None = setting(
        None,
        """Language of the topics that the teacher scores; by default that of the documents, where
        the collection has topics in it, else that of the topics.""",
    )
    negatives: str = setting(
        BM25,
        """Where negatives are mined. bm25: what BM25 finds for the topics, by an index that is made
        where it is missing. judged: documents that were judged not relevant. docpairs, scoreddocs:
        the pairs and the scored documents of ir_datasets. Else a run: a file, or a name in the
        store. Documents that were judged relevant are never taken.""",
    )
    negatives_lang: str | None = setting(
        None,
        "Language of the topics that BM25 searches with; by default that of the documents, where "
        "the collection has topics in it, else that of the topics.",
    )
    topics: TopicChoice = part(TopicChoice)
    groups: GroupSettings = part(GroupSettings)
    training: JudgedTrainingSettings = part(JudgedTrainingSettings)
    report_to: tuple[str, ...] = setting(
        (),
        """Program that training is reported to: tensorboard, wandb or trackio. Repeat the option
        for several, or put commas between them.""",
        decides=False,
    )
    replace: bool = setting(
        False, "Replace a model of that name that was made otherwise.", decides=False
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.loss != CONTRASTIVE and self.teacher is None:
            raise UsageError(
                f"loss {self.loss!r} learns the scores of a teacher, and none is named",
                hint="name one (`teacher`), or take `loss=contrastive`",
            )

    @property
    def artefact_name(self) -> str:
        """The name the model gets."""
        if self.name is not None:
            return self.name
        from clirot.retrieval.index_config import slug

        parts = [slug(self.model), slug(self.collection), *([self.lang] if self.lang else [])]
        return ".".join(parts)

    def deciding(self) -> dict[str, Any]:
        """The settings that decide the weights, by name, as the manifest records them."""
        given = values(self)
        passed_over = {"seed"}
        if self.topics.folds == 1:
            passed_over |= {"fold", "folds"}
        if self.teacher is None:
            passed_over |= {"margin", "teacher_lang"}
        if self.negatives != BM25:
            passed_over.add("negatives_lang")
        settings = {
            leaf.name: given[leaf.name]
            for leaf in leaves(TrainConfig)
            if leaf.said.decides and leaf.name not in passed_over
        }
        if self.negatives not in (BM25, JUDGED, DOCPAIRS, SCOREDDOCS):
            settings["negatives"] = "run"  # it is an input, however its path was written
        return {"format": _FORMAT, "verb": "train", **settings}
