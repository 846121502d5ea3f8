"""Tatoeba's weekly export, from a server that answers as its does."""

from __future__ import annotations

import bz2
from collections.abc import Iterator
from pathlib import Path

import pytest
from upstream_server import Upstreams, mirrored

from clirot.bitext import load_bitext, source_for
from clirot.bitext.acquisition import FetchConfig, fetch_bitext
from clirot.download import transfer
from clirot.errors import DownloadError, InputError
from clirot.records import LanguagePair
from clirot.store import Store

EN_SO = LanguagePair("en", "so")
AT = "/downloads.tatoeba.org/exports/per_language"
ENGLISH = "1\teng\tA house.\n2\teng\tTwo trees.\n3\teng\tNobody translated this.\n"
SOMALI = "71\tsom\tGuri.\n72\tsom\tLaba geed.\n73\tsom\tGeedo labo ah.\n"
LINKS = "72\t2\n71\t1\n73\t2\n73\t999\n70\t1\n"


@pytest.fixture
def tatoeba(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstreams]:
    held = Upstreams(
        files={
            f"{AT}/eng/eng_sentences.tsv.bz2": bz2.compress(ENGLISH.encode()),
            f"{AT}/som/som_sentences.tsv.bz2": bz2.compress(SOMALI.encode()),
            f"{AT}/som/som-eng_links.tsv.bz2": bz2.compress(LINKS.encode()),
            f"{AT}/eng/eng-som_links.tsv.bz2": bz2.compress(
                "".join(f"{b}\t{a}\n" for a, b in map(str.split, LINKS.splitlines())).encode()
            ),
        }
    )
    monkeypatch.setattr(transfer, "_PAUSES_S", (0.0, 0.0, 0.0))
    with mirrored(held, monkeypatch):
        yield held


@pytest.mark.parametrize("pair", [EN_SO, LanguagePair("so", "en")])
def test_sentences_are_paired_by_the_links(tatoeba: Upstreams, pair: LanguagePair) -> None:
    result = fetch_bitext(FetchConfig(pair=pair, sources=("tatoeba",)))
    result.check()
    found = [(one.src, one.tgt, one.id) for one in load_bitext(Store(), pair, ["tatoeba"]).pairs]
    expected = [
        ("Two trees.", "Laba geed.", "2-72"),
        ("A house.", "Guri.", "1-71"),
        ("Two trees.", "Geedo labo ah.", "2-73"),
    ]
    if pair != EN_SO:
        expected = [(b, a, "-".join(reversed(id_.split("-")))) for a, b, id_ in expected]
    assert found == expected
    manifest = result.fetched[0].artefact.manifest
    assert manifest.results["licence"] == "CC-BY-2.0-FR"
    assert len({one.digest for one in manifest.inputs}) == 3
    assert all(len(one.digest) == 64 for one in manifest.inputs)


def test_a_pair_without_translations_is_told_by_the_site(tatoeba: Upstreams) -> None:
    with pytest.raises(DownloadError, match="HTTP 404"):
        fetch_bitext(FetchConfig(pair=LanguagePair("so", "zu"), sources=("tatoeba",))).check()


def test_other_columns_are_an_error_with_the_line(tmp_path: Path) -> None:
    files = []
    for name, text in (("eng", ENGLISH), ("som", SOMALI), ("links", "71\t1\n72 2\n")):
        files.append(tmp_path / f"{name}.tsv.bz2")
        files[-1].write_bytes(bz2.compress(text.encode()))
    with pytest.raises(InputError, match=r"1 column.* where Tatoeba has 2: '72 2'") as caught:
        list(source_for("tatoeba", EN_SO).read(EN_SO, files))
    assert caught.value.line == 2
