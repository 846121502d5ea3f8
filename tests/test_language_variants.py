"""Variants of a language: which codes are one, which text is taken of several, and what is said."""

from __future__ import annotations

import gzip
import io
import json
import warnings
import zipfile
from pathlib import Path

import pytest
from bitext_files import as_mo
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from clirot.bitext.acquisition import FetchConfig, fetch_bitext
from clirot.bitext.catalogue import SOURCES
from clirot.bitext.formats.language_variants import LanguageVariants
from clirot.bitext.formats.local_file import LocalFile, read_local
from clirot.bitext.source import published
from clirot.bitext.sources.opus_spellings import in_order, spellings, taken_instead
from clirot.bitext.text import scripts_of
from clirot.cli import app
from clirot.collection import open_collection
from clirot.errors import ChoiceNotice, ClirotError, InputError, LanguageWarning, UsageError
from clirot.known_models import KNOWN, covers
from clirot.languages import (
    closest_language,
    language_name,
    parse_language,
    script_of,
    split_pair,
    without_region,
)
from clirot.records import LanguagePair
from clirot.retrieval.perturbation.keyboards import keyboard_of
from clirot.retrieval.perturbation.speech import spelled
from clirot.retrieval.translation.language_codes import ModelLanguages
from clirot.store import Store

# One language, as standards spell it. The scripts and regions are those of the languages' most
# common writing and their most populous country, from their articles in Wikipedia.
LANGUAGES = {
    "zh": (["zh", "zho", "chi", "cmn"], "Hans", "CN"),
    "ar": (["ar", "ara", "arb"], "Arab", "EG"),
    "sw": (["sw", "swa", "swh"], "Latn", "TZ"),
    "fa": (["fa", "fas", "per", "pes"], "Arab", "IR"),
    "ne": (["ne", "nep", "npi"], "Deva", "NP"),
    "de": (["de", "deu", "ger"], "Latn", "DE"),
    "fr": (["fr", "fra", "fre"], "Latn", "FR"),
    "he": (["he", "heb", "iw"], "Hebr", "IL"),
    "id": (["id", "ind", "in"], "Latn", "ID"),
    "tl": (["tl", "tgl", "fil"], "Latn", "PH"),
    "so": (["so", "som"], "Latn", "SO"),
    "pt": (["pt", "por"], "Latn", "BR"),
    "ms": (["ms", "msa", "may", "zsm"], "Latn", "MY"),
    "lv": (["lv", "lav", "lvs"], "Latn", "LV"),
    "et": (["et", "est", "ekk"], "Latn", "EE"),
    "uz": (["uz", "uzb", "uzn"], "Latn", "UZ"),
    "sq": (["sq", "sqi", "alb", "als"], "Latn", "AL"),
    "om": (["om", "orm", "gaz"], "Latn", "ET"),
    "mn": (["mn", "mon", "khk"], "Cyrl", "MN"),
    "ps": (["ps", "pus"], "Arab", "AF"),
    "ro": (["ro", "ron", "rum", "mo", "mol"], "Latn", "RO"),
    "sr": (["sr", "srp", "scc"], "Cyrl", "RS"),
}
# The script that a language has elsewhere, by the region alone.
ELSEWHERE = {
    "zh-TW": "Hant",
    "zh-HK": "Hant",
    "zh-MO": "Hant",
    "pa-PK": "Arab",
    "uz-AF": "Arab",
    "az-IR": "Arab",
    "mn-CN": "Mong",
    "kk-CN": "Arab",
    "sr-ME": "Latn",
}
PT = LanguagePair("en", "pt-PT")
ZH = LanguagePair("en", "zh")
HANT = LanguagePair("en", "zh-Hant")


@st.composite
def spelled_codes(draw: st.DrawFn) -> tuple[str, str]:
    """(normalised code, one of its spellings)."""
    code = draw(st.sampled_from(sorted(LANGUAGES)))
    names, script, region = LANGUAGES[code]
    parts = [draw(st.sampled_from(names))]
    parts += draw(st.sampled_from([[], [script], [region], [script, region]]))
    case = draw(st.sampled_from([str, str.upper, str.lower, str.swapcase]))
    text = draw(st.sampled_from("-_")).join(case(part) for part in parts)
    return code, text + draw(st.sampled_from(["", ".UTF-8"]))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(spelled_codes())
