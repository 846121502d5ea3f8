"""Translation by checkpoints of every family.

The judge is transformers' own ``generate``, asked for one sentence at a time.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_translators as tiny
from safetensors.torch import load_file, save_file
from tiny_hub import Hub
from tiny_model import save_tiny_model

from clirot.cut_texts import AtLeast
from clirot.encoding import overflow
from clirot.errors import ClirotError, InputError, LanguageError, UnknownNameError, UsageError
from clirot.known_models import KNOWN
from clirot.models import resolve
from clirot.retrieval.translation.language_codes import ModelLanguages
from clirot.retrieval.translation.seq2seq import open_tokenizer
from clirot.retrieval.translation.translator import DecodingSettings, Order, Rendering, Translator
from clirot.retrieval.translation.translators import BY_FORMAT, BY_NAME, open_translator
from clirot.store import Store

pytest.importorskip("sentencepiece", reason="needs the extra 'translation'")
pytest.importorskip("sacremoses", reason="needs the extra 'translation'")

TEXTS = [
    "wax iyo wax kale oo badan",
    "biyo",
    "dadka magaalada waxay doonayaan nabad",
    "nabad iyo biyo waddanka",
    "the city",
    "dawladda",
    "abc 12",
]
LONGEST = 12
FAMILIES: dict[str, tuple[Callable[[Path], Path], str, str, dict[str, Any]]] = {
    "nllb": (tiny.save_nllb, "so", "en", {"src": "som_Latn", "forced": "eng_Latn"}),
    "m2m100": (tiny.save_m2m100, "so", "en", {"src": "so", "forced": "__en__"}),
    "mbart50": (tiny.save_mbart50, "sw", "en", {"src": "sw_KE", "forced": "en_XX"}),
    "mbart25": (tiny.save_mbart25, "en", "ro", {"src": "en_XX", "start": "ro_RO"}),
    "madlad": (tiny.save_madlad, "so", "en", {"prefix": "<2en> "}),
    "marian": (tiny.save_marian, "so", "en", {}),
    "marian-many": (
        lambda path: tiny.save_marian(path, pair=("mul", "gmq"), targets=("eng", "som", "swa")),
        "so", "en", {"prefix": ">>eng<< "},
    ),
}  # fmt: skip
"""Name -> how it is made, languages, and what its own documentation says is done."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("translators")
    for name, (save, *_) in FAMILIES.items():
        save(folder / name)
    save_tiny_model(folder / "encoder", seed=1)
    return folder


def order(model: Path | str, src: str | None = "so", tgt: str = "en", **decoding: Any) -> Order:
    given = {"beams": 3, "max_tokens": LONGEST, "batch_size": 3} | decoding
    return Order(
        table=None,
        model=str(model),
        command=None,
        timeout=0,
        src=src,
        tgt=tgt,
        decoding=DecodingSettings(**given),
        store=Store(),
    )


def renderings(translator: Translator, texts: list[str] = TEXTS) -> list[Rendering]:
    found: dict[int, Rendering] = {}
    for batch in translator.translate(texts):
        assert not set(batch) & set(found)
        found.update(batch)
    return [found[place] for place in range(len(texts))]


def by_the_book(
    path: Path, text: str, said: dict[str, Any], *, n_best: int = 1, beams: int = 3
) -> list[tuple[str, bool]]:
    """What ``generate`` gives for one sentence: translations, and whether an end was reached."""
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer, model = (
        AutoTokenizer.from_pretrained(path),
        AutoModelForSeq2SeqLM.from_pretrained(path),
    )
    told, lead = {}, 1
    if "src" in said:
        tokenizer.src_lang = said["src"]
    if "forced" in said:
        told["forced_bos_token_id"] = tokenizer.convert_tokens_to_ids(said["forced"])
        lead = 2
    if "start" in said:
        told["decoder_start_token_id"] = tokenizer.convert_tokens_to_ids(said["start"])
    inputs = tokenizer(said.get("prefix", "") + text, return_tensors="pt")
    output = model.generate(
        input_ids=inputs.input_ids, attention_mask=inputs.attention_mask, num_beams=beams,
        num_return_sequences=n_best, max_new_tokens=LONGEST, do_sample=False, **told,
    ).tolist()  # fmt: skip
    found = []
    for ids in output:
        own = ids[lead:]
        ended = tokenizer.eos_token_id in own[: LONGEST - lead]
        found.append((tokenizer.decode(own, skip_special_tokens=True), ended))
    return found


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_against_generate(models: Path, name: str) -> None:
    _, src, tgt, said = FAMILIES[name]
    found = renderings(open_translator(order(models / name, src, tgt)))
    for text, rendering in zip(TEXTS, found, strict=True):
        ((expected, ended),) = by_the_book(models / name, text, said)
        assert rendering.texts == (" ".join(expected.split()),), text
        if ended:
            assert not rendering.cut, text
    assert len({one.texts for one in found}) > 3  # the model reads what it is given


