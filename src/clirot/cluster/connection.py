"""Connect to a Ray cluster, or start one on this machine and stop it in the end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from clirot.cluster.node import Asking
from clirot.cluster.quiet import quiet, shut_down
from clirot.cluster.settings import LOCAL, ClusterSettings
from clirot.cluster.shared_store import held
from clirot.cluster.tasks import Cluster
from clirot.errors import ClusterError, ClusterWarning, UsageError, first_line

_ANSWER_S = 5.0
"""Time in which a port must accept a connection."""
_HEALTH_S = 15.0
"""Time in which what listens there must prove to be a Ray cluster."""
_OBJECTS = 128 << 20
"""Bytes of memory for results on the way, in a cluster that is started here; more go to disk."""
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_LOG_TO_STDERR": "0",
}
"""No statistics of use are sent, and nothing is written to the terminal."""


def check(settings: ClusterSettings) -> None:
    """Find out whether a cluster can be had at all, before anything else is done.

    Raises:
        UsageError: Ray is not installed.
        ClusterError: nothing answers at the address, or no cluster does, within 20 seconds.
    """
    if find_spec("ray") is None:
        raise UsageError("`ray` needs Ray, which is not installed", hint="install clirot[ray]")
    if settings.host_and_port is None:
        return
    try:
        socket.create_connection(settings.host_and_port, timeout=_ANSWER_S).close()
    except OSError as error:
        raise ClusterError(
            f"no Ray cluster answers at {settings.ray}: {error.strerror or error}",
            hint="is it running, and is this the address that `ray start` printed?",
        ) from error
    _check_health(str(settings.ray))


@contextmanager
def connected(settings: ClusterSettings, home: Path) -> Iterator[Cluster]:
    """A cluster for the time of the block. One that was started here is stopped, however it ends.

    Call :func:`check` before, as early as can be.

    Args:
        settings: which cluster.
        home: the store's directory, which all nodes must share.

    Raises:
        UsageError: this process is connected to a cluster already.
        ClusterError: the cluster cannot be used, such as one of another version.
    """
    with ExitStack() as stack:
        stack.enter_context(held(home))
        stack.enter_context(quiet())
        stack.enter_context(_environment(_QUIET))
        ray = _imported()
        if ray.is_initialized():
            raise UsageError(
                "this process is connected to a Ray cluster already", hint="ray.shutdown() first"
            )
        arguments = _of_this_machine(stack) if settings.ray == LOCAL else {"address": settings.ray}
        stack.enter_context(_sigterm_given_back())
        stack.callback(shut_down, ray)
        try:
            ray.init(**arguments, log_to_driver=False, logging_level="error")
        except (
            RuntimeError,
            ConnectionError,
            ValueError,
            OSError,
            ray.exceptions.RayError,
        ) as error:
            raise ClusterError(
                f"the Ray cluster {settings.ray} cannot be used: {first_line(error)}",
                hint="run the command on a machine of the cluster, with the Ray and the Python "
                "that it has",
            ) from error
        _end_on_sigterm()
        yield _cluster(ray, settings, home)


def _cluster(ray: Any, settings: ClusterSettings, home: Path) -> Cluster:
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    gpus = settings.ray_gpus
    if gpus is None:
        gpus = 1.0 if any(node.get("GPU") for node in nodes) else 0.0
    cluster = Cluster(ray, Asking.here(home), settings.ray_cpus, gpus)
    if not any(node.get("CPU", 0) >= cluster.cpus and node.get("GPU", 0) >= gpus for node in nodes):
        wanted = f"{cluster.cpus} cores" + (f" and {gpus:g} GPUs" if gpus else "")
        message = f"no node of the Ray cluster {settings.ray} has {wanted} for a task"
        if settings.ray == LOCAL:
            raise ClusterError(message, hint="lower `ray_cpus` or `ray_gpus`")
        warnings.warn(f"{message}: it waits for one that has", ClusterWarning, stacklevel=2)
    cluster.look()
    return cluster


def _of_this_machine(stack: ExitStack) -> dict[str, Any]:
    """What a cluster is started with on this machine, with logs and sockets of its own."""
    # Below /tmp, since the path of a socket may have some hundred characters only.
    folder = tempfile.mkdtemp(prefix="clirot-ray-", dir="/tmp")
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return {
        "address": LOCAL,
        "num_cpus": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "object_store_memory": _OBJECTS,
        "include_dashboard": False,
        "_temp_dir": folder,
    }


def _check_health(address: str) -> None:
    """Ask Ray's own check, in a process of its own: in this one Ray would wait for a minute."""
    try:
        subprocess.run(
            [sys.executable, "-m", "ray.scripts.scripts", "health-check"],
            env=os.environ | {"RAY_ADDRESS": address},
            check=True,
            capture_output=True,
            text=True,
            timeout=_HEALTH_S,
        )
    except subprocess.TimeoutExpired:
        why = f"no answer within {_HEALTH_S:g} seconds"
    except subprocess.CalledProcessError as error:
        why = next(reversed(error.stderr.strip().splitlines()), "it is not healthy")
    else:
        return
    raise ClusterError(
        f"what listens at {address} is no Ray cluster that can be used: {why}",
        hint="is this the address that `ray start` printed, and is Ray the same version there?",
    )


@contextmanager
def _sigterm_given_back() -> Iterator[None]:
    """Have SIGTERM handled in the end as it was before: Ray takes it, and does not give it back."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _end_on_sigterm() -> None:
    """End as an orderly program does, so that a cluster which was started here is stopped. Ray's
    own way is to abort with a trace of its stack.
    """

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, end)


def _imported() -> Any:
    """The library. What it warns of while it is imported is for those who call it themselves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ray
        import ray.exceptions
    return ray


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables that the processes of a cluster read, and have the environment in the end as it
    was: Ray itself leaves some.
    """
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
