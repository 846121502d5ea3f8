"""JSON as strangers write it: nested a hundred levels at most.

Python's reader raises RecursionError somewhere near a thousand levels, and what it has read just
below that makes whoever shows or copies it raise instead.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MOST_LEVELS = 100
"""Levels of lists and objects in each other. Records of topics, runs and Tatoeba have three."""


class NestedError(ValueError):
    """JSON that is nested too deeply."""

    def __init__(self) -> None:
        super().__init__(f"lists and objects are nested more than {MOST_LEVELS} levels deep")


def json_value(text: str, **hooks: Any) -> Any:
    """The value that a text of JSON stands for.

    Args:
        text: the JSON.
        hooks: as :func:`json.loads` takes them.

    Raises:
        ValueError: it is no JSON, or a number of thousands of digits, or a :class:`NestedError`.
    """
    try:
        value = json.loads(text, **hooks)
    except RecursionError:
        raise NestedError from None
    # Without so many brackets there are not so many levels, and nothing has to be walked through.
    if text.count("[") + text.count("{") > MOST_LEVELS:
        _check(value)
    return value


def json_object(text: str | bytes) -> dict[str, Any]:
    """The object that a text of JSON stands for; bytes are UTF-8.

    Raises:
        ValueError: it is no JSON, or no object; see :func:`json_value`.
    """
    value = json_value(text if isinstance(text, str) else text.decode())
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    return value


def json_object_in(path: Path) -> dict[str, Any]:
    """The object that a file of JSON holds. Whatever is wrong with the file is one of two kinds of
    error; what its fields hold is for the caller to check.

    Raises:
        OSError: it is not there, or cannot be read.
        ValueError: see :func:`json_object`.
    """
    return json_object(path.read_bytes())


def _check(value: Any) -> None:
    level, depth = [value], 0
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        if depth > MOST_LEVELS:
            raise NestedError
        level = [
            below
            for one in level
            for below in (one.values() if isinstance(one, dict) else one)
            if isinstance(below, dict | list)
        ]
