"""An error that clirot did not foresee: a line for the person, and a file with the details."""

from __future__ import annotations

import platform
import sys
import tempfile
import time
import traceback
from pathlib import Path

from clirot.cli.console import note
from clirot.errors import first_line
from clirot.version import __version__

_REPORT = "https://github.com/clirot/clirot/issues"
_SHOWN = 200  # characters of the error's own words


def unforeseen(error: Exception) -> int:
    """Say in a line what happened, keep the details in a file, and give the exit code."""
    if isinstance(error, MemoryError):
        note("error: out of memory")
        note("  hint: smaller batches or fewer documents at a time; the same command resumes")
    else:
        said = f"{type(error).__name__}: {first_line(error)}"[:_SHOWN]
        note(f"error: something that clirot did not foresee: {said}")
    try:
        path = _kept(error)
    except OSError:
        note("  hint: run it again with --traceback for the details")
    else:
        note(f"  hint: the details are in {path}; please report them: {_REPORT}")
    return 1


def _kept(error: Exception) -> Path:
    """The file of the details: in the store, or where that cannot be written, a temporary one."""
    from clirot.store import default_home

    lines = [
        f"clirot {__version__}, Python {platform.python_version()}, {platform.platform()}",
        " ".join(map(repr, sys.argv)),
        "".join(traceback.format_exception(error)),
    ]
    text = "\n".join(lines).encode("utf-8", "backslashreplace")
    stamp = time.strftime("%Y%m%dT%H%M%SZ-", time.gmtime())
    for folder in (default_home() / "logs", None):
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                prefix=stamp, suffix=".log", dir=folder, delete=False
            ) as stream:
                stream.write(text)
            return Path(stream.name)
        except OSError:
            if folder is None:
                raise
    raise AssertionError  # the loop returns or raises
