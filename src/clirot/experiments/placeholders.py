"""Placeholders: one entry of a plan that stands for several.

``[each]`` gives names to lists. An entry with ``{name}`` in it is there once for every item of the
list; with two of them, once for every combination, the last one varying fastest. ``{lang}`` and
``{docs}``, the languages of topics and documents, are put in later, for each topic set.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from clirot.errors import UsageError
from clirot.registry import unknown_name

LANGUAGES = ("lang", "docs")
"""Placeholders that stand for the languages of a topic set."""
_PLACEHOLDER = re.compile(r"\{([A-Za-z][A-Za-z0-9_-]*)\}")

Each = Mapping[str, Sequence[Any]]
"""Placeholder -> what it stands for."""


def expanded(name: str, value: Any, each: Each) -> Iterator[tuple[str, Any]]:
    """The entries that an entry stands for: names, and values with the same items put in.

    Raises:
        UnknownNameError: a placeholder is not in ``[each]``.
        UsageError: the value has a placeholder that the name lacks, so that several entries would
            have one name.
    """
    used = list(dict.fromkeys([*_used(name, each), *_used(value, each)]))
    lacking = next((one for one in used if f"{{{one}}}" not in name), None)
    if lacking is not None:
        raise UsageError(
            f"{{{lacking}}} is in a value and not in the name {name!r}, so that several entries "
            "would have this name",
            hint=f"put {{{lacking}}} into the name as well",
        )
    for items in itertools.product(*(each[one] for one in used)):
        chosen = dict(zip(used, items, strict=True))
        yield str(filled(name, chosen)), filled(value, chosen)


def texts(text: str, each: Each) -> list[str]:
    """The texts that a text with placeholders stands for."""
    return [name for name, _ in expanded(text, None, each)]


def filled(value: Any, chosen: Mapping[str, Any]) -> Any:
    """A value with items in the place of placeholders, in lists and tables too.

    A text that is a placeholder and nothing else becomes the item itself, a number for example.
    """
    if isinstance(value, str):
        whole = _PLACEHOLDER.fullmatch(value)
        if whole and whole[1] in chosen:
            return chosen[whole[1]]
        return _PLACEHOLDER.sub(
            lambda found: str(chosen[found[1]]) if found[1] in chosen else found[0], value
        )
    if isinstance(value, Mapping):
        return {filled(key, chosen): filled(one, chosen) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(filled(one, chosen) for one in value)
    return value


def _used(value: Any, each: Each) -> list[str]:
    if isinstance(value, Mapping):
        return [name for pair in value.items() for one in pair for name in _used(one, each)]
    if isinstance(value, list | tuple):
        return [name for one in value for name in _used(one, each)]
    if not isinstance(value, str):
        return []
    found = [one for one in _PLACEHOLDER.findall(value) if one not in LANGUAGES]
    for name in found:
        if name not in each:
            raise unknown_name(
                "placeholder", name, [*each, *LANGUAGES], more="lists stand in [each]"
            )
    return found
