"""The settings of fetching bitext."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clirot.bitext.filters.config import FilterConfig
from clirot.records import LanguagePair
from clirot.settings import check_ranges, part, setting

if TYPE_CHECKING:
    from clirot.bitext.formats import LocalFile
    from clirot.bitext.source import Source


@dataclass(frozen=True, kw_only=True)
class FetchConfig:
    """What to fetch. With neither sources nor files: what the catalogue recommends for the pair."""

    pair: LanguagePair
    """The teacher's language and the student's."""
    sources: tuple[str, ...] = setting(
        (),
        "A source of the catalogue, or opus:CORPUS, opus:CORPUS@VERSION or hf:OWNER/NAME:SRC:TGT; "
        "may be given several times.",
    )
    files: tuple[Path, ...] = setting(
        (),
        "A file of your own: TSV, CSV, JSON lines or Parquet (PATH:SRC,TGT names the columns), "
        "TMX, XLIFF, PO, MO, or two aligned text files (PATH,PATH); it may be compressed with gz, "
        "bz2, xz, zst or zip. May be given several times.",
    )
    format: str | None = setting(
        None,
        "The format of the files, where their content and their names mislead: tsv, csv, jsonl, "
        "parquet, moses, tmx, xliff, po or mo.",
    )
    skip_malformed: bool = setting(
        False, "Count the rows of TSV, CSV and JSON lines that cannot be read, and go on."
    )
    filters: FilterConfig = part(FilterConfig)
    exclude: tuple[str, ...] = setting(
        (),
        "Drop pairs of which a side is a document, sentence or topic of this collection (an id or "
        "a directory); may be given several times.",
    )
    realign: bool = setting(
        False,
        "Where lines of a source have slipped, put the sentences back beside their translations "
        "before the filters are applied, if that helps. A source is held in memory for it; lists "
        "of words stay as they are.",
    )
    replace: bool = setting(
        False,
        "Replace bitext of the same name that was made otherwise: with other filters, or from "
        "another revision.",
        decides=False,
    )
    offline: bool = setting(
        False,
        "Use what was downloaded before and what a mirror holds, and ask no server.",
        decides=False,
    )
    parsed: tuple[Any, ...] = ()
    """Files besides ``files`` that the caller has parsed already, each a
    :class:`~clirot.bitext.formats.LocalFile`. A file is hashed once, by whoever first asks."""

    def __post_init__(self) -> None:
        from clirot.bitext.formats import FORMATS

        check_ranges(self)
        if self.format is not None:
            FORMATS[self.format]
        self.named_sources()

    def named_sources(self) -> dict[str, Source]:
        """Name as it was given -> source; with nothing named, what the catalogue recommends.

        Raises:
            UnknownNameError: there is no such source.
            UsageError: it has no bitext of the pair, or the catalogue recommends none.
        """
        from clirot.bitext.catalogue import recommended_for, source_for

        if self.sources or self.files or self.parsed:
            return {name: source_for(name, self.pair) for name in self.sources}
        return {one.name: one for one in recommended_for(self.pair)}

    def local_files(self) -> list[LocalFile]:
        """The files, each once.

        Raises:
            UsageError: a format does not go with what was named.
        """
        from clirot.bitext.formats import LocalFile

        named = (LocalFile.parse(path, kind=self.format) for path in self.files)
        return list(dict.fromkeys([*named, *self.parsed]))
