"""Settings as a plan writes them: with hyphens, in tables, lists and texts of TOML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from clirot.cluster.settings import ClusterSettings
from clirot.errors import UsageError
from clirot.registry import unknown_name
from clirot.settings import leaves

_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text",
          Path: "a path"}  # fmt: skip


def given(configuration: type[Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """The values of settings from a table of a plan: names with underscores, lists as tuples, files
    as paths.

    Raises:
        UnknownNameError: there is no such setting.
        UsageError: a value is of another type than the setting.
    """
    known = {key_of(leaf.name): leaf for leaf in leaves(configuration)}
    found = {}
    for key, value in table.items():
        if key not in known:
            raise unknown_name("setting", key, known)
        leaf = known[key]
        made = _typed(value, leaf.type)
        _check_type(leaf.name, made, leaf.type)
        found[leaf.name] = made
    return found


OF_TOPICS = ("collection", "lang", "topics_variant", "topics", "topics_field", "every")
"""Settings of a search that say what its topics are."""
OF_CLUSTER = tuple(leaf.name for leaf in leaves(ClusterSettings))
"""Settings that say who does the work, which is the whole plan's to say."""


def refuse(table: Mapping[str, Any], names: Iterable[str], *, topics: bool = False) -> None:
    """Refuse settings that follow from the rest of the plan: they would be overridden.

    Args:
        table: settings as the plan has them.
        names: those that are refused.
        topics: whether a system may say in its table ``topics`` what it takes its topics from.

    Raises:
        UsageError: one of them is there.
    """
    for name in names:
        if key_of(name) in table:
            raise UsageError(
                f"`{name}` follows from the rest of the plan",
                hint=f"a system's own topics have a table: topics = {{{key_of(name)} = ...}}"
                if topics and name in OF_TOPICS
                else None,
            )


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


def _check_type(name: str, value: Any, wanted: Any) -> None:
    """Hold a value to the type of its setting; one text where a list of texts belongs would be
    taken letter by letter.
    """
    if _fits(value, wanted):
        return
    kinds = [get_origin(one) or one for one in _kinds(wanted)]
    if tuple in kinds and not isinstance(value, tuple):
        raise UsageError(f"a list is needed, got {value!r}", hint=f"write [{value!r}]")
    if Mapping in kinds:
        raise UsageError(f"a table is needed, got {value!r}", hint="write {key = value}")
    items = [one for kind in _kinds(wanted) for one in get_args(kind)] if tuple in kinds else kinds
    words = " or ".join(_WORDS[one] for one in dict.fromkeys(items) if one in _WORDS)
    must = (
        "each item of `{}` must be {}, got {!r}" if tuple in kinds else "`{}` must be {}, got {!r}"
    )
    raise UsageError(must.format(name, words, list(value) if tuple in kinds else value))


def _fits(value: Any, wanted: Any) -> bool:
    for kind in _kinds(wanted):
        origin = get_origin(kind)
        if kind is Any:
            return True
        if origin is tuple:
            items = get_args(kind)[0]
            if isinstance(value, tuple) and all(_fits(one, items) for one in value):
                return True
        elif isinstance(value, bool):  # which Python takes for a number
            if kind is bool:
                return True
        elif isinstance(
            value, int if kind is int else (int, float) if kind is float else origin or kind
        ):
            return True
    return False


def _kinds(wanted: Any) -> list[Any]:
    """A type, or those of a union; None is left out, since TOML cannot say it."""
    return [
        one
        for one in (get_args(wanted) if isinstance(wanted, UnionType) else [wanted])
        if one is not NoneType
    ]
