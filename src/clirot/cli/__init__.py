"""The command line: one module per subcommand, one error boundary.

A command parses, calls one library function and renders. Typer and rich are known here and nowhere
below. :func:`main` is the only place that turns an error into a message and an exit code.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from clirot.cli.console import kept_stdout, note, printable, shown_warnings
from clirot.cli.streams import ClosedPipe, guard_streams
from clirot.cli.unforeseen import unforeseen
from clirot.cli.wording import check_not_empty, speaking_for
from clirot.errors import ClirotError
from clirot.version import __version__

_MODULES = {
    "fetch-bitext": "fetch_bitext",
    "bitext": "bitext",
    "distill": "distill",
    "train": "train",
    "table": "table",
    "index": "index",
    "search": "search",
    "evaluate": "evaluate",
    "experiment": "experiment",
    "translate": "translate",
    "perturb": "perturb",
    "answer": "answer",
    "align": "align",
    "models": "models",
    "list": "listing",
    "verify": "verify",
    "clean": "clean",
    "rm": "remove",
}
"""Command -> module of this package, in the order of the help."""
_SUMMARIES = {
    "fetch-bitext": "Fetch bitext into the store: what the catalogue recommends, or what is named.",
    "bitext": "Look at the bitext in the store, and get it out.",
    "distill": "Distil a student of one language or several from a teacher, and print the "
    "student's name.",
    "train": "Train an encoder on a collection's judged topics, and print the model's name.",
    "table": "Learn how words are translated from bitext, and print the table's name.",
    "index": "Index a collection's documents, and print the name of the index.",
    "search": "Search an index and write a TREC run to stdout.",
    "evaluate": "Evaluate runs: a table of measures, compared, tested and fused on demand.",
    "experiment": "Run a plan: make what is missing of its cells, and print the table that answers "
    "its question.",
    "translate": "Translate topics or documents by a model or another program, and write them as "
    "TSV.",
    "perturb": "Perturb topics or bitext as people mistype, and write them as TSV.",
    "answer": "Let a language model answer topics from what a run found for them, and write TSV.",
    "align": "Show which tokens of a translation the student's tokens are transported to.",
    "models": "List, show and remove what the model registry holds.",
    "list": "List what is in the store: bitext, models, tables, indexes and runs.",
    "verify": "Read every file of the store's artefacts, and compare it with what was written.",
    "clean": "Remove what interrupted commands left in the store, and list what else is no "
    "artefact.",
    "rm": "Remove artefacts of any kind: bitext, models, tables, indexes or runs.",
}
"""Command -> the first sentence of its own help. They stand here so that ``clirot --help`` need not
import the commands, which takes a third of its time; a test compares them."""

_traceback_wanted = False
"""Whether ``--traceback`` was given; the environment's way is ``CLIROT_TRACEBACK``."""


class _Interrupted(Exception):  # noqa: N818
    """Ctrl-C, under a name that Typer does not know."""


@contextmanager
def _printable_usage() -> Iterator[None]:
    """Write what a terminal would obey escaped in Typer's own errors, which quote the command line.

    Typer escapes some of it in later versions; marks that turn the direction of text it never does.
    """
    try:
        yield
    except Exception as error:
        if (own := getattr(error, "format_message", None)) is not None:
            said = printable(own())
            error.format_message = lambda: said  # type: ignore[attr-defined]
        raise


class _Commands(TyperGroup):
    """Imports a command when it is asked for, and passes interrupts and closed pipes on to main.

    Importing all commands takes a tenth of a second or more, so only the one that runs is imported.
    Typer would end an interrupt without a message, and it would end with exit code 1 where the pipe
    that ``--out`` names is closed, which is not a failure.
    """

    _listing = False
    """Whether the help that lists the commands is being written."""

    def format_help(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return list(_MODULES)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        if self._listing:
            return TyperCommand(cmd_name, help=_SUMMARIES[cmd_name])
        # An unknown name is compared with all commands, to suggest the nearest.
        for name in [cmd_name] if cmd_name in _MODULES else _MODULES:
            if name not in self.commands:
                self.commands[name] = command_named(name)
        return self.commands.get(cmd_name)

    def make_context(self, *given: Any, **more: Any) -> Any:
        with _printable_usage():
            return super().make_context(*given, **more)

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        try:
            with _printable_usage():
                return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise _Interrupted from error
        except BrokenPipeError as error:
            raise ClosedPipe from error


app = typer.Typer(
    name="clirot",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Cross-language retrieval experiments: bitext -> student -> index -> run -> tested table.",
)


def command_named(name: str) -> Any:
    """The command of a module: its ``app`` where it has subcommands, else the function so named."""
    module = import_module(f"clirot.cli.{_MODULES[name]}")
    if hasattr(module, "app"):
        group = typer.main.get_group(module.app)
        group.name = name
        for command in group.commands.values():
            _guarded(command)
        return group
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    single.command(name)(getattr(module, _MODULES[name]))
    return _guarded(typer.main.get_command(single))


def _guarded(command: Any) -> Any:
    """The command, made to keep stdout for data, to show the library's warnings, and to word its
    errors by the command's options.
    """
    callback = command.callback

    @wraps(callback)
    def run(**given: Any) -> object:
        with kept_stdout(), speaking_for(command, command_named, given), shown_warnings():
            check_not_empty(command, given)
            return callback(**given)

    command.callback = run
    return command


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"clirot {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False,
        "--version",
        callback=_show_version,
        is_eager=True,
        help="Print the version and exit.",
    ),
    traceback: bool = typer.Option(
        False, "--traceback", help="On an error, show the Python traceback as well."
    ),
) -> None:
    global _traceback_wanted
    _traceback_wanted = traceback


def main() -> None:
    """Run the command line and exit.

    Exit codes: 0 done, 1 failed, 2 usage, 3 partly done, 4 an expectation missed, 130 interrupted.
    A closed pipe (``| head``) ends the command quietly.
    """
    guard_streams()
    code = _outcome(partial(app, prog_name="clirot"))
    # Flushed here and not when Python exits: it may find the pipe closed or the disk full.
    flushed = _outcome(sys.stdout.flush)
    sys.exit(code or flushed)


def _outcome(action: Callable[[], object]) -> int | str:
    """The exit code of what was done."""
    try:
        action()
    except SystemExit as ended:
        return ended.code or 0
    except ClirotError as error:
        _show_traceback()
        note(f"error: {error.message}")
        if error.hint:
            note(f"  hint: {error.hint}")
        return error.exit_code
    except (KeyboardInterrupt, _Interrupted):
        _show_traceback()
        note("interrupted; the same command again resumes where it can")
        return 130
    except ClosedPipe:  # the reader has gone (| head): nothing more to say
        pass
    except Exception as error:
        _show_traceback()
        return unforeseen(error)
    return 0


def _show_traceback() -> None:
    if _traceback_wanted or os.environ.get("CLIROT_TRACEBACK"):
        import traceback

        note(traceback.format_exc())
