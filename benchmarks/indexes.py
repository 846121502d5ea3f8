"""Index backends on real tokens, and on generated passages of real tokens with noise.

    python benchmarks/indexes.py gather REAL                 # English sides of ../shared/data
    clirot index --model minilm-en --collection REAL --name real
    python benchmarks/indexes.py measure REAL --index real   # every backend and setting
    python benchmarks/indexes.py grow BIG --index real --passages 1000000 --bits 1
    python benchmarks/indexes.py search BIG REAL --index real      # in a process of its own

``measure`` makes each index anew from the vectors of an exact one, so that building is timed
without encoding. Recall is against the exact ranking. ``grow`` writes passages that are real ones
with noise on every token (``--noise``: its norm), renormalised; their truth is the exact ranking of
the vectors that were kept. Seconds are processor seconds of the threads that were asked for.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import ir_measures
import numpy as np
import torch

from clirot.encoding.encoders import load_encoder
from clirot.encoding.maxsim import TokenMatrix
from clirot.models import resolve
from clirot.retrieval.backends import BACKENDS, Index
from clirot.retrieval.backends.compressed.index import CompressedIndex
from clirot.retrieval.backends.exact import top_k
from clirot.retrieval.backends.ties import tie_order
from clirot.retrieval.backends.token_store import TokenStore
from clirot.retrieval.settings import CompressedSettings
from clirot.store import Store

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "collections"
SAME_TEXT = ("xquad_mt", "xquad_noise")
JUDGED = {"vaswani": 93, "cranfield": 50, "xquad": 50}
"""Sets whose topics are asked, and how many of them."""
DEPTHS = (10, 100, 1000)
SETTINGS = [(bits, store) for bits in (1, 2, 4) for store in (True, False)]
WINDOW = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["gather", "measure", "grow", "search"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("topics", type=Path, nargs="?", help="search: the gathered collection")
    parser.add_argument("--index", default="real", help="an exact index in the store")
    parser.add_argument("--model", default="minilm-en")
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--noise", type=float, default=0.3)
    parser.add_argument("--bits", type=int, default=2)
    parser.add_argument("--recall", type=float, default=0.99)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--queries", type=int, default=193, help="at most so many")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    {"gather": gather, "measure": measure, "grow": grow, "search": search}[arguments.what](
        arguments
    )


def gather(arguments: argparse.Namespace) -> None:
    """All English documents of ../shared/data in one collection, with topics and judgements."""
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with (
        (arguments.folder / "docs.en.tsv").open("w") as documents,
        (arguments.folder / "queries.en.tsv").open("w") as topics,
        (arguments.folder / "qrels.txt").open("w") as judgements,
    ):
        for path in sorted(DATA.glob("*/docs.en.tsv")):
            name = path.parent.name
            if name.endswith("_x") or name in SAME_TEXT:
                continue
            documents.writelines(f"{name}:{line}" for line in path.open())
            if name in JUDGED:
                topics.writelines(
                    f"{name}:{line}" for line in (path.parent / "queries.en.tsv").open()
                )
                for line in (path.parent / "qrels.txt").open():
                    topic, _, docno, grade = line.split()
                    judgements.write(f"{name}:{topic} 0 {name}:{docno} {grade}\n")


@dataclass
class Asked:
    """Topics with their vectors."""

    ids: list[str]
    vectors: list[np.ndarray]

    @classmethod
    def of(cls, folder: Path, model: str, most: int) -> Asked:
        rows = [line.rstrip("\n").split("\t", 1) for line in (folder / "queries.en.tsv").open()]
        draw, chosen = random.Random(0), []
        for name, count in JUDGED.items():
            of_set = [row for row in rows if row[0].startswith(f"{name}:")]
            chosen += draw.sample(of_set, min(count, len(of_set)))
        chosen = draw.sample(chosen, min(most, len(chosen)))
        encoder = load_encoder(resolve(model, Store()), side="query")
        found = list(encoder.encode([text for _, text in chosen]))
        return cls([one for one, _ in chosen], found)


def write(
    folder: Path,
    settings: CompressedSettings,
    windows: Iterable[tuple[list[str], list[np.ndarray]]],
    dim: int,
) -> dict[str, float]:
    """Write a compressed index; its sizes and processor seconds."""
    scratch = folder.with_name(folder.name + ".scratch")
    for place in (folder, scratch):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
    writer = BACKENDS["compressed"].writer(folder, scratch, dim, "float16", settings)
    writing = 0.0
    for docnos, vectors in windows:
        began = time.process_time()
        writer.append(docnos, vectors)
        writing += time.process_time() - began
    began = time.process_time()
    writer.finish()
    finishing = time.process_time() - began
    shutil.rmtree(scratch)
    files = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    kept = sum(size for path, size in files.items() if path.parent.name == "store")
    return {
        "tokens": writer.tokens,
        "us a token": (writing + finishing) / writer.tokens * 1e6,
        "bytes a token": (sum(files.values()) - kept) / writer.tokens,
    }


def windows_of(store: TokenStore) -> Iterable[tuple[list[str], list[np.ndarray]]]:
    for begin in range(0, len(store.docnos), WINDOW):
        rows = range(begin, min(begin + WINDOW, len(store.docnos)))
        yield (
            store.docnos[begin : rows.stop],
            [store.tokens[store.offsets[r] : store.offsets[r + 1]].float().numpy() for r in rows],
        )


def timed(action: Callable[[], object]) -> float:
    began = time.process_time()
    action()
    return time.process_time() - began


def report(
    name: str,
    index: Index,
    asked: Asked,
    truth: Sequence[Sequence[str]] | None,
    qrels: list[ir_measures.Qrel],
) -> list[list[str]]:
    """The best documents. Prints recall, MAP, and milliseconds a query: singly and together."""
    if isinstance(index, CompressedIndex):
        runs = {k: list(index.search(asked.vectors, k)) for k in DEPTHS}
    else:  # the best of an exact ranking are the same for any k
        whole = list(index.search(asked.vectors, DEPTHS[-1]))
        runs = {k: [hits[:k] for hits in whole] for k in DEPTHS}
    found = [[hit.docno for hit in hits] for hits in runs[DEPTHS[-1]]]
    recalls = [
        np.mean(
            [
                len({hit.docno for hit in hits} & set(best[:k])) / k
                for hits, best in zip(runs[k], truth or found, strict=True)
            ]
        )
        for k in DEPTHS
    ]
    run = [
        ir_measures.ScoredDoc(topic, hit.docno, hit.score)
        for topic, hits in zip(asked.ids, runs[1000], strict=True)
        for hit in hits
    ]
    maps = []
    for of_set in JUDGED:
        topics = {one for one in asked.ids if one.startswith(f"{of_set}:")}
        judged = [one for one in qrels if one.query_id in topics]
        if judged:
            maps.append(ir_measures.calc_aggregate([ir_measures.AP], judged, run)[ir_measures.AP])
    few, many = asked.vectors[:5], (asked.vectors * 2)[:100]
    singly = [
        timed(lambda k=k: [list(index.search([query], k)) for query in few]) / len(few)  # type: ignore[misc]
        for k in DEPTHS[:2]
    ]
    together = timed(lambda: list(index.search(many, 100))) / len(many)
    print(
        f"{name:24}"
        + "".join(f"{one:8.4f}" for one in recalls)
        + "  MAP"
        + "".join(f"{one:7.4f}" for one in maps)
        + f"  ms {singly[0] * 1e3:7.1f}{singly[1] * 1e3:7.1f}{together * 1e3:7.1f}",
        flush=True,
    )
    return found


def judgements(folder: Path) -> list[ir_measures.Qrel]:
    rows = [line.split() for line in (folder / "qrels.txt").open()]
    return [ir_measures.Qrel(topic, docno, int(grade)) for topic, _, docno, grade in rows]


def measure(arguments: argparse.Namespace) -> None:
    folder = Store().get("indexes", arguments.index).path
    store = TokenStore.open(folder)
    exact = BACKENDS["exact"].open(folder)
    asked = Asked.of(arguments.folder, arguments.model, arguments.queries)
    qrels = judgements(arguments.folder)
    print(
        f"{len(exact):,} documents, {len(store.tokens):,} tokens, {len(asked.ids)} topics; recall "
        f"@{', @'.join(map(str, DEPTHS))}; MAP of {', '.join(JUDGED)}; processor ms a query: "
        f"singly k 10, singly k 100, 100 together k 100; {arguments.threads} threads"
    )
    their_milliseconds(store, asked)
    truth = report("exact", exact, asked, None, qrels)
    with tempfile.TemporaryDirectory() as temporary:
        for bits, kept in SETTINGS:
            place = Path(temporary) / "index"
            settings = CompressedSettings(bits=bits, recall=arguments.recall, store=kept)
            sizes = write(place, settings, windows_of(store), exact.dim)
            index = CompressedIndex.open(place)
            report(f"{bits} bits{'' if kept else ', no store'}", index, asked, truth, qrels)
            print("   ", {name: round(value, 2) for name, value in sizes.items()})
            print("   ", index.promise.remark(), [d.settled for d in index.promise.depths])


def their_milliseconds(store: TokenStore, asked: Asked) -> None:
    """sentence-transformers' maxsim of one query with all documents, in float32."""
    from sentence_transformers.util.similarity import maxsim

    documents = list(torch.split(store.tokens.float(), np.diff(store.offsets).tolist()))
    query = [torch.from_numpy(asked.vectors[0])]
    print(f"sentence-transformers   ms {timed(lambda: maxsim(query, documents)) * 1e3:.0f}")


