"""A stand-in for the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class Hub:
    """Stands in for the Hub: a repository is a directory, or an error to raise."""

    def __init__(self) -> None:
        self.repositories: dict[str, Path | Exception] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.in_cache: set[str] = set()
        """Repositories that were looked for in the cache alone."""

    def snapshot_download(
        self, repository: str, *, revision: str | None, local_files_only: bool = False, **_: Any
    ) -> str:
        """As the library's function of this name."""
        self.asked.append((repository, revision))
        if local_files_only:
            self.in_cache.add(repository)
        found = self.repositories[repository]
        if isinstance(found, Exception):
            raise found
        return str(found)
