"""What the filters drop of corpora that are known to be clean: the table in docs/bitext.md.

    python benchmarks/bitext_filters.py DIRECTORY [--identify 2000]

DIRECTORY holds files named ``<corpus>.<src>-<tgt>[.<part>].tsv.gz``: source TAB target [TAB id].
For each file, it prints how many pairs the filters drop: with the default settings, as near
duplicates on both sides, and by language identification (extra ``langid``) at several thresholds,
of the first N pairs. The digest is over the names and digests of the files.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import islice
from pathlib import Path

import numpy as np

from clirot.bitext import FilterConfig
from clirot.bitext.filters.chain import Chain
from clirot.bitext.filters.outcomes import Batch, Report
from clirot.bitext.formats import read_local
from clirot.records import LanguagePair
from clirot.store import tree_digest

_THRESHOLDS = (0.5, 0.1, 0.01, 0.001, 1e-6)


def filtered(
    path: Path, pair: LanguagePair, config: FilterConfig, most: int | None = None
) -> tuple[Report, list[Batch]]:
    with tempfile.TemporaryDirectory() as scratch:
        chain = Chain(config, pair, Path(scratch))
        chain.read(islice(read_local(path, pair), most))
        return chain.report, list(chain.filtered())


def identified(path: Path, pair: LanguagePair, most: int) -> list[str]:
    """Share of pairs that each threshold drops, besides what the defaults drop."""
    report, batches = filtered(path, pair, FilterConfig(min_language=1e-300), most)
    if report.warnings:
        return ["not known"] * len(_THRESHOLDS)
    confidence = [
        np.fmin(batch.scores["src_language"], batch.scores["tgt_language"]) for batch in batches
    ]
    whole = np.concatenate(confidence)
    asked = max(int((~np.isnan(whole)).sum()), 1)
    return [f"{100 * (whole < threshold).sum() / asked:.2f}" for threshold in _THRESHOLDS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--identify", type=int, default=0, metavar="N")
    options = parser.parse_args()
    files = sorted(options.directory.glob("*.tsv.gz"))
    head = ["corpus", "pairs", "duplicate", "identical", "all other reasons, %", "which", "near, %"]
    head += [f"language < {one:g}, %" for one in _THRESHOLDS] if options.identify else []
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for path in files:
        name, languages, *_ = path.name.split(".")
        part = path.name.removesuffix(".tsv.gz").split(".")[2:]
        pair = LanguagePair.parse(languages)
        report, _ = filtered(path, pair, FilterConfig())
        dropped = report.dropped
        near, _ = filtered(path, pair, FilterConfig(near_duplicates="pair"))
        duplicate, identical = dropped.pop("duplicate", 0), dropped.pop("identical", 0)
        cells = [
            " ".join([name, languages, *part]),
            f"{report.read:,}",
            f"{duplicate:,}",
            f"{identical:,}",
            f"{100 * dropped.total() / report.read:.3f}",
            ", ".join(f"{count} {reason}" for reason, count in dropped.items()),
            f"{100 * near.dropped['near duplicate'] / report.read:.2f}",
        ]
        if options.identify:
            cells += identified(path, pair, options.identify)
        print("| " + " | ".join(cells) + " |", flush=True)
    print(f"\nfiles: {len(files)}, digest {tree_digest(options.directory, files)[:16]}")


if __name__ == "__main__":
    main()
