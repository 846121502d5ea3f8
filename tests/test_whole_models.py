"""A model is whole, or it is refused: every family of encoder, with every fault that is met."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_families
import tiny_readers
import tiny_translators
import torch
from safetensors.torch import load_file, save_file
from tiny_model import save_bitext, save_tiny_model
from typer.testing import CliRunner

from clirot.cli import app
from clirot.encoding import vocabulary
from clirot.encoding.encoders import load_model
from clirot.errors import InputError, ModelWarning
from clirot.models import resolve
from clirot.retrieval.answering.configuration import WritingSettings
from clirot.retrieval.answering.reader import Reader
from clirot.retrieval.translation.translator import DecodingSettings, Order
from clirot.retrieval.translation.translators import open_translator
from clirot.store import Manifest, Store

WEIGHTS = "model.safetensors"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{64 * 'a'}\nsize 437951328\n"
FAMILIES: dict[str, Callable[[Path], Path]] = {
    "tiny": save_tiny_model,
    "bert": tiny_families.save_bert,
    "xlm-r": tiny_families.save_xlm_roberta,
    "roberta": tiny_families.save_roberta,
    "modernbert": tiny_families.save_modernbert,
    "llama": tiny_families.save_llama,
    "qwen2": tiny_families.save_qwen2,
    "gemma": tiny_families.save_gemma,
    "t5": tiny_families.save_t5,
    "native": tiny_families.save_native_colbert,
    "pylate": tiny_families.save_pylate_colbert,
    "pylate-early": lambda path: tiny_families.save_pylate_colbert(path, typed=False),
    "stanford": tiny_families.save_stanford_colbert,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a whole checkpoint of each family."""
    folder = tmp_path_factory.mktemp("whole")
    for name, build in FAMILIES.items():
        build(folder / name)
    return folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a collection."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "docs.en.tsv").write_text("d1\tab cd\nd2\tef\n", encoding="utf-8")
    return tmp_path


def copied(whole: Path, name: str, place: Path) -> Path:
    return Path(shutil.copytree(whole / name, place / "model"))


def weights(model: Path) -> dict[str, Any]:
    return load_file(model / WEIGHTS)


def rewrite(model: Path, tensors: dict[str, Any]) -> None:
    save_file(tensors, model / WEIGHTS, metadata={"format": "pt"})