def grow(arguments: argparse.Namespace) -> None:
    store = TokenStore.open(Store().get("indexes", arguments.index).path)
    settings = CompressedSettings(bits=arguments.bits, recall=arguments.recall)
    windows = grown(store, arguments.passages, arguments.noise)
    sizes = write(arguments.folder, settings, windows, int(store.tokens.shape[1]))
    print({name: round(value, 2) for name, value in sizes.items()})
    print((arguments.folder / "promise.json").read_text())


def grown(
    store: TokenStore, passages: int, noise: float
) -> Iterable[tuple[list[str], list[np.ndarray]]]:
    """Real passages with noise on every token."""
    draw = np.random.default_rng(3)
    dim = store.tokens.shape[1]
    # Noise from a table: drawing every number anew would take most of the time.
    table = draw.standard_normal(1 << 22, dtype=np.float32) * np.float32(noise / dim**0.5)
    for begin in range(0, passages, WINDOW):
        rows = draw.integers(len(store.docnos), size=min(WINDOW, passages - begin))
        vectors = []
        for row in rows:
            real = store.tokens[store.offsets[row] : store.offsets[row + 1]].float().numpy()
            at = int(draw.integers(len(table) - real.size))
            made = real + table[at : at + real.size].reshape(real.shape)
            vectors.append(made / np.linalg.norm(made, axis=1, keepdims=True))
        yield [f"p{begin + place}" for place in range(len(rows))], vectors


