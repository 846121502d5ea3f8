"""Tatoeba's own downloads: sentences of everyday life and which translate each other.

The site exports everything each week, under addresses without a version. So a file is trusted when
it first arrives and compared from then on; its digest in the manifest is the version. For a version
with a name take one of OPUS's, such as ``opus:Tatoeba@v2023-04-12``.

Source: https://tatoeba.org/downloads. ``<code>_sentences.tsv.bz2`` has number, code and text of a
sentence on a line, ``<code>-<code>_links.tsv.bz2`` the numbers of two that translate each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from clirot.bitext.formats.lines import counted, excerpt, read_lines
from clirot.bitext.source import Described
from clirot.download import Upstream
from clirot.errors import InputError
from clirot.records import LanguagePair, SentencePair

_AT = "https://downloads.tatoeba.org/exports/per_language"
_WRITTEN = """
    am=amh ar=ara bg=bul bn=ben ca=cat cs=ces cy=cym da=dan de=deu el=ell en=eng eo=epo es=spa
    et=est eu=eus fi=fin fr=fra ga=gle gl=glg ha=hau he=heb hi=hin hr=hrv hu=hun hy=hye id=ind
    ig=ibo is=isl it=ita ja=jpn ka=kat kk=kaz km=khm ko=kor lt=lit mk=mkd mr=mar my=mya nl=nld
    pl=pol pt=por ro=ron ru=rus sk=slk sl=slv so=som sq=sqi sr=srp sv=swe sw=swh ta=tam te=tel
    th=tha tl=tgl tr=tur uk=ukr ur=urd vi=vie yo=yor zh=cmn zu=zul
"""
_CODES = dict(entry.split("=") for entry in _WRITTEN.split())
"""Language -> Tatoeba's code, which is ISO 639-3's."""


@dataclass(frozen=True, kw_only=True)
class TatoebaExport(Described):
    """Any two languages of which some sentences translate each other."""

    @property
    def languages(self) -> Sequence[str]:
        """The languages that have sentences; not every pair of them has translations."""
        return sorted(set(_CODES) - {"en"})

    def has(self, pair: LanguagePair) -> bool:
        """Whether both languages have sentences; only the site knows if some are translations."""
        return pair.src in _CODES and pair.tgt in _CODES

    def count(self, pair: LanguagePair) -> int | None:
        """None: it changes every week."""
        return None

    def upstreams(self, pair: LanguagePair) -> tuple[Upstream, ...]:
        """The sentences of both languages, and the links between them."""
        src, tgt = _CODES[pair.src], _CODES[pair.tgt]
        names = (f"{src}/{src}_sentences", f"{tgt}/{tgt}_sentences", f"{tgt}/{tgt}-{src}_links")
        return tuple(
            Upstream(url=f"{_AT}/{name}.tsv.bz2", sha256=None, licence=self.licence)
            for name in names
        )

    def read(self, pair: LanguagePair, files: Sequence[Path]) -> Iterator[SentencePair]:
        """Every sentence with every translation of it, in the order of the links.

        The linked sentences are held in memory. The files may be of different weeks, so a link to a
        sentence that is not in them is left out.

        Raises:
            InputError: a line has another number of columns.
        """
        sources, targets, links = files
        linked = [(src, tgt) for tgt, src in _columns(links, 2)]
        src_text = _texts(sources, {src for src, _ in linked})
        tgt_text = _texts(targets, {tgt for _, tgt in linked})
        for src, tgt in linked:
            if src in src_text and tgt in tgt_text:
                yield SentencePair(src_text[src], tgt_text[tgt], f"{src}-{tgt}")


def _texts(path: Path, wanted: set[str]) -> dict[str, str]:
    return {number: text for number, _, text in _columns(path, 3) if number in wanted}


def _columns(path: Path, count: int) -> Iterator[list[str]]:
    for number, line in enumerate(read_lines(path), start=1):
        cells = line.split("\t")
        if len(cells) != count:
            raise InputError(
                f"{counted(cells)} where Tatoeba has {count}: {excerpt(line)}",
                path=path,
                line=number,
            )
        yield cells


TATOEBA = TatoebaExport(
    name="tatoeba",
    title="sentences of everyday life, as they are this week",
    domain="everyday sentences",
    licence="CC-BY-2.0-FR",
    homepage="https://tatoeba.org/downloads",
    citation="Tatoeba, https://tatoeba.org, CC BY 2.0 FR",
    revision="weekly export",
)
