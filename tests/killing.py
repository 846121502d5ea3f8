"""Killing a process at a moment of its life that does not depend on what else the machine does."""

from __future__ import annotations

import time

import psutil


def kill_at(pid: int, seconds: float) -> bool:
    """Kill a process once it has used so much processor time; false where it ended before that.

    A moment by the clock is another moment of the work whenever the machine is busier than it was
    when the work was timed.
    """
    try:
        process = psutil.Process(pid)
        while process.status() != psutil.STATUS_ZOMBIE:
            used = process.cpu_times()
            if used.user + used.system >= seconds:
                process.kill()
                return True
            time.sleep(0.001)
    except psutil.NoSuchProcess:
        pass
    return False
