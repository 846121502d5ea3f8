"""MAFAND-MT (formerly LAFAND-MT): news in African languages. The training part only.

The development and test parts stay out, so that a student never sees what it may be measured on.

Source: Adelani et al. 2022, https://github.com/masakhane-io/lafand-mt
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from clirot.bitext.formats.aligned_text import read_aligned
from clirot.bitext.source import DownloadedSource
from clirot.download import Upstream
from clirot.records import SentencePair

_REVISION = "d441f8b063d63e95eafb72e84317359e27abf95e"
_LICENCE = "CC-BY-NC-4.0"


def _file(name: str, size: int, sha256: str) -> Upstream:
    return Upstream(
        url="https://raw.githubusercontent.com/masakhane-io/lafand-mt/"
        f"{_REVISION}/data/text_files/{name}",
        sha256=sha256,
        licence=_LICENCE,
        size=size,
    )


def _read(language: str, files: Sequence[Path]) -> Iterator[SentencePair]:
    english, foreign = files
    return read_aligned(english, foreign, id_prefix="train")


MAFAND = DownloadedSource(
    name="mafand",
    title="news, 30,782 sentences of Swahili (the training part; not for commercial use)",
    licence=_LICENCE,
    homepage="https://github.com/masakhane-io/lafand-mt",
    citation="Adelani et al. 2022. A few thousand translations go a long way! Leveraging "
    "pre-trained models for African news translation.",
    revision=_REVISION,
    recommended=True,
    files={
        "sw": (
            _file(
                "en-swa/train.en",
                3463084,
                "bc6c6f0099aea15ad3a3ffa90d510815d55a004cf1a5c5ebdaba725b3fc52ff1",
            ),
            _file(
                "en-swa/train.swa",
                3853167,
                "561e4e04014ad64ff6f1878cbcb461b08ad0b1128e4813d554ac0c9830409e67",
            ),
        )
    },
    reader=_read,
)