def test_any_spelling_of_a_language_is_one_code(given_: tuple[str, str]) -> None:
    code, spelling = given_
    assert parse_language(spelling) == code
    assert parse_language(parse_language(spelling)) == code


CODES = st.builds(
    lambda language, script, region, odd: "-".join(filter(None, (language, script, region, odd))),
    st.sampled_from(["zh", "sr", "pt", "pa", "uz", "de", "mn", "en", "az", "yue", "quc", "ha"]),
    st.sampled_from(["", "Latn", "Cyrl", "Hans", "Hant", "Arab", "Hani", "Abcd"]),
    st.sampled_from(["", "TW", "HK", "CN", "ME", "PT", "BR", "PK", "AF", "US", "419", "XX", "QQ"]),
    st.sampled_from(["", "muc", "1996", "valencia", "x-abc"]),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(CODES, CODES)
def test_codes_are_fixed_points_and_scripts_never_become_one(one: str, other: str) -> None:
    codes = []
    for written in (one, other):
        try:
            code = parse_language(written)
        except ClirotError:
            return  # the parts are in no order of BCP 47
        assert parse_language(code) == code
        assert parse_language(code.lower().replace("-", "_")) == code
        assert closest_language(code, [written]) == written
        codes.append(code)
    if script_of(codes[0]) != script_of(codes[1]):
        assert codes[0] != codes[1]
        near = closest_language(codes[0], [codes[1]])
        assert near is None or "Hani" in {script_of(code) for code in codes}


@pytest.mark.parametrize(("written", "script"), ELSEWHERE.items())
def test_a_region_that_has_another_script_is_that_script(written: str, script: str) -> None:
    language = written[:2]
    assert script_of(parse_language(written)) == script
    assert parse_language(written).startswith(f"{language}-{script}")
    assert script_of(language) != script
    assert without_region(parse_language(written)) == f"{language}-{script}"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("zh-TW", "zh-Hant"),
        ("zh_tw.Big5", "zh-Hant"),
        ("zh.Hant", "zh-Hant"),
        ("ZH-hant", "zh-Hant"),
        ("zho_Hant_TW", "zh-Hant"),
        ("zh-HK", "zh-Hant-HK"),
        ("zh-Hans-TW", "zh-Hans-TW"),
        ("pt-PT", "pt-PT"),
        ("por_PT", "pt-PT"),
        ("en-GB", "en-GB"),
        ("en-UK", "en-GB"),
        ("fr_CA", "fr-CA"),
        ("prs_Arab", "fa-AF"),
        ("es_LA", "es-419"),
        ("sh", "sr-Latn"),
        ("sr@latin", "sr-Latn"),
        ("sr_RS.UTF-8@latin", "sr-Latn"),
        ("sr_RS@cyrillic", "sr"),
        ("uz@cyrillic", "uz-Cyrl"),
        ("tt@iqtelif", "tt-Latn"),
        ("ca_ES@valencia", "ca-valencia"),
        ("de_DE@euro", "de"),
        ("kor_Hang", "ko"),
        ("acm_Arab", "acm"),
        ("ur-Aran", "ur"),
        ("so_XX", "so"),
        ("de-muc", "de-x-muc"),
        ("de-x-muc", "de-x-muc"),
        ("de-st", "de-ST"),
        ("pt-rb", "pt-x-rb"),
        ("ji", "yi"),
        ("ydd_Hebr", "yi"),
    ],
)
def test_codes(written: str, code: str) -> None:
    assert parse_language(written) == parse_language(code) == code


@pytest.mark.parametrize("written", ["zh.Xxxx", "de-a", "so@", "so.", "@latin", "zh-Hant-Hans"])
def test_what_is_no_code_is_refused(written: str) -> None:
    with pytest.raises(ClirotError, match="not a language code"):
        parse_language(written)


def test_names_say_the_region() -> None:
    assert language_name("pt-PT") == "European Portuguese"
    assert language_name("fr-BE") == "French (Belgium)"
    assert language_name("de-x-muc") == "German (muc)"
    assert language_name("und") == "und"