def a_name(model: Path) -> str:
    """One of the weights of the encoder itself."""
    own = sorted(one for one in weights(model) if "layer" in one or "block" in one)
    own = [one for one in own if "decoder" not in one]  # that of T5 is not read
    return own[len(own) // 2]


def configured(model: Path, **changes: int) -> None:
    """Add to numbers in a checkpoint's configuration."""
    path = model / "config.json"
    config = json.loads(path.read_text())
    for name, more in changes.items():
        if name in config:
            config[name] += more
    if "layer_types" in config and "num_hidden_layers" in changes:
        kinds = config["layer_types"]
        config["layer_types"] = (kinds + kinds)[: config["num_hidden_layers"]]
    path.write_text(json.dumps(config))


# --- the faults: each changes a checkpoint, and gives what the error must say


def one_is_removed(model: Path) -> str:
    name = a_name(model)
    rewrite(model, {one: value for one, value in weights(model).items() if one != name})
    return f"weights are missing: {re.escape(name.removeprefix('bert.').removeprefix('model.'))}"


def all_are_renamed(model: Path) -> str:
    stays = "linear.weight"  # Stanford's projection, whose lack is a fault of its own
    named = {f"module.{one}" if one != stays else one: each for one, each in weights(model).items()}
    rewrite(model, named)
    return r"weights are missing: .* \(and \d+ more\); and these have no place: "


def one_has_another_shape(model: Path) -> str:
    name, found = a_name(model), weights(model)
    rewrite(model, found | {name: found[name][:-1].clone()})
    shape = found[name].shape
    wanted = " x ".join(map(str, shape))
    return f"{re.escape(name.removeprefix('bert.').removeprefix('model.'))} is .* and {wanted} by"


def the_tokenizer_is_removed(model: Path) -> str:
    for pattern in ("token*", "vocab*", "special*", "sentencepiece*"):
        for path in model.glob(pattern):
            path.unlink()
    return "there is no tokenizer"


def a_token_is_added(model: Path) -> str:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    place = len(tokenizer)
    tokenizer.add_tokens(["zyxwv"])
    tokenizer.save_pretrained(model)
    return f"1 tokens without an embedding: 'zyxwv' is number {place}, and there are {place} emb"


def weights_are_a_pointer(model: Path) -> str:
    (model / WEIGHTS).write_text(POINTER)
    return f"{WEIGHTS}: a pointer of Git LFS"


def the_vocabulary_is_removed(model: Path) -> str:
    for name in ("tokenizer.json", "vocab.txt"):
        (model / name).unlink(missing_ok=True)
    return "the tokenizer has no vocabulary"


def there_are_more_layers(model: Path) -> str:
    configured(model, num_hidden_layers=1, num_layers=1)
    return r"weights are missing: .*\.[12]\."


def there_are_fewer_layers(model: Path) -> str:
    configured(model, num_hidden_layers=-1, num_layers=-1)
    return r"the architecture of config.json has no place for: .*\.[01]\."


def the_vocabulary_is_larger(model: Path) -> str:
    size = json.loads((model / "config.json").read_text())["vocab_size"]
    configured(model, vocab_size=5)
    return f"config.json does not fit the weights: .* is {size} x 16 .* and {size + 5} x 16 by"


OF_THE_CONFIGURATION = [there_are_more_layers, there_are_fewer_layers, the_vocabulary_is_larger]
FAULTS = [
    one_is_removed,
    all_are_renamed,
    one_has_another_shape,
    the_tokenizer_is_removed,
    a_token_is_added,
    weights_are_a_pointer,
    the_vocabulary_is_removed,
]


def refused(model: Path) -> str:
    """What the command says, which must end with 1 and leave nothing in the store."""
    words = ["index", "--model", str(model), "--collection", "set", "--name", "i"]
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, InputError), (done.exception, done.output)
    assert done.exception.exit_code == 1
    indexes = Store().home / "indexes"
    assert not indexes.exists() or not [*indexes.iterdir()]
    assert done.exception.hint
    return done.exception.message


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_fault_of_every_family(
    family: str, fault: Callable[[Path], str], whole: Path, place: Path
) -> None:
    model = copied(whole, family, place)
    expected = fault(model)
    assert re.search(expected, refused(model))


