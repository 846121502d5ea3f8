"""Tasks on a connected cluster: handed out, done again where a node is lost, and their results.

Ray runs a task again where its process or its node ended before the task did. What clirot's tasks
make is in the store as a whole or not at all, and one that was made already is found there; so a
task may be done twice, or be met by a first attempt of its own that is still alive.
"""

from __future__ import annotations

import pickle
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any, TypeVar

from clirot.cluster.node import Asking, Outcome, handed_on
from clirot.errors import ClusterError, ClusterWarning, first_line

K = TypeVar("K")
_ATTEMPTS = 5
"""How often a task is done again after its node or its process was lost."""
_LOOK_S = 5.0
"""Time between two looks at which nodes are alive."""


@dataclass
class Cluster:
    """A cluster that this process is connected to."""

    ray: Any
    """The library."""
    asking: Asking
    cpus: int
    gpus: float
    _warned: dict[tuple[str, type[Warning]], bool] = field(default_factory=dict, init=False)
    """What tasks warned of, and whether that was passed on."""
    _alive: dict[str, str] = field(default_factory=dict, init=False)
    """Id of a node -> its name."""
    _looked: float = field(default=0.0, init=False)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand out a task. What it warns of, :meth:`look` passes on.

        The future raises what the function raises, where that is a ClirotError, and a ClusterError
        where the cluster could not do it.

        Args:
            function: of a module of clirot, so that a node finds it by its name.
            arguments: what it takes.
        """
        options = {"num_cpus": self.cpus, "num_gpus": self.gpus, "max_retries": _ATTEMPTS}
        remote = self.ray.remote(_entry()).options(name=function.__name__, **options)
        environment = handed_on() | {"CLIROT_HOME": self.asking.home}
        reference = remote.remote(
            environment, pickle.dumps(self.asking), pickle.dumps((function, arguments))
        )
        made: Future[Any] = Future()
        reference.future().add_done_callback(lambda ended: self._settle(ended, made))
        return made

    def each(
        self, function: Callable[..., Any], tasks: Mapping[K, tuple[Any, ...]]
    ) -> Iterator[tuple[K, Any]]:
        """Do the same with many arguments, and give each result as it comes.

        Args:
            function: see :meth:`submit`.
            tasks: key -> arguments.

        Raises:
            ClirotError: the first that a task raised.
            ClusterError: the cluster could not do a task.
        """
        waiting = {self.submit(function, *arguments): key for key, arguments in tasks.items()}
        while waiting:
            ended, _ = wait(waiting, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
            self.look(at_once=len(ended) == len(waiting))
            for future in ended:
                yield waiting.pop(future), future.result()

    def look(self, *, at_once: bool = False) -> None:
        """Pass on what tasks warned of, once, and warn (ClusterWarning) of nodes that are gone.

        Args:
            at_once: look at the nodes although that was done a moment ago.
        """
        for (text, kind), passed_on in list(self._warned.items()):
            if not passed_on:
                self._warned[text, kind] = True
                warnings.warn(text, kind, stacklevel=2)
        if not at_once and time.monotonic() - self._looked < _LOOK_S:
            return
        self._looked = time.monotonic()
        alive = {
            node["NodeID"]: f"{node['NodeManagerHostname']} ({node['NodeID'][:8]})"
            for node in self.ray.nodes()
            if node["Alive"]
        }
        for node, name in self._alive.items():
            if node not in alive:
                warnings.warn(
                    f"node {name} of the Ray cluster is gone; what it was doing is done by others",
                    ClusterWarning,
                    stacklevel=2,
                )
        self._alive = alive

    def _settle(self, ended: Future[Any], made: Future[Any]) -> None:
        error = ended.exception()
        if error is not None:
            made.set_exception(self._in_words(error))
            return
        host, outcome = ended.result()
        outcome = Outcome(unfit=outcome) if isinstance(outcome, str) else pickle.loads(outcome)
        if outcome.unfit is not None:
            made.set_exception(
                ClusterError(f"node {host} of the Ray cluster cannot be used: {outcome.unfit}")
            )
            return
        for one in outcome.warned:
            self._warned.setdefault(one, False)
        if outcome.error is not None:
            made.set_exception(outcome.error)
        else:
            made.set_result(outcome.result)

    def _in_words(self, error: BaseException) -> BaseException:
        known = self.ray.exceptions
        if isinstance(error, known.RayTaskError):
            fault: BaseException = error
            return fault  # a fault of clirot's own, with the node's traceback
        words = {
            known.OutOfMemoryError: "its node has too little memory for it",
            known.WorkerCrashedError: "its process ended without a word each time",
            known.NodeDiedError: "its node was lost each time",
            known.OutOfDiskError: "the disk of its node is full",
            known.LocalRayletDiedError: "Ray ended on this machine",
        }
        why = next((text for kind, text in words.items() if isinstance(error, kind)), None)
        return ClusterError(
            f"a task was given up by the Ray cluster: {why or first_line(error)}",
            hint="the same command again goes on with what is missing",
        )


def _entry() -> Callable[[dict[str, str], bytes, bytes], tuple[str, bytes | str]]:
    """The function that Ray runs. It is defined here, inside, because such a function travels as a
    whole: a node without this clirot can say that it has none.
    """

    def entry(environment: dict[str, str], asking: bytes, work: bytes) -> tuple[str, bytes | str]:
        import importlib
        import os
        import pickle
        import socket

        os.environ.update(environment)
        host = socket.gethostname()
        try:
            node = importlib.import_module("clirot.cluster.node")
            asked = pickle.loads(asking)
        except (ImportError, AttributeError, TypeError) as error:
            return host, f"it has another clirot, or none ({error})"
        return host, pickle.dumps(node.perform(asked, work))

    return entry
