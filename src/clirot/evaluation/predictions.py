"""What readers answered, as the runs of an evaluation.

A reader gives one answer to a question. It is kept as a run that finds one "document" for each
topic, whose name is the answer; the gold answers are the judgements. So predictions have the same
tables, tests and topic sets as runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from clirot.collection import Collection
from clirot.collection.answers import Answers, read_predictions
from clirot.evaluation.config import EvaluateConfig
from clirot.evaluation.gold import Gold
from clirot.evaluation.inputs import Inputs, Labelled, arrange, language_of, parse_run, split_label
from clirot.records import ProgressSink, Step
from clirot.runs import Qrels, Run


def prediction_inputs(config: EvaluateConfig, gold: Gold, progress: ProgressSink) -> Inputs:
    """Read every file of predictions that the configuration names.

    Args:
        config: names the files.
        gold: the answers, and the collection whose topics a language has.
        progress: is told of each file read.

    Raises:
        InputError: a file cannot be read.
        UsageError: two of them have one name, or their topic sets contradict each other.
    """
    assert gold.answers is not None  # `check_needs`
    labelled = []
    for done, text in enumerate(config.predictions, 1):
        system, topic_set, path = parse_run(text)
        name = system or Path(path).name.partition(".")[0] or path
        labelled.append(Labelled(name, topic_set, _run(name, read_predictions(path)), path))
        progress(Step("reading predictions", done, len(config.predictions), unit="files"))
    return arrange(labelled, _judgements(gold.answers, gold.collection, config), config)


def predictions_in_memory(
    predictions: Mapping[str, Mapping[str, str]], answers: Answers, config: EvaluateConfig
) -> Inputs:
    """Inputs from predictions that are in memory, by ``name`` or ``name@set``."""
    labelled = [
        Labelled(*split_label(label), _run(label, given), label)
        for label, given in predictions.items()
    ]
    return arrange(labelled, _judgements(answers, None, config), config)


def _run(name: str, given: Mapping[str, str]) -> Run:
    return Run.from_dict(name, {topic: {answer: 1.0} for topic, answer in given.items()})


def _judgements(
    answers: Answers, collection: Collection | None, config: EvaluateConfig
) -> Callable[[str], Qrels]:
    """From a topic set to the answers to its topics; a set named by a language has those of it."""
    whole = {topic: dict.fromkeys(texts, 1) for topic, texts in answers.by_topic.items()}
    if collection is None:
        return lambda topic_set: whole

    @cache
    def qrels_of(topic_set: str) -> Qrels:
        language = language_of(topic_set, collection) or config.lang
        if language is None:
            return whole
        asked = {topic.id for topic in collection.topics(language)}
        return {topic: texts for topic, texts in whole.items() if topic in asked}

    return qrels_of
