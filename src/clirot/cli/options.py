"""Options made from settings, so that a command repeats nothing that its configuration says.

:func:`with_options` gives a command an option for every setting of a configuration and of its
parts; the command gets the values by name and makes the configuration with
:func:`clirot.settings.assembled`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING
from functools import wraps
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from clirot.settings import Following, Leaf, leaves

Command = Callable[..., None]


def with_options(
    configuration: type[Any],
    *,
    names: Mapping[str, tuple[str, ...]] | None = None,
    metavars: Mapping[str, str] | None = None,
    without: Collection[str] = (),
    into: str = "settings",
) -> Callable[[Command], Command]:
    """Give a command the options of a configuration; it takes them as the argument ``settings``.

    That is a dictionary from the name of a setting to its value. Settings for which no
    option was given are in it with their defaults, except those whose default is "none given"
    (None, or an empty tuple) or follows from something else, which are left out.

    Args:
        configuration: the dataclass whose settings become options, after the command's own.
        names: the spellings of options that are not the field's name with hyphens, such as
            ``{"sources": ("--source", "-s")}``.
        metavars: what stands for the value in the help where that is not the type, such as
            ``{"topic_sets": "NAME=FILE"}``.
        without: settings that get no option.
        into: the argument that takes the values, for a command with several configurations.
    """
    chosen = [leaf for leaf in leaves(configuration) if leaf.name not in without]

    def decorate(command: Command) -> Command:
        @wraps(command)
        def run(**given: Any) -> None:
            settings = {leaf.name: given.pop(leaf.name) for leaf in chosen}
            present = {
                leaf.name: tuple(value) if isinstance(value, list) else value
                for leaf in chosen
                if (value := settings[leaf.name]) is not None
            }
            command(**{into: present}, **given)

        hints = get_type_hints(command, include_extras=True)
        own = [
            one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[one.name])
            for one in inspect.signature(command).parameters.values()
            if one.name != into
        ]
        options = [
            _parameter(leaf, (names or {}).get(leaf.name), (metavars or {}).get(leaf.name))
            for leaf in chosen
        ]
        # Required ones first: Python's own rule for parameters.
        everything = sorted(own + options, key=lambda one: one.default is not one.empty)
        run.__signature__ = inspect.Signature(everything)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in everything}
        return run

    return decorate


def _parameter(
    leaf: Leaf, spelled: tuple[str, ...] | None, metavar: str | None
) -> inspect.Parameter:
    wanted, default = leaf.type, leaf.default
    declared = spelled or (f"--{leaf.name.replace('_', '-')}",)
    shown: bool | str = default not in (None, "")
    if isinstance(default, Following):  # what was not given is settled later
        shown, wanted, default = default.described, wanted | None, None
    if get_origin(wanted) is tuple:  # repeatable
        wanted, default = list[get_args(wanted)[0]] | None, None  # type: ignore[misc]
    option = typer.Option(
        *declared,
        metavar=metavar,
        help=leaf.said.help,
        show_default=shown,
    )
    return inspect.Parameter(
        leaf.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if default is MISSING else default,
        annotation=Annotated[wanted, option],
    )
