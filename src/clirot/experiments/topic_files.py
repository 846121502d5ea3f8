"""The topics of a search: those of a collection as they are, or a file that is made of them first,
perturbed, translated, or both in this order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from clirot.collection.topic_source import TopicSource
from clirot.experiments.cells import Cell
from clirot.experiments.placeholders import filled
from clirot.experiments.plan import SystemPlan, TopicSetPlan
from clirot.experiments.settings_tables import given, refuse
from clirot.records import ProgressSink, silent
from clirot.retrieval.perturbation.configuration import PerturbConfig
from clirot.retrieval.translation.configuration import TranslateConfig
from clirot.settings import assembled, values
from clirot.store import Store, written

_DIGITS = 8
_OF_THE_SET = ("bitext", "collection", "topics", "topics_variant", "topics_field", "every")
"""Settings of `perturb` that follow from the topic set."""


@dataclass(frozen=True)
class Topics:
    """Where the topics of a search come from."""

    settings: Mapping[str, Any]
    """Of :class:`TopicSource`."""
    lang: str
    """The language that they are in."""


@dataclass(frozen=True)
class TopicCells:
    """The topics of the searches of a plan, and the cells that make them."""

    folder: Path
    """Where files are made."""
    add: Callable[[Cell], str]
    """Notes a cell, and gives its key."""

    def of(
        self, system: SystemPlan, one: TopicSetPlan, after: list[str], table: str | None
    ) -> Topics:
        """The topics of a system on a topic set.

        Args:
            system: whose search it is.
            one: the topic set.
            after: keys of the cells that are needed; those that make the topics are added.
            table: the translation table, where topics are translated word by word.

        Raises:
            UsageError: settings are unknown or contradict each other.
        """
        settings: dict[str, Any] = {"collection": one.id, "lang": one.lang}
        if one.variant:
            settings["topics_variant"] = one.variant
        if one.collection.every > 1:
            settings["every"] = one.collection.every
        if system.topics is not None:
            own = given(TopicSource, filled(dict(system.topics), one.filling))
            if own.get("topics") is not None:
                settings = {}
            # Every so many-th of these need not be the same topics, where one has others too: all
            # are searched for, and the table takes those of the topic set.
            settings.pop("every", None)
            settings |= own
        lang = settings.get("lang") or one.lang
        if one.perturb is not None:
            refuse(one.perturb, _OF_THE_SET)
            noise = {"lang": lang, **given(PerturbConfig, filled(dict(one.perturb), one.filling))}
            config: Any = assembled(PerturbConfig, noise | settings)
            settings = self._made(one, config, lang, after)
        if system.translate is not None:
            how = given(TranslateConfig, filled(dict(system.translate), one.filling))
            own = {"src": lang, **({"table": table} if table is not None else {})}
            config = assembled(TranslateConfig, {**own, **how, **settings})
            settings, lang = self._made(one, config, config.tgt, after), config.tgt
        return Topics(settings, lang)

    def _made(self, one: TopicSetPlan, config: Any, lang: str, after: list[str]) -> dict[str, Any]:
        """The settings that take topics from the file that a verb makes."""
        # The name says what decides the file, so that another rate makes another file.
        told = repr(sorted((name, repr(value)) for name, value in values(config).items()))
        digest = sha256(told.encode()).hexdigest()[:_DIGITS]
        name = f"{one.label}.{lang}.{digest}"
        out = self.folder / "topics" / f"{name}.tsv"
        needed = tuple(key for key in after if key.startswith(("tables/", "topics/")))
        cell = Cell(stage="topics", name=name, configuration=config, after=needed, out=out)
        after.append(self.add(cell))
        return {"topics": str(out)}


def write_topics(
    config: Any, out: Path, store: Store, progress: ProgressSink = silent
) -> list[str]:
    """Perturb or translate topics into a file; gives the remarks that a person should read."""
    ready: Any
    if isinstance(config, PerturbConfig):
        from clirot.retrieval.perturbation.perturbing import perturb

        ready = perturb(config, store=store, progress=progress)
        rows: Iterable[tuple[str, ...]] = ready.rows(progress)
    else:
        from clirot.retrieval.translation.translating import translate

        ready = translate(config, store=store, progress=progress)
        rows = ((one.id, one.text) for one in ready.rows(progress))
    with written(out, parents=True) as (stream,):
        for row in rows:
            stream.write(("\t".join(row) + "\n").encode())
    return [*ready.notes, *ready.remarks()]
