"""Two Ray nodes on this machine, beside a head that does no work, for as long as a test needs them.

They live in a process of their own, which ends them all when its input ends; Ray ends them too when
that process is killed. A line ``kill`` kills the second node as a power cut would, and ``again``
starts one in its place.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

OBJECTS = 100 << 20

_NODES = """
import sys
import ray._private.utils
from ray.cluster_utils import Cluster
# It would leave the address in /tmp/ray, as the one that `auto` stands for.
ray._private.utils.write_ray_address = lambda *_: None
folder, objects = sys.argv[1], int(sys.argv[2])
small = {"object_store_memory": objects, "temp_dir": folder}
cluster = Cluster()
cluster.add_node(num_cpus=0, include_dashboard=False, **small)
cluster.add_node(num_cpus=1, **small)
second = cluster.add_node(num_cpus=1, **small)
print("at", cluster.address, flush=True)
for line in sys.stdin:
    if line == "kill\\n":
        cluster.remove_node(second, allow_graceful=False)
    else:
        second = cluster.add_node(num_cpus=1, **small)
    print("at", cluster.address, flush=True)
cluster.shutdown()
"""


@dataclass
class Nodes:
    """The nodes, and what may befall them."""

    process: subprocess.Popen[str]
    address: str = ""

    def __post_init__(self) -> None:
        self._answered()

    def kill(self) -> None:
        """Kill the second node with all its processes, at once."""
        self._say("kill")

    def again(self) -> None:
        """Start another in its place."""
        self._say("again")

    def _say(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        self._answered()

    def _answered(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:  # Ray may print as well
            if line.startswith("at "):
                self.address = line.split()[1]
                return
        raise AssertionError("the nodes have ended")


@contextmanager
def ray_nodes() -> Iterator[Nodes]:
    """Start the nodes, and end them."""
    # A socket's path may have some hundred characters only, and pytest's directories have more.
    with TemporaryDirectory(prefix="clirot-ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [sys.executable, "-c", _NODES, folder, str(OBJECTS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(Path(folder) / "stderr").open("wb"),
            text=True,
            env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"},
        )
        try:
            yield Nodes(process)
        finally:
            process.communicate(timeout=60)
