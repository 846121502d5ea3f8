"""Counts of a report that remember which ids they counted first, so that a remark can name them."""

from __future__ import annotations

from dataclasses import dataclass, field

_NAMED = 5
"""Ids that a remark names."""


@dataclass
class CountedIds:
    """A report; its counts are fields of whoever inherits from it."""

    ids: dict[str, list[str]] = field(default_factory=dict)
    """Name of a count -> the first ids that it counted."""

    def count(self, what: str, identifier: str) -> None:
        """Count an id, under the name of one of the counts."""
        setattr(self, what, getattr(self, what) + 1)
        named = self.ids.setdefault(what, [])
        if len(named) < _NAMED:
            named.append(identifier)

    def named(self, what: str) -> str:
        """The first ids of a count, as a remark lists them."""
        more = ", ..." if getattr(self, what) > _NAMED else ""
        return ", ".join(self.ids.get(what, ())) + more
