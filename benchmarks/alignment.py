"""Misaligned bitext: false alarms on clean corpora, faults found that were put in, and wrong pairs.

    python benchmarks/alignment.py alarms FILE...    # find_shifts on corpora as they are
    python benchmarks/alignment.py faults FILE...    # the same with a fault put into each
    python benchmarks/alignment.py quality FILE...   # alignment_scores with pairs shuffled
    python benchmarks/alignment.py repair BROKEN WHOLE

FILE is ``source TAB target``, gzipped or not; of a larger file the first ``--most`` lines are used.
Every line that is printed names its file. It needs no network.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from clirot.bitext.alignment import (
    DEFAULT_THRESHOLD,
    alignment_scores,
    find_shifts,
    realign,
)

Corpus = tuple[list[str], list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["alarms", "faults", "quality", "repair"])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--most", type=int, default=20_000, help="lines of a corpus")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.what == "repair":
        repair(*arguments.files, seed=arguments.seed)
        return
    for path in arguments.files:
        corpus = read(path, arguments.most)
        began = time.process_time()
        for line in WHAT[arguments.what](corpus, arguments.seed):
            took = time.process_time() - began
            print(f"{name_of(path)}\t{len(corpus[0])}\t{line}\t{took:.0f} s", flush=True)
            began = time.process_time()


def name_of(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".tsv")


def read(path: Path, most: int) -> Corpus:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        rows = [
            line.rstrip("\n").split("\t")[:2] for line, _ in zip(lines, range(most), strict=False)
        ]
    return [row[0] for row in rows], [row[1] for row in rows]


def alarms(corpus: Corpus, seed: int) -> Iterator[str]:
    report = find_shifts(*corpus, seed=seed)
    yield f"share {report.share:.3f}\t{report}"


def faults(corpus: Corpus, seed: int) -> Iterator[str]:
    for name, put in FAULTS.items():
        draw = np.random.default_rng([seed, len(corpus[0])])
        (src, tgt), at = put(corpus, draw)
        report = find_shifts(src, tgt, seed=seed)
        yield f"{name}\tat {at}\tshare {report.share:.3f}\t{report}"


def shifted(by: int) -> Callable[[Corpus, np.random.Generator], tuple[Corpus, str]]:
    """The target's lines move down (or up) from a random place to the end."""

    def put(corpus: Corpus, draw: np.random.Generator) -> tuple[Corpus, str]:
        src, tgt = corpus
        at = place(draw, len(src))
        if by > 0:
            extra = [tgt[line] for line in draw.integers(0, len(tgt), by)]
            moved = [*tgt[:at], *extra, *tgt[at:]][: len(tgt)]
        else:
            moved = [*tgt[:at], *tgt[at - by :]]
        return (src, moved), str(at + 1)

    return put


def swapped(corpus: Corpus, draw: np.random.Generator) -> tuple[Corpus, str]:
    src, tgt = corpus
    size = len(src) // 8
    one, two = size, 4 * size
    moved = list(tgt)
    moved[one : one + size], moved[two : two + size] = tgt[two : two + size], tgt[one : one + size]
    return (src, moved), f"{one + 1} and {two + 1}, {size} lines"


def shuffled(share: float) -> Callable[[Corpus, np.random.Generator], tuple[Corpus, str]]:
    def put(corpus: Corpus, draw: np.random.Generator) -> tuple[Corpus, str]:
        return displaced(corpus, share, draw)[0], f"{share:.0%} of all lines"

    return put


def displaced(corpus: Corpus, share: float, draw: np.random.Generator) -> tuple[Corpus, np.ndarray]:
    """A share of the targets moved in a random circle, so that none keeps its place; and which."""
    src, tgt = corpus
    moved = draw.permutation(len(src))[: round(share * len(src))]
    out = list(tgt)
    for line, other in zip(moved, np.roll(moved, 1), strict=True):
        out[line] = tgt[other]
    bad = np.zeros(len(src), dtype=bool)
    bad[moved] = True
    return (src, out), bad


def place(draw: np.random.Generator, lines: int) -> int:
    return int(draw.integers(lines // 5, lines - lines // 5))


FAULTS: dict[str, Callable[[Corpus, np.random.Generator], tuple[Corpus, str]]] = {
    "+1": shifted(1),
    "-1": shifted(-1),
    "+3": shifted(3),
    "40 missing": shifted(-40),
    "blocks swapped": swapped,
    "half shuffled": shuffled(0.5),
    "all shuffled": shuffled(1.0),
}


def quality(corpus: Corpus, seed: int) -> Iterator[str]:
    for share in (0.0, 0.1, 0.3, 0.5):
        (src, tgt), bad = displaced(corpus, share, np.random.default_rng([seed, len(corpus[0])]))
        scores = alignment_scores(src, tgt, seed=seed)
        dropped = scores < DEFAULT_THRESHOLD
        line = f"{share:.0%}\tclean lost {dropped[~bad].mean():.2%}"
        if share:
            line += f"\tshuffled dropped {dropped[bad].mean():.1%}\tAUC {auc(scores, bad):.4f}"
        yield line


def auc(scores: np.ndarray, bad: np.ndarray) -> float:
    """The probability that a right pair has a higher score than a wrong one."""
    ranks, good = rankdata(scores), int((~bad).sum())
    return float((ranks[~bad].sum() - good * (good + 1) / 2) / (good * bad.sum()))


def repair(broken: Path, whole: Path, *, seed: int) -> None:
    src, tgt = read(broken, sys.maxsize)
    right = set(zip(*read(whole, sys.maxsize), strict=True))
    began = time.process_time()
    result = realign(src, tgt, seed=seed)
    took = time.process_time() - began
    pairs = [(one, other) for one, other, _ in result.pairs(src, tgt)]
    equal = sum(pair in right for pair in pairs)
    before = sum(pair in right for pair in zip(src, tgt, strict=True))
    print(f"before: {result.report}")
    print(
        f"{len(pairs)} pairs, {equal} of them among the {len(right)} of {name_of(whole)} "
        f"({equal / len(right):.2%}); {before} were before; "
        f"{took:.0f} s; "
        f"sha256 {hashlib.sha256(repr(pairs).encode()).hexdigest()[:12]}"
    )
    for bead in result.beads:
        if len(bead.src) != 1 or len(bead.tgt) != 1:
            print(f"  {bead.src.start + 1}-{bead.src.stop} {bead.tgt.start + 1}-{bead.tgt.stop}")


WHAT = {"alarms": alarms, "faults": faults, "quality": quality}

if __name__ == "__main__":
    main()