@pytest.mark.parametrize("fault", OF_THE_CONFIGURATION, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("family", ["bert", "modernbert", "llama", "t5", "stanford"])
def test_a_configuration_that_does_not_fit(
    family: str, fault: Callable[[Path], str], whole: Path, place: Path
) -> None:
    model = copied(whole, family, place)
    expected = fault(model)
    assert re.search(expected, refused(model))


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_that_are_cut_off_anywhere(family: str, whole: Path, place: Path) -> None:
    model = copied(whole, family, place)
    content = (model / WEIGHTS).read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    last = len(content) - 1
    for size in (0, 1, 7, 8, 9, header - 1, header, header + 1, last // 2, last):
        (model / WEIGHTS).write_bytes(content[:size])
        said = refused(model)
        assert f"{WEIGHTS}: cut off" in said, size
        if header <= size:
            assert f"it has {size:,} of {len(content):,} bytes" in said


@pytest.mark.parametrize("family", FAMILIES)
def test_a_whole_checkpoint_is_taken(family: str, whole: Path) -> None:
    model = load_model(whole / family, device="cpu")
    assert np.isfinite(model.encode_query(["ab"])[0].numpy()).all()


def vectors(model: Path) -> Any:
    return load_model(model, device="cpu").encode_document(["ab cd"])[0].numpy()


# --- what may be missing, and what may be too many


def test_each_weight_that_vectors_depend_on_must_be_there(whole: Path, place: Path) -> None:
    """A pooler has no part in token vectors, so nothing changes where it is missing."""
    model = copied(whole, "bert", place)
    every, expected = weights(model), vectors(model)
    taken = []
    for name in every:
        rewrite(model, {one: value for one, value in every.items() if one != name})
        if name.startswith("pooler."):
            taken.append(name)
            assert np.array_equal(vectors(model), expected)
            continue
        with pytest.raises(InputError, match=f"weights are missing: {re.escape(name)}"):
            load_model(model, device="cpu")
    assert len(taken) == 2


def test_a_head_for_another_task_is_no_fault(whole: Path, place: Path) -> None:
    from transformers import BertForMaskedLM, BertModel

    model = copied(whole, "bert", place)
    expected = vectors(model)
    head = BertForMaskedLM.from_pretrained(model)
    head.save_pretrained(model)
    assert isinstance(BertModel.from_pretrained(model), BertModel)
    assert any(name.startswith("cls.") for name in weights(model))
    assert np.array_equal(vectors(model), expected)


def test_names_of_older_releases_are_no_fault(whole: Path, place: Path) -> None:
    import torch

    model = copied(whole, "bert", place)
    expected = vectors(model)
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): value
        for name, value in weights(model).items()
    }
    rewrite(model, old | {"embeddings.position_ids": torch.arange(80)[None]})
    assert np.array_equal(vectors(model), expected)


def test_a_weight_too_many_within_a_layer(whole: Path, place: Path) -> None:
    model = copied(whole, "bert", place)
    found = weights(model)
    extra = "encoder.layer.0.output.adapter.dense.weight"
    rewrite(model, found | {extra: found["pooler.dense.weight"].clone()})
    assert f"no place for: {extra}" in refused(model)


def test_the_prefix_that_names_have_too_many_is_named(whole: Path, place: Path) -> None:
    model = copied(whole, "xlm-r", place)
    all_are_renamed(model)
    with pytest.raises(InputError) as caught:
        load_model(model)
    assert caught.value.hint == "the names begin with 'module.': save the weights without it"


