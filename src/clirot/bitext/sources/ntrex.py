"""NTREX-128: the news of WMT 2019's test set, in 120 languages. An evaluation set.

Source: Federmann, Kocmi and Xin 2022, https://github.com/MicrosoftTranslator/NTREX
"""

from __future__ import annotations

from clirot.bitext.source import ParallelText
from clirot.bitext.sources.github import Repository, written_codes

_AT = Repository(
    slug="MicrosoftTranslator/NTREX",
    commit="c9f006f2c132c932b83ccd7aaa6a35930dd9c370",
    licence="CC-BY-SA-4.0",
)

# Of several files of one language the table names the one without a region.
_LANGUAGES = """
    af=afr am=amh ar=arb az=aze-Latn ba=bak be=bel bem=bem bg=bul bn=ben bo=bod bs=bos ca=cat
    ckb=ckb-Arab cs=ces cy=cym da=dan de=deu dv=div dz=dzo ee=ewe el=ell es=spa et=est eu=eus
    fa=fas ff=fuc fi=fin fj=fij fo=fao fr=fra ga=gle gl=glg gu=guj ha=hau he=heb hi=hin hmn=hmn
    hr=hrv hu=hun hy=hye id=ind ig=ibo is=isl it=ita ja=jpn ka=kat kk=kaz km=khm kn=kan ko=kor
    ku=kmr ky=kir lb=ltz lo=lao lt=lit lv=lav mey=mey mg=mlg mi=mri mk=mkd ml=mal mn=mon mr=mar
    ms=msa mt=mlt my=mya nb=nob nd=nde ne=nep nl=nld nn=nno nso=nso ny=nya om=orm pa=pan pl=pol
    ps=pus pt=por ro=ron ru=rus rw=kin sd=snd-Arab shi=shi si=sin sk=slk sl=slv sm=smo sn=sna-Latn
    so=som sq=sqi sr=srp-Cyrl sr-Latn=srp-Latn ss=ssw sv=swe sw=swa ta=tam te=tel tg=tgk-Cyrl
    th=tha ti=tir tk=tuk tl=fil tn=tsn to=ton tr=tur tt=tat ty=tah ug=uig uk=ukr ur=urd uz=uzb
    ve=ven vi=vie wo=wol xh=xho yo=yor yue=yue zh=zho-CN zh-Hant=zho-TW zu=zul
"""

NTREX = ParallelText(
    name="ntrex-128",
    title="news (WMT 2019); an evaluation set: keep it out of training",
    domain="news",
    licence=_AT.licence,
    homepage="https://github.com/MicrosoftTranslator/NTREX",
    citation="Federmann, Kocmi and Xin 2022. NTREX-128: news test references for MT evaluation of "
    "128 languages.",
    revision=_AT.commit,
    evaluation=True,
    lines=1997,
    id_prefix="ntrex",
    texts={
        "en": _AT.file("NTREX-128/newstest2019-src.eng.txt"),
        **{
            language: _AT.file(f"NTREX-128/newstest2019-ref.{written}.txt")
            for language, written in written_codes(_LANGUAGES).items()
        },
    },
)
