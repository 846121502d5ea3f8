"""What is at a place that a person named. A name that no file can have (too long, or with a NUL)
and one that may not be looked at are the names of nothing; `pathlib` raises for some of them.
"""

from __future__ import annotations

from contextlib import suppress
from os import PathLike
from pathlib import Path

_Place = str | PathLike[str]


def is_there(place: _Place) -> bool:
    """Whether there is a file, a directory or anything else."""
    with suppress(OSError, ValueError):
        return Path(place).exists()
    return False


def is_file(place: _Place) -> bool:
    """Whether there is a regular file."""
    with suppress(OSError, ValueError):
        return Path(place).is_file()
    return False


def is_directory(place: _Place) -> bool:
    """Whether there is a directory."""
    with suppress(OSError, ValueError):
        return Path(place).is_dir()
    return False
