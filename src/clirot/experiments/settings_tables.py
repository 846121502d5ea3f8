"""Settings as a plan writes them: with hyphens, in tables, lists and texts of TOML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from clirot.registry import unknown_name
from clirot.settings import leaves


def given(configuration: type[Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """The values of settings from a table of a plan: names with underscores, lists as tuples, files
    as paths.

    Raises:
        UnknownNameError: there is no such setting.
    """
    known = {key_of(leaf.name): leaf for leaf in leaves(configuration)}
    found = {}
    for key, value in table.items():
        if key not in known:
            raise unknown_name("setting", key, known)
        found[known[key].name] = _typed(value, known[key].type)
    return found


def key_of(name: str) -> str:
    """A setting as a plan writes it: ``batch-size``."""
    return name.replace("_", "-")


def _typed(value: Any, wanted: Any) -> Any:
    if isinstance(value, list):
        of = next((one for one in get_args(wanted) if one is not Ellipsis), Any)
        return tuple(_typed(one, of) for one in value)
    if isinstance(value, str) and (wanted is Path or Path in get_args(wanted)):
        return Path(value)
    return value
