"""The settings of a verb, as a plan has them in a table of its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clirot.bitext.table_config import TableConfig
from clirot.distillation.configuration import DistillConfig
from clirot.experiments.plan_file import PlanFile
from clirot.experiments.settings_tables import OF_CLUSTER, OF_TOPICS, given, refuse
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.searching import SearchConfig
from clirot.supervision.configuration import TrainConfig

_BY_PLAN: Mapping[type[Any], tuple[str, ...]] = {
    DistillConfig: ("sources", "files", "name", "seed", "replace", "report_to"),
    TrainConfig: ("name", "seed", "replace", "report_to"),
    TableConfig: ("sources", "files", "name", "replace"),
    IndexConfig: ("model", "collection", "docs_lang", "name", "add", "shard", "replace",
                  *OF_CLUSTER),
    SearchConfig: ("index", "model", "candidates", "tag", *OF_TOPICS, *OF_CLUSTER),
}  # fmt: skip
"""Settings of a verb that follow from the rest of the plan."""


def verb_settings(
    file: PlanFile, configuration: type[Any], table: Mapping[str, Any], *keys: str
) -> dict[str, Any]:
    """The values that a table of a plan gives to the settings of a verb.

    Args:
        file: the plan.
        configuration: of the verb.
        table: the settings as the plan has them, placeholders put in.
        keys: the tables that lead to it.

    Raises:
        UsageError: there is no such setting, it follows from the rest of the plan, or its value is
            of another type; with the line.
    """
    found: dict[str, Any] = {}
    for key, value in table.items():
        with file.at(*keys, key):
            one = {key: value}
            refuse(one, _BY_PLAN[configuration], topics=configuration is SearchConfig)
            found |= given(configuration, one)
    return found
