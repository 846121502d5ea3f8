"""Encoding documents: clirot's windows against sentence-transformers, same texts, same threads.

    python benchmarks/encoding.py ../shared/data/collections/{vaswani,cranfield,tico19_passage}
    python benchmarks/encoding.py DIR... --padding          # how much of a batch is padding
    python benchmarks/encoding.py DIR... --processes 2      # theirs in a pool, ours by torchrun

The documents (``docs.en.tsv``) of the directories are mixed, and the first ``--texts`` are taken.
Theirs is ``MultiVectorEncoder.encode_document`` with its default batches of 32; in a pool it is
given a list of devices. Ours is what ``clirot index`` runs: texts in batches of tokens, in float32
and in bfloat16. Both give float32 vectors in the order of the texts. Tokens are those that are
encoded, padding left out.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from clirot.encoding.batching import length_batches, token_batches, token_lengths
from clirot.encoding.encoders import MultiVectorTokenEncoder, load_encoder
from clirot.models import resolve
from clirot.store import Store

WINDOWS = (512, 2048, 8192)
BUDGETS = (1024, 2048, 4096, 8192, 16384)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("collections", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--model", default="minilm-en")
    parser.add_argument("--texts", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--processes", type=int, default=0, help="compare these many, too")
    parser.add_argument("--padding", action="store_true", help="only the shares of padding")
    parser.add_argument("--rounds", type=int, default=2, help="the best of so many is shown")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    texts = mixed(arguments.collections)
    encoder = load_encoder(resolve(arguments.model, Store()), side="document")
    if arguments.padding:
        padding(encoder, texts)
        return
    texts = texts[: arguments.texts]
    tokens = sum(len(matrix) for matrix in encoder.encode(texts))
    print(
        f"{len(texts):,} texts, {tokens:,} tokens, {arguments.model}; {arguments.threads} threads "
        f"a process of {os.cpu_count()}, {encoder.model.device}; processor time, of all processes"
    )
    show(tokens, arguments.rounds, "sentence-transformers", lambda: theirs(encoder, texts))
    show(tokens, arguments.rounds, "by characters, 4096", lambda: by_characters(encoder, texts))
    for dtype in ("float32", "bfloat16"):
        encoder.dtype = dtype
        show(tokens, arguments.rounds, f"clirot, {dtype}", lambda: encoder.encode(texts))
    encoder.dtype = "float32"
    if arguments.processes:
        count = arguments.processes
        pool = ["cpu"] * count if encoder.model.device.type == "cpu" else None
        devices = pool or [f"cuda:{number}" for number in range(count)]
        show(tokens, 1, f"sentence-transformers, {count}", lambda: theirs(encoder, texts, devices))
        show(tokens, 1, f"clirot index, {count}", lambda: indexed(arguments, texts))


def mixed(folders: Sequence[Path]) -> list[str]:
    texts = [
        line.rstrip("\n").split("\t", 1)[1]
        for folder in folders
        for line in (folder / "docs.en.tsv").open(encoding="utf-8")
    ]
    random.Random(1).shuffle(texts)
    return texts


def theirs(
    encoder: MultiVectorTokenEncoder, texts: list[str], devices: list[str] | None = None
) -> None:
    several: Any = devices
    encoder.model.encode_document(texts, show_progress_bar=False, device=several)


def by_characters(encoder: MultiVectorTokenEncoder, texts: list[str]) -> None:
    """As clirot did before: 512 texts at a time, lengths guessed from characters."""
    for start in range(0, len(texts), 512):
        window = texts[start : start + 512]
        for rows in length_batches(window):
            encoder.model.encode_document(
                [window[row] for row in rows], batch_size=len(rows), show_progress_bar=False
            )


def indexed(arguments: argparse.Namespace, texts: list[str]) -> None:
    """The whole command, start and writing included."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "set"
        place.mkdir()
        rows = (f"d{number}\t{text}\n" for number, text in enumerate(texts))
        (place / "docs.en.tsv").write_text("".join(rows), encoding="utf-8")
        (place / "queries.en.tsv").write_text("q\tnone\n", encoding="utf-8")
        launch = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        launch += [f"--nproc-per-node={arguments.processes}", "-m", "clirot", "index"]
        launch += ["--model", arguments.model, "--collection", str(place)]
        environment = {"CLIROT_HOME": folder, "OMP_NUM_THREADS": str(arguments.threads)}
        subprocess.run(launch, check=True, env=os.environ | environment)


def show(tokens: int, rounds: int, name: str, work: Callable[[], object]) -> None:
    best = wall = float("inf")
    for _ in range(rounds):
        started, clock = spent(), time.perf_counter()
        work()
        best, wall = min(best, spent() - started), min(wall, time.perf_counter() - clock)
    print(f"{name:28}{best:8.2f} s{tokens / best:10,.0f} tokens/s{wall:10.2f} s by the clock")


def spent() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def padding(encoder: MultiVectorTokenEncoder, texts: list[str]) -> None:
    limit = encoder.model.max_seq_length
    lengths = token_lengths(encoder.model.tokenizer, texts, limit)
    real = sum(lengths)
    print(f"{len(texts):,} texts, {real:,} tokens, {real / len(texts):.0f} a text")
    print(f"{'window':>8}{'budget':>8}{'padding':>10}{'batches':>10}")
    print(f"{512:8}{'':>8}{share(by_guess(texts), lengths):10.1%}  lengths by characters")
    for window in WINDOWS:
        for budget in BUDGETS:
            batches = [*by_tokens(lengths, window, budget)]
            print(f"{window:8}{budget:8}{share(batches, lengths):10.1%}{len(batches):10}")


def by_guess(texts: list[str]) -> Iterator[list[int]]:
    for start in range(0, len(texts), 512):
        for rows in length_batches(texts[start : start + 512]):
            yield [start + row for row in rows]


def by_tokens(lengths: list[int], window: int, budget: int) -> Iterator[list[int]]:
    for start in range(0, len(lengths), window):
        for rows in token_batches(lengths[start : start + window], budget):
            yield [start + row for row in rows]


def share(batches: Iterator[list[int]] | list[list[int]], lengths: list[int]) -> float:
    """Padding in relation to text."""
    padded = sum(len(rows) * max(lengths[row] for row in rows) for rows in batches)
    return padded / sum(lengths) - 1


if __name__ == "__main__":
    main()
