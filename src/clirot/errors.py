"""Every error clirot raises on purpose, and the exit code each one ends a command with.

::

    ClirotError                    1   something failed
    ├── UsageError                 2   what was asked for makes no sense
    │   ├── UnknownNameError       2   no such model, source, collection, measure ...
    │   └── LanguageError          2   not a language code
    ├── InputError                 1   a file is not what it should be (path, line)
    ├── DownloadError              1   an upstream file could not be had, or is not the pinned one
    ├── ArtefactError              1   the store has no such artefact, or one made otherwise
    │   └── BusyError              1   another process is writing it
    ├── ClusterError               1   a Ray cluster does not answer, or gave a task up
    ├── CommandError               1   another program failed, or did not do what it should
    ├── PartlyDoneError            3   some of several parts failed; the rest is kept
    └── ExpectationError           4   a figure missed an expectation

A message says what was wrong and what arrived; ``hint`` says what to do. The library raises; only
``clirot.cli`` prints and exits. Something that is done as asked, but may be a mistake, is a Python
warning (:class:`ClirotWarning`).

The library does not know the options of the command line. In the text of errors and warnings, write
settings and verbs in backticks; the command line puts its own words there
(:mod:`clirot.cli.wording`)::

    `batch_size`                               a setting, by the name of its field
    `sources=so=hornmt`                        a setting with the value that it should have
    `build_index(model=en-so, replace=True)`   a verb, as the call that should be made
"""

from __future__ import annotations

from os import PathLike


class ClirotError(Exception):
    """Base class: ``message`` says what was wrong, ``hint`` what to do about it."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message} ({self.hint})"


class ClirotWarning(UserWarning):
    """Base class of warnings: it was done as asked, but it may be a mistake."""


class BitextWarning(ClirotWarning):
    """The bitext that a student is about to be trained on was found to have a fault."""


class UnusedSettingWarning(ClirotWarning):
    """A setting was given that the chosen objective does not use."""


class ChoiceNotice(ClirotWarning):
    """Something was left open, and was chosen: no mistake, but worth knowing."""


class DamagedArtefactWarning(ClirotWarning):
    """An artefact cannot be listed, because its manifest is damaged."""


class DamagedDraftWarning(ClirotWarning):
    """What an interrupted attempt left, or a cache, is damaged, and is made anew."""


class ReadingNotice(ChoiceNotice):
    """A file was read in a way that is worth knowing: its header line was skipped, for example."""


class VocabularyWarning(ClirotWarning):
    """A student's vocabulary was pruned of subwords that other text of its languages has."""


class CoverageWarning(ClirotWarning):
    """The vocabulary of an encoder does not know a language that it is to read."""


class LanguageWarning(ClirotWarning):
    """Nothing is there in the language that was asked for, and another variant of it was taken."""


class ModelWarning(ClirotWarning):
    """A library said something about a model that it loaded, or its parts fit badly."""


class CutTextWarning(ClirotWarning):
    """Texts are longer than a model reads: their end was not read."""


class ClusterWarning(ClirotWarning):
    """A node of a Ray cluster is gone, or none is large enough yet: the work goes on."""


class UsageError(ClirotError):
    """The request contradicts itself or names something that cannot be."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that no registry knows. The hint suggests the closest known name."""


class LanguageError(UsageError):
    """A language code that is neither ISO 639 nor BCP 47."""


class InputError(ClirotError):
    """A file that cannot be read as what it should be.

    Args:
        message: what was wrong and what arrived, without the place.
        path: the file, or ``-`` for standard input.
        line: 1-based line number, where there is one.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | PathLike[str] | None = None,
        line: int | None = None,
        hint: str | None = None,
    ) -> None:
        place = "" if path is None else ("<stdin>" if str(path) == "-" else str(path))
        if line is not None:
            place = f"{place}:{line}" if place else f"line {line}"
        super().__init__(f"{place}: {message}" if place else message, hint=hint)
        self.path = path
        self.line = line


class DownloadError(ClirotError):
    """An upstream file could not be fetched, or its digest is not the pinned one."""


class ArtefactError(ClirotError):
    """An artefact of the store is missing, damaged, or was made from something else."""


class BusyError(ArtefactError):
    """Another process is writing the artefact; when it has ended, trying again may succeed."""


class ClusterError(ClirotError):
    """A Ray cluster does not answer, a node of it cannot be used, or a task was given up."""


class CommandError(ClirotError):
    """A program that was to be run failed, did not end in time, or gave not what was asked."""


class PartlyDoneError(ClirotError):
    """Some of several parts failed. What was done is kept; the message lists what was not."""

    exit_code = 3


class ExpectationError(ClirotError):
    """A measured figure fell short of what was expected of it."""

    exit_code = 4


def first_line(error: BaseException) -> str:
    """The first line of a library's error message, or the error's type where it has no message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
