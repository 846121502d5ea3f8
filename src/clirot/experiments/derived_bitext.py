"""Bitext that a plan makes from bitext: filtered otherwise, thinned or perturbed, as a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from clirot.bitext.config import FetchConfig
from clirot.experiments.settings_tables import given
from clirot.records import ProgressSink, silent
from clirot.retrieval.index_config import slug
from clirot.retrieval.perturbation.configuration import PerturbConfig
from clirot.settings import assembled
from clirot.store import Store, written

_ENDING = re.compile(r"\.(gz|bz2|xz|zst|zip|tsv|csv|jsonl|parquet|tmx|xlf|xliff|po|mo|txt)$")


@dataclass(frozen=True, kw_only=True)
class DerivedBitext:
    """What is fetched, and what is done with it."""

    fetch: FetchConfig
    """One source or one file."""
    apart: Path | None
    """A store of its own for what is fetched; None: the common one."""
    every: int
    """Every so many-th kept pair is taken."""
    perturb: Mapping[str, Any] | None
    """Settings of :class:`PerturbConfig`, as the plan writes them."""

    @property
    def stem(self) -> str:
        """What the file is called, without its ending: bitext in the store is named after it."""
        if self.fetch.sources:
            named = slug(self.fetch.sources[0])
        else:
            named = self.fetch.files[0].name
            while (shorter := _ENDING.sub("", named)) != named:
                named = shorter
        parts = [named, *([self.apart.name] if self.apart is not None else [])]
        if self.every > 1:
            parts.append(f"every-{self.every}")
        if self.perturb is not None:
            noise = self.perturbation(Path("-"))
            parts.append(f"{noise.kind}-{noise.rate:g}-{noise.seed}")
        return ".".join(parts)

    @property
    def artefact(self) -> str:
        """Name of the bitext that is fetched."""
        from clirot.bitext.formats.local_file import LocalFile
        from clirot.bitext.stored import artefact_name

        named = self.fetch.sources or [LocalFile.parse(str(self.fetch.files[0])).source_name]
        return artefact_name(self.fetch.pair, named[0])

    def plain(self, out: Path) -> Path:
        """The file before it is perturbed; ``out`` itself where it is not."""
        return out if self.perturb is None else out.with_suffix(".plain.tsv")

    def perturbation(self, path: Path) -> PerturbConfig:
        """How the bitext in a file is perturbed.

        Raises:
            UsageError: there is no such setting, or it is out of its range.
        """
        values = given(PerturbConfig, self.perturb or {})
        return assembled(
            PerturbConfig, {"lang": self.fetch.pair.tgt, **values, "bitext": str(path)}
        )


def derive(
    what: DerivedBitext, out: Path, store: Store, progress: ProgressSink = silent
) -> list[str]:
    """Make the file, source TAB target TAB id; gives the remarks that a person should read.

    Raises:
        ClirotError: the bitext cannot be had, or the file cannot be written.
    """
    from clirot.bitext.acquisition import fetch_bitext
    from clirot.bitext.stored import stored_pairs
    from clirot.retrieval.perturbation.perturbing import perturb

    fetched = fetch_bitext(
        what.fetch, store=Store(what.apart) if what.apart is not None else store, progress=progress
    )
    fetched.check()
    pairs = stored_pairs(fetched.fetched[0].artefact, outcomes=("kept",))
    plain = what.plain(out)
    with written(plain, parents=True) as (stream,):
        for one in islice(pairs, 0, None, what.every):
            stream.write(f"{one.row}\n".encode())
    if what.perturb is not None:
        with written(out) as (stream,):
            perturbed = perturb(what.perturbation(plain), store=store, progress=progress)
            for row in perturbed.rows(progress):
                stream.write(("\t".join(row) + "\n").encode())
        return [*perturbed.notes, *perturbed.remarks()]
    return []
