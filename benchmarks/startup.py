"""Cold wall time of what a person waits for most often: ``clirot --help``, and a small evaluation.

    python benchmarks/startup.py

Every measurement is a process of its own. ``--help`` is the median of nine; evaluating a run of 200
topics x 100 documents (MAP, nDCG@10, recall@100) the median of five, each with an empty numba cache
of its own, as in a fresh container. The first start also compiles Python's bytecode, which is kept
for the others even where the environment forbids to write it (PYTHONDONTWRITEBYTECODE); it is shown
beside them. On a machine that is doing other work, which the load average tells,
read the processor time: wall time is then too long.
"""

from __future__ import annotations

import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HELP_RUNS, HELP_LIMIT_S = 9, 0.3
EVALUATE_RUNS, EVALUATE_LIMIT_S = 5, 0.5
TOPICS, DEPTH = 200, 100


@dataclass(frozen=True)
class Timing:
    """Wall and processor times of one command, in seconds."""

    seconds: tuple[float, ...]
    processor: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def timed(command: list[str], runs: int) -> tuple[Timing, str]:
    """Run a command several times, each time as if it had never run numba before."""
    seconds, processor, printed = [], [], ""
    compiled = tempfile.TemporaryDirectory()
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as cache:
            environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
            environment |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": compiled.name}
            started, before = time.perf_counter(), processor_s()
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False
            )
            seconds.append(time.perf_counter() - started)
            processor.append(processor_s() - before)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
        printed = done.stdout
    compiled.cleanup()
    return Timing(tuple(seconds), tuple(processor)), printed


def processor_s() -> float:
    """Processor seconds of all commands so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def write_data(directory: Path) -> tuple[Path, Path]:
    """A run and its judgements, a tenth of what is retrieved relevant."""
    chance = random.Random(1)
    run, qrels = directory / "small.run", directory / "small.qrels"
    with run.open("w") as retrieved, qrels.open("w") as judged:
        for topic in range(TOPICS):
            documents = chance.sample(range(100_000), DEPTH)
            scores = sorted((chance.random() for _ in documents), reverse=True)
            for rank, (document, score) in enumerate(zip(documents, scores, strict=True), 1):
                retrieved.write(f"{topic} Q0 d{document} {rank} {score:.6f} small\n")
            for document in chance.sample(documents, DEPTH // 10):
                judged.write(f"{topic} 0 d{document} 1\n")
    return run, qrels


def main() -> None:
    """Measure and print a Markdown table."""
    python = [sys.executable, "-m", "clirot"]
    print(f"load average {' '.join(f'{load:.2f}' for load in os.getloadavg())}", end=", ")
    print(f"{os.cpu_count()} cores, Python {'.'.join(map(str, sys.version_info[:3]))}\n")
    print("| command | runs | first s | median s | slowest s | processor s | limit s | |")
    print("|---|---:|---:|---:|---:|---:|---:|---|", flush=True)
    timing, _ = timed([*python, "--help"], HELP_RUNS)
    report("clirot --help", timing, HELP_LIMIT_S)
    with tempfile.TemporaryDirectory() as directory:
        run, qrels = write_data(Path(directory))
        metrics = ["-m", "map", "-m", "ndcg@10", "-m", "recall@100"]
        command = [*python, "evaluate", str(run), "--qrels", str(qrels), *metrics, "--json"]
        timing, printed = timed(command, EVALUATE_RUNS)
    recall = json.loads(printed)["runs"][0]["means"]["recall@100"]
    if recall != 1:  # nothing was evaluated, so nothing was timed
        raise SystemExit(f"evaluate gave recall@100 {recall}, not 1")
    report(f"clirot evaluate, {TOPICS} x {DEPTH}", timing, EVALUATE_LIMIT_S)
    print(f"\nload average after: {' '.join(f'{load:.2f}' for load in os.getloadavg())}")


def report(what: str, timing: Timing, limit_s: float) -> None:
    """One row of the table."""
    result = "below" if timing.median < limit_s else "ABOVE"
    print(
        f"| {what} | {len(timing.seconds)} | {timing.seconds[0]:.3f} | {timing.median:.3f} "
        f"| {max(timing.seconds):.3f} | {statistics.median(timing.processor):.3f} | {limit_s:g} "
        f"| {result} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
