"""MaxSim: clirot's exact top k against sentence-transformers' maxsim, same machine, same threads.

    python benchmarks/maxsim.py                      # 100,000 documents of 60 tokens, 128 dims
    python benchmarks/maxsim.py --lengths varied     # 20 to 100 tokens, 60 on average
    python benchmarks/maxsim.py --query-tokens 8     # keywords; 32 without it, as ColBERT pads them
    python benchmarks/maxsim.py --documents 20000    # scaled down
    python benchmarks/maxsim.py --documents 20000 --k 18000 --alone    # nearly all are settled
    python benchmarks/maxsim.py --documents 20000 --checksums          # what the checksums cost


Vectors are random unit vectors: MaxSim reads every token whatever is in it.
Both sides are asked for the top k of each query, one query at a time and all queries in one call.
Theirs, left out by ``--alone``, gets what ``encode_document`` returns, a list of float32 tensors;
clirot gets its index as it is on disk, float16 and memory-mapped. Recall is clirot's top k against
the top k by exact scores.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sentence_transformers.util.similarity import maxsim

from clirot.encoding.maxsim import CPU, EXACT, TokenMatrix, scores
from clirot.retrieval.backends.exact import screening_arithmetic, top_k
from clirot.retrieval.backends.token_store import TokenStore, TokenStoreWriter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--tokens", type=int, default=60, help="tokens of a document, on average")
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--queries", type=int, default=32)
    parser.add_argument("--query-tokens", type=int, default=32)
    parser.add_argument("--k", type=int, default=1000)
    parser.add_argument("--lengths", choices=["equal", "varied"], default="equal")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--clock",
        choices=["wall", "cpu"],
        default="wall",
        help="cpu: processor time, for a machine that others use; say --threads 1 with it",
    )
    parser.add_argument("--rounds", type=int, default=2, help="the best of so many is shown")
    parser.add_argument("--alone", action="store_true", help="time clirot only")
    parser.add_argument(
        "--checksums",
        action="store_true",
        help="time the first search of an opened index with and without the checksums of tokens, "
        "in turn: medians of the rounds",
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        store = write_index(Path(folder), arguments)
        if arguments.checksums:
            compare_checksums(arguments, store)
        else:
            compare(arguments, store)


def write_index(folder: Path, arguments: argparse.Namespace) -> TokenStore:
    """Random documents, written by the index's own writer."""
    draw = np.random.default_rng(0)
    tokens = arguments.tokens
    equal = arguments.lengths == "equal"
    low, high = (tokens, tokens) if equal else (tokens // 3, tokens + (tokens - tokens // 3))
    lengths = draw.integers(low, high + 1, arguments.documents)
    (folder / "scratch").mkdir()
    (folder / "index").mkdir()
    writer = TokenStoreWriter(folder / "index", folder / "scratch", arguments.dim, "float16")
    for begin in range(0, arguments.documents, 5000):
        part = lengths[begin : begin + 5000]
        vectors = random_units(draw, int(part.sum()), arguments.dim)
        docnos = [f"d{begin + place}" for place in range(len(part))]
        writer.append(docnos, np.split(vectors, np.cumsum(part)[:-1]))
    writer.finish()
    return TokenStore.open(folder / "index")


def random_units(draw: np.random.Generator, rows: int, dim: int) -> np.ndarray:
    vectors: np.ndarray = draw.standard_normal((rows, dim), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def split(matrix: TokenMatrix) -> list[torch.Tensor]:
    """The documents as ``encode_document`` gives them."""
    return list(torch.split(matrix.tokens[:].float(), matrix.lengths.tolist()))


def random_queries(arguments: argparse.Namespace) -> list[np.ndarray]:
    draw = np.random.default_rng(1)
    return [
        random_units(draw, arguments.query_tokens, arguments.dim) for _ in range(arguments.queries)
    ]


def compare_checksums(arguments: argparse.Namespace, store: TokenStore) -> None:
    """What it costs the first search of an opened index to compare the tokens that it reads."""
    queries = random_queries(arguments)
    order, k = np.arange(len(store.docnos)), min(arguments.k, len(store.docnos))
    print(
        f"{len(order):,} documents ({arguments.lengths} lengths), {arguments.dim} dimensions, "
        f"queries of {arguments.query_tokens} tokens, top {k}; processor time on "
        f"{arguments.threads} threads"
    )
    for name, batch in (("one query", queries[:1]), (f"{len(queries)} in one call", queries)):
        seconds: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(arguments.rounds):
            for checked, times in seconds.items():
                matrix = store.matrix() if checked else TokenMatrix(store.tokens, store.offsets)
                started = time.process_time()
                list(top_k(matrix, batch, k, order))
                times.append(time.process_time() - started)
        without, having = (statistics.median(times) for times in seconds.values())
        print(
            f"{name:16}{without * 1e3:8.1f} ms without, {having * 1e3:8.1f} ms with checksums: "
            f"{having / without - 1:+.1%}"
        )


def compare(arguments: argparse.Namespace, store: TokenStore) -> None:
    queries = random_queries(arguments)
    asked = [torch.from_numpy(query) for query in queries]
    matrix = store.matrix()
    documents = [] if arguments.alone else split(matrix)
    order, k = np.arange(len(matrix)), min(arguments.k, len(matrix))

    def theirs(batch: list[torch.Tensor]) -> list[torch.Tensor]:
        return [row.topk(k).indices for row in maxsim(batch, documents)]

    def ours(batch: list[np.ndarray]) -> list[np.ndarray]:
        return [rows for rows, _ in top_k(matrix, batch, k, order)]

    screens = [
        str(screening_arithmetic(CPU, count * arguments.query_tokens).dtype).removeprefix("torch.")
        for count in (1, len(queries))
    ]
    print(
        f"{len(matrix):,} documents, {len(store.tokens):,} tokens ({arguments.lengths} lengths), "
        f"{arguments.dim} dimensions, {len(queries)} queries of {arguments.query_tokens} tokens, "
        f"top {k}; "
        f"{arguments.threads} threads of {os.cpu_count()}, screened in "
        f"{screens[0]} and {screens[1]}; "
        f"{arguments.clock} time"
    )
    clock = time.perf_counter if arguments.clock == "wall" else time.process_time
    few = max(1, min(4, len(queries)))  # one at a time, a few are enough
    rows = [
        (
            name,
            0.0
            if arguments.alone
            else seconds_each(lambda at: theirs(asked[at]), count, step, arguments.rounds, clock),
            seconds_each(lambda at: ours(queries[at]), count, step, arguments.rounds, clock),
        )
        for name, count, step in (
            ("one at a time", few, 1),
            ("together", len(queries), len(queries)),
        )
    ]
    print(f"{'seconds a query':16}{'sentence-transformers':>24}{'clirot':>10}{'ratio':>8}")
    for name, other, mine in rows:
        beside = ("-", "-") if arguments.alone else (f"{other:.3f}", f"{other / mine:.1f}")
        print(f"{name:16}{beside[0]:>24}{mine:>10.3f}{beside[1]:>8}")
    exact = top_k(matrix, queries[:few], k, order, screen=EXACT)
    same = [np.array_equal(a, b) for a, (b, _) in zip(ours(queries[:few]), exact, strict=True)]
    true = scores(matrix, queries[:few])[0].topk(k).indices.tolist()
    recall = np.mean(
        [len(set(a.tolist()) & set(b)) / k for a, b in zip(ours(queries[:few]), true, strict=True)]
    )
    print(
        f"recall@{k} {recall:.4f}; same ranking as the exact pass for {sum(same)} of {few} queries"
    )


def seconds_each(
    action: Callable[[slice], object],
    count: int,
    step: int,
    rounds: int,
    clock: Callable[[], float],
) -> float:
    """Seconds a query, the best of so many rounds over ``count`` queries, ``step`` a call."""
    seconds = []
    for _ in range(rounds):
        started = clock()
        for begin in range(0, count, step):
            action(slice(begin, begin + step))
        seconds.append(clock() - started)
    return min(seconds) / count


if __name__ == "__main__":
    main()
