"""Write ``docs/cli.md`` from the commands themselves, so that it cannot drift from them.

    python docs/generate_cli.py          # writes docs/cli.md
    python docs/generate_cli.py --check  # exits 1 if docs/cli.md is not what it would write

What a command takes is read off its parameters; no terminal is involved, and no width of one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from clirot.cli import app

PAGE = Path(__file__).with_name("cli.md")

_HEAD = """# The command line

Written by `make docs` from the commands' own help; edit that instead.

Data goes to stdout, everything else to stderr. `-` is standard input. Off a terminal there is no
colour, no prompt and no live progress.

| exit code | meaning |
|---|---|
| 0 | done; also where the reader of a pipe has gone (`\\| head`) |
| 1 | failed: a file is not what it should be, a download or the disk failed |
| 2 | usage: an unknown name, a wrong language code, options that contradict each other |
| 3 | partly done: some sources failed; what was got is kept and listed |
| 4 | a figure fell short of `--expect` |
| 130 | interrupted; the same command again resumes where it can |

The environment: `CLIROT_HOME` is where artefacts are kept (default: the platform's user data
directory); `CLIROT_MIRROR`, a directory or a base URL that holds `<host>/<path>`, takes the place
of the network; `CLIROT_OFFLINE=1` forbids it, as `--offline` does; `CLIROT_TRACEBACK=1` is
`--traceback`.
"""


def page() -> str:
    """The whole of ``docs/cli.md``."""
    root: Any = typer.main.get_command(app)
    context = root.make_context("clirot", ["--help"], resilient_parsing=True)
    parts = [_HEAD, f"## clirot\n\n{root.help}\n\n{_table(root, context)}"]
    for name, command in _commands(root, context):
        parts.append(f"## {name}\n\n{_section(name, command, context)}")
        for child, subcommand in _commands(command, context):
            full = f"{name} {child}"
            parts.append(f"### {full}\n\n{_section(full, subcommand, context)}")
    return "\n".join(parts)


def _commands(group: Any, context: Any) -> Iterator[tuple[str, Any]]:
    if hasattr(group, "list_commands"):
        for name in group.list_commands(context):
            yield name, group.get_command(context, name)


def _section(name: str, command: Any, context: Any) -> str:
    if hasattr(command, "list_commands"):
        return f"{command.help}\n"
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    words = [f"clirot {name}", *(_usage(one) for one in arguments), "[OPTIONS]"]
    text = "\n".join(line.strip() for line in (command.help or "").splitlines()).strip()
    return f"```\n{' '.join(words)}\n```\n\n{text}\n\n{_table(command, context)}"


def _usage(argument: Any) -> str:
    name = _value(argument) + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _table(command: Any, context: Any) -> str:
    rows = [_row(one, context) for one in command.params if not getattr(one, "hidden", False)]
    if not rows:
        return ""
    return "\n".join(["| | | default |", "|---|---|---|", *rows]) + "\n"


def _row(parameter: Any, context: Any) -> str:
    if parameter.param_type_name == "argument":
        spelling = f"`{_value(parameter)}`"
    else:
        names = [*parameter.opts, *parameter.secondary_opts]
        # Long before short, as people read them first.
        spelling = ", ".join(f"`{name}`" for name in sorted(names, key=len, reverse=True))
        if not parameter.is_flag:
            spelling += f" `{_value(parameter)}`"
    help_text = (parameter.help or "").replace("|", "\\|").strip()
    if getattr(parameter, "multiple", False) and "epeat" not in help_text:
        help_text += " Repeatable."
    return f"| {spelling} | {help_text} | {_default(parameter, context)} |"


def _value(parameter: Any) -> str:
    """What stands for the value in a command: ``FILE``, ``RUN``, or the type of an option's."""
    if parameter.metavar:
        return str(parameter.metavar).strip("[].")
    own = parameter.name if parameter.param_type_name == "argument" else parameter.type.name
    return str(own).upper()


def _default(parameter: Any, context: Any) -> str:
    if parameter.required:
        return "required"
    found = parameter.get_default(context, call=False)
    if found is None or found is False or found == () or found == "" or callable(found):
        return ""
    if isinstance(found, bool):
        return "on"
    return f"`{found}`"


def main() -> int:
    """Write the page, or compare it."""
    if sys.argv[1:] == ["--check"]:
        current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page()
        if not current:
            sys.stderr.write(f"{PAGE.name} is out of date: run `make docs`\n")
        return 0 if current else 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
