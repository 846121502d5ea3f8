"""MAFAND-MT (formerly LAFAND-MT): news in African languages. The training part only.

Ten languages are paired with English and six with French. Amharic, Kinyarwanda, Chichewa, Shona and
Xhosa have no training part upstream. The development and test parts stay out, so that a student
never sees what it may be measured on.

Source: Adelani et al. 2022, https://github.com/masakhane-io/lafand-mt; the counts are those of
https://huggingface.co/datasets/masakhane/mafand.
"""

from __future__ import annotations

from collections.abc import Iterator

from clirot.bitext.source import PairedSource, aligned_lines
from clirot.bitext.sources.github import Repository
from clirot.download import Upstream

_AT = Repository(
    slug="masakhane-io/lafand-mt",
    commit="d441f8b063d63e95eafb72e84317359e27abf95e",
    licence="CC-BY-NC-4.0",
)

_TABLE = """
    en ha hau 5865
    en ig ibo 6998
    en lg lug 4075
    en luo luo 4262
    en pcm pcm 4790
    en sw swa 30782
    en tn tsn 2100
    en ak twi 3337
    en yo yor 6644
    en zu zul 3500
    fr bm bam 3302
    fr bbj bbj 2232
    fr ee ewe 2026
    fr fon fon 2637
    fr mos mos 2287
    fr wo wol 3360
"""
"""Language, other language, as upstream calls it, training sentences."""

_KNOWN = {
    "train.en": (3463084, "bc6c6f0099aea15ad3a3ffa90d510815d55a004cf1a5c5ebdaba725b3fc52ff1"),
    "train.swa": (3853167, "561e4e04014ad64ff6f1878cbcb461b08ad0b1128e4813d554ac0c9830409e67"),
}
"""Size and digest of the files of en-swa."""


def _rows() -> Iterator[tuple[tuple[str, str], str, int]]:
    for line in _TABLE.strip().splitlines():
        one, other, written, count = line.split()
        yield (one, other), written, int(count)


def _files(one: str, written: str) -> tuple[Upstream, ...]:
    directory = f"{one}-{written}"
    names = (f"train.{one}", f"train.{written}")
    known = _KNOWN if directory == "en-swa" else {}
    return tuple(
        _AT.file(f"data/text_files/{directory}/{name}", *known.get(name, (None, None)))
        for name in names
    )


MAFAND = PairedSource(
    name="mafand",
    title="news, the training part; not for commercial use",
    domain="news",
    licence=_AT.licence,
    homepage="https://github.com/masakhane-io/lafand-mt",
    citation="Adelani et al. 2022. A few thousand translations go a long way! Leveraging "
    "pre-trained models for African news translation.",
    revision=_AT.commit,
    recommended=True,
    files={pair: _files(pair[0], written) for pair, written, _ in _rows()},
    counts={pair: count for pair, _, count in _rows()},
    reader=aligned_lines("train"),
)
