"""The teacher's token vectors of the training sentences, encoded once and read from disk.

The teacher is frozen, so every epoch, seed and objective needs the same vectors. They are stored in
``CLIROT_HOME/cache`` under a digest of the teacher and the sentences, completely or not at all,
with a digest of the files, which is compared before they are used. The directory is safe to delete.
What only some transport plans need (ids, norms, an earlier layer, inputs padded with ``[MASK]``) is
stored in a directory of its own when it is first needed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clirot.cut_texts import CutTexts
from clirot.distillation.objectives.tokens import SentenceTokens, TokenBatch
from clirot.distillation.training.checkpoints import is_as_marked, is_marked, mark_whole
from clirot.encoding.encoders import TokenEncoder
from clirot.errors import DamagedDraftWarning
from clirot.records import ProgressSink, Step, silent

_CHUNK = 4096
_FORMAT = "teacher-tokens-2"
_READ_FORMAT = "teacher-tokens-read-2"
_CUT = "cut.json"
_TYPES = {
    "vectors": np.float16,
    "ids": np.int32,
    "special": np.bool_,
    "norms": np.float32,
    "layer": np.float16,
}


class TeacherTokens:
    """Token vectors of numbered sentences: float16 on disk, ``(tokens, dim)`` a sentence.

    Pickled, it is its directory: another process reads the same files.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.cut = CutTexts.of(json.loads((directory / _CUT).read_text(encoding="utf-8")))
        """The sentences that are longer than the teacher reads."""
        self._offsets: NDArray[np.int64] = np.load(directory / "offsets.npy")
        self._columns: dict[str, NDArray[Any]] = {
            name: np.load(directory / f"{name}.npy", mmap_mode="r")
            for name in _TYPES
            if (directory / f"{name}.npy").is_file()
        }

    def __reduce__(self) -> tuple[type[TeacherTokens], tuple[Path]]:
        return TeacherTokens, (self.directory,)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def tokens(self, rows: Sequence[int]) -> int:
        """The number of tokens of these sentences; a sentence that is named twice counts twice."""
        return int(np.diff(self._offsets)[np.asarray(rows, dtype=np.int64)].sum())

    def __getitem__(self, row: int) -> NDArray[np.float32]:
        """Vectors of one sentence, ``(tokens, dim)`` float32."""
        start, end = self._offsets[row], self._offsets[row + 1]
        return np.asarray(self._columns["vectors"][start:end], dtype=np.float32)

    def sentence(self, row: int) -> SentenceTokens:
        """All that is stored of one sentence."""
        start, end = self._offsets[row], self._offsets[row + 1]
        found: dict[str, Any] = {
            name: np.asarray(column[start:end]) for name, column in self._columns.items()
        }
        for name, kind in (("vectors", np.float32), ("layer", np.float32), ("ids", np.int64)):
            if name in found:
                found[name] = found[name].astype(kind)
        return SentenceTokens(**found)

    def batch(self, rows: Sequence[int], device: torch.device) -> TokenBatch:
        """Several sentences, padded with zeros to the longest."""
        return TokenBatch.padded([self.sentence(row) for row in rows], device)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a teacher is read where more than its vectors is needed.

    ``read`` gives the sentences in batches, in order. Its result depends on nothing but the
    sentences, ``digest`` and ``described``.
    """

    digest: str
    described: str
    read: Callable[[Sequence[str]], Iterable[list[SentenceTokens]]]


def teacher_tokens(
    encoder: TokenEncoder | Reading,
    sentences: Sequence[str],
    *,
    cache: Path,
    cuts: Mapping[str, tuple[int, int]] = MappingProxyType({}),
    progress: ProgressSink = silent,
) -> TeacherTokens:
    """Encode ``sentences``, or find them encoded; a row for each, in order.

    Args:
        encoder: the teacher, or how to read more than its vectors.
        sentences: what to encode.
        cache: directory for caches.
        cuts: what is noted of sentences that are cut, while they are encoded: sentence -> its
            tokens, and those that were read.
        progress: told of sentences encoded.
    """
    form = f"{_READ_FORMAT}\0{encoder.described}" if isinstance(encoder, Reading) else _FORMAT
    key = hashlib.sha256(f"{form}\0{encoder.digest}".encode())
    for sentence in sentences:
        key.update(b"\0" + sentence.encode())
    directory = cache / "teacher-tokens" / key.hexdigest()[:32]
    if not _is_whole(directory):
        if isinstance(encoder, Reading):
            batches = encoder.read(sentences)
        else:
            batches = _encoded(encoder, sentences)
        _write(batches, sentences, cuts, directory, progress)
    return TeacherTokens(directory)


def _is_whole(directory: Path) -> bool:
    """Whether vectors are there as they were written; others are removed, damaged ones with a
    warning. Those of an earlier clirot have no mark.
    """
    if not directory.is_dir():
        return False
    if is_marked(directory):
        if is_as_marked(directory):
            return True
        warnings.warn(
            f"the stored vectors of the teacher, {directory}, are damaged, so the teacher encodes "
            "its sentences anew",
            DamagedDraftWarning,
            stacklevel=3,
        )
    shutil.rmtree(directory)
    return False


def _encoded(encoder: TokenEncoder, sentences: Sequence[str]) -> Iterable[list[SentenceTokens]]:
    for start in range(0, len(sentences), _CHUNK):
        found = encoder.encode(sentences[start : start + _CHUNK])
        yield [SentenceTokens(matrix) for matrix in found]


def _write(
    batches: Iterable[list[SentenceTokens]],
    sentences: Sequence[str],
    cuts: Mapping[str, tuple[int, int]],
    directory: Path,
    progress: ProgressSink,
) -> None:
    part = directory.with_name(f".{directory.name}.{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    lengths: list[int] = []
    widths: dict[str, tuple[int, ...]] = {}
    streams: dict[str, Any] = {}
    try:
        for batch in batches:
            for sentence in batch:
                for name, kind in _TYPES.items():
                    column = getattr(sentence, name)
                    if column is None:
                        continue
                    if name not in streams:
                        streams[name] = (part / f"{name}.raw").open("wb")
                        widths[name] = column.shape[1:]
                    streams[name].write(column.astype(kind).tobytes())
                lengths.append(len(sentence.vectors))
            progress(Step("teacher", len(lengths), len(sentences), unit="sentences"))
    finally:
        for stream in streams.values():
            stream.close()
    for name, width in widths.items():
        raw = part / f"{name}.raw"
        column = np.memmap(raw, dtype=_TYPES[name], mode="r", shape=(sum(lengths), *width))
        np.save(part / f"{name}.npy", column)
        del column
        raw.unlink()
    np.save(part / "offsets.npy", np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
    cut = CutTexts()
    for text in sentences:
        if text in cuts:
            cut.add(text, *cuts[text])
    (part / _CUT).write_text(json.dumps(cut.row), encoding="utf-8")
    mark_whole(part)
    try:
        part.rename(directory)
    except OSError:
        # Another process was faster; its vectors are the same.
        shutil.rmtree(part, ignore_errors=True)
        if not directory.is_dir():
            raise
