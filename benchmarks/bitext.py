"""Bitext: pairs a second and peak memory of the whole chain, from a file into the store.

    python benchmarks/bitext.py                              # 1 million pairs
    python benchmarks/bitext.py --pairs 1000000 10000000     # memory flat, time linear?
    python benchmarks/bitext.py --near                       # near duplicates as well
    python benchmarks/bitext.py --opusfilter VENV/bin/opusfilter

The pairs are made here, from a seed: sentences of invented words, 5 % of them duplicates, 1 % too
uneven in length, 1 % in another script, .5 % with an empty side; a side has about 120 characters.
clirot reads a tab-separated file, normalises, filters, finds duplicates and writes parquet, in a
child process: wall and processor time, and its peak resident memory.

OpusFilter, where its executable is given, gets the same pairs as two plain files and the same
filters: white space, length, length ratio and script of the sides, exact duplicates. Both must keep
as many pairs. (It is not asked for NFC, control characters, what was dropped, or why.)
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

_POOL = 50_000
_CHILD = """
import sys
from pathlib import Path
from clirot.bitext.acquisition import FetchConfig, fetch_bitext
from clirot.bitext import FilterConfig
from clirot.records import LanguagePair
from clirot.store import Store
file, home, near = sys.argv[1:]
config = FetchConfig(
    pair=LanguagePair("en", "so"),
    files=(Path(file),),
    filters=FilterConfig(near_duplicates=near),
)
result = fetch_bitext(config, store=Store(Path(home)))
result.check()
print(result.kept)
"""


def pool(draw: np.random.Generator) -> list[str]:
    """Sentences of about 60 characters, words by Zipf's law."""
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = ["".join(draw.choice(letters, size)) for size in draw.integers(2, 10, 20_000)]
    sentences = []
    for size in draw.integers(6, 13, _POOL):
        ranks = np.minimum(draw.zipf(1.3, size) - 1, len(words) - 1)
        sentences.append(" ".join(words[rank] for rank in ranks))
    return sentences


def write_pairs(folder: Path, count: int, seed: int) -> None:
    """``pairs.tsv``, and the same as ``pairs.en`` and ``pairs.so``."""
    draw = np.random.default_rng(seed)
    sentences = pool(draw)
    with (
        (folder / "pairs.tsv").open("w", encoding="utf-8") as whole,
        (folder / "pairs.en").open("w", encoding="utf-8") as source,
        (folder / "pairs.so").open("w", encoding="utf-8") as target,
    ):
        earlier = draw.integers(0, _POOL, (1000, 4)).tolist()
        for start in range(0, count, 10_000):
            size = min(10_000, count - start)
            parts = draw.integers(0, _POOL, (size, 4)).tolist()
            kinds = draw.random(size).tolist()
            for (a, b, c, d), kind in zip(parts, kinds, strict=True):
                if kind < 0.05:
                    a, b, c, d = earlier[a % 1000]
                src = f"{sentences[a]} {sentences[b]}."
                tgt = f"{sentences[c]} {sentences[d]}!"
                if 0.05 <= kind < 0.06:
                    tgt = "ok"
                elif 0.06 <= kind < 0.07:
                    tgt = "अ" * 40 + " " + "ब" * 40 + str(kind)
                elif 0.07 <= kind < 0.075:
                    src = ""
                whole.write(f"{src}\t{tgt}\n")
                source.write(src + "\n")
                target.write(tgt + "\n")
            earlier = earlier[size // 100 :] + parts[: size // 100]


def timed(command: list[str]) -> tuple[float, float, float, str]:
    """Wall seconds, processor seconds, peak resident megabytes and stdout of a child process."""
    with tempfile.TemporaryFile("w+") as out:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        if process.returncode:
            raise SystemExit(errors)
        out.seek(0)
        scale = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kilobytes on Linux
        return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale, out.read()


def opusfilter(executable: str, folder: Path) -> tuple[float, float, float, int]:
    both = {"inputs": ["pairs.en", "pairs.so"], "outputs": ["tidy.en", "tidy.so"]}
    filters = [
        {"LengthFilter": {"unit": "char", "min_length": 1, "max_length": 5000}},
        {"LengthRatioFilter": {"unit": "char", "threshold": 9}},
        {"CharacterScoreFilter": {"scripts": ["Latin", "Latin"], "thresholds": [0.1, 0.1]}},
    ]
    steps = [
        {"type": "preprocess", "parameters": {**both, "preprocessors": [
            {"WhitespaceNormalizer": {}}]}},
        {"type": "filter", "parameters": {"inputs": both["outputs"], "filters": filters,
            "outputs": ["good.en", "good.so"]}},
        {"type": "remove_duplicates", "parameters": {"inputs": ["good.en", "good.so"],
            "outputs": ["kept.en", "kept.so"]}},
    ]  # fmt: skip
    settings = {"common": {"output_directory": str(folder)}, "steps": steps}
    path = folder / "opusfilter.yaml"
    path.write_text(json.dumps(settings))  # JSON is YAML
    wall, cpu, memory, _ = timed([executable, "--overwrite", str(path)])
    with (folder / "kept.en").open("rb") as stream:
        return wall, cpu, memory, sum(1 for _ in stream)


def show(name: str, pairs: int, wall: float, cpu: float, memory: float, kept: int) -> None:
    speed = f"{pairs / wall:,.0f}"
    print(
        f"| {name} | {pairs:,} | {kept:,} | {wall:.0f} | {cpu:.0f} | {speed} | {memory:,.0f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--near", action="store_true", help="drop near duplicates too (clirot)")
    parser.add_argument("--opusfilter", metavar="EXECUTABLE", help="compare with OpusFilter")
    parser.add_argument(
        "--folder", type=Path, help="where the pairs are written; default: temporary"
    )
    options = parser.parse_args()
    print("| | pairs | kept | wall s | CPU s | pairs/s | peak MB |\n|---|---|---|---|---|---|---|")
    for count in options.pairs:
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            folder = Path(name)
            write_pairs(folder, count, options.seed)
            near = "pair" if options.near else "off"
            home = str(folder / "home")
            command = [sys.executable, "-c", _CHILD, str(folder / "pairs.tsv"), home, near]
            wall, cpu, memory, kept = timed(command)
            show("clirot", count, wall, cpu, memory, int(kept))
            if options.opusfilter:
                show("OpusFilter", count, *opusfilter(options.opusfilter, folder))


if __name__ == "__main__":
    main()
