"""Evaluation of runs: measures, paired tests against a baseline, fusion, tables and pictures.

:func:`evaluate` reads the files that an :class:`EvaluateConfig` names; :func:`evaluate_runs` takes
runs and judgements that are in memory, and :func:`evaluate_predictions` what readers answered. All
give an
:class:`~clirot.evaluation.result.Evaluation`, which :mod:`~clirot.evaluation.formats` and
:mod:`~clirot.evaluation.pictures` write down.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from clirot.evaluation.config import EvaluateConfig
from clirot.records import ProgressSink, silent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clirot.collection.answers import Answers
    from clirot.evaluation.gold import Gold
    from clirot.evaluation.inputs import Inputs
    from clirot.evaluation.result import Evaluation
    from clirot.runs import Qrels, Run

__all__ = ["EvaluateConfig", "evaluate", "evaluate_predictions", "evaluate_runs"]


def evaluate(config: EvaluateConfig, *, progress: ProgressSink = silent) -> Evaluation:
    """Evaluate the runs that ``config`` names against the judgements that it names.

    Args:
        config: what to evaluate and how.
        progress: is told of each run read and each comparison made.

    Raises:
        UsageError: the configuration asks for something that these inputs cannot give.
        UnknownNameError: no such measure, test, run, topic set or collection.
        InputError: a run, the qrels or a topic set cannot be read; file and line.
    """
    from clirot.evaluation.gold import Sources, read_gold
    from clirot.evaluation.inputs import read_inputs
    from clirot.evaluation.notices import heard
    from clirot.evaluation.procedure import run_evaluation

    def inputs(gold: Gold) -> Inputs:
        if not config.predictions:
            return read_inputs(config, progress)
        from clirot.evaluation.predictions import prediction_inputs

        return prediction_inputs(config, gold, progress)

    sources = Sources(
        lambda measures: read_gold(config, measures), inputs, predicting=bool(config.predictions)
    )
    said: list[str] = []
    with heard(said):
        evaluation = run_evaluation(sources, config, progress)
    return replace(evaluation, notes=(*said, *evaluation.notes))


def evaluate_runs(
    runs: Mapping[str, Run],
    qrels: Qrels,
    config: EvaluateConfig,
    *,
    gold: Gold | None = None,
    progress: ProgressSink = silent,
) -> Evaluation:
    """Evaluate runs that are in memory; the files that ``config`` names are not read.

    Args:
        runs: by name; ``name@set`` puts a run in a topic set, as on the command line.
        qrels: topic -> docno -> relevance.
        config: measures, comparison, seed.
        gold: labels, answers and texts, for measures that need them.
        progress: is told of each comparison made.

    Raises:
        UsageError: as :func:`evaluate`.
    """
    from clirot.evaluation.gold import Gold, Sources
    from clirot.evaluation.inputs import inputs_in_memory
    from clirot.evaluation.procedure import run_evaluation

    sources = Sources(lambda _: gold or Gold(), lambda _: inputs_in_memory(runs, qrels, config))
    return run_evaluation(sources, config, progress)


def evaluate_predictions(
    predictions: Mapping[str, Mapping[str, str]],
    answers: Answers,
    config: EvaluateConfig,
    *,
    progress: ProgressSink = silent,
) -> Evaluation:
    """Evaluate what readers answered; the files that ``config`` names are not read.

    Args:
        predictions: by name, or by ``name@set``: topic -> answer.
        answers: the gold answers.
        config: measures (``em`` and ``answer-f1`` unless it says), comparison, seed.
        progress: is told of each comparison made.

    Raises:
        UsageError: as :func:`evaluate`.
        InputError: a topic has no gold answer.
    """
    from clirot.evaluation.gold import Gold, Sources
    from clirot.evaluation.predictions import predictions_in_memory
    from clirot.evaluation.procedure import run_evaluation

    sources = Sources(
        lambda _: Gold(answers=answers),
        lambda _: predictions_in_memory(predictions, answers, config),
        predicting=True,
    )
    return run_evaluation(sources, config, progress)
