"""What runs are held to beside judgements: labels, gold answers, and the texts of documents."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from clirot.errors import UsageError
from clirot.evaluation.config import EvaluateConfig
from clirot.evaluation.measures import Measure, judged_topics, measure_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clirot.collection import Collection
    from clirot.collection.answers import Answers
    from clirot.collection.labels import Labels
    from clirot.evaluation.inputs import Inputs
    from clirot.runs import Qrels, Run

    Values = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Gold:
    """What some measures need besides judgements; None where none of them was asked for."""

    labels: Labels | None = None
    """For ``knn-accuracy`` and ``knn-macro-f1``."""
    answers: Answers | None = None
    """For ``answer``, ``answer-exact`` and for predictions."""
    texts: Mapping[str, str] | None = None
    """Docno -> text, for ``answer`` and ``answer-exact``."""
    collection: Collection | None = None
    """Where texts are read from if they are not given."""

    def with_texts(
        self, measures: Sequence[Measure], inputs: Inputs, topic_sets: Container[str]
    ) -> Gold:
        """The same with the texts of the documents that these measures look at, on these topic
        sets.
        """
        looked = [measure for measure in measures if measure.definition.needs == "answers"]
        if not looked or self.texts is not None or self.collection is None:
            return self
        deepest = max(measure.cutoff or 0 for measure in looked)
        wanted = {
            docno
            for (_, one), run in inputs.runs.items()
            if one in topic_sets
            for topic in inputs.topics[one]
            for docno in list(run.documents(topic))[:deepest]
        }
        documents = self.collection.documents()
        return replace(self, texts={one.id: one.text for one in documents if one.id in wanted})


@dataclass(frozen=True)
class Sources:
    """Where an evaluation gets what it works on; asked in this order, since runs may be large."""

    gold: Callable[[Sequence[Measure]], Gold]
    """What these measures need besides judgements."""
    inputs: Callable[[Gold], Inputs]
    """The runs and the judgements."""
    predicting: bool = False
    """Whether the runs are what readers answered."""


def check_needs(measures: Sequence[Measure], gold: Gold, *, predicting: bool) -> None:
    """Refuse measures that lack what they need.

    Raises:
        UsageError: labels, answers or texts are needed and not there; or a measure is of runs and
            these are predictions, or the reverse.
    """
    for measure in measures:
        needs = measure.definition.needs
        if predicting != (needs == "predictions"):
            said = "of runs, and these are predictions" if predicting else "of predictions"
            raise UsageError(
                f"{measure} is a measure {said}",
                hint="for predictions: em, answer-f1"
                if predicting
                else "name what readers answered: `predictions=NAME=FILE`",
            )
        if needs == "labels" and gold.labels is None:
            raise UsageError(
                f"{measure} needs the labels of documents and topics",
                hint="name a collection that has them, or a file, id TAB label: `labels=FILE`",
            )
        if needs == "answers" and gold.texts is None and gold.collection is None:
            raise UsageError(
                f"{measure} needs the texts of the documents", hint="give `collection`"
            )
        if needs in ("answers", "predictions") and gold.answers is None:
            raise UsageError(
                f"{measure} needs the gold answers to the topics",
                hint="name a collection that has them, or a file, question id TAB answer: "
                "`answers=FILE`",
            )


def read_gold(config: EvaluateConfig, measures: Sequence[Measure]) -> Gold:
    """Read what these measures need, from the files or the collection that are named.

    Raises:
        InputError: there is no such file, or it is malformed; the collection lacks it.
        UsageError: a file is named that no measure needs.
    """
    needed = {measure.definition.needs for measure in measures}
    if config.labels is not None and "labels" not in needed:
        raise UsageError(
            "`labels` are for measures of neighbours, and none was asked for",
            hint="for example `metrics=knn-accuracy@5`",
        )
    answering = bool(needed & {"answers", "predictions"} or config.predictions)
    for name in ("answers", "answers_lang"):
        if getattr(config, name) is not None and not answering:
            raise UsageError(
                f"`{name}` is for measures of answers, and none was asked for",
                hint="for example `metrics=answer@5`",
            )
    gold = Gold(labels=_labels(config) if "labels" in needed else None)
    if answering:
        collection = _opened(config)
        gold = replace(gold, collection=collection, answers=_answers(config, collection))
    return gold


def _labels(config: EvaluateConfig) -> Labels | None:
    if config.labels is not None:
        from clirot.collection.labels import read_labels

        return read_labels(config.labels)
    if config.collection is not None:
        from clirot.collection import open_collection

        return open_collection(config.collection).labels()
    return None


def _opened(config: EvaluateConfig) -> Collection | None:
    """The collection; where its documents are in several languages, in that of the answers."""
    if config.collection is None:
        return None
    from clirot.collection import open_collection

    collection = open_collection(config.collection)
    if config.answers_lang is not None and len(collection.by_document_language()) > 1:
        return open_collection(config.collection, config.answers_lang)
    return collection


def _answers(config: EvaluateConfig, collection: Collection | None) -> Answers | None:
    if config.answers is None:
        return None if collection is None else collection.answers(config.answers_lang)
    from clirot.collection.answers import read_answers

    language = config.answers_lang
    if language is None and collection is not None:
        language = collection.document_language
    if language is None:
        raise UsageError(
            "the language of the gold answers is not known, and articles and words depend on it",
            hint="name it: `answers_lang=en`",
        )
    return read_answers(config.answers, language)


def values_of(
    measures: Sequence[Measure], run: Run, qrels: Qrels, gold: Gold, *, level: int
) -> Values:
    """The values of measures of any kind for every judged topic: (measures, topics).

    Raises:
        InputError: a topic or a document lacks what a measure needs of it.
    """
    topics = judged_topics(qrels)
    values = np.zeros((len(measures), len(topics)))
    for kind in {measure.definition.needs for measure in measures}:
        places = [place for place, one in enumerate(measures) if one.definition.needs == kind]
        wanted = [measures[place] for place in places]
        values[places] = (
            measure_values(wanted, run, qrels, level=level)
            if kind == "judgements"
            else _held_to_gold(wanted, run, topics, gold)
        )
    return values


def _held_to_gold(
    measures: Sequence[Measure], run: Run, topics: Sequence[str], gold: Gold
) -> Values:
    """The values of measures that need the same part of ``gold``, which is there."""
    if measures[0].definition.needs == "labels":
        from clirot.evaluation.measures.neighbours import label_values

        assert gold.labels is not None
        return label_values(measures, run, topics, gold.labels)
    from clirot.evaluation.measures.answering import answer_values, prediction_values

    assert gold.answers is not None
    if measures[0].definition.needs == "predictions":
        return prediction_values(measures, run, topics, gold.answers)
    return answer_values(measures, run, topics, gold.answers, gold.texts or {})
