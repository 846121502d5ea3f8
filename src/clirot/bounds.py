"""How much one input may hold: bounds that no real data meets, and the way to raise them.

They end an endless stream, a compressed file that unpacks to thousands of times its size, and a
file that is no text, with a sentence instead of a full memory. All are raised by one variable of
the environment, because what meets one of them meets the next as well.
"""

from __future__ import annotations

import os

from clirot.errors import InputError, UsageError

VARIABLE = "CLIROT_MOST_BYTES"
"""Variable of the environment: an input or a line of fewer bytes is never refused for its size."""

LINE = 1 << 26
"""Bytes of a line: 64 MiB. The longest books have 20 MB."""
FIELDS = 10_000
"""Fields of a row of a table. Real tables have some hundred at most, and a field takes far more
memory than its bytes. See :func:`most_fields`."""
STREAM = 1 << 40
"""Bytes of an input that is read piece by piece (documents, bitext): 1 TiB, once unpacked."""
TOPICS = 1 << 28
"""Bytes of an input of topics, or labels, or answers, which are kept in memory: 256 MiB, some five
million of them. Also of a file that its library parses whole (PO, MO, XLIFF)."""
WHOLE = 1 << 33
"""Bytes of a run or of judgements: 8 GiB, some 160 million lines. See :func:`whole`."""
SMALL = 1 << 24
"""Bytes of a file that a person writes, such as a plan: 16 MiB."""


def raised(bound: int) -> int:
    """A bound on bytes, or what the environment says where that is more.

    Raises:
        UsageError: the variable is no whole number.
    """
    written = os.environ.get(VARIABLE, "").strip()
    if not written:
        return bound
    try:
        return max(bound, int(written))
    except ValueError:
        raise UsageError(
            f"{VARIABLE} is {written!r:.60}, not a number of bytes",
            hint=f"for example {VARIABLE}={1 << 34}",
        ) from None


def whole() -> int:
    """Bytes of what is read into memory at once: :data:`WHOLE`, but half of the machine's memory at
    most, since more could not be evaluated there.
    """
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not a POSIX system
        memory = 2 * WHOLE
    return raised(min(WHOLE, memory // 2))


def most_fields() -> int:
    """Fields that a row may have: each has a byte, so what raises the bytes raises them too."""
    return raised(FIELDS)


def hint_to_raise() -> str:
    """What a person does whose data is real."""
    return f"if the data is real, set {VARIABLE} in the environment to more bytes"


def too_long(what: str, most: int, *, path: object = None, line: int | None = None) -> InputError:
    """The error for a ``what`` of more than ``most`` bytes."""
    return InputError(
        f"{what} of more than {most:,} bytes",
        path=None if path is None else str(path),
        line=line,
        hint=hint_to_raise(),
    )


def too_wide(path: object, line: int) -> InputError:
    """The error for a row of more fields than :func:`most_fields`."""
    return InputError(
        f"a row of more than {most_fields():,} fields",
        path=str(path),
        line=line,
        hint=hint_to_raise(),
    )
