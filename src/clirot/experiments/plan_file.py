"""A plan as a file: TOML, with the line on which each of its keys stands.

A mistake in a plan is reported with its file and line, before anything runs. tomllib gives no lines
of what it has read, so the line of a key is looked up only when there is a mistake to report.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from clirot.errors import ClirotError, InputError, UsageError, first_line
from clirot.input_streams import read_small_text

_AT = re.compile(r"\(at line (\d+), column \d+\)")
_SETTING = re.compile(r"`([a-z_][a-z0-9_]*)(=[^`]*)?`")


@dataclass(frozen=True)
class PlanFile:
    """A plan that has been read, but not looked at."""

    path: Path
    text: str = field(repr=False)
    table: dict[str, Any] = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> PlanFile:
        """Read a plan.

        Raises:
            InputError: there is no such file, or it is not text.
            UsageError: it is not TOML, or says something twice; with the line.
        """
        try:
            text = read_small_text(path, what="plan")
        except FileNotFoundError:
            raise InputError("there is no such plan", path=path) from None
        except UnicodeDecodeError as error:
            raise InputError(f"not UTF-8 text: {error.reason}", path=path) from error
        except OSError as error:
            raise InputError(error.strerror or "cannot be read", path=path) from error
        try:
            return cls(path, text, tomllib.loads(text))
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            at = _AT.search(str(error))
            place = f"{path}:{at[1]}" if at is not None else str(path)
            raise UsageError(
                f"{place}: not a plan: {_AT.sub('', first_line(error)).strip()}",
                hint="a plan is TOML; `docs/experiments.md` shows one",
            ) from error

    def line(self, *keys: str) -> int | None:
        """The line on which a key stands; None where it is nowhere.

        Args:
            keys: the tables that lead to it, and the key: ``"system", "bm25", "model"``.
        """
        for prefix in (keys[:length] for length in range(len(keys), 0, -1)):
            for first, table in self._beginnings:
                if _has(table, prefix):
                    return first
        return None

    @cached_property
    def _beginnings(self) -> list[tuple[int, dict[str, Any]]]:
        """(line, what the file says up to its end) for every line that ends a statement. The line
        is the first one of the statement.
        """
        lines, found, first = self.text.splitlines(keepends=True), [], None
        for number, line in enumerate(lines, start=1):
            if first is None and (not line.strip() or line.lstrip().startswith("#")):
                continue
            first = number if first is None else first
            try:
                table = tomllib.loads("".join(lines[:number]))
            except tomllib.TOMLDecodeError:
                continue  # inside of a list or a text of several lines
            found.append((first, table))
            first = None
        return found

    @contextmanager
    def at(self, *keys: str) -> Iterator[None]:
        """Say where in the plan it was, of an error that leaves the block."""
        try:
            yield
        except ClirotError as error:
            if getattr(error, "_placed", False):
                raise
            raise self.error(error.message, *keys, hint=error.hint) from error

    def error(self, message: str, *keys: str, hint: str | None = None) -> UsageError:
        """An error about a place in the plan; settings are written as the plan writes them."""
        line = self.line(*keys) if keys else None
        place = f"{self.path}:{line}" if line is not None else str(self.path)
        of = f"{'.'.join(keys)}: " if keys else ""
        made = UsageError(
            f"{place}: {of}{in_plan(message)}", hint=in_plan(hint) if hint is not None else None
        )
        made._placed = True  # type: ignore[attr-defined]
        return made


def in_plan(text: str) -> str:
    """A message of the library with settings as a plan writes them: ``batch-size = 8``."""

    def written(found: re.Match[str]) -> str:
        value = f" = {found[2][1:]}" if found[2] else ""
        return f"{found[1].replace('_', '-')}{value}"

    return _SETTING.sub(written, text)


def _has(table: Any, keys: tuple[str, ...]) -> bool:
    for key in keys:
        if not isinstance(table, dict) or key not in table:
            return False
        table = table[key]
    return True
