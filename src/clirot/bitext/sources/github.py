"""Files of a GitHub repository at a commit: what most sources are."""

from __future__ import annotations

from dataclasses import dataclass

from clirot.download import Upstream


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository at a commit. The commit fixes the content of every file; a digest checks it."""

    slug: str
    """``owner/name``."""
    commit: str
    """40 hexadecimal digits."""
    licence: str

    def file(self, path: str, size: int | None = None, sha256: str | None = None) -> Upstream:
        """A file of it; without a digest, what arrives first is compared from then on."""
        return Upstream(
            url=f"https://raw.githubusercontent.com/{self.slug}/{self.commit}/{path}",
            sha256=sha256,
            licence=self.licence,
            size=size,
        )