@pytest.mark.parametrize(
    ("wanted", "among", "taken"),
    [
        ("zh", ["zh_TW", "zh_CN"], "zh_CN"),
        ("zh", ["zh_TW"], None),
        ("zh-Hant", ["zh_HK", "zh_TW"], "zh_TW"),
        ("zh-Hant-HK", ["zh_CN", "zh_TW"], "zh_TW"),
        ("pt", ["pt_PT", "pt_BR"], "pt_BR"),
        ("pt", ["pt_BR", "pt"], "pt"),
        ("pt-PT", ["pt_BR", "pt"], "pt"),
        ("es-MX", ["es", "es-AR", "es-419"], "es-419"),
        ("en-AU", ["en-US", "en-GB"], "en-GB"),
        ("de", ["so", "de-AT"], "de-AT"),
        ("de", ["de-muc"], None),
        ("de-x-muc", ["de"], None),
        ("no", ["nb"], "nb"),
        ("sr", ["sr-ME", "sr-Latn"], None),
        ("so", [], None),
        ("und", ["und", "so"], None),
    ],
)
def test_which_variant_is_taken(wanted: str, among: list[str], taken: str | None) -> None:
    assert closest_language(wanted, among) == taken


@pytest.mark.parametrize("one", ["en", "pt-PT", "zh-Hant-HK", "de-x-muc"])
@pytest.mark.parametrize("other", ["so", "sr-Latn", "pt"])
def test_a_pair_is_read_back(one: str, other: str) -> None:
    pair = LanguagePair(one, other)
    assert split_pair(pair.format()) == (one, other)
    assert LanguagePair.parse(pair.format()) == pair


# Bitext


def memory(*units: dict[str, str]) -> str:
    rows = "".join(
        "<tu>"
        + "".join(f'<tuv xml:lang="{k}"><seg>{v}</seg></tuv>' for k, v in unit.items())
        + "</tu>"
        for unit in units
    )
    return f'<tmx version="1.4"><header srclang="en"/><body>{rows}</body></tmx>'


def catalogue(language: str) -> str:
    return (
        f'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n'
        '"Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "tea"\nmsgstr "T"\n'
    )


def xliff(*targets: str, src: str = "en-GB") -> str:
    files = "".join(
        f'<file source-language="{src}" target-language="{one}" original="a" datatype="x"><body>'
        f'<trans-unit id="1"><source>tea</source><target>{one}</target></trans-unit></body></file>'
        for one in targets
    )
    return f'<xliff version="1.2">{files}</xliff>'


def parquet(names: list[str]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.table({name: [f"this is {name}"] for name in names}), out)
    return out.getvalue()


