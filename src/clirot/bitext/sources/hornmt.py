"""HornMT: news headlines and sentences in English and languages of the Horn of Africa.

The five texts correspond line by line, so any two of them are bitext (Amharic-Somali, for one).

Source: https://github.com/asmelashteka/HornMT (Hadgu, Beaudoin and Aregawi, Lesan AI)
"""

from __future__ import annotations

from clirot.bitext.source import ParallelText
from clirot.bitext.sources.github import Repository

_AT = Repository(
    slug="asmelashteka/HornMT",
    commit="e67b5bc341e5893ef1f3f167a5022694c6da76d8",
    licence="CC-BY-4.0",
)

HORNMT = ParallelText(
    name="hornmt",
    title="news of the Horn of Africa",
    domain="news",
    licence=_AT.licence,
    homepage="https://github.com/asmelashteka/HornMT",
    citation="Hadgu, Beaudoin and Aregawi 2022. HornMT: machine translation benchmark dataset "
    "for languages in the Horn of Africa.",
    revision=_AT.commit,
    recommended=True,
    lines=2030,
    id_prefix="horn",
    texts={
        "aa": _AT.file("data/aar.txt"),
        "am": _AT.file("data/amh.txt"),
        "en": _AT.file(
            "data/eng.txt",
            303543,
            "40c4dab6ac6bb0e3a3d49721e116d326ca95c44e640c42f8caca4593e47db584",
        ),
        "om": _AT.file("data/orm.txt"),
        "so": _AT.file(
            "data/som.txt",
            362894,
            "eea86f6fee9020fb6c13d282e37bed5016e09e93a1d2a142d547faac91b48f63",
        ),
        "ti": _AT.file("data/tir.txt"),
    },
)
