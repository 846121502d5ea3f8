"""Lexical search: building an index of words and searching it, beside bm25s as one would call it.

    python benchmarks/lexical.py [--documents 1000000] [--topics 200]

Documents of 30 to 80 made-up words, whose frequencies follow Zipf's law; topics of 8 words, drawn
in the same way, so that most topics match a large part of the documents. The library's own call is
``BM25.index`` over lists of words and ``retrieve`` with k = 1,000, without threads. Each side runs
in a process of its own, and its peak memory is that of the process after building. Times are
processor seconds, which other work on the machine changes least.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

WORDS, EXPONENT, CHUNK = 300_000, 1.05, 10_000


def drawn(generator: np.random.Generator, count: int) -> list[str]:
    """Words by Zipf's law."""
    weights = 1 / np.arange(1, WORDS + 1) ** EXPONENT
    edges = np.cumsum(weights / weights.sum())
    places = np.minimum(np.searchsorted(edges, generator.random(count)), WORDS - 1)
    return [f"w{place}" for place in places.tolist()]


def documents(count: int) -> Iterator[list[str]]:
    """Each document's words, the same in every process."""
    generator = np.random.default_rng(1)
    for _ in range(0, count, CHUNK):
        lengths = generator.integers(30, 80, CHUNK)
        words, begin = drawn(generator, int(lengths.sum())), 0
        for length in lengths.tolist():
            yield words[begin : begin + length]
            begin += length


def topics(count: int) -> list[list[str]]:
    generator = np.random.default_rng(2)
    return [drawn(generator, 8) for _ in range(count)]


def clirot(count: int, asked: int) -> dict[str, float]:
    from clirot.retrieval.backends.postings import Postings, PostingsWriter
    from clirot.retrieval.settings import Bm25Settings

    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        analysis = {"language": None, "stemmer": "none", "stopwords": 0}
        writer = PostingsWriter(Path(folder), analysis, Bm25Settings())
        for row, words in enumerate(documents(count)):
            writer.append(f"d{row}", words)
        writer.finish()
        built = time.process_time() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        del writer
        index = Postings(Path(folder))
        wanted = topics(asked)
        started = time.process_time()
        best = [index.best(index.bm25(words), 1000)[0].score for words in wanted]
        searched = time.process_time() - started
    return {"build": built, "peak_kb": peak, "search": searched, "checksum": float(sum(best))}


def library(count: int, asked: int) -> dict[str, float]:
    import bm25s

    started = time.process_time()
    index = bm25s.BM25(k1=0.9, b=0.4, method="lucene")
    index.index(list(documents(count)), show_progress=False)
    built = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wanted = topics(asked)
    started = time.process_time()
    _, scores = index.retrieve(wanted, k=min(1000, count), show_progress=False)
    searched = time.process_time() - started
    checksum = float(scores[:, 0].sum())
    return {"build": built, "peak_kb": peak, "search": searched, "checksum": checksum}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--topics", type=int, default=200)
    parser.add_argument("--side", choices=("clirot", "library"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        measured = {"clirot": clirot, "library": library}[asked.side]
        print(json.dumps(measured(asked.documents, asked.topics)))
        return
    found = {}
    for side in ("clirot", "library"):
        command = [sys.executable, __file__, "--side", side]
        sizes = ["--documents", str(asked.documents), "--topics", str(asked.topics)]
        done = subprocess.run([*command, *sizes], check=True, capture_output=True, text=True)
        found[side] = json.loads(done.stdout)
        one = found[side]
        print(
            f"{side:8} build {one['build']:7.1f} s, peak {one['peak_kb'] / 1e6:5.2f} GB, "
            f"{asked.topics / one['search']:7.1f} topics a second"
        )
    sums = [one["checksum"] for one in found.values()]
    if not np.isclose(sums[0], sums[1], rtol=1e-4):
        raise SystemExit(f"the best scores differ: {sums}")


if __name__ == "__main__":
    main()
