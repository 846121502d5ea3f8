"""FLORES-200 (development part) and NLLB-Seed: sentences of Wikimedia projects, by translators.

Both are from one repository, the N'Ko edition of Meta's corpora. FLORES-200 is what people measure
translation and retrieval on: it is here to be looked at, never recommended, and its second half
(devtest) is not here at all. NLLB-Seed was made to train on: 6,193 sentences in 40 languages that
have little else.

Source: NLLB Team et al. 2022; Doumbouya et al. 2023,
https://github.com/common-parallel-corpora/common-parallel-corpora
"""

from __future__ import annotations

from clirot.bitext.source import ParallelText
from clirot.bitext.sources.github import Repository, written_codes

_AT = Repository(
    slug="common-parallel-corpora/common-parallel-corpora",
    commit="dbc2cd91df89c52dffe899efe7ea4dff63e172fc",
    licence="CC-BY-SA-4.0",
)
_DIRECTORY = "data/common-parallel-corpora"
_CITATION = (
    "NLLB Team et al. 2022. No language left behind: scaling human-centered machine translation; "
    "Doumbouya et al. 2023. Machine translation for Nko: tools, corpora, and baseline results."
)

# Of two files of one language (Persian of Iran and of Afghanistan) the table names one.
_FLORES = """
    ace=ace_Latn ace-Arab=ace_Arab acm-Arab=acm_Arab acq-Arab=acq_Arab aeb=aeb_Arab af=afr_Latn
    ajp-Arab=ajp_Arab ak=aka_Latn am=amh_Ethi apc=apc_Arab ar=arb_Arab ar-Latn=arb_Latn
    ars=ars_Arab ary=ary_Arab arz=arz_Arab as=asm_Beng ast=ast_Latn awa=awa_Deva ay=ayr_Latn
    az=azj_Latn azb-Arab=azb_Arab ba=bak_Cyrl ban=ban_Latn be=bel_Cyrl bem=bem_Latn bg=bul_Cyrl
    bho=bho_Deva bjn=bjn_Latn bjn-Arab=bjn_Arab bm=bam_Latn bn=ben_Beng bo=bod_Tibt bs=bos_Latn
    bug=bug_Latn ca=cat_Latn ceb=ceb_Latn cjk=cjk_Latn ckb=ckb_Arab crh-Latn=crh_Latn cs=ces_Latn
    cy=cym_Latn da=dan_Latn de=deu_Latn din=dik_Latn dyu=dyu_Latn dz=dzo_Tibt ee=ewe_Latn
    el=ell_Grek en=eng_Latn eo=epo_Latn es=spa_Latn et=est_Latn eu=eus_Latn fa=pes_Arab fi=fin_Latn
    fj=fij_Latn fo=fao_Latn fon=fon_Latn fr=fra_Latn fur=fur_Latn fuv=fuv_Latn ga=gle_Latn
    gd=gla_Latn gl=glg_Latn gn=grn_Latn gu=guj_Gujr ha=hau_Latn he=heb_Hebr hi=hin_Deva
    hne=hne_Deva hr=hrv_Latn ht=hat_Latn hu=hun_Latn hy=hye_Armn id=ind_Latn ig=ibo_Latn
    ilo=ilo_Latn is=isl_Latn it=ita_Latn ja=jpn_Jpan jv=jav_Latn ka=kat_Geor kab=kab_Latn
    kac=kac_Latn kam=kam_Latn kbp=kbp_Latn kea=kea_Latn kg=kon_Latn ki=kik_Latn kk=kaz_Cyrl
    km=khm_Khmr kmb=kmb_Latn kn=kan_Knda ko-Hang=kor_Hang kr=knc_Latn kr-Arab=knc_Arab ks=kas_Arab
    ks-Deva=kas_Deva ku=kmr_Latn ky=kir_Cyrl lb=ltz_Latn lg=lug_Latn li=lim_Latn lij=lij_Latn
    lmo=lmo_Latn ln=lin_Latn lo=lao_Laoo lt=lit_Latn ltg=ltg_Latn lua=lua_Latn luo=luo_Latn
    lus=lus_Latn lv=lvs_Latn mag=mag_Deva mai=mai_Deva mg=plt_Latn mi=mri_Latn min=min_Latn
    min-Arab=min_Arab mk=mkd_Cyrl ml=mal_Mlym mn=khk_Cyrl mni=mni_Beng mos=mos_Latn mr=mar_Deva
    ms=zsm_Latn mt=mlt_Latn my=mya_Mymr nb=nob_Latn ne=npi_Deva nl=nld_Latn nn=nno_Latn
    nqo=nqo_Nkoo nso=nso_Latn nus=nus_Latn ny=nya_Latn oc=oci_Latn om=gaz_Latn or=ory_Orya
    pa=pan_Guru pag=pag_Latn pap=pap_Latn pbt-Arab=pbt_Arab pl=pol_Latn pt=por_Latn quy=quy_Latn
    rn=run_Latn ro=ron_Latn ru=rus_Cyrl rw=kin_Latn sa=san_Deva sat=sat_Olck sc=srd_Latn
    scn=scn_Latn sd=snd_Arab sg=sag_Latn shn=shn_Mymr si=sin_Sinh sk=slk_Latn sl=slv_Latn
    sm=smo_Latn sn=sna_Latn so=som_Latn sq=als_Latn sr=srp_Cyrl ss=ssw_Latn st=sot_Latn su=sun_Latn
    sv=swe_Latn sw=swh_Latn szl=szl_Latn ta=tam_Taml taq=taq_Latn taq-Tfng=taq_Tfng te=tel_Telu
    tg=tgk_Cyrl th=tha_Thai ti=tir_Ethi tk=tuk_Latn tl=tgl_Latn tn=tsn_Latn tpi=tpi_Latn
    tr=tur_Latn ts=tso_Latn tt=tat_Cyrl tum=tum_Latn tzm-Tfng=tzm_Tfng ug=uig_Arab uk=ukr_Cyrl
    umb=umb_Latn ur=urd_Arab uz=uzn_Latn vec=vec_Latn vi=vie_Latn war=war_Latn wo=wol_Latn
    xh=xho_Latn yi=ydd_Hebr yo=yor_Latn yue=yue_Hant zh=zho_Hans zh-Hant=zho_Hant zu=zul_Latn
"""
_KNOWN = """
    arb_Arab 201592 abf6f8ae0a4a93e0a6855b9a42bc5a772fa0c72d11baaa0ff1c8650bea42fd6c
    deu_Latn 149933 12fac774c6f79d966774a1829648a6e107700662e9e7b9e31ad08541382b97aa
    ell_Grek 274510 ee0f3636d4bb65c7aec0201022d23aca1f2053a167d78d6669303df4fbc02f23
    eng_Latn 126287 51a25f527fd81f428b6933d85a2f5e5544af92aa82042c7fbf0c4120327fba0a
    fin_Latn 140178 9769916f6411822e510b47b1aac01fb123061a0da9ef14a621540b81c490ef4a
    fra_Latn 155574 7c1e1043b9d8cc6cb6fd4388ce068060f36518fd3597357a381cfdbe8ce5ab00
    hin_Deva 323267 639d0f659eb74c98bcb82d0946495a7041d894dcd2c20a10daac54da9a935e22
    mar_Deva 336894 8bb0e07c3c252ba6cb01c86a7ded5683ea352fca0c72bb70d9a4ba7ae45eba59
    ron_Latn 149951 710eca0b694af56224299c81c947b42d3476286a41a766655cd390c1ab5f06ab
    rus_Cyrl 253295 3cad8426c208a2d5f5ccb1bbf5b5284129ffc30636cff4f4421f5f6f31d891a5
    som_Latn 143418 d072455bfaa948d353f4f14806f81786ee3c1ec184cd4a90cee2187c52cd2c9c
    spa_Latn 153121 9a99ddc459542da2d980b21cc049e799172545938cb02a5e7c92ebd8234b2121
    swh_Latn 132843 59c8ee7cb9a702f32ff3f3e6974f4465db63df0d7172fe0d53c8bd2405daa547
    tgl_Latn 159156 10124f352b8293c57fc013e8e49dc70794e569dd8f6af3b4ea7feeb16bb62b66
    tha_Thai 347718 87430676335bd14f1a578c982695c61ce2179dfa6df8ec530c4762fbc6b8ad27
    tur_Latn 140998 0e08ae46ed14e71d8a3257c174565427e335c0ce3a33135e6e7506bb47f9d068
    vie_Latn 175817 40a52e72054d03906de8231fd6f4de3d26cf0a19c4b2b525545128cfbfea7e2a
    zho_Hans 118256 ae677073476a27d6d11db642df5c18b86ca5dfcbbeefeba7d99ec93b7f5bd177
"""
"""File of FLORES, size, digest: those that were read here."""

