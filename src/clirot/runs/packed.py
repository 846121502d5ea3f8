"""The ids of a large run as one piece of UTF-8, since ten million strings take a gigabyte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_AT_A_TIME = 1 << 16
"""Ids that are strings, or pieces, at the same time."""


class PackedIds(Sequence[str]):
    r"""Ids that become strings when they are asked for; a part of them is a list.

    Args:
        text: the ids in UTF-8, with ``\n`` behind each, which none of them has.
        places: (ids + 1,) where each begins in the text, and where the last ends.
    """

    def __init__(self, text: bytes | bytearray, places: NDArray[np.int64]) -> None:
        self._text = text
        self._places = places

    @classmethod
    def of_lengths(cls, text: bytes | bytearray, lengths: NDArray[np.integer]) -> PackedIds:
        """The same from the bytes of each id with its line feed, ``(ids,)``."""
        import numpy as np

        places = np.zeros(len(lengths) + 1, dtype=np.int64)
        places[1:] = lengths
        return cls(text, np.cumsum(places, out=places))  # in place: numpy would copy to add wider

    def __len__(self) -> int:
        return len(self._places) - 1

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        if not isinstance(place, slice):
            one = range(len(self))[place]
            return self._between(one, one + 1)[0]
        start, stop, step = place.indices(len(self))
        if step < 0:
            return [self[one] for one in range(start, stop, step)]
        return self._between(start, max(start, stop))[::step]

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _AT_A_TIME):
            yield from self[start : start + _AT_A_TIME]

    def _between(self, start: int, stop: int) -> list[str]:
        written = self._text[self._places[start] : self._places[stop]]
        return written.decode().split("\n")[:-1]

    def taken(self, places: NDArray[np.integer]) -> PackedIds:
        """Some of the ids, or all of them in another order.

        Args:
            places: (taken,) the place of each here.
        """
        import numpy as np

        text = bytearray()
        begins = np.zeros(len(places) + 1, dtype=np.int64)
        for first in range(0, len(places), _AT_A_TIME):
            part = places[first : first + _AT_A_TIME]
            lengths = self._places[part + 1] - self._places[part]
            begins[first + 1 : first + 1 + len(part)] = lengths
            # Neighbours stay together: most of a run is in order but for a few ties.
            edges = np.flatnonzero(np.diff(part) != 1)
            starts = self._places[part[np.concatenate([[0], edges + 1])]].tolist()
            stops = self._places[part[np.concatenate([edges, [len(part) - 1]])] + 1].tolist()
            text += b"".join(
                [self._text[start:stop] for start, stop in zip(starts, stops, strict=True)]
            )
        return PackedIds(text, np.cumsum(begins, out=begins))


def taken(ids: Sequence[str], places: NDArray[np.integer]) -> Sequence[str]:
    """Some of a list of ids, or of packed ones, which stay packed: see :meth:`PackedIds.taken`."""
    import numpy as np

    if isinstance(ids, PackedIds):
        return ids.taken(places)
    chosen: list[str] = np.array(ids, dtype=object)[places].tolist()
    return chosen
