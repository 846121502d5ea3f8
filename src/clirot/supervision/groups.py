"""Groups to train on: a topic, one of its relevant documents, and hard negatives.

A document that was judged relevant to a topic, be it a little, is never a negative of it.
Judgements are not complete, so a document that nobody judged may be relevant too: with a teacher, a
mined document whose score comes near that of the relevant one is left out (Moreira et al., arXiv
2407.15831, section 4: a share of the positive's score).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from clirot.errors import InputError
from clirot.supervision.configuration import GroupSettings
from clirot.supervision.judgements import Judged
from clirot.supervision.negatives import Mined

Scores = Mapping[str, Mapping[str, float]]
"""Topic -> document -> a teacher's score."""

_FILL = 2
"""So many times the negatives of a group are at hand for every topic, filled up by random ones."""


@dataclass(frozen=True)
class Group:
    """A row of the training."""

    topic: str
    documents: list[str]
    """The relevant one, then the negatives."""
    scores: list[float] = field(default_factory=list)
    """The teacher's, one a document; empty where there is no teacher."""


@dataclass(frozen=True)
class Candidates:
    """What may be drawn as negatives of the topics."""

    mined: dict[str, list[str]]
    """Topic -> documents of the collection that nothing speaks against yet."""
    filling: dict[str, list[str]]
    """Topic -> random ones, mined for other topics, where too few were mined for it."""
    counts: dict[str, int]

    def pairs(self, judged: Judged, topics: Sequence[str]) -> dict[str, list[str]]:
        """Topic -> all documents whose scores may be needed."""
        return {
            topic: list(
                dict.fromkeys([*judged.relevant(topic), *self.mined[topic], *self.filling[topic]])
            )
            for topic in topics
        }


def candidates_of(
    judged: Judged, topics: Sequence[str], found: Mined, there: Mapping[str, str], what: str
) -> tuple[dict[str, list[str]], dict[str, int]]:
    """The mined documents of each topic that may be negatives, and how many were left out.

    Args:
        judged: the judgements.
        topics: those that are trained on or held out.
        found: what was mined.
        there: the documents of the collection, as far as they were mined.
        what: where they were mined, for messages.

    Raises:
        InputError: none is a document of the collection, or all were judged relevant.
    """
    kept: dict[str, list[str]] = {}
    listed = missing = relevant = 0
    sample = ""
    for topic in topics:
        partly = judged.partly(topic)
        kept[topic] = []
        for one in found.get(topic, ()):
            listed += 1
            if one not in there:
                missing += 1
                sample = sample or one
            elif one in partly:
                relevant += 1
            else:
                kept[topic].append(one)
    if listed and missing == listed:
        raise InputError(
            f"{what}: none of its documents, such as {sample!r}, is in collection {judged.name}",
            hint="negatives are mined from a run of the same documents (`negatives`)",
        )
    if not any(kept.values()):
        why = f"all {relevant:,} documents of the collection in it were judged relevant"
        raise InputError(
            f"there are no negatives in {what}: {why if relevant else 'nothing is listed'}",
            hint="mine them elsewhere (`negatives`), or deeper (`depth`)",
        )
    return kept, {
        "mined": sum(map(len, kept.values())),
        "mined_judged_relevant": relevant,
        "mined_not_in_collection": missing,
        "topics_without_mined": sum(not one for one in kept.values()),
    }


def filled(
    judged: Judged,
    kept: dict[str, list[str]],
    topics: Sequence[str],
    settings: GroupSettings,
    seed: int,
) -> Candidates:
    """Fill up topics for which too little was mined by documents mined for others.

    Args:
        judged: the judgements.
        kept: topic -> mined documents.
        topics: those that are trained on.
        settings: how many a group needs.
        seed: of the training.
    """
    pool = sorted({one for topic in topics for one in kept[topic]})
    wanted = _FILL * settings.group_negatives
    filling: dict[str, list[str]] = {}
    for place, topic in enumerate(topics):
        filling[topic] = []
        if len(kept[topic]) >= settings.group_negatives:
            continue
        own = judged.partly(topic) | set(kept[topic])
        order = np.random.default_rng([seed, 1, place]).permutation(len(pool))
        for row in order:
            if len(kept[topic]) + len(filling[topic]) >= wanted:
                break
            if pool[row] not in own:
                filling[topic].append(pool[row])
    return Candidates(
        {topic: kept[topic] for topic in topics},
        filling,
        {"topics_filled_up": sum(map(bool, filling.values()))},
    )


def groups_of(
    judged: Judged,
    candidates: Candidates,
    settings: GroupSettings,
    seed: int,
    scores: Scores | None,
) -> tuple[list[Group], dict[str, int]]:
    """The groups of topics, and how many there are and are not.

    Args:
        judged: the judgements.
        candidates: what may be drawn, by topic.
        settings: how groups are put together.
        seed: decides which negatives are drawn.
        scores: a teacher's; None: there is none.

    Raises:
        InputError: no group has enough negatives.
    """
    found: list[Group] = []
    unused = short = near = 0
    for place, topic in enumerate(candidates.mined):
        positives = judged.relevant(topic)
        unused += max(0, len(positives) - settings.positives)
        own = scores[topic] if scores is not None else None
        for number, positive in enumerate(positives[: settings.positives]):
            drawn: list[str] = []
            for part, documents in enumerate((candidates.mined[topic], candidates.filling[topic])):
                allowed = documents
                if own is not None:
                    most = own[positive] - settings.margin * abs(own[positive])
                    allowed = [one for one in documents if own[one] <= most]
                    near += len(documents) - len(allowed)
                generator = np.random.default_rng([seed, 2, place, number, part])
                order = generator.permutation(len(allowed))
                drawn += [allowed[row] for row in order[: settings.group_negatives - len(drawn)]]
            if len(drawn) < settings.group_negatives:
                short += 1
                continue
            group = [positive, *drawn]
            found.append(Group(topic, group, [own[one] for one in group] if own else []))
    if not found:
        raise InputError(
            f"collection {judged.name}: no group has its {settings.group_negatives} negatives: of "
            f"{short:,}, all have fewer"
            + (f", after {near:,} that the teacher scores too high were left out" * bool(near)),
            hint="ask for fewer (`group_negatives`), mine deeper (`depth`)"
            + (", or lower `margin`" * bool(near)),
        )
    return found, {
        "groups": len(found),
        "groups_with_too_few_negatives": short,
        "relevant_not_trained_on": unused,
        "false_negatives_left_out": near,
    }


def written(groups: Sequence[Group]) -> str:
    """Groups as JSON."""
    return json.dumps([asdict(one) for one in groups])


def read(text: str) -> list[Group]:
    """The inverse of :func:`written`."""
    return [Group(**one) for one in json.loads(text)]
