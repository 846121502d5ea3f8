"""What is said of the files that an evaluation reads becomes a note of its result."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from clirot.errors import ReadingNotice


@contextmanager
def heard(notes: list[str]) -> Iterator[None]:
    """Put what is said of files (:class:`~clirot.errors.ReadingNotice`) into a list.

    Where the work ends with an error, there is no result to note it in, and it is a warning again.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("always", ReadingNotice)
        others = warnings.showwarning

        def note(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, ReadingNotice):
                if str(message) not in notes:  # a file may be read for several topic sets
                    notes.append(str(message))
            else:
                others(message, category, filename, lineno, file, line)

        warnings.showwarning = note
        try:
            yield
            return
        except Exception as error:
            failed = error
    for message in notes:
        warnings.warn(message, ReadingNotice, stacklevel=3)
    raise failed
