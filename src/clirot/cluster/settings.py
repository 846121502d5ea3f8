"""Which Ray cluster does the work. Light, so that a command can show its options quickly."""

from __future__ import annotations

import re
from dataclasses import dataclass

from clirot.errors import UsageError
from clirot.settings import check_ranges, setting

LOCAL = "local"
"""In place of an address: a cluster on this machine, for as long as the work takes."""
_ADDRESS = re.compile(r"(?P<host>[^\s:/]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})")


@dataclass(frozen=True)
class ClusterSettings:
    """A Ray cluster, and what a task on it gets."""

    ray: str | None = setting(
        None,
        "Ray cluster that does the work: the address of its head (HOST:PORT), or local, which "
        "starts one on this machine and stops it in the end. Needs the extra ray.",
        decides=False,
    )
    ray_cpus: int = setting(
        1,
        "Processor cores that a task on a Ray cluster gets.",
        unit="cores",
        at_least=1,
        decides=False,
    )
    ray_gpus: float | None = setting(
        None,
        "GPUs that a task on a Ray cluster gets; .5 lets two tasks share one. By default one where "
        "the cluster has any.",
        at_least=0,
        decides=False,
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.ray not in (None, LOCAL) and self.host_and_port is None:
            raise UsageError(
                f"not the address of a Ray cluster: {self.ray!r}",
                hint="HOST:PORT of its head, as `ray start` prints it, or local; the command runs "
                "on a machine of the cluster",
            )

    @property
    def host_and_port(self) -> tuple[str, int] | None:
        """The address of the head; None: there is none, or it is no address."""
        found = _ADDRESS.fullmatch(self.ray or "")
        if found is None or not 0 < int(found["port"]) < 1 << 16:
            return None
        return found["host"].strip("[]"), int(found["port"])
