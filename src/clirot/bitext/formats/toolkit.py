"""What the readers of PO, MO and XLIFF share: translate-toolkit, which parses these formats.

The library reads a file whole, passes over some faults in silence, and raises exceptions of many
kinds. So the readers check beforehand what it would let pass, and :func:`in_words` turns what it
raises into an InputError. It is given bytes or lines, never a path: it opens no file. Its licence
is the GPL, so it is an extra (docs/decisions/059).

Source: https://docs.translatehouse.org/projects/translate-toolkit/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from clirot.bounds import TOPICS, hint_to_raise, raised
from clirot.errors import ClirotError, InputError, UsageError, first_line


def storage(module: str) -> Any:
    """A module of ``translate.storage``, such as ``pypo``.

    Raises:
        UsageError: translate-toolkit is not installed.
    """
    try:
        return import_module(f"translate.storage.{module}")
    except ImportError as error:
        raise UsageError(
            "PO, MO and XLIFF are read with translate-toolkit, which is not installed",
            hint="pip install 'clirot[localisation]'",
        ) from error


def whole(stream: IO[bytes], path: Path) -> bytes:
    """All bytes of a stream.

    Raises:
        InputError: there are more than :data:`~clirot.bounds.TOPICS`, or than the environment
            says.
    """
    most = raised(TOPICS)
    content = stream.read(most + 1)
    if len(content) > most:
        raise InputError(
            f"more than {most:,} bytes, and this format is read whole into memory",
            path=path,
            hint="split it, or convert it to TMX, which is read as a stream; or, "
            f"{hint_to_raise()}",
        )
    return content


@contextmanager
def in_words(path: Path, place: Callable[[], tuple[str, int | None]]) -> Iterator[None]:
    """Turn whatever the library raises in the block into an InputError.

    Args:
        path: the file.
        place: what could not be read and its line, as they are when the library raises.
    """
    try:
        yield
    except ClirotError:
        raise
    except UnicodeDecodeError as error:
        what, line = place()
        why = f"{what}: not {error.encoding.upper()}: {error.reason}"
        raise InputError(why, path=path, line=line) from error
    except Exception as error:
        what, line = place()
        raise InputError(f"{what}: {first_line(error)}", path=path, line=line) from error
