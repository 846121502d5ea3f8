"""Wall time and peak memory of evaluating a run: clirot beside ir_measures and ranx.

    python benchmarks/evaluate.py                     # 200x100, 1,000x1,000 and 10,000x1,000
    python benchmarks/evaluate.py --sizes 200x100     # one size
    python benchmarks/evaluate.py --tools clirot,ir_measures --repeat 5
    python benchmarks/evaluate.py --fusion            # fusion of three runs of 500x1,000
    python benchmarks/evaluate.py --memory            # memory of clirot with 10 million lines
    python benchmarks/evaluate.py --memory --seed 2 --docnos clueweb12-0000tw-0

Each tool is started as a user would start it: ``clirot evaluate``, the ``ir_measures`` command, and
a five-line script with ranx, in a process of its own, on the same files and measures (MAP, nDCG@10,
recall@100). *cold* is the first run, with an empty numba cache; *warm* is the quickest of the
following. Memory is the largest resident set of the process. The figures of the three are printed
as well, because they must be equal.

With ``--fusion``, three runs are fused and evaluated by one command, each time in a fresh process
with an empty ``CLIROT_HOME``. *processor* is the time that it and the processes that it forks were
computing, which depends less on what else the machine is doing; *peak* is the largest of them.

With ``--memory``, a run of 10,000 topics x 1,000 documents and its judgements are made with a seed,
and ``clirot evaluate`` is started once. What was made is named by its digest, so that another
machine can tell whether it measured the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

JUDGED = 50  # judgements a topic, about TREC's for a pool of shallow depth

RANX = """
import json, sys
from ranx import Qrels, Run, evaluate
qrels = Qrels.from_file(sys.argv[1], kind="trec")
run = Run.from_file(sys.argv[2], kind="trec")
print(json.dumps(evaluate(qrels, run, ["map", "ndcg@10", "recall@100"], make_comparable=True)))
"""


@dataclass(frozen=True)
class Timing:
    """One tool on one size."""

    cold_s: float
    warm_s: float
    peak_mb: float
    figures: tuple[float, ...]
    """MAP, nDCG@10, recall@100."""


def write_data(
    directory: Path, topics: int, depth: int, *, seed: str = "", prefix: str = "doc"
) -> tuple[Path, Path]:
    """A run of ``topics`` x ``depth`` rows in rank order, and its qrels (grades 0 to 3).

    A docno is the prefix and eight digits.
    """
    qrels, run = directory / "qrels.txt", directory / "run.trec"
    chance = random.Random(f"{seed}{topics * depth}")
    with qrels.open("w") as judged, run.open("w") as retrieved:
        for topic in range(topics):
            known = {
                f"{prefix}{chance.randrange(8_000_000):08d}": chance.randrange(4)
                for _ in range(JUDGED)
            }
            judged.writelines(f"{topic} 0 {docno} {grade}\n" for docno, grade in known.items())
            found = dict.fromkeys(chance.sample(list(known), JUDGED // 2))
            while len(found) < depth:
                found[f"{prefix}{chance.randrange(8_000_000):08d}"] = None
            scores = {d: chance.gauss(known.get(d, 0), 1.0) for d in list(found)[:depth]}
            ranked = sorted(scores, key=scores.__getitem__, reverse=True)
            retrieved.writelines(
                f"{topic} Q0 {docno} {rank} {scores[docno]:.6f} bench\n"
                for rank, docno in enumerate(ranked, 1)
            )
    return qrels, run


def command_of(tool: str, qrels: Path, run: Path) -> list[str]:
    """What a user would run."""
    commands: Mapping[str, Sequence[str]] = {
        "clirot": (
            *("-m", "clirot", "evaluate", str(run), "--qrels", str(qrels), "--json"),
            *("-m", "map", "-m", "ndcg@10", "-m", "recall@100"),
        ),
        "ir_measures": (
            *("-m", "ir_measures", str(qrels), str(run), "AP nDCG@10 R@100", "--places", "9"),
        ),
        "ranx": ("-c", RANX, str(qrels), str(run)),
        "ranx, no JIT": ("-c", RANX, str(qrels), str(run)),
    }
    return [sys.executable, *commands[tool]]


def figures_of(tool: str, printed: str) -> tuple[float, ...]:
    """MAP, nDCG@10 and recall@100 as the tool printed them."""
    if tool == "clirot":
        means = json.loads(printed)["runs"][0]["means"]
        return tuple(means[name] for name in ("map", "ndcg@10", "recall@100"))
    if tool == "ir_measures":
        return tuple(float(line.split("\t")[1]) for line in printed.splitlines())
    return tuple(json.loads(printed).values())


def measure(tool: str, qrels: Path, run: Path, repeat: int) -> Timing:
    """Run a tool once cold and ``repeat`` times warm."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        if tool == "ranx, no JIT":
            environment["NUMBA_DISABLE_JIT"] = "1"
        seconds, peaks, printed = [], [], ""
        for _ in range(1 + repeat):
            with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as said:
                started = time.perf_counter()
                process = subprocess.Popen(
                    command_of(tool, qrels, run), stdout=out, stderr=said, env=environment
                )
                _, status, usage = os.wait4(process.pid, 0)  # its own peak, not all children's
                seconds.append(time.perf_counter() - started)
                process.returncode = os.waitstatus_to_exitcode(status)
                out.seek(0), said.seek(0)
                printed = out.read()
                if process.returncode:
                    raise SystemExit(f"{tool} failed:\n{said.read()}")
            peaks.append(usage.ru_maxrss / 1024)
    return Timing(seconds[0], min(seconds[1:]), max(peaks), figures_of(tool, printed))