def test_translations_that_end_and_translations_that_are_cut(models: Path) -> None:
    found = [
        rendering
        for name, (_, src, tgt, _) in FAMILIES.items()
        for rendering in renderings(open_translator(order(models / name, src, tgt)))
    ]
    assert {one.cut for one in found} == {True, False}


@pytest.mark.parametrize("name", ["nllb", "marian"])
def test_the_best_of_several(models: Path, name: str) -> None:
    _, src, tgt, said = FAMILIES[name]
    found = renderings(open_translator(order(models / name, src, tgt, n_best=3)))
    for text, rendering in zip(TEXTS, found, strict=True):
        expected = by_the_book(models / name, text, said, n_best=3)
        assert rendering.texts == tuple(" ".join(one.split()) for one, _ in expected)


@pytest.mark.parametrize("batch_size", [1, 2, 7])
def test_batches_change_nothing(models: Path, batch_size: int) -> None:
    expected = renderings(open_translator(order(models / "nllb")))
    assert renderings(open_translator(order(models / "nllb", batch_size=batch_size))) == expected


def test_a_text_longer_than_the_model_reads(models: Path) -> None:
    for name in ("nllb", "marian"):
        translator = open_translator(order(models / name))
        long, short = renderings(translator, ["biyo " * 100, "biyo"])
        whole = len(open_tokenizer(models / name)("biyo " * 100)["input_ids"])
        assert (long.shortened, short.shortened) == ((whole, tiny.LONGEST), None), name


