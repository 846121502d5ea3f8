"""HornMT: news headlines and sentences in English and languages of the Horn of Africa.

Source: https://github.com/asmelashteka/HornMT (Hadgu, Beaudoin and Aregawi, Lesan AI)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from clirot.bitext.formats.aligned_text import read_aligned
from clirot.bitext.source import DownloadedSource
from clirot.download import Upstream
from clirot.records import SentencePair

_REVISION = "e67b5bc341e5893ef1f3f167a5022694c6da76d8"
_LICENCE = "CC-BY-4.0"


def _file(name: str, size: int, sha256: str) -> Upstream:
    return Upstream(
        url=f"https://raw.githubusercontent.com/asmelashteka/HornMT/{_REVISION}/data/{name}",
        sha256=sha256,
        licence=_LICENCE,
        size=size,
    )


_ENGLISH = _file(
    "eng.txt", 303543, "40c4dab6ac6bb0e3a3d49721e116d326ca95c44e640c42f8caca4593e47db584"
)
_SOMALI = _file(
    "som.txt", 362894, "eea86f6fee9020fb6c13d282e37bed5016e09e93a1d2a142d547faac91b48f63"
)


def _read(language: str, files: Sequence[Path]) -> Iterator[SentencePair]:
    english, foreign = files
    return read_aligned(english, foreign, id_prefix="horn")


HORNMT = DownloadedSource(
    name="hornmt",
    title="2,030 sentences of news",
    licence=_LICENCE,
    homepage="https://github.com/asmelashteka/HornMT",
    citation="Hadgu, Beaudoin and Aregawi 2022. HornMT: machine translation benchmark dataset "
    "for languages in the Horn of Africa.",
    revision=_REVISION,
    recommended=True,
    files={"so": (_ENGLISH, _SOMALI)},
    reader=_read,
)
