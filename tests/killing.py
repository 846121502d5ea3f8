"""Killing a process at a moment of its life that does not depend on what else the machine does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import psutil
from warm_commands import IMPORTED

# A process that has the libraries loaded and forks a child per line of its input, so that ten
# killed commands cost ten commands and not ten imports of torch.
_NURSERY = f"""
import json, os, sys
{IMPORTED}print("ready", flush=True)
for line in sys.stdin:
    command, folder, environment = json.loads(line)
    words, _, out = command.partition(" > ")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.dup2(os.open(out or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            sys.argv = ["clirot", *words.split()]
            main()
        except SystemExit as ended:
            code = ended.code or 0
        finally:
            os._exit(code)
    print(child, flush=True)
    _, status, used = os.wait4(child, 0)
    code = os.waitstatus_to_exitcode(status)
    print("over", code, used.ru_utime + used.ru_stime, flush=True)
"""


class Attempt(Protocol):
    """Runs a command of clirot, ``command > file``, where and in the environment that the test is
    in; gives its exit code and processor seconds.
    """

    def __call__(self, command: str, kill_after: float | None = None) -> tuple[int, float]: ...


@contextmanager
def nursery() -> Iterator[Attempt]:
    """A process whose children are commands, each killed after so many seconds of processor time
    where that is wanted.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _NURSERY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def attempt(command: str, kill_after: float | None = None) -> tuple[int, float]:
        stdin.write(json.dumps([command, str(Path.cwd()), dict(os.environ)]) + "\n")
        stdin.flush()
        child = int(stdout.readline())
        if kill_after is not None:
            kill_at(child, kill_after)
        said, code, used = stdout.readline().split()
        assert said == "over"
        return int(code), float(used)

    try:
        assert stdout.readline() == "ready\n"
        yield attempt
    finally:
        stdin.close()
        process.wait(timeout=60)
        stdout.close()


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
