"""A number with what it counts, in the singular where it is one."""

from __future__ import annotations


def counted(number: int, one: str, more: str | None = None) -> str:
    """``1 document``, ``1,200 documents``.

    Args:
        number: how many.
        one: what one of them is called, and perhaps what is said of it.
        more: the same of several; None: ``one`` with an s behind it.
    """
    return f"{number:,} {one if number == 1 else more or f'{one}s'}"
