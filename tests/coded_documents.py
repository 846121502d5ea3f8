"""Documents for tests of compressed indexes, and indexes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clirot.encoding.maxsim import FloatArray
from clirot.retrieval.backends import BACKENDS
from clirot.retrieval.backends.compressed.codec import Codec
from clirot.retrieval.backends.compressed.screening import CodeMatrix
from clirot.retrieval.settings import CompressedSettings

DIM = 24


def unit(vectors: NDArray[np.floating]) -> FloatArray:
    rows = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return rows.astype(np.float32)


def collection(rng: np.random.Generator, documents: int, dim: int = DIM) -> list[FloatArray]:
    """Documents of one to twelve tokens out of sixty kinds, as words are: never quite the same."""
    kinds = unit(rng.standard_normal((60, dim)))
    return [
        unit(kinds[rng.integers(60, size=length)] + rng.standard_normal((length, dim)) * 0.1)
        for length in rng.integers(1, 13, documents)
    ]


def made(
    place: Path, documents: list[FloatArray], docnos: list[str], chosen: CompressedSettings
) -> Path:
    """An index written in windows of 64, in a directory ``index`` below a place."""
    scratch = place / "scratch"
    (place / "index").mkdir(parents=True, exist_ok=True)
    scratch.mkdir(exist_ok=True)
    dim = documents[0].shape[1]
    writer = BACKENDS["compressed"].writer(place / "index", scratch, dim, "float16", chosen)
    for begin in range(writer.documents, len(documents), 64):
        writer.append(docnos[begin : begin + 64], documents[begin : begin + 64])
    writer.finish()
    assert writer.documents == len(documents)
    assert writer.tokens == sum(len(one) for one in documents)
    return place / "index"


def contents(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def code_matrix(codec: Codec, documents: list[FloatArray]) -> CodeMatrix:
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in documents])]).astype(np.int64)
    return CodeMatrix(codec, codec.encode(np.concatenate(documents)), offsets)
