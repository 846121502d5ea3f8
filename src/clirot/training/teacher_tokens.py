"""The teacher's token vectors of the training sentences, encoded once and read from disk.

The teacher is frozen, so every epoch, seed and objective needs the same vectors. They lie in
``CLIROT_HOME/cache`` under a digest of the teacher and the sentences, whole or not at all; the
directory is safe to delete.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from clirot.encoders import TokenEncoder
from clirot.objectives import TokenBatch
from clirot.records import ProgressSink, Step, silent

_CHUNK = 4096
_FORMAT = "teacher-tokens-1"


class TeacherTokens:
    """Token vectors of numbered sentences: float16 on disk, ``(tokens, dim)`` a sentence."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._offsets: NDArray[np.int64] = np.load(directory / "offsets.npy")
        self._vectors: NDArray[np.float16] = np.load(directory / "vectors.npy", mmap_mode="r")

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, row: int) -> NDArray[np.float32]:
        """Vectors of one sentence, ``(tokens, dim)`` float32."""
        start, end = self._offsets[row], self._offsets[row + 1]
        return np.asarray(self._vectors[start:end], dtype=np.float32)

    def batch(self, rows: Sequence[int], device: torch.device) -> TokenBatch:
        """Vectors of several sentences, padded with zeros to the longest."""
        return TokenBatch.padded([self[row] for row in rows], device)


def teacher_tokens(
    encoder: TokenEncoder, sentences: Sequence[str], *, cache: Path, progress: ProgressSink = silent
) -> TeacherTokens:
    """Encode ``sentences``, or find them encoded.

    Args:
        encoder: the teacher.
        sentences: rows of the store, in order.
        cache: directory for caches.
        progress: told of sentences encoded.
    """
    key = hashlib.sha256(f"{_FORMAT}\0{encoder.digest}".encode())
    for sentence in sentences:
        key.update(b"\0" + sentence.encode())
    directory = cache / "teacher-tokens" / key.hexdigest()[:32]
    if not directory.is_dir():
        _write(encoder, sentences, directory, progress)
    return TeacherTokens(directory)


def _write(
    encoder: TokenEncoder, sentences: Sequence[str], directory: Path, progress: ProgressSink
) -> None:
    part = directory.with_name(f".{directory.name}.{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    lengths: list[int] = []
    raw = part / "vectors.raw"
    with raw.open("wb") as stream:
        for start in range(0, len(sentences), _CHUNK):
            found = encoder.encode(sentences[start : start + _CHUNK])
            for matrix in found:
                stream.write(matrix.astype(np.float16).tobytes())
                lengths.append(len(matrix))
            progress(Step("teacher", len(lengths), len(sentences), unit="sentences"))
    vectors = np.memmap(raw, dtype=np.float16, mode="r", shape=(sum(lengths), encoder.dim))
    np.save(part / "vectors.npy", vectors)
    del vectors
    raw.unlink()
    np.save(part / "offsets.npy", np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
    try:
        part.rename(directory)
    except OSError:
        # Another process was quicker; its vectors are the same.
        shutil.rmtree(part, ignore_errors=True)
        if not directory.is_dir():
            raise
