"""The card of a model that was trained on judged topics: Markdown with the Hub's front matter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from clirot.distillation.lineage import findable, lineage
from clirot.distillation.model_card import epochs_table
from clirot.languages import language_name
from clirot.store import Store
from clirot.supervision.configuration import MEASURES

if TYPE_CHECKING:
    from clirot.supervision.preparation import Request

_COUNTED = {
    "judged_topics_without_text": "judged topics that have no text in this language",
    "topics_not_taken": "judged topics that were not taken",
    "topics_with_nothing_relevant": "topics that nothing was judged relevant to",
    "relevant_not_in_collection": "relevant documents that are not in the collection",
    "topics_without_relevant": "topics without a relevant document in the collection",
    "left_out_topics": "topics that were left out to test on",
    "mined_judged_relevant": "mined documents that were judged relevant",
    "mined_not_in_collection": "mined documents that are not in the collection",
    "topics_without_mined": "topics for which nothing was mined",
    "topics_filled_up": "topics whose negatives are in part random, since too few were mined",
    "false_negatives_left_out": "negatives that the teacher scores near the relevant document",
    "groups_with_too_few_negatives": "relevant documents without enough negatives",
    "relevant_not_trained_on": "relevant documents beyond the most that a topic trains on",
}
"""Name of a count -> what it counts; some are not left out, but worth knowing."""


def model_card(request: Request, results: Mapping[str, Any], store: Store) -> str:
    """The card.

    Args:
        request: what the model was trained from.
        results: what was counted and measured.
        store: where the models are that it came from.
    """
    config = request.config
    codes = list(request.reads)
    spoken = {
        side: language_name(code) if code else "a language that it does not say"
        for side, code in request.languages.items()
    }
    counted = [
        f"- {results[name]:,} {what}" for name, what in _COUNTED.items() if results.get(name)
    ]
    measure = MEASURES[str(results["measure"])]
    template = Path(__file__).with_name("model_card.md").read_text(encoding="utf-8")
    return Template(template).substitute(
        name=config.artefact_name,
        base=findable(request.base),
        collection=request.collection.id,
        codes=json.dumps(codes[0] if len(codes) == 1 else codes),
        topics=spoken["topics"],
        documents=spoken["documents"],
        loss=config.loss,
        measure=measure,
        development_topics=results["development_topics"],
        development_documents=results["development_documents"],
        sharing=results["development_topics_sharing_relevant"],
        table=epochs_table(
            results["development"],
            results["development_entropy"],
            results["best_epoch"],
            measure=measure,
        ),
        groups=f"{results['groups']:,}",
        training_topics=f"{results['training_topics']:,}",
        negatives=config.groups.group_negatives,
        mined=request.source.what,
        counts="\n".join(counted) or "- nothing",
        made_from="\n".join(
            f"| {one.kind} | {one.name} | `{one.digest}` |" for one in request.inputs
        ),
        lineage=lineage(request.inputs, store),
        settings=json.dumps(config.deciding(), indent=2, sort_keys=True),
    )
