"""The settings of running a plan. Light, so that a command can show its options quickly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clirot.cluster.settings import ClusterSettings
from clirot.errors import UsageError
from clirot.settings import check_ranges, part, setting


@dataclass(frozen=True, kw_only=True)
class ExperimentConfig:
    """Which plan is run, and how much of it."""

    plan: Path = setting(meaning="The plan, a TOML file.")
    only: tuple[str, ...] = setting(
        (),
        "System that is run, with what it needs; * and ? stand for any characters. Repeatable. "
        "The others are left out, of the table too.",
    )
    stages: tuple[str, ...] = setting(
        (),
        "Stage that is run: bitext, models, tables, indexes, topics or runs. Repeatable. Then "
        "there is no table.",
    )
    jobs: int = setting(1, "Cells that are made at a time, each in a process.", at_least=1)
    replace: bool = setting(
        False, "Replace what has the name of a cell and was made from something else."
    )

    cluster: ClusterSettings = part(ClusterSettings)

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.cluster.ray is not None and self.jobs > 1:
            raise UsageError(
                f"`jobs={self.jobs}` and `ray` are two ways of making several cells at a time",
                hint="choose one; on a Ray cluster there are as many at a time as it has cores for",
            )
