"""A file of the user as a supply of pairs for the store: what was told and left out is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from clirot.bitext.formats.language_variants import LanguageVariants
from clirot.bitext.formats.local_file import LocalFile, read_local
from clirot.bitext.formats.request import refuse_row
from clirot.errors import InputError
from clirot.records import LanguagePair, ProgressSink, SentencePair
from clirot.store import Input

_EXAMPLES = 5  # of rows that could not be read


@dataclass(frozen=True)
class FileSupply:
    """A file of the user, or two aligned ones."""

    file: LocalFile
    pair: LanguagePair
    skip_malformed: bool
    malformed: list[str] = field(default_factory=list)
    """What was wrong with the rows that were left out."""
    notes: list[str] = field(default_factory=list)
    """What was recognised in it."""
    word_list = False  # a file does not say what it is

    @cached_property
    def variants(self) -> LanguageVariants:
        """Which variants of the languages were read, once the file is."""
        return LanguageVariants(self.pair)

    @property
    def label(self) -> str:
        """What errors call it."""
        return str(self.file)

    @property
    def asked(self) -> str:
        """The name that was asked for."""
        return self.label

    @property
    def path(self) -> Path:
        """The first of its files."""
        return self.file.paths[0]

    def ready(self, home: Path, progress: ProgressSink) -> FileSupply:
        """Itself: a file has no versions."""
        return self

    def identity(self) -> tuple[str, dict[str, Any], tuple[Input, ...]]:
        """Its name in the store, the settings that are its own, and its inputs."""
        name = self.file.source_name
        inputs = (Input(kind="file", name=name, digest=digest) for digest in self.file.digests)
        return name, {"skip_malformed": True} if self.skip_malformed else {}, tuple(inputs)

    def pairs(self, home: Path, progress: ProgressSink) -> Iterator[SentencePair]:
        """Its pairs, as they are read."""

        def count(error: InputError) -> None:
            # The messages of the first ones are kept; the others are only counted.
            self.malformed.append(error.message if len(self.malformed) < _EXAMPLES else "")

        malformed = count if self.skip_malformed else refuse_row
        self.variants.forget()
        return read_local(
            self.file,
            self.pair,
            malformed=malformed,
            note=self.notes.append,
            variants=self.variants,
        )

    def warnings(self) -> list[str]:
        """What was recognised in the file, read instead of a language that was asked for, and left
        out of it, once it was read.
        """
        said = [*self.notes, *self.variants.warnings]
        if not self.malformed:
            return said
        count = len(self.malformed)
        left = "1 row or unit was" if count == 1 else f"{count:,} rows or units were"
        return [*said, f"{left} malformed and left out; the first: {self.malformed[0]}"]

    def provenance(self) -> dict[str, Any]:
        """What its manifest says of where it is from."""
        paths = [str(path.absolute()) for path in self.file.paths]
        told = {"malformed": self.malformed[:_EXAMPLES]} if self.malformed else {}
        told |= {"language_variants": notes} if (notes := self.variants.notes) else {}
        return {
            "licence": "not stated",
            "urls": [],
            "file": paths[0] if len(paths) == 1 else paths,
            **told,
        }
