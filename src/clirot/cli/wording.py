"""Messages of the library, put into the words of the command line.

The library does not know the options. In its messages a setting stands in backticks by the name of
its field, with a value where one is meant, and a verb as the call that would be made::

    raise `batch_size`                         raise --batch-size
    `sources=so=hornmt`                        --source so=hornmt
    `build_index(model=en-so, replace=True)`   clirot index --model en-so --replace
    `build_index(..., replace=True)`           clirot index ... --replace
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clirot.errors import ClirotError, UsageError

COMMANDS = {
    "fetch_bitext": "fetch-bitext",
    "distill": "distill",
    "train": "train",
    "make_table": "table",
    "build_index": "index",
    "search": "search",
    "evaluate": "evaluate",
    "translate": "translate",
    "answer": "answer",
    "align": "align",
}
"""Verb of the library -> command."""

Find = Callable[[str], Any]
"""From the name of a command to the command."""

_CALL = re.compile(r"`(?P<verb>[a-z_]+)\((?P<arguments>[^`]*)\)`")
_SETTING = re.compile(r"`(?P<name>[a-z_][a-z0-9_]*)(?:=(?P<value>[^`]*))?`")
_running: list[tuple[Any, Find]] = []


@contextmanager
def speaking_for(
    command: Any, find: Find, given: Mapping[str, Any] | None = None
) -> Iterator[None]:
    """Word the messages of the block, and the errors that leave it, for a command.

    Args:
        command: the command that runs.
        find: from the name of another command to the command.
        given: what the person typed: name of a setting -> value. An error of usage that quotes such
            a value then says which option it was given by.
    """
    _running.append((command, find))
    try:
        yield
    except ClirotError as error:
        error.message = in_options(error.message)
        if error.hint is not None:
            error.hint = in_options(error.hint)
        if isinstance(error, UsageError):
            error.message += _given_by(error.message, _options(command), given or {})
        raise
    finally:
        _running.pop()


def check_not_empty(command: Any, given: Mapping[str, Any]) -> None:
    """Refuse options that were given an empty text, as an unset variable of a shell gives them.

    Raises:
        UsageError: there is one; the message has its name.
    """
    for name, option in _options(command).items():
        value = given.get(name)
        if value == "" or (isinstance(value, list | tuple) and "" in value):
            raise UsageError(f"{option} is empty", hint="give it a value, or leave it out")


def in_options(text: str) -> str:
    """A message of the library, with the options of the command that is running for its settings.

    A setting that has no option there stays as it is. So does the text if no command is running.
    """
    if not _running:
        return text
    command, find = _running[-1]
    own = _options(command)
    text = _CALL.sub(lambda found: _command(found, find), text)
    return _SETTING.sub(lambda found: _option(found, own), text)


def _given_by(message: str, options: Mapping[str, str], given: Mapping[str, Any]) -> str:
    """``" (--teacher)"``, where a message quotes the value of that option and names no option."""
    if re.search(r"(?<![\w-])--?[a-z]", message):
        return ""
    quoted = [
        options[name]
        for name, value in given.items()
        for one in (value if isinstance(value, list | tuple) else [value])
        if name in options and isinstance(one, str | Path) and repr(str(one)) in message
    ]
    return f" ({', '.join(dict.fromkeys(quoted))})" if quoted else ""


def _options(command: Any) -> Mapping[str, str]:
    """Name of a setting -> its option."""
    return {
        one.name: max(one.opts, key=len) for one in command.params if one.opts[0].startswith("-")
    }


def _command(call: re.Match[str], find: Find) -> str:
    name = COMMANDS.get(call["verb"])
    if name is None:
        return call[0]
    options, parts = _options(find(name)), ["clirot", name]
    for argument in filter(None, call["arguments"].split(", ")):
        if argument == "...":
            parts.append(argument)
            continue
        setting, _, value = argument.partition("=")
        option = options.get(setting, f"--{setting.replace('_', '-')}")
        if value == "False":
            parts.append(f"--no-{option.removeprefix('--')}")
        else:
            parts += [option] if value == "True" else [option, shlex.quote(value)]
    return " ".join(parts)


def _option(found: re.Match[str], options: Mapping[str, str]) -> str:
    option = options.get(found["name"])
    if option is None:
        return found[0]
    return option if found["value"] is None else f"{option} {found['value']}"