def archive(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name in names:
            made.writestr(name, name.rpartition(".")[2] + "\n")
    return out.getvalue()


def with_columns(kind: str, *names: str) -> str | bytes:
    """A file of one row, in which each variant's text ends in its code."""
    texts = {name: f"this is {name}" for name in names}
    if kind == "csv":
        return ",".join(names) + "\n" + ",".join(texts.values()) + "\n"
    if kind == "tsv":
        return "\t".join(names) + "\n" + "\t".join(texts.values()) + "\n"
    if kind == "jsonl":
        return json.dumps({"translation": texts}) + "\n"
    if kind == "tmx":
        return memory(texts)
    if kind == "parquet":
        return parquet(list(names))
    return archive(*(f"corpus.{name}" for name in names))


def read(path: Path, pair: LanguagePair, content: str | bytes) -> tuple[str, LanguageVariants]:
    """The code at the end of the target of the only pair, and what was noted."""
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(data)
    variants = LanguageVariants(pair)
    (found,) = (one for one in read_local(path, pair, variants=variants) if one.src)
    return found.tgt.split()[-1], variants


KINDS = ["csv", "tsv", "jsonl", "tmx", "parquet", "zip"]


@pytest.mark.parametrize("kind", KINDS)
def test_of_several_variants_the_one_that_was_asked_for_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"x.{kind}"
    text, variants = read(path, PT, with_columns(kind, "en", "pt_BR", "pt_PT"))
    assert text == "pt_PT"
    (note,) = variants.notes
    assert note.casefold() == "'pt-pt' is read from 'pt_pt', and not from 'pt_br'"
    assert variants.warnings == []
    for pair, expected in ((ZH, "zh-CN"), (HANT, "zh-TW")):
        text, variants = read(path, pair, with_columns(kind, "en-US", "zh-TW", "zh-CN"))
        assert (text, variants.warnings) == (expected, [])
    text, variants = read(path, LanguagePair("en", "so"), with_columns(kind, "en", "so"))
    assert (text, variants.notes, variants.warnings) == ("so", [], [])


@pytest.mark.parametrize("kind", KINDS)
def test_where_it_is_not_there_the_nearest_of_its_script_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"x.{kind}"
    text, variants = read(path, PT, with_columns(kind, "en", "pt_BR", "pt"))
    assert text == "pt"
    assert "'pt' is taken for 'pt-PT', which is not there itself" in variants.warnings
    text, variants = read(path, LanguagePair("en", "de"), with_columns(kind, "en", "de_AT"))
    assert text == "de_AT"
    (warning,) = variants.warnings
    assert warning.casefold() == "'de_at' is taken for 'de', which is not there itself"
    if kind == "tsv":
        return  # a first line that names no two languages is a row
    both = LanguagePair("pt", "pt-PT")  # the one text is not both sides
    with pytest.raises(InputError):
        read(path, both, with_columns(kind, "en", "pt_PT"))


@pytest.mark.parametrize("kind", KINDS)
def test_another_script_is_refused_with_its_code(tmp_path: Path, kind: str) -> None:
    content = with_columns(kind, "en", "zh_TW")
    with pytest.raises(InputError) as caught:
        read(tmp_path / f"x.{kind}", ZH, content)
    if kind != "zip":
        assert "ask for 'zh-Hant'" in (caught.value.hint or "")


def test_two_spellings_of_one_code_are_told(tmp_path: Path) -> None:
    pair = LanguagePair("en", "pt")
    text, variants = read(tmp_path / "x.csv", pair, "en,pt_BR,pt\na,b,p\n")
    assert text == "p"
    (warning,) = variants.warnings
    assert warning.startswith("'pt' and 'pt_BR' are one language code; 'pt' is read from 'pt'")
    (found,) = read_local(LocalFile.parse(f"{tmp_path / 'x.csv'}:en,pt_BR"), pair)
    assert found.tgt == "b"


def test_columns_that_are_named_in_english(tmp_path: Path) -> None:
    header = "English,Chinese,Traditional Chinese\na,s,t\n"
    assert read(tmp_path / "x.csv", HANT, header)[0] == "t"
    assert read(tmp_path / "x.csv", ZH, header)[0] == "s"
    text, variants = read(tmp_path / "x.csv", PT, "English,Portuguese\na,p\n")
    assert text == "p"
    assert variants.warnings == ["'pt' is taken for 'pt-PT', which is not there itself"]


def test_columns_called_source_and_target_are_no_languages(tmp_path: Path) -> None:
    text, variants = read(tmp_path / "x.csv", PT, "src,tgt,en,pt_BR\na,p,b,c\n")
    assert (text, variants.notes, variants.warnings) == ("p", [], [])


def test_units_of_a_memory_are_counted(tmp_path: Path) -> None:
    both = {"en": "a", "zh-TW": "t", "zh-CN": "s"}
    path = tmp_path / "x.tmx"
    path.write_text(memory(both, both, {"en-GB": "b", "zh": "z"}, {"en": "c", "zh-TW": "t"}))
    variants = LanguageVariants(ZH)
    found = [(one.src, one.tgt) for one in read_local(path, ZH, variants=variants)]
    assert found == [("a", "s"), ("a", "s"), ("b", "z"), ("c", "")]
    assert variants.notes == ["'zh' is read from 'zh-CN', and not from 'zh-TW' (2 times)"]
    assert variants.warnings == ["'en-GB' is taken for 'en', which is not there itself"]


@pytest.mark.parametrize("kind", ["po", "mo"])
def test_the_language_of_a_catalogue(tmp_path: Path, kind: str) -> None:
    def content(language: str) -> str | bytes:
        if kind == "po":
            return catalogue(language)
        return as_mo([("tea", "T")]).replace(b"Language: so\n", f"Language: {language}\n".encode())

    path = tmp_path / f"x.{kind}"
    if kind == "po":  # the bytes of MO have fixed places, and "so" is two letters
        assert read(path, HANT, content("zh_TW"))[0] == "T"
        assert read(path, LanguagePair("en", "sr-Latn"), content("sr_RS@latin"))[0] == "T"
        text, variants = read(path, PT, content("pt_BR"))
        assert (text, variants.warnings) == (
            "T",
            ["'pt_BR' is taken for 'pt-PT', which is not there itself"],
        )
        with pytest.raises(InputError, match="translates into 'zh-Hant', not 'zh'") as caught:
            read(path, ZH, content("zh_TW"))
        assert "ask for 'zh-Hant'" in (caught.value.hint or "")
        turned = LanguagePair("zh-Hant", "en")
        path.write_text(catalogue("zh_HK"))
        (found,) = read_local(path, turned, variants=LanguageVariants(turned))
        assert (found.src, found.tgt) == ("T", "tea")
    assert read(path, LanguagePair("en", "id"), content("in"))[0] == "T"


def test_the_languages_of_xliff(tmp_path: Path) -> None:
    path = tmp_path / "x.xlf"
    assert read(path, HANT, xliff("zh-CN", "zh-TW"))[0] == "zh-TW"
    assert read(path, ZH, xliff("zh-TW", "zh-CN"))[0] == "zh-CN"
    text, variants = read(path, PT, xliff("pt-BR", "so"))
    assert text == "pt-BR"
    assert variants.warnings == [
        "'en-GB' is taken for 'en', which is not there itself",
        "'pt-BR' is taken for 'pt-PT', which is not there itself",
    ]
    with pytest.raises(InputError, match="it translates: en-GB to zh-Hant") as caught:
        read(path, ZH, xliff("zh-TW"))
    assert "ask for 'zh-Hant'" in (caught.value.hint or "")


def test_two_files_are_taken_in_the_order_that_their_names_say(tmp_path: Path) -> None:
    (tmp_path / "x.en").write_text("a\n")
    (tmp_path / "x.zh_tw").write_text("t\n")
    for names in ("x.en,x.zh_tw", "x.zh_tw,x.en"):
        one, other = names.split(",")
        file = LocalFile.parse(f"{tmp_path / one},{tmp_path / other}")
        (found,) = read_local(file, HANT)
        assert (found.src, found.tgt) == ("a", "t")


def test_who_reads_without_asking_is_warned(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("en,pt_BR,pt_AO\na,b,c\n")
    with pytest.warns(LanguageWarning, match="is taken for 'pt-PT'"):
        list(read_local(tmp_path / "x.csv", PT))
    with pytest.warns(ChoiceNotice, match="'pt' is read from 'pt_BR', and not from 'pt_AO'"):
        list(read_local(tmp_path / "x.csv", LanguagePair("en", "pt")))


def test_what_was_chosen_is_in_the_manifest_and_names_do_not_collide(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("en,pt_BR,pt_PT,zh_TW,zh_CN\nThe train,O trem,O comboio,火車,火车\n")
    store = Store(tmp_path / "home")
    names = set()
    for language, text in {
        "pt": "O trem",
        "pt-PT": "O comboio",
        "zh-HK": "火車",
        "zh": "火车",
    }.items():
        pair = LanguagePair.of("en", language)
        result = fetch_bitext(FetchConfig(pair=pair, files=(path,)), store=store)
        (one,) = result.fetched
        names.add(one.artefact.name)
        assert text in (one.artefact.path / "pairs.parquet").read_bytes().decode(
            "utf-8", "ignore"
        ) or (_kept(store, one.artefact.name) == [text])
        if language == "zh-HK":
            assert one.warnings == ("'zh_TW' is taken for 'zh-Hant-HK', which is not there itself",)
        else:
            assert one.warnings == ()
            assert len(one.language_variants) == 1
    assert len(names) == 4


def _kept(store: Store, name: str) -> list[str]:
    from clirot.bitext.stored import kept_pairs

    return [one.tgt for one in kept_pairs(store.get("bitext", name))]


# Sources


def test_a_source_that_lacks_a_region_has_the_nearest() -> None:
    flores = SOURCES["flores-200-dev"]
    assert published(flores, PT) == LanguagePair("en", "pt")
    assert published(flores, LanguagePair("en-GB", "zh-Hant-HK")) == HANT
    assert published(flores, LanguagePair("en", "ko")) == LanguagePair("en", "ko")
    assert published(SOURCES["tatoeba"], HANT) is None
    cldr = SOURCES["cldr"]
    assert published(cldr, PT) == PT
    european = {one.id: one.tgt for one in cldr.read(PT, [])}
    brazilian = {one.id: one.tgt for one in cldr.read(LanguagePair("en", "pt"), [])}
    assert european["territory:PL"] == "Polónia"
    assert brazilian["territory:PL"] == "Polônia"
    assert {code for code in cldr.languages if "-" in code} == {
        code for code in cldr.languages if code != without_region(code) or "-" in code
    }


def test_spellings_of_opus() -> None:
    assert spellings("so") == ("so",)
    assert spellings("zh") == ("zh", "zh_cn", "zh_CN")
    assert spellings("fr-CA")[:2] == ("fr_CA", "fr_ca")
    assert spellings("fr-CA")[-1] == "fr"
    assert in_order(("en", "zh_tw"), HANT) == ("en", "zh_tw")
    assert in_order(("en", "zh_tw"), LanguagePair("zh-Hant", "en")) == ("zh_tw", "en")
    assert in_order(("en", "so"), HANT) is None
    assert in_order(("pt", "pt_br"), LanguagePair("pt-PT", "en")) is None
    assert taken_instead(("en", "zh_tw"), HANT) == []
    assert taken_instead(("en", "zh_tw"), ZH) == [
        "'zh_tw' of OPUS is taken for 'zh', which is in another script or a dialect"
    ]
    assert taken_instead(("en", "pt"), PT) == ["'pt' of OPUS is taken for 'pt-PT'"]
    assert taken_instead(("en", "fas"), LanguagePair("en", "fa")) == []


# Collections


def collection(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "docs.en.tsv").write_text("d1\tapple\n")
    (folder / "qrels.txt").write_text("q1 0 d1 1\n")
    for name, text in files.items():
        (folder / f"queries.{name}.tsv").write_text(f"q1\t{text}\n")
    return folder


def test_variants_stand_in_one_directory(tmp_path: Path) -> None:
    chinese = collection(tmp_path / "mkqa", zh_cn="苹果", zh_tw="蘋果", zh_hk="蘋果樹")
    opened = open_collection(str(chinese))
    assert opened.languages == ("zh", "zh-Hant", "zh-Hant-HK")
    for asked, text in {
        "zh": "苹果",
        "zh-Hant": "蘋果",
        "zh_TW": "蘋果",
        "zh-HK": "蘋果樹",
    }.items():
        assert [topic.text for topic in opened.topics(asked)] == [text]
    german = collection(
        tmp_path / "xsid", **{"de": "Hochdeutsch", "de-st": "Südtirol", "de-muc": "Minga"}
    )
    opened = open_collection(str(german))
    for asked, text in {"de": "Hochdeutsch", "de-st": "Südtirol", "de-muc": "Minga"}.items():
        assert [topic.text for topic in opened.topics(asked)] == [text]
    serbian = collection(tmp_path / "gettext", **{"sr": "чај", "sr@latin": "čaj"})
    assert open_collection(str(serbian)).topics("sr-Latn")[0].text == "čaj"


def test_the_nearest_variant_of_a_collection_is_taken_with_a_word(tmp_path: Path) -> None:
    austrian = open_collection(str(collection(tmp_path / "a", **{"de-AT": "Jänner", "so": "x"})))
    with pytest.warns(LanguageWarning, match="no topics in 'de'; those in 'de-AT' are taken"):
        assert austrian.topics("de")[0].text == "Jänner"
    assert austrian.topic_language("de") == "de-AT"  # and no second warning
    assert austrian.qrels("de") == {"q1": {"d1": 1}}
    traditional = open_collection(str(collection(tmp_path / "t", zh_tw="蘋果", so="x")))
    with pytest.raises(UsageError, match="has no topics in 'zh'"):
        traditional.topics("zh")
    (tmp_path / "a" / "docs.pt.tsv").write_text("d1\tmaçã\n")
    with pytest.warns(LanguageWarning, match="no documents in 'pt-PT'; those in 'pt' are taken"):
        assert open_collection(str(tmp_path / "a"), "pt-PT").document_language == "pt"
    (tmp_path / "a" / "answers.en.tsv").write_text("q1\tapple\n")
    with pytest.warns(LanguageWarning, match="no answers in 'en-GB'"):
        assert austrian.answers("en-GB").language == "en"


def test_two_files_of_one_code_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two files for 'zh'"):
        open_collection(str(collection(tmp_path / "c", zh="a", zh_cn="b")))


def test_topics_of_cldr_are_in_the_script_of_the_region() -> None:
    traditional, simplified = open_collection("cldr/zh-TW"), open_collection("cldr/zh-CN")
    assert (traditional.id, simplified.id) == ("cldr/zh-Hant", "cldr/zh")
    texts = {topic.id: topic.text for topic in traditional.topics()}
    assert texts["name-territory-AE" if "name-territory-AE" in texts else next(iter(texts))]
    pairs = [(texts[t.id], t.text) for t in simplified.topics() if t.id in texts]
    assert sum(one != other for one, other in pairs) > len(pairs) / 2
    assert open_collection("cldr/pt-PT").id == "cldr/pt-PT"


def test_an_id_with_a_region_means_the_nearest_collection(tmp_path: Path) -> None:
    with pytest.warns(LanguageWarning, match="no topics in 'es-MX'; those in 'es' are taken"):
        assert open_collection("xquad/es-MX", home=tmp_path).id == "xquad/es"
    with pytest.raises(ClirotError, match="unknown collection 'xquad/zh-Hant'"):
        open_collection("xquad/zh-TW", home=tmp_path)
    with pytest.warns(LanguageWarning, match="no passages in 'sw-KE'"):
        assert open_collection("ciral/sw-KE", home=tmp_path).id == "ciral/sw"


# Models and tools


def test_models_that_read_a_language_read_its_regions() -> None:
    row = KNOWN["me5-small"]
    assert covers(row, "pt-PT") and covers(row, "de-AT") and not covers(row, "sr-Latn")


def test_the_tokens_of_a_translation_model() -> None:
    nllb = ModelLanguages("m", ["por_Latn", "zho_Hans", "zho_Hant", "srp_Cyrl", "crh_Latn"])
    assert nllb.token("pt-PT") == "por_Latn"
    assert nllb.token("zh-HK") == nllb.token("zh-TW") == "zho_Hant"
    assert nllb.token("zh-CN") == "zho_Hans"
    with pytest.raises(UsageError, match="did you mean 'srp_Cyrl'"):
        nllb.token("sr-ME")
    with pytest.warns(ChoiceNotice, match="has Crimean Tatar \\('crh'\\) as 'crh_Latn' only"):
        assert nllb.token("crh") == "crh_Latn"


def test_keyboards_numbers_and_scripts_of_variants() -> None:
    assert keyboard_of("de-x-muc").name == keyboard_of("de-AT").name == "german"
    assert keyboard_of("sr-Latn-ME").name == keyboard_of("sr-Latn").name
    with pytest.raises(UsageError, match="'zh-Hant' in the script Hant"):
        keyboard_of("zh-Hant")
    with pytest.raises(UsageError, match="'kk-Arab' in the script Arab"):
        keyboard_of("kk-Arab")
    assert spelled("7", "de-x-muc") == spelled("7", "de-ST") == "sieben"
    assert scripts_of("pt-PT") == {"Latn"}
    assert scripts_of("sr-Latn-ME") == {"Latn"}
    assert scripts_of("zh-Hant-HK") == scripts_of("zh-Hant")


# The command line


def test_the_command_line_says_what_it_chose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIROT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    collection(tmp_path / "set", **{"zh_tw": "apple", "so": "x"})
    (tmp_path / "run.trec").write_text("q1 Q0 d1 1 1 t\n")
    done = CliRunner().invoke(
        app, ["evaluate", "run.trec", "--collection", "set", "--lang", "zh-HK", "-m", "map"]
    )
    assert done.exit_code == 0
    assert done.stderr == (
        "warning: collection set has no topics in 'zh-Hant-HK'; those in 'zh-Hant' are taken\n"
    )
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(b"en,pt_BR,pt_PT\na b,c d,e f\n"))
    done = CliRunner().invoke(
        app, ["fetch-bitext", "--tgt", "pt-PT", "--file", "x.csv.gz", "--json"]
    )
    assert done.exit_code == 0
    assert "'pt-PT' is read from 'pt_PT', and not from 'pt_BR'" in done.stderr
    (one,) = json.loads(done.stdout)["fetched"]
    assert one["artefact"].startswith("en-pt-PT.")
    assert one["language_variants"] == ["'pt-PT' is read from 'pt_PT', and not from 'pt_BR'"]


def test_a_run_says_the_language_of_its_topics(tmp_path: Path) -> None:
    from clirot.retrieval.index_config import IndexConfig
    from clirot.retrieval.indexing import build_index
    from clirot.retrieval.searching import SearchConfig, search

    set_ = str(collection(tmp_path / "set", **{"de-AT": "apple", "so": "x"}))
    store = Store(tmp_path / "home")
    build_index(IndexConfig(model="bm25", collection=set_, name="i"), store=store)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LanguageWarning)
        found = search(SearchConfig(index="i", collection=set_, lang="de"), store=store)
        made = found.save("r")
    assert found.language == "de-AT"
    assert made.manifest.results["topics_language"] == "de-AT"