def test_tokenizers_of_bytes_need_no_vocabulary(tmp_path: Path) -> None:
    from transformers import ByT5Tokenizer, T5Config, T5EncoderModel

    ByT5Tokenizer(model_max_length=32).save_pretrained(tmp_path)
    config = T5Config(vocab_size=384, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    T5EncoderModel(config).save_pretrained(tmp_path)
    assert len(load_model(tmp_path, device="cpu").encode_query(["abc"])[0]) == 4


def test_an_empty_vocabulary(whole: Path, place: Path) -> None:
    model = copied(whole, "tiny", place)
    (model / "tokenizer.json").unlink()
    (model / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    assert "the vocabulary of the tokenizer is empty" in refused(model)


def test_half_of_a_vocabulary_is_told(
    whole: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocabulary, "_PADDING", 8)  # the whole table has but 57 rows
    model = copied(whole, "tiny", place)
    (model / "tokenizer.json").unlink()
    words = (model / "vocab.txt").read_text().splitlines()
    (model / "vocab.txt").write_text("\n".join(words[:40]) + "\n")
    with pytest.warns(ModelWarning, match="the tokenizer has 40 tokens for 57 embeddings"):
        load_model(model, device="cpu")


def test_what_a_library_says_of_a_model_is_passed_on(whole: Path, place: Path) -> None:
    model = copied(whole, "pylate", place)
    path = model / "1_Dense" / "config.json"
    config = json.loads(path.read_text()) | {"activation_function": "mine.Squash"}
    path.write_text(json.dumps(config))
    with pytest.warns(ModelWarning, match="'mine.Squash' is not trusted, falling back"):
        load_model(model, device="cpu")


# --- files


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json", "1_Dense/model.safetensors"])
def test_any_file_may_be_a_pointer(name: str, whole: Path, place: Path) -> None:
    model = copied(whole, "pylate", place)
    (model / name).write_text(POINTER)
    assert f"{name}: a pointer of Git LFS" in refused(model)


@pytest.fixture
def sharded(whole: Path, place: Path) -> Path:
    from transformers import AutoModel

    model = copied(whole, "xlm-r", place)
    body = AutoModel.from_pretrained(model)
    (model / WEIGHTS).unlink()
    body.save_pretrained(model, max_shard_size="10KB")
    assert len([*model.glob("*.safetensors")]) > 2
    return model


def test_weights_in_several_files(sharded: Path, whole: Path) -> None:
    assert np.array_equal(vectors(sharded), vectors(whole / "xlm-r"))


def test_a_file_of_several_that_is_missing(sharded: Path) -> None:
    shard = sorted(sharded.glob("*.safetensors"))[1]
    count = len([*sharded.glob("*.safetensors")])
    shard.unlink()
    said = refused(sharded)
    assert f"1 of the {count} files of weights that it names are not there: {shard.name}" in said


def test_several_files_without_their_index(sharded: Path) -> None:
    (sharded / f"{WEIGHTS}.index.json").unlink()
    assert f"{WEIGHTS}.index.json is not there, which says what the " in refused(sharded)


def test_a_file_of_several_that_lacks_a_weight(sharded: Path) -> None:
    shard = sorted(sharded.glob("*.safetensors"))[1]
    held = load_file(shard)
    gone = sorted(held)[0]
    del held[gone]
    save_file(held, shard, metadata={"format": "pt"})
    assert f"{shard.name}: 1 weights are not in it" in (said := refused(sharded)) and gone in said


def test_an_index_beside_the_whole_weights_is_not_read(whole: Path, place: Path) -> None:
    model = copied(whole, "bert", place)
    (model / f"{WEIGHTS}.index.json").write_text('{"weight_map": {"a": "gone.safetensors"}}')
    load_model(model, device="cpu")


def test_an_adapter_is_no_model(whole: Path, place: Path) -> None:
    model = copied(whole, "llama", place)
    config = {"peft_type": "LORA", "base_model_name_or_path": str(whole / "llama")}
    (model / "adapter_config.json").write_text(json.dumps(config))
    assert "an adapter (PEFT), whose model lies elsewhere" in refused(model)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_a_file_of_json_that_is_cut_off_is_named(name: str, whole: Path, place: Path) -> None:
    model = copied(whole, "bert", place)
    content = (model / name).read_text()
    (model / name).write_text(content[: len(content) // 2])
    assert f"{name}: not JSON" in refused(model)


def test_weights_that_are_not_numbers(whole: Path, place: Path) -> None:
    model = copied(whole, "bert", place)
    found = weights(model)
    found[a_name(model)][0] = float("nan")
    rewrite(model, found)
    assert f"weights are infinite or not numbers: {a_name(model)}" in refused(model)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_an_embedding_of_a_rare_word_that_is_no_number(
    value: float, whole: Path, place: Path
) -> None:
    model = copied(whole, "tiny", place)
    found = weights(model)
    name = "embeddings.word_embeddings.weight"
    found[name][-1, 3] = value
    rewrite(model, found)
    assert f"weights are infinite or not numbers: {name}" in refused(model)


def test_embeddings_that_are_all_zero(whole: Path, place: Path) -> None:
    model = copied(whole, "bert", place)
    found = weights(model)
    found["embeddings.word_embeddings.weight"][:] = 0
    rewrite(model, found)
    assert "all embeddings are zero, so that texts do not differ: embeddings.word" in refused(model)


@pytest.mark.parametrize("kind", ["int8", "uint8", "int32"])
def test_weights_that_are_whole_numbers(kind: str, whole: Path, place: Path) -> None:
    model = copied(whole, "bert", place)
    found = weights(model)
    name = "encoder.layer.1.output.dense.weight"
    found[name] = found[name].to(getattr(torch, kind))
    rewrite(model, found)
    assert "1 weights are whole numbers (quantised), and nothing says" in (said := refused(model))
    assert name in said


def test_a_link_that_leads_nowhere_is_named(whole: Path, place: Path) -> None:
    model = copied(whole, "bert", place)
    for name in (WEIGHTS, "tokenizer.json"):
        (model / name).rename(place / name)
        (model / name).symlink_to(place / name)
    load_model(model, device="cpu")
    (place / WEIGHTS).unlink()
    assert f"{WEIGHTS}: a symbolic link to {place / WEIGHTS}, which is not there" in refused(model)


# --- projections


def test_a_projection_that_is_missing_is_not_made_up(whole: Path, place: Path) -> None:
    model = copied(whole, "pylate-early", place)
    modules = json.loads((model / "modules.json").read_text())
    (model / "modules.json").write_text(json.dumps(modules[:1]))
    assert "of which modules.json names no projection" in refused(model)
    (model / "modules.json").write_text(json.dumps(modules))
    shutil.rmtree(model / "1_Dense")
    assert "the module '1_Dense' (a projection) is not there" in refused(model)
    (model / "modules.json").unlink()
    assert "a late-interaction model without modules.json" in refused(model)


def test_a_projection_of_another_size_or_name(whole: Path, place: Path) -> None:
    model = copied(whole, "pylate", place)
    path = model / "1_Dense" / WEIGHTS
    weight = load_file(path)["linear.weight"]
    save_file({"linear.weight": weight[:, :-1].clone()}, path)
    assert "linear.weight" in refused(model)
    save_file({"module.linear.weight": weight}, path)
    assert 'Missing key(s) in state_dict: "linear.weight"' in refused(model)


def test_the_projection_of_stanford(whole: Path, place: Path) -> None:
    model = copied(whole, "stanford", place)
    found = weights(model)
    del found["linear.weight"]
    rewrite(model, found)
    assert "without its projection 'linear.weight'" in refused(model)


# --- elsewhere


@pytest.mark.parametrize("side", ["teacher", "student"])
def test_a_student_of_or_from_half_a_model(side: str, whole: Path, place: Path, home: Path) -> None:
    model = copied(whole, "bert", place)
    expected = one_is_removed(model)
    bitext = save_bitext(place / "pairs.tsv")
    models = {"teacher": whole / "bert", "student": whole / "xlm-r"} | {side: model}
    words = [f for one, path in models.items() for f in (f"--{one}", str(path))]
    done = CliRunner().invoke(
        app, ["distill", "--src", "en", "--tgt", "so", "--file", str(bitext), *words]
    )
    assert isinstance(done.exception, InputError), done.output
    assert re.search(expected, str(done.exception))
    assert not (home / "models").exists() or not [*(home / "models").iterdir()]


def test_a_query_model_that_is_broken_leaves_no_run(whole: Path, place: Path, home: Path) -> None:
    model = copied(whole, "bert", place)
    (place / "set" / "queries.en.tsv").write_text("q1\tab\n")
    done = CliRunner().invoke(
        app, ["index", "--model", str(model), "--collection", "set", "--name", "i"]
    )
    assert done.exit_code == 0, done.output
    manifest = home / "indexes" / "i" / "clirot.json"
    one_is_removed(model)
    digest = resolve(str(model), Store()).digest
    told = Manifest.read(manifest.parent)
    first = replace(told.inputs[0], digest=digest)  # it is right, and half of the model is gone
    manifest.write_text(replace(told, inputs=(first, *told.inputs[1:])).to_json())
    words = ["search", "--index", "i", "--collection", "set", "--save", "r"]
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, InputError) and done.stdout == ""
    assert "weights are missing" in str(done.exception)
    assert not (home / "runs").exists() or not [*(home / "runs").iterdir()]


def _translated(model: Path) -> None:
    order = Order(
        model=str(model), command=None, table=None, timeout=0, src="so", tgt="en",
        decoding=DecodingSettings(max_tokens=8), store=Store(),
    )  # fmt: skip
    for _ in open_translator(order).translate(["biyo"]):
        pass


def _answered(model: Path) -> None:
    reader = Reader(resolve(str(model), Store(), task="answers"), WritingSettings(max_tokens=4))
    for _ in reader.answers(["cusbo cusbo"]):
        pass


@pytest.fixture(scope="module")
def writers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models that translate, and one that answers."""
    folder = tmp_path_factory.mktemp("writers")
    tiny_translators.save_nllb(folder / "nllb")
    tiny_translators.save_m2m100(folder / "m2m100")
    tiny_readers.save_gpt2(folder / "gpt2")
    return folder


@pytest.mark.parametrize("name", ["nllb", "m2m100", "gpt2"])
def test_models_that_write_are_whole_too(name: str, writers: Path, tmp_path: Path) -> None:
    use = _answered if name == "gpt2" else _translated
    use(writers / name)
    layer = {"gpt2": "transformer.h.1.mlp.c_fc.weight"}.get(
        name, "model.encoder.layers.1.fc1.weight"
    )

    def check(change: Callable[[Path], object], expected: str) -> None:
        model = Path(shutil.copytree(writers / name, tmp_path / str(len([*tmp_path.iterdir()]))))
        change(model)
        with pytest.raises(InputError, match=expected):
            use(model)

    found = weights(writers / name)
    rest = {one: value for one, value in found.items() if one != layer}
    check(lambda model: rewrite(model, rest), f"weights are missing: {re.escape(layer)}")
    check(all_are_renamed, "and these have no place: module")
    short = found[layer][:-1].clone()
    check(lambda model: rewrite(model, found | {layer: short}), f"{re.escape(layer)} is ")
    check(the_tokenizer_is_removed, "no tokenizer|no vocabulary")
    if name == "m2m100":
        check(lambda model: (model / "vocab.json").unlink(), r"no vocabulary: vocab.json must be")
    check(weights_are_a_pointer, "a pointer of Git LFS")
    content = (writers / name / WEIGHTS).read_bytes()[:-9]
    check(lambda model: (model / WEIGHTS).write_bytes(content), "cut off: it has")
    fewer = {"gpt2": "n_layer"}.get(name, "encoder_layers")
    check(lambda model: configured(model, **{fewer: -1}), "has no place for")
    if name != "m2m100":  # its tokenizer is of Python, and has places for words that it lacks
        check(a_token_is_added, "1 tokens without an embedding")


def test_a_tokenizer_of_another_model_beside_ctranslate2(writers: Path, tmp_path: Path) -> None:
    ctranslate2 = pytest.importorskip("ctranslate2")
    files = ["tokenizer.json", "tokenizer_config.json"]
    converter = ctranslate2.converters.TransformersConverter(
        str(writers / "nllb"), copy_files=files
    )
    converter.convert(str(tmp_path / "converted"))
    _translated(tmp_path / "converted")
    listed = tmp_path / "converted" / "shared_vocabulary.json"
    words = json.loads(listed.read_text())
    listed.write_text(json.dumps([f"{one}x" for one in words]))
    with pytest.raises(InputError, match=r"shared_vocabulary.json: \d+ of the \d+ tokens"):
        _translated(tmp_path / "converted")
    (tmp_path / "converted" / "model.bin").write_text(POINTER)
    with pytest.raises(InputError, match=r"model.bin: a pointer of Git LFS"):
        _translated(tmp_path / "converted")