def search(arguments: argparse.Namespace) -> None:
    """A grown index: recall, time and memory."""
    asked = Asked.of(arguments.topics, arguments.model, arguments.queries)
    before = resident()
    index = CompressedIndex.open(arguments.folder)
    for _ in index.search(asked.vectors[:4], 10):
        pass
    print(f"memory of the index and a search: anonymous {resident() - before:.2f} GB more")
    report_grown(index, asked)


def report_grown(index: CompressedIndex, asked: Asked) -> None:
    """Recall, and the milliseconds of a query: the first time that it is asked, and again."""
    assert index.vectors is not None
    truth = exact_rows(index.vectors, index.docnos, asked.vectors)
    for k in DEPTHS:
        for when in ("first", "again"):
            processor, walls, recalls = [], [], []
            for query, best in zip(asked.vectors, truth, strict=True):
                began, wall = time.process_time(), time.perf_counter()
                found = {hit.docno for hit in next(iter(index.search([query], k)))}
                processor.append(time.process_time() - began)
                walls.append(time.perf_counter() - wall)
                recalls.append(len(found & set(best[:k])) / k)
            print(
                f"k {k}, {when}: recall {np.mean(recalls):.4f}, median ms: processor "
                f"{np.median(processor) * 1e3:.0f}, wall {np.median(walls) * 1e3:.0f}",
                flush=True,
            )


def exact_rows(
    vectors: TokenMatrix, docnos: list[str], queries: list[np.ndarray]
) -> list[list[str]]:
    found = top_k(vectors, queries, DEPTHS[-1], tie_order(docnos))
    return [[docnos[row] for row in rows] for rows, _ in found]


def resident() -> float:
    """Anonymous memory in use, GB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1e6
    return 0.0


if __name__ == "__main__":
    main()
