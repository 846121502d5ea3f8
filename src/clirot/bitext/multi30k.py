"""Multi30k: captions of photographs, translated from English. The training part only.

Its terms allow research only, so it is fetched where it is named and not otherwise.

Source: Elliott et al. 2016, https://github.com/multi30k/dataset
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from clirot.bitext.formats.aligned_text import read_aligned
from clirot.bitext.source import DownloadedSource
from clirot.download import Upstream
from clirot.records import SentencePair

_REVISION = "a3d2e0d26b56f3846f66a952536ffed4e401d05a"
_LICENCE = "research only (Flickr30k terms)"
_TABLE = {
    "en": (568929, "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f"),
    "cs": (593827, "a65adb8b32e3bc664f21ecba7a6e7f6950fd1f405e135f7c312faabdb6255077"),
    "de": (637044, "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6"),
    "fr": (604242, "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c"),
}


def _file(language: str) -> Upstream:
    size, sha256 = _TABLE[language]
    return Upstream(
        url="https://raw.githubusercontent.com/multi30k/dataset/"
        f"{_REVISION}/data/task1/raw/train.{language}.gz",
        sha256=sha256,
        licence=_LICENCE,
        size=size,
    )


def _read(language: str, files: Sequence[Path]) -> Iterator[SentencePair]:
    english, foreign = files
    return read_aligned(english, foreign, id_prefix="train-")


MULTI30K = DownloadedSource(
    name="multi30k",
    title="29,000 captions of photographs (the training part; research only)",
    licence=_LICENCE,
    homepage="https://github.com/multi30k/dataset",
    citation="Elliott et al. 2016. Multi30K: multilingual English-German image descriptions.",
    revision=_REVISION,
    recommended=False,
    files={language: (_file("en"), _file(language)) for language in ("cs", "de", "fr")},
    reader=_read,
)
