"""The documents of an index that were cut, counted window by window, so that an interrupted index
goes on counting where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clirot.cut_texts import CutTexts
from clirot.json_values import json_object

CUT = "cut_texts"
"""Where a manifest counts the documents that were cut."""
_FILE = "cut.jsonl"


class CutDocuments:
    """The count. A window's part of it is written before the window's vectors.

    Args:
        scratch: directory of the draft, which outlives an interruption.
        written: documents whose vectors an interrupted index has written.
    """

    def __init__(self, scratch: Path, written: int) -> None:
        self._file = scratch / _FILE
        self._windows: dict[int, dict[str, Any]] = {}
        """Place of a window's first document -> its part."""
        # The last line may be of a window without vectors, or half of a line.
        for row in self._rows():
            if row["from"] < written:
                self._windows[row["from"]] = row["cut"]

    @property
    def total(self) -> CutTexts:
        """All that were cut."""
        found = CutTexts()
        for row in self._windows.values():
            found += CutTexts.of(row)
        return found

    def add(self, start: int, window: CutTexts) -> None:
        """Count the documents of a window, of which the first has the place ``start``."""
        if not window.count:
            return
        self._windows[start] = window.row
        with self._file.open("a", encoding="utf-8") as stream:
            # A line of its own, whatever a process that was killed left at the end.
            stream.write("\n" + json.dumps({"from": start, "cut": window.row}) + "\n")

    def _rows(self) -> Iterator[dict[str, Any]]:
        if not self._file.exists():
            return
        for line in self._file.read_text(encoding="utf-8").splitlines():
            try:
                yield json_object(line)
            except ValueError:
                continue
