"""The Tatoeba test sets of LASER: up to 1,000 sentences of everyday life a language.

An evaluation set, which the collections ``tatoeba/LANG`` are made of. To train on Tatoeba take
``opus:Tatoeba``, and mind that both are drawn from the same sentences.

Source: Artetxe and Schwenk 2019, https://github.com/facebookresearch/LASER/tree/main/data/tatoeba
"""

from __future__ import annotations

from clirot.bitext.source import PairedSource, aligned_lines
from clirot.bitext.sources.github import Repository
from clirot.download import Upstream

_AT = Repository(
    slug="facebookresearch/LASER",
    commit="74bc6ae7ffb7cba670fe0f428d0ede9f666fb821",
    licence="CC-BY-2.0-FR",
)
_LANGUAGES = {
    "ar": ("ara", 1000),
    "de": ("deu", 1000),
    "el": ("ell", 1000),
    "es": ("spa", 1000),
    "fi": ("fin", 1000),
    "fr": ("fra", 1000),
    "hi": ("hin", 1000),
    "mr": ("mar", 1000),
    "ro": ("ron", 1000),
    "ru": ("rus", 1000),
    "sw": ("swh", 390),
    "th": ("tha", 548),
    "tl": ("tgl", 1000),
    "tr": ("tur", 1000),
    "vi": ("vie", 1000),
    "zh": ("cmn", 1000),
}
"""Language -> upstream's code, sentences."""
_TABLE = """
    ara-eng.ara 43582 e67a0ae072b79cd9e8eb09f166c3bc0b23488d39f5720f2ee0a8350ae17b719f
    ara-eng.eng 29068 3c11838c963f598a52dcf2f452b666353538257001db5c59c3a5f54a999b336b
    cmn-eng.cmn 33410 965d033966fcd186c89741ad49ab4b0a0b2bbd33e02666635ff3b2be23c1ac1f
    cmn-eng.eng 35521 29ba36232488f5806aceccac57c59c5e750ddd08edb40eef417e3ada9ff9a239
    deu-eng.deu 57121 edfa6f75a42554df388f45891735d5e4214158a99def4b73b5908af4a3054551
    deu-eng.eng 48446 eb9cc83a42f2c4b22f310d05311207e41abb56c2a084666cac3ee0f84d2d0b84
    ell-eng.ell 52202 4fb3d3d30bdafd15100dfad5c4680f8f2ed5ca87ed0a6122e2fe2aa21fee65e8
    ell-eng.eng 26759 1f630710e718e2f85a4e757d3c7f3d6e78ded0b25c99653b4c552138318d9ffe
    fin-eng.eng 35812 322e610359f4d24852e673bbe4524d52c26dbf980aca0760e95c66dc21ecd504
    fin-eng.fin 39857 8db3c734f755d578445947f1182f40faf2a9a0eca37561dd248717c088802d60
    fra-eng.eng 36291 5634220f8a26a9a23b84753a9aec0b0832e6bdaa9da3f83e0bd84c928c3f46e3
    fra-eng.fra 43727 644172ff9642fefa9e41c29b7d6f44196518e84350dc44d4992e943c0cca92b6
    hin-eng.eng 34090 adfce2269a55dbac69b25c0f4f6eb89e0f9383165485925a2e042e61b9480562
    hin-eng.hin 88468 15e4fb0a394be4438319f1d6955d1aea226e2a8c5ad38798b23b76ae43d742ed
    mar-eng.eng 27890 709d09b697dca053c814b9d525b72cb47cb011aa860c6598f3e2b1b3dd1280dd
    mar-eng.mar 72652 b2931584fbe62062beb97cc939e4d208ace5ee56f15808860ab14e130fd3c576
    ron-eng.eng 34494 1064c638220dc9de0868baee327e091ae815214674295b62b13448ef442c448d
    ron-eng.ron 37990 ad5c4a9f4920718203534d1f8271e27021b9af54b2c908dec66851d4dc681fd4
    rus-eng.eng 33650 7b26f52d6085b7c4944d6f5f6f5b6e1932085b42112f1444db515ce59e878fb8
    rus-eng.rus 58822 446ff2cae66053c2277d9735b2c2df6b786cae258385f7ade7bed68d8835c6a0
    spa-eng.eng 34776 89e4470f4572040b1ca94b3edad97dcd8bd2f0141f072e12933b8659dadf917d
    spa-eng.spa 37490 f9628cea40481e8251f0999718bd893cff0f261752f5e526b3bc20284e2ca018
    swh-eng.eng 10822 e8539647caff9e329776ae863b6224d432923c6e4e9256b9df92ca58ff282eac
    swh-eng.swh 9645 1c672915446c336cc378676e6dbf91eb54d27bbfd0c61563d349265bc6374753
    tgl-eng.eng 31632 e7c9beda3f3072a968a34a7226a66d1ebf1dcb33cf002805dc752f80a7c620ae
    tgl-eng.tgl 36506 f99165dc05190b99f6574fe24db884ff85d111612a25e7a37323f001aafc2a6e
    tha-eng.eng 18439 2881c82d2c5fa59cf0a68bc9e012f5e0b0a716f7357cbecf77c247efc2fd7294
    tha-eng.tha 44759 65c7b3c01a56a1ac8971e72e0ea8e74a027718dc84044d8802c0ab36395a3156
    tur-eng.eng 34278 a768df7dd3d1344f872a458b32c3a65e24f8381826ccb16ba6677426176c8121
    tur-eng.tur 37607 1ffa0acc006018b3105abda41a4d4ca42f3c122964a49b71793546367b079a86
    vie-eng.eng 38686 a1f60bd8ae6c42224a4c050d2aa1ff4242d14827d64d7831e96ecf2b2c367f5f
    vie-eng.vie 52721 6dbb02d778b0bfc8678cd85f87db76de55dd7e409a26fe32ad42d50e0f1fff77
"""


def _files() -> dict[tuple[str, str], tuple[Upstream, ...]]:
    known = {}
    for line in _TABLE.strip().splitlines():
        name, size, sha256 = line.split()
        known[name] = _AT.file(f"data/tatoeba/v1/tatoeba.{name}", int(size), sha256)
    return {
        ("en", language): (known[f"{code}-eng.eng"], known[f"{code}-eng.{code}"])
        for language, (code, _) in _LANGUAGES.items()
    }


TATOEBA_TEST = PairedSource(
    name="tatoeba-test",
    title="sentences of everyday life; an evaluation set: keep it out of training",
    domain="everyday sentences",
    licence=_AT.licence,
    homepage="https://github.com/facebookresearch/LASER",
    citation="Artetxe and Schwenk 2019. Massively multilingual sentence embeddings for zero-shot "
    "cross-lingual transfer and beyond; sentences of Tatoeba, https://tatoeba.org",
    revision=_AT.commit,
    evaluation=True,
    files=_files(),
    counts={("en", language): count for language, (_, count) in _LANGUAGES.items()},
    reader=aligned_lines("tatoeba"),
)
