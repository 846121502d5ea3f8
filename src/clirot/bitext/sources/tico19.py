"""TICO-19: 3,071 sentences on the pandemic, in English and dozens of languages.

Two sources share its files. ``tico-19`` is what was published. In the published Somali file the two
sides have come apart: an English sentence was left inside the Somali of ``Wikinews_6:1159``, and
after it the Somali is ahead by one unit, except for one stretch, up to the last but one.
``tico-19-realigned`` puts the 1,750 moved sentences back and leaves out the three that have no
counterpart.

Source: Anastasopoulos et al. 2020, https://tico-19.github.io
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from clirot.bitext.formats.tmx import read_tmx
from clirot.bitext.formats.zipped import open_member
from clirot.bitext.source import PairedSource
from clirot.bitext.sources.github import Repository
from clirot.download import Upstream
from clirot.errors import InputError
from clirot.records import LanguagePair, SentencePair

_AT = Repository(
    slug="tico-19/tico-19.github.io",
    commit="d97615f9cffa28ec7de571e00fbd513e5a1c7fc7",
    licence="CC0-1.0",
)
_CITATION = "Anastasopoulos et al. 2020. TICO-19: the Translation Initiative for COvid-19."

# These were read here, and their digests taken.
_TABLE = """
    ar ar     423246 9f08855934280255d0da67accb921939a64e8c72fdcca9ede0f473bf36a09468
    es es-LA  381511 f99ead6835c6e039424c3a425fc5bda56e89d1b901b0aeb461c40455ac5fa185
    fr fr     389003 6163c12be9aca3fd11a2d86f762f61d7f5f0608b22afb60bab6e5415d9c455e2
    hi hi     448122 15f0c198bf872e190fdbb0bb7b009ecc78a7cb6d36f6f6e727e7f6d64d2b8365
    mr mr     468879 b6c45e13d5c46cef715c7462449830917ab6156b9610d3cd485a1729ef1ec21e
    ru ru     464716 efe7076a35e82bb0987d4e2e768f1729190acc6fd15c4a821362afd10d600994
    so so     387812 0809ea465dafd09dcf871d084ede5a2add08f8a5e9cca884304f21a4187bfa2a
    sw sw     366948 665d685b739044f805d254494f6da8f93761f71767b5f63582f8b5792c6c8a06
    tl tl     374841 dca3dba5e39008fbcf9c0cece64c5e83352c87f48bebf7c3f8c76a8e1887c725
    zh zh     385761 094d85c551124723d3ada75db50272c7301bd045df4805eb38e2060b51bfe80d
"""

# Upstream has these memories too; they were not read here, and what arrives first is their digest.
_MORE = """
    en bn, en ckb, en din, en fa, en fuv, en ha, en id, en km, en ku, en lg, en ln, en ms, en my,
    en ne, en nus, en om, en ps, en rw, en ta, en ti, en ur, en zu,
    fr fuv, fr lg, fr ln, fr rw, fr sw, fr zu, am om, am ti, ar fr, hi bn, hi mr, hi ru, hi ur
"""


def _files() -> dict[tuple[str, str], tuple[Upstream, ...]]:
    files: dict[tuple[str, str], tuple[Upstream, ...]] = {}
    for line in _TABLE.strip().splitlines():
        language, written, size, sha256 = line.split()
        path = f"data/TM/all.en-{written}.tmx.zip"
        files["en", language] = (_AT.file(path, int(size), sha256),)
    for entry in _MORE.split(","):
        one, other = entry.split()
        files[one, other] = (_AT.file(f"data/TM/all.{one}-{other}.tmx.zip"),)
    return files


def read_published(pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
    """The units of one of TICO-19's translation memories, as they are."""
    (path,) = files
    with open_member(path, suffix=".tmx") as stream:
        yield from read_tmx(stream, path=path, pair=pair)


# The serial numbers of the units whose Somali stands in the unit before, and those that have none.
_AHEAD = (range(1161, 1701), range(1861, 3071))
_WITHOUT_SOMALI = (1159, 1160, 1860)


def read_realigned_somali(pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
    """The units of the Somali file, each English sentence with its own translation.

    Raises:
        InputError: the units are not numbered as in the file this correction was made for.
    """
    units = list(read_published(pair, files))
    if [_serial(unit) for unit in units] != list(range(1, 3072)):
        raise InputError("not the translation memory this correction is for", path=files[0])
    yield units[0]
    for before, unit in pairwise(units):
        serial = _serial(unit)
        if serial in _WITHOUT_SOMALI:
            continue
        ahead = any(serial in stretch for stretch in _AHEAD)
        yield SentencePair(unit.src, before.tgt if ahead else unit.tgt, unit.id, unit.place)


def _serial(unit: SentencePair) -> int:
    """``Wikinews_6:1159`` -> 1159: units are numbered through the whole collection."""
    number = unit.id.rpartition(":")[2]
    return int(number) if number.isdigit() else -1


TICO19 = PairedSource(
    name="tico-19",
    title="sentences on the pandemic, as published (Somali: half of it misaligned)",
    domain="health",
    licence=_AT.licence,
    homepage="https://tico-19.github.io",
    citation=_CITATION,
    revision=_AT.commit,
    recommended=True,
    files=_files(),
    counts={("en", line.split()[0]): 3071 for line in _TABLE.strip().splitlines()},
    reader=read_published,
)

TICO19_REALIGNED = PairedSource(
    name="tico-19-realigned",
    title="the Somali of TICO-19 with its 1,750 displaced sentences put back",
    domain="health",
    licence=_AT.licence,
    homepage="https://tico-19.github.io",
    citation=_CITATION,
    revision=f"{_AT.commit}, realigned 1",
    recommended=True,
    files={("en", "so"): _files()["en", "so"]},
    counts=3068,
    reader=read_realigned_somali,
)
