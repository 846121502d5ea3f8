"""Tables of what clirot knows by name: sources, objectives, measures, models.

A :class:`Registry` is a read-only mapping whose lookup error names the kind, the closest match and
the known names. A component is a value in a table; there are no plug-ins.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Generic, TypeVar

from clirot.errors import UnknownNameError

T = TypeVar("T")


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like ``name``; None where no name is similar."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None


def unknown_name(kind: str, name: str, known: Iterable[str], *, more: str = "") -> UnknownNameError:
    """The error for a name that is not in a table: it suggests a similar name and lists them."""
    names = sorted(known)
    near = closest(name, names)
    listed = ", ".join(names) if len(names) <= 24 else ", ".join(names[:24]) + ", ..."
    parts = [f"did you mean {near!r}?"] if near is not None else []
    parts.append(f"known: {listed}" if names else f"there is no {kind} yet")
    if more:
        parts.append(more)
    return UnknownNameError(f"unknown {kind} {name!r}", hint="; ".join(parts))


class Registry(Mapping[str, T], Generic[T]):
    """A read-only table of named components of one kind."""

    def __init__(self, kind: str, entries: Mapping[str, T]) -> None:
        self.kind = kind
        self._entries = MappingProxyType(dict(entries))

    def __getitem__(self, name: str) -> T:
        """The component called ``name``.

        Raises:
            UnknownNameError: nothing has that name; the message suggests the closest.
        """
        try:
            return self._entries[name]
        except KeyError:
            raise unknown_name(self.kind, name, self._entries) from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
