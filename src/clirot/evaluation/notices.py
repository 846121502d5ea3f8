"""What is said of the files that an evaluation reads becomes a note of its result."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from clirot.errors import ReadingNotice
from clirot.hearing import hearing


@contextmanager
def heard(notes: list[str]) -> Iterator[None]:
    """Put what is said of files (:class:`~clirot.errors.ReadingNotice`) into a list.

    Where the work ends with an error, there is no result to note it in, and it is a warning again.
    """

    def take(message: str, _: type[Warning]) -> None:
        if message not in notes:  # a file may be read for several topic sets
            notes.append(message)

    with hearing(ReadingNotice, take):
        try:
            yield
            return
        except Exception as error:
            failed = error
    for message in notes:
        warnings.warn(message, ReadingNotice, stacklevel=3)
    raise failed
