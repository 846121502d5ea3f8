"""Which sources and files a bitext of the plan means for a pair of languages, and the cells that
make them where the bitext is thinned, filtered or perturbed first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clirot.bitext.config import FetchConfig
from clirot.errors import UsageError
from clirot.experiments.cells import Cell
from clirot.experiments.derived_bitext import DerivedBitext
from clirot.experiments.placeholders import filled
from clirot.experiments.plan import OTHER, BitextPlan, Plan
from clirot.experiments.plan_file import PlanFile
from clirot.experiments.settings_tables import given, refuse
from clirot.languages import parse_language
from clirot.places import is_file
from clirot.records import LanguagePair
from clirot.settings import assembled


@dataclass(frozen=True)
class BitextPart:
    """A bitext of the plan, for one pair."""

    sources: tuple[str, ...]
    files: tuple[Path, ...]
    after: tuple[str, ...]
    """Keys of the cells that make the files."""


@dataclass(frozen=True)
class BitextParts:
    """The bitexts of a plan."""

    plan: Plan
    file: PlanFile
    folder: Path
    """Where files are made."""
    add: Callable[[Cell], str]
    """Notes a cell, and gives its key."""

    def of(self, name: str, pair: LanguagePair) -> BitextPart:
        """A bitext for a pair.

        Raises:
            UsageError: the plan names nothing for the pair, or its settings are wrong.
            InputError: a file cannot be read.
        """
        bitext = self.plan.bitexts[name]
        with self.file.at("bitext", name):
            sources = self._named(bitext.sources, pair)
            files = tuple(map(Path, self._named(bitext.files, pair)))
            if not sources and not files:
                raise UsageError(f"it names no source and no file for {pair}")
            for file in files:
                _check_there(file)
            if not bitext.derived:
                return BitextPart(sources, files, ())
            cells = [
                *(self._cell(bitext, pair, {"sources": (source,)}) for source in sources),
                *(self._cell(bitext, pair, {"files": (file,)}) for file in files),
            ]
            keys = tuple(self.add(cell) for cell in cells)
            return BitextPart((), tuple(cell.out for cell in cells if cell.out), keys)

    @staticmethod
    def _named(table: Any, pair: LanguagePair) -> tuple[str, ...]:
        """What is named for a pair, its languages put in."""
        if isinstance(table, dict):
            by_language = {
                key if key == OTHER else parse_language(key): one for key, one in table.items()
            }
            table = by_language.get(pair.tgt, by_language.get(OTHER, ()))
        if isinstance(table, str):
            raise UsageError(f"a list is needed, got {table!r}", hint=f"write [{table!r}]")
        return tuple(filled(list(table), {"lang": pair.tgt, "src": pair.src}))

    def _cell(self, bitext: BitextPlan, pair: LanguagePair, what: dict[str, Any]) -> Cell:
        """The cell that makes a file of a source or of a file."""
        with self.file.at("bitext", bitext.name, "fetch"):
            refuse(bitext.fetch or {}, ("sources", "files", "replace"))
            fetch = assembled(FetchConfig, given(FetchConfig, bitext.fetch or {}) | what, pair=pair)
        with self.file.at("bitext", bitext.name, "perturb"):
            refuse(bitext.perturb or {}, ("bitext", "collection", "topics", "every"))
            made = DerivedBitext(
                fetch=fetch,
                # Bitext that is filtered otherwise is kept apart: a store has a source once.
                apart=self.folder / "fetched" / bitext.name if bitext.fetch is not None else None,
                every=bitext.every,
                perturb=dict(bitext.perturb) if bitext.perturb is not None else None,
            )
            folder = self.folder / "bitext" / str(pair)
            out = folder / f"{made.stem}.tsv"
        return Cell(
            stage="bitext", name=f"{bitext.name}.{pair}.{made.stem}", configuration=made, out=out
        )


def _check_there(file: Path) -> None:
    """Refuse a file that is not there, before anything runs.

    Raises:
        UsageError: there is none.
    """
    from clirot.bitext.formats.local_file import LocalFile

    for path in LocalFile.parse(str(file)).paths:
        if not is_file(path):
            raise UsageError(f"there is no file {path}", hint="paths are relative to where you are")
