"""A directive that lists the settings of a configuration, read from its fields.

    ```{settings} clirot.distillation.configuration:DistillConfig
    ```

With the option ``:hyphens:`` names are written as plans write them. Each setting has a row with its
name, type, default, unit, range and meaning, as :mod:`clirot.settings` holds them. A configuration
that is made of parts gets a table for each part.
"""

from __future__ import annotations

import importlib
import types
import typing
from itertools import groupby
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from clirot.settings import MISSING, Leaf, leaves


class SettingsTable(SphinxDirective):
    """The tables of one configuration."""

    required_arguments = 1
    has_content = False
    option_spec = {"hyphens": directives.flag}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """Write the tables in Markdown and let the parser of the page read them."""
        module, name = self.arguments[0].split(":")
        configuration = getattr(importlib.import_module(module), name)
        lines: list[str] = []
        for path, group in groupby(leaves(configuration), key=lambda leaf: leaf.path):
            if path:
                lines += [f"Settings of its part `{'.'.join(path)}`:", ""]
            lines += ["| setting | type | default | meaning |", "|---|---|---|---|"]
            lines += [_row(leaf, hyphens="hyphens" in self.options) for leaf in group]
            lines.append("")
        holder = nodes.container()
        self.state.nested_parse(StringList(lines, source=self.arguments[0]), 0, holder)
        return holder.children


def _row(leaf: Leaf, *, hyphens: bool = False) -> str:
    name = leaf.name.replace("_", "-") if hyphens else leaf.name
    default = "required" if leaf.default is MISSING else _shown(leaf.default)
    cells = [f"`{name}`", f"`{_type(leaf.type)}`", default, leaf.said.help]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _shown(value: Any) -> str:
    return "none" if value is None else f"`{value!r}`"


def _type(kind: Any) -> str:
    """``int | None``, ``tuple[str, ...]``: types without the modules that they are from."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return " | ".join(_type(one) for one in inside)
    if origin is not None:
        return f"{origin.__name__}[{', '.join(_type(one) for one in inside)}]"
    if kind is type(None):
        return "None"
    return "..." if kind is Ellipsis else getattr(kind, "__name__", str(kind))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("settings", SettingsTable)
    return {"parallel_read_safe": True}
