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


def written_codes(table: str) -> dict[str, str]:
    """Read ``so=som_Latn sw=swh_Latn``: normalised code -> the code that upstream's files have.

    Written out rather than computed: to parse some 350 codes takes longer than a command may.
    """
    pairs = (entry.partition("=") for entry in table.split())
    return {language: written for language, _, written in pairs}
