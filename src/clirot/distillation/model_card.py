"""A student's model card: Markdown with the front matter of the Hub."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Any

from clirot.languages import language_name
from clirot.records import LanguagePair
from clirot.store import Input

_OWN, _TEACHER = "this model", "the teacher"
_ROLES = {
    "query": (_OWN, _TEACHER),
    "document": (_TEACHER, _OWN),
    "both": (_OWN, f"this model or {_TEACHER}"),
}
"""Side that a student was distilled for -> who encodes queries, and who encodes documents."""


def model_card(
    name: str,
    pairs: Sequence[LanguagePair],
    config: Mapping[str, Any],
    inputs: tuple[Input, ...],
    results: Mapping[str, Any],
    before: str = "",
) -> str:
    """The card, Markdown with the Hub's front matter.

    Args:
        name: of the student.
        pairs: its teacher's language with each of its own.
        config: its settings.
        inputs: what it was made from.
        results: what was counted and measured.
        before: the section on the trainings before its own, from
            :func:`~clirot.distillation.lineage.lineage`.
    """
    teacher = next(one.name for one in inputs if one.kind == "teacher")
    codes = [pair.tgt for pair in pairs]
    named = [language_name(code) for code in codes]
    language = " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
    scores = results["development_map"]
    query, document = _ROLES[config["side"]]
    best = results["best_epoch"]
    entropy = results.get("development_entropy", [None] * len(scores))
    by_language = results.get("development_map_by_language", {})
    table = epochs_table(scores, entropy, best, by_language=by_language)
    template = Path(__file__).with_name("model_card.md").read_text(encoding="utf-8")
    return Template(template).substitute(
        name=name,
        codes=json.dumps(codes[0] if len(codes) == 1 else codes),
        language=language,
        teacher=teacher,
        query=query,
        document=document,
        side="document" if config["side"] == "document" else "query",
        development_pairs=results["development_pairs"],
        training_pairs=results["training_pairs"],
        table=table,
        made_from="\n".join(f"| {one.kind} | {one.name} | `{one.digest}` |" for one in inputs),
        before=before,
        settings=json.dumps(dict(config), indent=2, sort_keys=True),
    )


def epochs_table(
    scores: Sequence[float],
    entropy: Sequence[float | None],
    best: int,
    *,
    measure: str = "MAP",
    by_language: Mapping[str, Sequence[float]] = MappingProxyType({}),
) -> str:
    """A table of what was measured after every epoch.

    Args:
        scores: the measure, before training and then after every epoch.
        entropy: the cross-entropy, as often; None: not measured.
        best: the epoch that was kept.
        measure: what the scores are.
        by_language: of several languages, the scores of each: a column each, after the mean that
            chose the epoch.
    """
    head = ["", "mean" if by_language else measure, *by_language, "cross-entropy", ""]
    rows = [
        [
            "before training" if epoch == 0 else f"epoch {epoch}",
            *(f"{one:.4f}" for one in (score, *(found[epoch] for found in by_language.values()))),
            f"{nats:.4f}" if nats is not None else "",
            "kept" if epoch == best else "",
        ]
        for epoch, (score, nats) in enumerate(zip(scores, entropy, strict=True))
    ]
    return "\n".join([_row(head), "|" + "---|" * len(head), *map(_row, rows)])


def _row(cells: Sequence[str]) -> str:
    """A row of a Markdown table."""
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"