_SEED = """
    ace=ace_Latn ace-Arab=ace_Arab ary=ary_Arab arz=arz_Arab ban=ban_Latn bho=bho_Deva bjn=bjn_Latn
    bjn-Arab=bjn_Arab bm=bam_Latn bug=bug_Latn crh-Latn=crh_Latn din=dik_Latn dz=dzo_Tibt
    en=eng_Latn fa=prs_Arab fur=fur_Latn fuv=fuv_Latn gn=grn_Latn hne=hne_Deva kr=knc_Latn
    kr-Arab=knc_Arab ks=kas_Arab ks-Deva=kas_Deva li=lim_Latn lij=lij_Latn lmo=lmo_Latn
    ltg=ltg_Latn mag=mag_Deva mi=mri_Latn mni=mni_Beng nqo=nqo_Nkoo nus=nus_Latn pbt-Arab=pbt_Arab
    sc=srd_Latn scn=scn_Latn shn=shn_Mymr szl=szl_Latn taq=taq_Latn taq-Tfng=taq_Tfng
    tzm-Tfng=tzm_Tfng vec=vec_Latn
"""


def _known() -> dict[str, tuple[int, str]]:
    rows = (line.split() for line in _KNOWN.strip().splitlines())
    return {written: (int(size), sha256) for written, size, sha256 in rows}


_DIGESTS = _known()

FLORES = ParallelText(
    name="flores-200-dev",
    title="sentences of Wikimedia projects; an evaluation set: keep it out of training",
    domain="encyclopaedia",
    licence=_AT.licence,
    homepage="https://github.com/common-parallel-corpora/common-parallel-corpora",
    citation=_CITATION,
    revision=_AT.commit,
    evaluation=True,
    lines=997,
    id_prefix="dev",
    texts={
        language: _AT.file(
            f"{_DIRECTORY}/flores-200-dev/{written}.dev", *_DIGESTS.get(written, (None, None))
        )
        for language, written in written_codes(_FLORES).items()
    },
)

NLLB_SEED = ParallelText(
    name="nllb-seed",
    title="sentences of Wikipedia, for languages with little bitext",
    domain="encyclopaedia",
    licence=_AT.licence,
    homepage="https://github.com/common-parallel-corpora/common-parallel-corpora",
    citation=_CITATION,
    revision=_AT.commit,
    recommended=True,
    lines=6193,
    id_prefix="seed",
    texts={
        language: _AT.file(f"{_DIRECTORY}/multitext-nllb-seed/{written}")
        for language, written in written_codes(_SEED).items()
    },
)
