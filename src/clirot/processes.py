"""Several processes at one work: which one is first, and how the others wait for it.

``torchrun`` and ``accelerate launch`` start one command several times and tell each process its
number in the environment (``RANK``, ``WORLD_SIZE``). The first process does everything that is done
once: it fetches, starts a student, measures, speaks and writes. The others only train, or encode.

They wait for the first process in a group of their own, for as long as it takes: the groups that
gradients go through give up after half an hour, and encoding a large bitext may take longer. A
process that dies closes its connections, which ends the wait of the others at once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from clirot.errors import ClirotError, first_line

_PATIENCE = timedelta(days=7)
_STEP_PATIENCE = timedelta(minutes=30)
_LOST = re.compile("gloo|nccl|connection|process group", re.IGNORECASE)


@dataclass(frozen=True)
class Processes:
    """The processes of one work, seen from one of them."""

    rank: int = 0
    count: int = 1
    _waiting: Any = None  # the torch.distributed group that is waited on

    @property
    def first(self) -> bool:
        """Whether this process does what is done once."""
        return self.rank == 0

    def agree(self, value: Any = None) -> Any:
        """The value of the first process, in all of them. All must call this, and none returns
        before the first one has called it.

        Args:
            value: of the first process; anything that can be pickled.
        """
        if self.count == 1:
            return value
        import torch.distributed as dist

        held = [value]
        dist.broadcast_object_list(held, src=0, group=self._waiting)
        return held[0]

    def wait(self) -> None:
        """Return when every process has called this."""
        if self.count > 1:
            import torch.distributed as dist

            dist.barrier(group=self._waiting)


ALONE = Processes()
"""A single process, the usual case."""


def launched() -> tuple[int, int]:
    """The number of this process and how many there are, as the launcher says."""
    if "RANK" not in os.environ or "MASTER_ADDR" not in os.environ:
        return 0, 1
    return int(os.environ["RANK"]), int(os.environ.get("WORLD_SIZE", "1"))


@contextmanager
def processes() -> Iterator[Processes]:
    """Join the processes that were launched together, within the block.

    Raises:
        ClirotError: another process ended before its time.
    """
    rank, count = launched()
    if count == 1:
        yield ALONE
        return
    import torch
    import torch.distributed as dist

    try:
        ours = not dist.is_initialized()
        if ours:
            backend = "gloo"
            if torch.cuda.is_available():
                torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
                backend = "cpu:gloo,cuda:nccl"
            dist.init_process_group(backend, timeout=_STEP_PATIENCE)
        waiting = dist.new_group(backend="gloo", timeout=_PATIENCE)
        yield Processes(rank, count, waiting)
        # Not after an error: this waits for the others, which may have ended.
        if ours:
            dist.destroy_process_group()
    except RuntimeError as error:
        if not _LOST.search(str(error)):
            raise
        raise ClirotError(
            f"process {rank} of {count} has lost another process: {first_line(error)}",
            hint="its own message says why; the same command again resumes",
        ) from error
