"""The indexes that a plan's systems search, and the cells that make them.

Systems share an index where its documents, the model that encodes them and its settings are the
same. Settings of `index` that are not the default ones are in an index's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from clirot.experiments.cells import Cell
from clirot.experiments.model_cells import SystemModel
from clirot.experiments.placeholders import filled
from clirot.experiments.plan import Plan, SystemPlan, TopicSetPlan
from clirot.experiments.plan_file import PlanFile
from clirot.experiments.settings_tables import key_of
from clirot.experiments.verb_settings import verb_settings
from clirot.retrieval.index_config import POSTINGS, IndexConfig, slug
from clirot.retrieval.indexing import check_backend
from clirot.settings import assembled, leaves, values


@dataclass
class IndexCells:
    """The indexes of a plan."""

    plan: Plan
    file: PlanFile
    add: Callable[[Cell], str]
    """Notes a cell, and gives its key."""
    _useless: dict[str, str] = field(default_factory=dict)
    """Setting of `[index]` -> why an index has no use for it."""
    _used: set[str] = field(default_factory=set)
    """Settings of `[index]` that an index has a use for."""

    def of(
        self, system: SystemPlan, one: TopicSetPlan, model: SystemModel, after: list[str]
    ) -> str:
        """The name of the index that a system searches on a topic set.

        Args:
            system: the system.
            one: the topic set.
            model: what encodes the documents, or bm25.
            after: keys of the cells that are needed; that of the index is added.

        Raises:
            UsageError: a setting does not exist, is out of its range, or is for other models; with
                the line.
        """
        config = self._config(system, one, model)
        name = slug(model.name)
        if model.key is not None:  # it was made by this plan, and is named after it
            name = name.removeprefix(f"{self.plan.prefix}.")
        named = [self.plan.prefix, name, one.collection.name]
        if one.docs_lang:
            named.append(one.docs_lang)
        if one.id != one.collection.id:  # the id has the topics' language in it
            named.append(one.lang)
        config = assembled(
            IndexConfig, values(config) | {"name": ".".join([*named, *_unusual(config)])}
        )
        cell = Cell(
            stage="indexes", name=config.index_name, configuration=config, after=model.after
        )
        after.append(self.add(cell))
        return config.index_name

    def check_used(self) -> None:
        """Hold `[index]` against all indexes.

        Raises:
            UsageError: no index of the plan has a use for one of its settings; with the line.
        """
        for key in self.plan.index:
            name = key.replace("-", "_")
            if name in self._useless and name not in self._used:
                raise self.file.error(
                    f"`{name}` is of no use to any system: {self._useless[name]}", "index", key
                )

    def _config(self, system: SystemPlan, one: TopicSetPlan, model: SystemModel) -> IndexConfig:
        keys = ("system", system.written, "index")
        own = verb_settings(self.file, IndexConfig, filled(system.index or {}, one.filling), *keys)
        shared = verb_settings(self.file, IndexConfig, self.plan.index, "index")
        of = {"model": model.name, "collection": one.id, "docs_lang": one.docs_lang}
        with self.file.at("index"):
            assembled(IndexConfig, shared | of)
        with self.file.at(*keys):
            useless = _of_no_use(assembled(IndexConfig, shared | own | of))
        for name in own:
            if name in useless:
                raise self.file.error(
                    f"`{name}` is of no use here: {useless[name]}", *keys, key_of(name)
                )
        # What all systems share holds for those that have a use for it.
        self._useless |= {name: why for name, why in useless.items() if name in shared}
        self._used |= shared.keys() - useless.keys()
        kept = {name: value for name, value in shared.items() if name not in useless}
        config = assembled(IndexConfig, kept | own | of)
        with self.file.at(*(keys if "backend" in own else ("index",)), "backend"):
            check_backend(config)
        return config


def _of_no_use(config: IndexConfig) -> dict[str, str]:
    """The settings that an index has no use for -> why."""
    found = config.of_no_use()
    if config.lexical:
        words = f"{config.model} keeps words, in one piece"
        found |= {"shards": words, **({"backend": words} if config.backend != POSTINGS else {})}
    return found


def _unusual(config: IndexConfig) -> Iterator[str]:
    """The settings that are not the default ones, as parts of a name."""
    given: Mapping[str, Any] = values(config)
    for leaf in leaves(IndexConfig):
        value = given[leaf.name]
        if not leaf.said.decides or leaf.name in ("model", "collection", "docs_lang"):
            continue
        if value == leaf.default:
            continue
        if leaf.name == "backend":
            yield slug(value)
        elif isinstance(value, bool):
            yield key_of(leaf.name) if value else f"no-{key_of(leaf.name)}"
        else:
            yield slug(f"{key_of(leaf.name)}-{value}")
