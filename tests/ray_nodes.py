"""Two Ray nodes on this machine, beside a head that does no work, for as long as a test needs them.

They live in a process of their own, which ends them all when its input ends; Ray ends them too when
that process is killed. A line of its input kills the second node as a power cut would, as soon as a
process of the node does what the line says: that is in its title, or in the name of a file that it
has open. Another second node follows at once.
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
import sys, time
import psutil
import ray._private.utils
from ray.cluster_utils import Cluster

# It would leave the address in /tmp/ray, as the one that `auto` stands for.
ray._private.utils.write_ray_address = lambda *_: None
folder, objects = sys.argv[1], int(sys.argv[2])
small = {"object_store_memory": objects, "temp_dir": folder}

def does(node, what):
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    for one in raylet.children():
        try:
            if any(what in text for text in [*one.cmdline(), *(f.path for f in one.open_files())]):
                return True
        except psutil.NoSuchProcess:
            pass
    return False

cluster = Cluster()
cluster.add_node(num_cpus=0, include_dashboard=False, **small)
cluster.add_node(num_cpus=1, **small)
second = cluster.add_node(num_cpus=1, **small)
print("nodes", cluster.address, flush=True)
for line in sys.stdin:
    deadline = time.monotonic() + 60
    while not (caught := does(second, line.strip())) and time.monotonic() < deadline:
        time.sleep(0.01)
    cluster.remove_node(second, allow_graceful=False)
    print("nodes", "killed" if caught else "missed", flush=True)
    second = cluster.add_node(num_cpus=1, **small)
cluster.shutdown()
"""


@dataclass
class Nodes:
    """The nodes, and what may befall them."""

    process: subprocess.Popen[str]
    address: str = ""

    def __post_init__(self) -> None:
        self.address = self._said()

    def kill(self, at: str) -> None:
        """Kill the second node with all its processes while one of them does what is said."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{at}\n")
        self.process.stdin.flush()
        assert self._said() == "killed"

    def _said(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:  # Ray may print as well
            if line.startswith("nodes "):
                return line.split()[1]
        raise AssertionError("the nodes have ended")


@contextmanager
def ray_nodes() -> Iterator[Nodes]:
    """Start the nodes, and end them."""
    # A socket's path may have some hundred characters only, and pytest's directories have more.
    with TemporaryDirectory(prefix="clirot-ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        with (Path(folder) / "stderr").open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-c", _NODES, folder, str(OBJECTS)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"},
            )
        try:
            yield Nodes(process)
        finally:
            process.communicate(timeout=60)
