"""What it costs a search that the index is compared with its manifest before it is used.

The comparison is dearest for an index just below the size up to which files are read
(``READ_ON_USE``): such a one is made of random vectors and compared. Beside it stands the processor
time of the shortest search, one topic by ``clirot search`` in an index of ``cldr/so``, and of a
hundred topics. Needs the extra ``offline``.

The tokens of larger indexes are compared with checksums when they are read. An index of ``--large``
megabytes is made, and the first search of it is timed with and without them. The difference stands
beside the time of the whole command: that of the shortest search and of this one together.

    python benchmarks/verification.py [--repetitions 5] [--large 500]
    python benchmarks/verification.py --digest    # the speed of SHA-256 alone
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from clirot.encoding.maxsim import TokenMatrix
from clirot.retrieval.backends.exact import top_k
from clirot.retrieval.backends.token_store import TokenStore, TokenStoreWriter
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.store import Artefact, Store
from clirot.store.artefact import READ_ON_USE

_DIMENSIONS, _TOKENS = 384, 40


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--large", type=int, default=500, help="megabytes of tokens")
    parser.add_argument("--digest", action="store_true", help="measure SHA-256 alone")
    arguments = parser.parse_args()
    repetitions = arguments.repetitions
    print(f"SHA-256: {digest_speed(repetitions) / 1e9:.2f} GB of memory a second of the processor")
    if arguments.digest:
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CLIROT_HOME"] = folder
        store = Store()
        compared = large_index(store)
        build_index(IndexConfig(model="minilm-en", collection="cldr/so", name="small"))
        first_searches = of_first_searches(Path(folder), arguments.large, repetitions)
        checks = [processor_time(compared.check) for _ in range(repetitions)]
        searches = {
            count: [of_a_search(Path(folder), count) for _ in range(repetitions)]
            for count in (1, 100)
        }
    check = statistics.median(checks)
    print(f"comparing an index of {READ_ON_USE / 1e6:.0f} MB: {check * 1e3:.0f} ms")
    for count, seconds in searches.items():
        median = statistics.median(seconds)
        print(f"clirot search, {count} topics: {median:.2f} s; {check / median:.1%} of it")
    start = statistics.median(searches[1])
    for count, (without, having) in first_searches.items():
        print(
            f"{count} topics of 8 tokens, {arguments.large} MB of tokens: {without * 1e3:.0f} ms, "
            f"with checksums {having * 1e3:.0f} ms; "
            f"{(having - without) / (start + without):.1%} of the command"
        )


def of_first_searches(
    folder: Path, megabytes: int, repetitions: int
) -> dict[int, tuple[float, float]]:
    """Topics -> processor time of the first search of an index without checksums, and with."""
    documents = megabytes * 10**6 // (_DIMENSIONS * 2 * _TOKENS)
    draw = np.random.default_rng(2)
    (folder / "tokens").mkdir()
    (folder / "scratch").mkdir()
    writer = TokenStoreWriter(folder / "tokens", folder / "scratch", _DIMENSIONS, "float16")
    for first in range(0, documents, 1000):
        count = min(1000, documents - first)
        writer.append([f"d{first + row}" for row in range(count)], random_units(draw, count))
    writer.finish()
    store = TokenStore.open(folder / "tokens")
    order = np.arange(documents)
    found = {}
    for topics in (1, 64):
        queries = [query[:8] for query in random_units(draw, topics)]

        def search(matrix: TokenMatrix, queries: list[np.ndarray] = queries) -> None:
            list(top_k(matrix, queries, min(1000, documents // 3), order))

        plain, checked = [], []
        for _ in range(repetitions):
            without, having = TokenMatrix(store.tokens, store.offsets), store.matrix()
            plain.append(processor_time(partial(search, without)))
            checked.append(processor_time(partial(search, having)))
        found[topics] = (statistics.median(plain), statistics.median(checked))
    return found


def random_units(draw: np.random.Generator, documents: int) -> list[np.ndarray]:
    vectors = draw.standard_normal((documents * _TOKENS, _DIMENSIONS), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return list(vectors.reshape(documents, _TOKENS, _DIMENSIONS))


def large_index(store: Store) -> Artefact:
    """An artefact whose files are as large as those that are read."""
    documents = (READ_ON_USE - 1) // (_DIMENSIONS * 2 * _TOKENS)
    vectors = np.random.default_rng(1).standard_normal(
        (documents * _TOKENS, _DIMENSIONS), dtype=np.float32
    )
    with store.draft("indexes", "large", config={}) as draft:
        (draft.path / "tokens.bin").write_bytes(vectors.astype("<f2").tobytes())
        np.full(documents, _TOKENS, "<i4").tofile(draft.path / "lengths.bin")
        names = "".join(f"document-{number}\n" for number in range(documents))
        (draft.path / "docnos.txt").write_text(names)
    return store.get("indexes", "large")


def digest_speed(repetitions: int) -> float:
    """Bytes that SHA-256 reads in a second of processor time: the median, of 256 MiB each time."""
    data = bytes(1 << 28)
    times = [processor_time(lambda: hashlib.sha256(data)) for _ in range(repetitions)]
    return len(data) / statistics.median(times)


def processor_time(action: Callable[[], object]) -> float:
    """Seconds that the processor works for it."""
    begun = time.process_time()
    action()
    return time.process_time() - begun


def of_a_search(folder: Path, count: int) -> float:
    """Processor time of the command."""
    topics = "".join(f"t{number}\tmoney of Kenya {number}\n" for number in range(count))
    words = [sys.executable, "-m", "clirot", "search", "--index", "small", "--topics", "-"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, input=topics, text=True, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