FUSIONS = ("rrf", "wsum", "mnz:norm=zmuv")


def measure_fusion(topics: int, depth: int) -> None:
    """Time the fusion of three runs, each method in a process of its own, and print a table."""
    print("| fusion of 3 runs | size | cold s | processor s | peak MB |")
    print("|---|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as directory:
        names = [Path(directory, name) for name in "abc"]
        for name in names:
            name.mkdir()
            write_data(name, topics, depth, seed=name.name)
        runs = [f"{name.name}={name / 'run.trec'}" for name in names]
        for method in FUSIONS:
            command = [sys.executable, "-m", "clirot", "evaluate", *runs, "--fuse", method]
            command += ["--qrels", str(names[0] / "qrels.txt"), "-m", "map", "--json"]
            with tempfile.TemporaryDirectory() as home:
                started = time.perf_counter()
                process = subprocess.Popen(
                    command,
                    env={**os.environ, "CLIROT_HOME": home},
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                _, status, usage = os.wait4(process.pid, 0)
                wall = time.perf_counter() - started
                process.returncode = os.waitstatus_to_exitcode(status)
                if process.returncode:
                    raise SystemExit(f"{method} failed")
            print(
                f"| {method} | {topics:,} x {depth:,} | {wall:.1f} "
                f"| {usage.ru_utime + usage.ru_stime:.1f} | {usage.ru_maxrss / 1024:.0f} |",
                flush=True,
            )


def measure_memory(topics: int, depth: int, seed: str, prefix: str) -> None:
    """Evaluate one large run by the command line and print the largest memory of the process."""
    with tempfile.TemporaryDirectory() as directory:
        qrels, run = write_data(Path(directory), topics, depth, seed=seed, prefix=prefix)
        documents: set[str] = set()
        with run.open() as lines:
            documents.update(line.split(" ", 3)[2] for line in lines)
        with run.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        print(
            f"{topics * depth:,} lines, {run.stat().st_size / 1e6:.0f} MB, {len(documents):,} "
            f"documents, SHA-256 {digest[:16]}; seed {seed!r}"
        )
        printed = subprocess.run(
            command_of("clirot", qrels, run), check=True, capture_output=True, text=True
        ).stdout
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = ", ".join(f"{figure:.4f}" for figure in figures_of("clirot", printed))
    print(
        f"clirot evaluate: peak {usage.ru_maxrss * 1024 / 1e9:.2f} GB, "
        f"{usage.ru_utime + usage.ru_stime:.1f} s of the processor; {figures}"
    )


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", default="200x100,1000x1000,10000x1000", help="topics x depth")
    parser.add_argument("--tools", default="clirot,ir_measures,ranx", help="comma-separated")
    parser.add_argument("--repeat", type=int, default=3, help="warm runs; 1 at 10,000 x 1,000")
    parser.add_argument("--fusion", action="store_true", help="time the fusion of three runs")
    parser.add_argument("--memory", action="store_true", help="the memory of 10 million lines")
    parser.add_argument("--seed", default="1", help="of the data of --memory")
    parser.add_argument("--docnos", default="doc", help="how docnos begin with --memory")
    options = parser.parse_args()
    if options.memory:
        measure_memory(10_000, 1000, options.seed, options.docnos)
        return
    if options.fusion:
        measure_fusion(500, 1000)
        return
    print("| size | tool | cold s | warm s | peak MB | MAP | nDCG@10 | recall@100 |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for size in options.sizes.split(","):
        topics, depth = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as directory:
            qrels, run = write_data(Path(directory), topics, depth)
            for tool in options.tools.split(","):
                repeat = options.repeat if topics * depth < 5_000_000 else 1
                one = measure(tool, qrels, run, repeat)
                figures = " | ".join(f"{figure:.4f}" for figure in one.figures)
                print(
                    f"| {topics:,} x {depth:,} | {tool} | {one.cold_s:.2f} | {one.warm_s:.2f} "
                    f"| {one.peak_mb:.0f} | {figures} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
