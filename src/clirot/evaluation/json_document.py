"""An evaluation as one JSON document."""

from __future__ import annotations

import json
from typing import Any

from clirot.evaluation.result import Comparison, Evaluation, Gap
from clirot.version import __version__


def json_text(evaluation: Evaluation, *, per_topic: bool = False) -> str:
    """The document as text."""
    document = json_document(evaluation, per_topic=per_topic)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def json_document(evaluation: Evaluation, *, per_topic: bool = False) -> dict[str, Any]:
    """Everything of an evaluation, as one document of plain values.

    ``runs`` has an entry for each system and topic set, with ``means`` by the canonical names of
    the measures; where there are several topic sets, also an entry for ``overall``.
    """
    config = evaluation.config
    runs = []
    for topic_set in evaluation.topic_sets:
        for system in evaluation.systems:
            means = {
                str(measure): evaluation.figure(system, measure, topic_set)
                for measure in evaluation.measures
            }
            if None in means.values():
                continue
            entry: dict[str, Any] = {"name": system, "topic_set": topic_set or None, "means": means}
            if evaluation.intervals is not None:
                entry["intervals"] = {
                    str(measure): list(evaluation.intervals[system, topic_set, measure])
                    for measure in evaluation.measures
                    if (system, topic_set, measure) in evaluation.intervals
                }
            if (system, topic_set) in evaluation.values:
                run = evaluation.inputs.runs[system, topic_set]
                topics = evaluation.topics[topic_set]
                judged = evaluation.inputs.judged
                entry["source"] = evaluation.inputs.sources.get((system, topic_set))
                entry["topics"] = len(topics)
                entry["topics_without_results"] = [t for t in topics if t not in run.index]
                entry["topics_not_judged"] = [t for t in run.topics if t not in judged]
                if per_topic:
                    entry["per_topic"] = evaluation.per_topic(system, topic_set)
            runs.append(entry)
    return {
        "clirot": __version__,
        "judgements": config.collection or str(config.qrels or ""),
        "rel_level": config.rel_level,
        "measures": [str(measure) for measure in evaluation.measures],
        "runs": runs,
        "baseline": config.baseline,
        "test": {
            "name": config.test,
            "alpha": config.alpha,
            "correction": "holm",
            "samples": config.samples,
            "seed": config.seed,
            "confidence": config.confidence,
        }
        if config.baseline or config.gaps or config.intervals
        else None,
        "comparisons": [_comparison_fields(one) for one in evaluation.comparisons],
        "gaps": [_gap_fields(gap) for gap in evaluation.gaps],
        "expectations": [
            {"expected": o.written, "run": o.system, "value": o.value, "met": o.met}
            for o in evaluation.outcomes
        ],
        "notes": list(evaluation.notes),
    }


def _comparison_fields(one: Comparison) -> dict[str, Any]:
    return {
        "run": one.system,
        "baseline": one.baseline,
        "topic_set": one.topic_set or None,
        "measure": str(one.measure),
        "difference": one.difference,
        "interval": list(one.interval),
        "p": one.test.p,
        "exact": one.test.exact,
        "p_holm": one.p_adjusted,
        "significant": one.significant,
        "effect": one.effect if abs(one.effect) != float("inf") else None,
        "topics": one.topics,
        "better": one.better,
        "worse": one.worse,
    }


def _gap_fields(gap: Gap) -> dict[str, Any]:
    return {
        "run": gap.system,
        "measure": str(gap.measure),
        "first": list(gap.first),
        "second": list(gap.second),
        "difference": gap.difference,
        "relative": gap.relative,
        "interval": list(gap.interval),
        "paired": gap.paired,
    }
