"""A finished artefact, and whether its files are those that its manifest records."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from clirot.digests import file_digest
from clirot.errors import ArtefactError
from clirot.store.files import files_below
from clirot.store.manifest import Input, Manifest

READ_ON_USE = 64 << 20
"""Bytes up to which a file is read and compared with its digest whenever its artefact is used: the
twenty-fifth part of a second at 1.8 GB a second. Of larger ones the size is compared, and readers
check what they read of them where they can; ``clirot verify`` reads them all."""


@dataclass(frozen=True)
class Artefact:
    """A finished artefact: where it is and its manifest."""

    path: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """Its name in the store."""
        return self.manifest.name

    @property
    def digest(self) -> str:
        """SHA-256 of its files."""
        return self.manifest.digest

    def as_input(self) -> Input:
        """The artefact as an input of the next."""
        return Input(kind=self.manifest.kind, name=self.manifest.name, digest=self.manifest.digest)

    def check(self, *, whole: bool = False) -> None:
        """Hold the files against the manifest, before what they hold is used.

        Args:
            whole: compare the digests of large files too.

        Raises:
            ArtefactError: a file is missing, too many, or not as it was written; or another
                process has replaced the artefact since its manifest was read.
        """

        def compared(name: str) -> bool:
            return whole or self.manifest.files[name].bytes <= READ_ON_USE

        try:
            fault = next(self.faults(compared), None)
        except OSError as error:
            fault = f"{error.filename} cannot be read: {error.strerror or error}"
        if fault is not None:
            self.check_unreplaced()  # the files of another version are not damaged
            raise ArtefactError(
                f"{self.manifest.kind}/{self.name} is damaged: {fault}",
                hint=self._anew(),
            )

    def check_unreplaced(self) -> None:
        """Call it after the files were opened: they may be those of a newer artefact by then.

        Raises:
            ArtefactError: the manifest at this place is another one now.
        """
        try:
            same = Manifest.read(self.path) == self.manifest
        except ArtefactError:
            same = False
        if not same:
            raise ArtefactError(
                f"{self.manifest.kind}/{self.name} was replaced or removed by another process "
                "while it was being read",
                hint="run the same command again",
            )

    def _anew(self) -> str:
        """How it is made again."""
        config = self.manifest.config
        call = {
            "indexes": "build_index(..., replace=True)",
            "tables": f"make_table(src={config.get('src')}, tgt={config.get('tgt')}, "
            f"name={self.name}, replace=True)",
            "models": f"{config.get('verb', 'distill')}(..., name={self.name}, replace=True)",
            "bitext": "fetch_bitext(..., replace=True)",
            "runs": f"search(..., save={self.name}, replace=True)",
        }[self.manifest.kind]
        return f"make it again: `{call}`; or remove it"

    def faults(
        self,
        compared: Callable[[str], bool] = lambda _: True,
        advance: Callable[[int], None] = lambda _: None,
    ) -> Iterator[str]:
        """What is wrong with the files, in words, one by one.

        Args:
            compared: whether the content of a file, by name, is compared too.
            advance: is told the bytes of each file once it has been looked at.

        Raises:
            OSError: a file cannot be read.
        """
        recorded, found = self.manifest.files, files_below(self.path)
        for name in sorted(recorded.keys() | found.keys()):
            if name not in found:
                yield f"{name} is missing"
            elif name not in recorded:
                yield f"{os.fsencode(name)!r:.80} is not one of its files"
            else:
                size, wanted = found[name].stat().st_size, recorded[name]
                if size != wanted.bytes:
                    yield f"{name} has {size:,} bytes where {wanted.bytes:,} were written"
                elif compared(name) and file_digest(found[name]) != wanted.sha256:
                    yield f"{name} is not as it was written (its SHA-256 is another one)"
                advance(size)
