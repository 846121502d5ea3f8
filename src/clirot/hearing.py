"""Hearing the warnings of one kind, wherever they come from, while all others stay as they are."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def hearing(kind: type[Warning], take: Callable[[str, type[Warning]], None]) -> Iterator[None]:
    """Give every warning of a kind to ``take`` while the block runs: its text and its class.

    Args:
        kind: the class of warnings, with those derived from it.
        take: what is called with each, also with one that was given before.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("always", kind)
        others = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, kind):
                take(str(message), category)
            else:
                others(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        yield
