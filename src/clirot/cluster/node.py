"""What runs on a node: one task, once the node was found to be like the machine that asks.

A task is a function of clirot and its arguments. Before it is looked at, the process gets what the
first process has in its environment for clirot and its libraries, and the versions and the store
are compared. An error of clirot's is a result, so that it comes back as it was raised.
"""

from __future__ import annotations

import os
import pickle
import re
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clirot.cluster.shared_store import fault
from clirot.errors import ClirotError, ClirotWarning
from clirot.hearing import hearing
from clirot.store.manifest import installed_versions

_HANDED_ON = re.compile(r"(CLIROT|HF|IR_DATASETS|TRANSFORMERS|TOKENIZERS)_\w+")
_SECRET = re.compile(r"TOKEN$|KEY$|PASSWORD$|SECRET$")


@dataclass(frozen=True)
class Asking:
    """What the first process is like."""

    home: str
    """The store's directory."""
    folder: str
    """The working directory, which relative paths start from."""
    host: str
    versions: Mapping[str, str]
    argv: tuple[str, ...]
    """The command line, which manifests keep."""

    @classmethod
    def here(cls, home: Path) -> Asking:
        """What the calling process is like."""
        folder, versions = os.fspath(Path.cwd()), installed_versions()
        return cls(os.fspath(home), folder, socket.gethostname(), versions, tuple(sys.argv))


@dataclass(frozen=True)
class Outcome:
    """What became of a task."""

    result: Any = None
    error: ClirotError | None = None
    unfit: str | None = None
    """Why the node cannot do it."""
    warned: tuple[tuple[str, type[Warning]], ...] = ()


def handed_on() -> dict[str, str]:
    """The part of the environment that nodes get. Secrets stay here."""
    return {
        name: value
        for name, value in os.environ.items()
        if _HANDED_ON.fullmatch(name) and not _SECRET.search(name)
    }


def perform(asking: Asking, work: bytes) -> Outcome:
    """Do a task.

    Args:
        asking: the first process, as it was pickled.
        work: the function and its arguments, pickled.
    """
    unlike = _unlike(asking)
    if unlike is not None:
        return Outcome(unfit=unlike)
    with suppress(OSError):  # only relative paths need it, and their error names the node
        os.chdir(asking.folder)
    sys.argv = list(asking.argv)
    warned: dict[tuple[str, type[Warning]], None] = {}
    with hearing(ClirotWarning, lambda text, kind: warned.setdefault((text, kind))):
        function, arguments = pickle.loads(work)
        try:
            return Outcome(function(*arguments), warned=tuple(warned))
        except ClirotError as error:
            if socket.gethostname() != asking.host:
                error.message += f" (on {socket.gethostname()})"
            return Outcome(error=error, warned=tuple(warned))


def _unlike(asking: Asking) -> str | None:
    """In what this node is not as the machine that asks; None: in nothing that matters."""
    here, there = installed_versions(), asking.versions
    differ = [
        f"{name} {_release(here.get(name))} where {_release(there.get(name))} is needed"
        for name in sorted(here.keys() | there.keys())
        # Ray compares Python's versions itself.
        if name != "python" and _release(here.get(name)) != _release(there.get(name))
    ]
    return f"it has {', '.join(differ)}" if differ else fault(Path(asking.home))


def _release(version: str | None) -> str:
    """Without the build: ``2.13.0+cu126`` and ``2.13.0+cpu`` are one release."""
    return "none" if version is None else version.partition("+")[0]
