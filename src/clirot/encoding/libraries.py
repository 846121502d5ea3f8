"""What transformers and sentence-transformers say beside what they return.

Their progress bars and notices are kept away from stderr. What they say while they load a model is
not noise: a class that is not there, a setting that is not known, another activation in its place.
It is passed on as a :class:`~clirot.errors.ModelWarning`.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clirot.errors import ModelWarning

_NAMES = ("transformers", "sentence_transformers")
_REPORT = "log_state_dict_report"
"""Function of transformers whose report clirot gives itself, as an error."""
_EXPECTED = re.compile("Converting [A-Za-z]+ model")
"""Said of what clirot asks for: the first versions of PyLate named no type."""
_LONGEST = 400


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep the progress bars and notices of libraries away from stderr."""
    from transformers.utils import logging as transformers_logging

    level = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    root = logging.getLogger("sentence_transformers")
    before = root.level
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()
        root.setLevel(before)


class _Heard(logging.Handler):
    """Keeps what is said, each thing once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        text = " ".join(record.getMessage().split())
        if record.funcName != _REPORT and not _EXPECTED.match(text):
            self.said[text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."] = None


@contextmanager
def heard_libraries(path: Path) -> Iterator[None]:
    """Warn (ModelWarning) of what libraries say within the block, when it has ended well.

    Args:
        path: the checkpoint that they read, for the message.
    """
    heard = _Heard()
    loggers = [logging.getLogger(name) for name in _NAMES]
    with quiet_libraries():
        before = [(one.level, one.propagate, list(one.handlers)) for one in loggers]
        for one in loggers:
            one.setLevel(logging.WARNING)
            one.propagate, one.handlers = False, [heard]
        try:
            yield
        finally:
            for one, (level, propagate, handlers) in zip(loggers, before, strict=True):
                one.setLevel(level)
                one.propagate, one.handlers = propagate, handlers
    for text in heard.said:
        warnings.warn(f"{path}: {text}", ModelWarning, stacklevel=3)