@pytest.mark.parametrize("name", ["nllb", "marian"])
def test_a_very_long_text_is_not_tokenized_whole(
    models: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "biyo " * 1000
    (expected,) = renderings(open_translator(order(models / name)), [text])
    translator = open_translator(order(models / name))
    given: list[int] = []
    own = type(translator._tokenizer).__call__

    def noting(self: Any, texts: list[str], *args: Any, **more: Any) -> Any:
        given.extend(map(len, texts))
        return own(self, texts, *args, **more)

    monkeypatch.setattr(type(translator._tokenizer), "__call__", noting)
    monkeypatch.setattr(overflow, "LONGEST_HEAD", 1000)
    (found,) = renderings(translator, [text])
    assert found.texts == expected.texts and given and max(given) <= 1000
    assert found.shortened is not None and isinstance(found.shortened[0], AtLeast)
    assert tiny.LONGEST < found.shortened[0] < 1000


def test_no_longer_than_the_positions_of_the_model(models: Path) -> None:
    (found,) = renderings(open_translator(order(models / "marian", max_tokens=5000)), ["biyo"])
    assert len(found.texts) == 1


def test_weights_are_loaded_when_there_is_something_to_translate(
    models: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(models / "nllb", broken)
    weights = load_file(broken / "model.safetensors")
    del weights["model.encoder.layers.1.fc1.weight"]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    translator = open_translator(order(broken))
    assert translator.identity is not None
    with pytest.raises(InputError, match=r"weights are missing: model\.encoder\.layers\.1\.fc1"):
        renderings(translator)


# --- languages


@pytest.mark.parametrize(
    ("name", "src", "tgt", "source", "target"),
    [
        ("nllb", "so", "sw", "som_Latn", "swh_Latn"),
        ("nllb", "som", "eng", "som_Latn", "eng_Latn"),
        ("nllb", "som_Latn", "zh-Hant", "som_Latn", "zho_Hant"),
        ("nllb", "fa", "ko", "pes_Arab", "kor_Hang"),
        ("nllb", "prs_Arab", "no", "prs_Arab", "nob_Latn"),
        ("nllb", "om", "ps", "gaz_Latn", "pbt_Arab"),
        ("nllb", "fil", "ku", "tgl_Latn", "kmr_Latn"),
        ("m2m100", "som", "fil", "so", "__tl__"),
        ("m2m100", "nso", "nb", "ns", "__no__"),
        ("mbart50", "swa", "zh", "sw_KE", "zh_CN"),
    ],
)
def test_spellings_of_languages(
    models: Path, name: str, src: str, tgt: str, source: str, target: str
) -> None:
    prompt = open_translator(order(models / name, src, tgt)).prompt  # type: ignore[attr-defined]
    assert (prompt.source, prompt.target) == (source, target)


@pytest.mark.parametrize(
    ("name", "src", "tgt", "fragments"),
    [
        ("nllb", "aa", "en", ["nllb does not know Afar ('aa')", "known: ace"]),
        ("nllb", "sr-Latn", "en", ["Serbian", "did you mean 'srp_Cyrl'?"]),
        ("m2m100", "so", "om", ["m2m100 does not know Oromo ('om')"]),
        ("madlad", "so", "ti", ["does not know Tigrinya", "known: en, so, sw, zh-Hant"]),
        ("madlad", "aa", "en", ["does not know Afar"]),
        ("marian", "sw", "en", ["translates from 'so' only, not from 'sw'"]),
        ("marian", "so", "sw", ["translates into 'en' only, not into 'sw'"]),
        ("marian-many", "so", "de", ["does not know German", "known: en, so, sw"]),
    ],
)
def test_a_language_that_the_model_does_not_know(
    models: Path, name: str, src: str, tgt: str, fragments: list[str]
) -> None:
    with pytest.raises(UnknownNameError) as caught:
        open_translator(order(models / name, src, tgt))
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_languages_that_are_not_named(models: Path) -> None:
    with pytest.raises(UsageError, match="wants to know the language that it translates from"):
        open_translator(order(models / "nllb", None))
    assert renderings(open_translator(order(models / "madlad", None)))
    assert renderings(open_translator(order(models / "marian", None)))
    with pytest.raises(LanguageError):
        open_translator(order(models / "nllb", "somali"))


@pytest.mark.parametrize(("pair", "src"), [(("sla", "en"), "cs"), (("ROMANCE", "en"), "ro")])
def test_a_model_of_a_group_of_languages(tmp_path: Path, pair: tuple[str, str], src: str) -> None:
    tiny.save_marian(tmp_path / "group", pair=pair)
    assert open_translator(order(tmp_path / "group", src, "en")).identity


def test_norwegian_has_two_codes(tmp_path: Path) -> None:
    tiny.save_marian(tmp_path / "norwegian", pair=("no", "en"))
    assert open_translator(order(tmp_path / "norwegian", "nb", "en")).identity


def test_the_first_of_two_tokens_of_a_language_is_meant() -> None:
    languages = ModelLanguages("x", ["aka_Latn", "twi_Latn"])
    assert (languages.token("ak"), languages.token("twi_Latn")) == ("aka_Latn", "twi_Latn")
    assert languages.tags == ["ak"]


# --- what is no model for translation


def test_an_encoder_is_refused(models: Path) -> None:
    with pytest.raises(UsageError, match="bert is not an encoder with a decoder"):
        open_translator(order(models / "encoder"))
    with pytest.raises(UsageError, match="me5-small is no model for translation") as caught:
        open_translator(order("me5-small"))
    assert "nllb-600m" in str(caught.value.hint)


def test_a_student_is_refused(models: Path) -> None:
    with Store().draft("models", "en-so", config={"src": "en", "tgt": "so"}, inputs=()) as draft:
        shutil.copytree(models / "encoder", draft.path, dirs_exist_ok=True)
    with pytest.raises(UsageError, match="en-so is no model for translation"):
        open_translator(order("en-so"))


@pytest.mark.parametrize("name", ["nllb", "m2m100", "marian"])
def test_a_model_for_translation_encodes_nothing(models: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is a model for translation: it writes text"):
        resolve(str(models / name), Store())
    with pytest.raises(UsageError, match="nllb-600m is a model for translation"):
        resolve("nllb-600m", Store())


def test_pickled_weights_are_refused(models: Path, tmp_path: Path, hub: Hub) -> None:
    old = tmp_path / "old"
    shutil.copytree(models / "marian", old)
    (old / "model.safetensors").rename(old / "pytorch_model.bin")
    with pytest.raises(InputError, match="no safetensors weights"):
        open_translator(order(old))
    with pytest.raises(InputError, match="as a pickle only") as caught:
        open_translator(order("m2m100-418m"))
    assert KNOWN["m2m100-418m"].revision in str(caught.value.hint)
    assert hub.asked == []


def test_a_checkpoint_that_is_damaged(models: Path, tmp_path: Path) -> None:
    damaged = "the tokenizer is damaged: "
    for place, (spoilt, content, said) in enumerate(
        (
            ("config.json", "{", r"config\.json: not JSON: Expecting"),
            ("tokenizer.json", "{", rf"tokenizer\.json: {damaged}Expecting"),
            ("tokenizer.json", '{"model": {"type": "x"}}', rf"tokenizer\.json: {damaged}"),
            ("tokenizer_config.json", "[" * 200, rf"tokenizer_config\.json: {damaged}"),
        )
    ):
        broken = tmp_path / str(place)
        shutil.copytree(models / "nllb", broken)
        (broken / spoilt).write_text(content)
        with pytest.raises(InputError, match=said):
            open_translator(order(broken))


def test_sentencepiece_that_is_not_installed(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from clirot.retrieval.translation import seq2seq

    monkeypatch.setattr(seq2seq, "find_spec", lambda name: None)
    with pytest.raises(InputError) as caught:
        open_translator(order(models / "marian"))
    assert caught.value.hint == "pip install 'clirot[translation]'"


# --- the Hub, and what is known


def test_opus_mt_is_a_repository_for_each_pair(models: Path, hub: Hub) -> None:
    hub.repositories["Helsinki-NLP/opus-mt-so-en"] = models / "marian"
    translator = open_translator(order("opus-mt", "som", "eng"))
    assert translator.name == "Helsinki-NLP/opus-mt-so-en"
    assert hub.asked == [("Helsinki-NLP/opus-mt-so-en", None)]
    with pytest.raises(UsageError, match="opus-mt is a model for each pair of languages"):
        open_translator(order("opus-mt", None))


def test_a_known_model_comes_at_its_revision(models: Path, hub: Hub) -> None:
    row = KNOWN["nllb-600m"]
    hub.repositories[row.hub_id] = models / "nllb"
    translator = open_translator(order("nllb-600m"))
    assert hub.asked == [(row.hub_id, row.revision)]
    assert translator.name == "nllb-600m"


@pytest.mark.parametrize("name", ["nllb", "m2m100"])
def test_the_languages_of_a_row_are_those_of_the_tokenizer(models: Path, name: str) -> None:
    from clirot.retrieval.translation.prompts import prompt_for

    row = KNOWN["nllb-600m" if name == "nllb" else "m2m100-418m"]
    tokenizer = open_tokenizer(models / name)
    for code in row.languages:
        target = "en" if code != "en" else "so"
        assert prompt_for(tokenizer, name, code, target).source


def test_tables() -> None:
    assert set(BY_FORMAT) == {"transformers", "ctranslate2"}
    assert not set(BY_NAME) & set(KNOWN)


# --- CTranslate2


@pytest.mark.parametrize("name", ["nllb", "madlad", "marian"])
def test_a_model_of_ctranslate2(models: Path, tmp_path: Path, name: str) -> None:
    """Its own converter's model translates as the checkpoint does, up to where they are cut."""
    ctranslate2 = pytest.importorskip("ctranslate2", reason="needs the extra 'ctranslate2'")
    _, src, tgt, _ = FAMILIES[name]
    left = {"config.json", "generation_config.json", "model.safetensors"}
    files = [file.name for file in (models / name).iterdir() if file.name not in left]
    converter = ctranslate2.converters.TransformersConverter(str(models / name), copy_files=files)
    converter.convert(str(tmp_path / "converted"))
    # Greedy: the two end a beam search by different rules.
    translator = open_translator(order(tmp_path / "converted", src, tgt, beams=1))
    assert type(translator).__name__ == "CTranslate2Translator"
    plain = open_translator(order(models / name, src, tgt, beams=1))
    for found, expected in zip(renderings(translator), renderings(plain), strict=True):
        (one,), (other,) = found.texts, expected.texts
        assert one[: LONGEST - 2] == other[: LONGEST - 2]
        assert found.cut == expected.cut
    identities = [one.identity or {} for one in (translator, plain)]
    assert identities[0]["model"] != identities[1]["model"]
    best = renderings(open_translator(order(tmp_path / "converted", src, tgt, n_best=2)))
    assert {len(one.texts) for one in best} == {2}


def test_ctranslate2_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from clirot.retrieval.translation import ctranslate

    (tmp_path / "model.bin").write_bytes(b"weights")
    (tmp_path / "config.json").write_text(json.dumps({"add_source_eos": False}))
    monkeypatch.setattr(ctranslate, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="the format of CTranslate2, which is not") as caught:
        open_translator(order(tmp_path))
    assert caught.value.hint == "pip install 'clirot[ctranslate2]'"
    monkeypatch.setattr(ctranslate, "find_spec", lambda name: object())
    with pytest.raises(InputError, match="without the tokenizer of its checkpoint"):
        open_translator(order(tmp_path))
    with pytest.raises(ClirotError, match="safetensors"):
        resolve(str(tmp_path), Store())
