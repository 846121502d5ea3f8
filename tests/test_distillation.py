"""Distillation end to end with a tiny teacher: reproducible, resumable, honest about its input."""

from __future__ import annotations

import json
import math
import random
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from killing import Attempt
from sentence_transformers.multi_vector_encoder.modules import HierarchicalTokenPooling
from tiny_families import save_llama, save_modernbert
from tiny_model import changed, save_bitext, save_collection, save_tiny_model, tiny_config
from typer.testing import CliRunner

from clirot.bitext import FilterConfig, load_bitext, stored_sources
from clirot.bitext.acquisition import FetchConfig, fetch_bitext
from clirot.cli import app, command_named
from clirot.cli.wording import in_options, speaking_for
from clirot.collection import open_collection
from clirot.digests import file_digest
from clirot.distillation import DistillConfig, DistillResult, bitexts, distill
from clirot.distillation.bitexts import bitexts_of
from clirot.distillation.training import trainer
from clirot.distillation.training.development import pool, split
from clirot.distillation.training.epochs import BestKeeper
from clirot.encoding import overflow
from clirot.encoding.encoders import load_model
from clirot.errors import (
    ArtefactError,
    ClirotError,
    CutTextWarning,
    InputError,
    PartlyDoneError,
    UnknownNameError,
    UnusedSettingWarning,
    UsageError,
)
from clirot.models import resolve
from clirot.records import LanguagePair, Step, silent
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.searching import SearchConfig, search
from clirot.store import Store

_PAIR = LanguagePair("en", "so")


def test_training_lowers_the_loss_and_the_best_epoch_is_kept(teacher: Path, bitext: Path) -> None:
    steps: list[Step] = []
    result = distill(tiny_config(teacher, bitext, epochs=4), progress=steps.append)
    figures = result.artefact.manifest.results
    assert result.fresh and result.name == "en-so"
    assert len(result.development) == 5 and len(figures["loss"]) == 4
    assert figures["loss"][-1] < figures["loss"][0]
    sentence = 0.5 / figures["development_pairs"]  # from the first place to the second
    assert result.development[result.best_epoch] >= max(result.development) - sentence
    assert len(result.development_entropy) == 5 and result.development_entropy[1] > 0
    assert figures["training_pairs"] + figures["development_pairs"] == figures["pairs"] == 120
    assert any(step.label == "distill" and dict(step.figures)["loss"] > 0 for step in steps)


def test_a_student_is_a_plain_checkpoint_with_a_card(teacher: Path, bitext: Path) -> None:
    from sentence_transformers import MultiVectorEncoder

    result = distill(tiny_config(teacher, bitext))
    model = MultiVectorEncoder(str(result.artefact.path), device="cpu")
    assert model.encode_query(["abc"])[0].shape[1] == 16
    card = (result.artefact.path / "README.md").read_text(encoding="utf-8")
    for said in ("Somali", str(teacher), "kept", result.artefact.manifest.inputs[0].digest):
        assert said in card
    names = {path.suffix for path in result.artefact.path.rglob("*") if path.is_file()}
    assert ".safetensors" in names and not names & {".bin", ".pt", ".pkl"}


def test_a_seed_decides_the_weights_and_a_second_call_finds_them(
    teacher: Path, bitext: Path, tmp_path: Path
) -> None:
    first = distill(tiny_config(teacher, bitext))
    again = distill(tiny_config(teacher, bitext))
    elsewhere = distill(tiny_config(teacher, bitext), store=Store(tmp_path / "elsewhere"))
    other = distill(tiny_config(teacher, bitext, seed=14, name="other"))
    assert not again.fresh and again.artefact.digest == first.artefact.digest
    assert elsewhere.fresh and elsewhere.artefact.digest == first.artefact.digest
    assert other.artefact.digest != first.artefact.digest


def test_other_settings_under_the_same_name_are_refused_until_replaced(
    teacher: Path, bitext: Path
) -> None:
    first = distill(tiny_config(teacher, bitext))
    with pytest.raises(ArtefactError, match=r"reg was 0\.02, now 0\.05"):
        distill(tiny_config(teacher, bitext, reg=0.05))
    replaced = distill(tiny_config(teacher, bitext, reg=0.05, replace=True))
    assert replaced.fresh and replaced.artefact.digest != first.artefact.digest


def test_the_student_before_training_is_a_student_too(teacher: Path, bitext: Path) -> None:
    before = distill(tiny_config(teacher, bitext, objective="none"))
    after = distill(tiny_config(teacher, bitext))
    assert before.name == "en-so.none" and before.best_epoch == 0
    assert before.development == [pytest.approx(after.development[0], abs=1e-9)]
    assert not distill(tiny_config(teacher, bitext, objective="none", epochs=5, batch_size=4)).fresh


def test_a_student_may_start_from_another_encoder(
    teacher: Path, bitext: Path, tmp_path: Path
) -> None:
    from clirot.encoding.encoders import load_encoder
    from clirot.models import resolve

    base = save_tiny_model(tmp_path / "base", seed=9, hidden=32)
    result = distill(tiny_config(teacher, bitext, student=str(base), name="from-base"))
    ref = resolve("from-base", Store())
    assert load_encoder(ref, side="query").dim == load_encoder(ref, side="document").dim == 16
    assert {one.kind for one in result.artefact.manifest.inputs} >= {"teacher", "base"}


def test_a_base_is_known_by_what_it_is_however_its_path_is_written(
    teacher: Path, bitext: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = save_tiny_model(tmp_path / "base", seed=9)
    config = tiny_config(teacher, bitext, student=str(base), objective="transport + mse", epochs=1)
    made = distill(config)
    assert made.fresh and made.name == "en-so.transport+mse"
    monkeypatch.chdir(tmp_path)
    for path in ("base", "./base/", f"{base}/"):
        assert not distill(changed(config, student=path, objective="transport+mse")).fresh


def test_a_start_that_cannot_be_is_told_before_the_teacher_encodes(
    teacher: Path, bitext: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encodes(*_: object, **__: object) -> None:
        raise AssertionError("the teacher has begun")

    monkeypatch.setattr("clirot.distillation.preparation.prepare", encodes)
    llama, modern = tmp_path / "llama", tmp_path / "modern"
    save_llama(llama)
    save_modernbert(modern)
    pooled = load_model(teacher, device="cpu")
    pooled.add_module("pooling", HierarchicalTokenPooling(pool_factor=2))
    pooled.save_pretrained(str(tmp_path / "pooled"))
    changes: list[tuple[dict[str, object], str]] = [
        ({"vocabulary": 50}, "`vocabulary` must be from 100 to 200000"),
        ({"sharpness": math.nan}, "`sharpness` must be a finite number, above 0, got nan"),
        (
            {"same_spelling": math.nan},
            "`same_spelling` must be a finite number, at least 0, got nan",
        ),
        ({"teacher": str(modern), "student": "transplant"}, "WordPiece"),
        ({"student": str(llama), "mask_padding": 8}, "no mask token"),
        ({"teacher": str(tmp_path / "pooled")}, r"merges tokens \(HierarchicalTokenPooling\)"),
    ]
    for change, message in changes:
        with pytest.raises(UsageError, match=message):
            distill(tiny_config(teacher, bitext, **change))


def test_killed_at_ten_moments_it_ends_with_the_weights_of_an_undisturbed_run(
    teacher: Path,
    bitext: Path,
    tmp_path: Path,
    attempt: Attempt,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = f"distill --src en --tgt so --teacher {teacher} --student transplant --file {bitext}"
    command += " --epochs 6 --batch-size 16 --vocabulary 200 --max-tokens 48 --name student"
    monkeypatch.setenv("CLIROT_HOME", str(tmp_path / "calm"))
    code, seconds = attempt(command)
    assert code == 0
    expected = Store().get("models", "student")
    monkeypatch.setenv("CLIROT_HOME", str(tmp_path / "stormy"))
    draw = random.Random(6)
    kills = 0
    while kills < 10:
        # Each attempt goes on where the last one was killed, until all is done: then anew.
        code, _ = attempt(command, draw.uniform(0.02, 0.6) * seconds)
        if code == 0:
            Store().remove("models", "student")
            continue
        assert code == -signal.SIGKILL
        kills += 1
    assert attempt(command)[0] == 0
    found = Store().get("models", "student")
    found.check(whole=True)
    assert found.digest == expected.digest


def test_killed_while_the_student_is_saved_it_ends_with_the_same_files(
    teacher: Path, bitext: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clirot.encoding import encoders

    calm = distill(tiny_config(teacher, bitext), store=Store(tmp_path / "calm"))
    with monkeypatch.context() as patched:
        patched.setattr(encoders, "save_model", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            distill(tiny_config(teacher, bitext))
    assert not Store().names("models")
    # No step is left to take: all that happens is that the best epoch is saved.
    assert distill(tiny_config(teacher, bitext)).artefact.digest == calm.artefact.digest


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_too_little_bitext_is_an_error_that_says_how_much(teacher: Path, tmp_path: Path) -> None:
    few = save_bitext(tmp_path / "few.tsv", count=12)
    with pytest.raises(InputError, match="too little bitext to train on: 12 pairs"):
        distill(tiny_config(teacher, few))
    assert not Store().names("models")


def test_a_file_in_the_store_is_taken_with_the_filters_it_was_fetched_with(
    teacher: Path, bitext: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.tsv"
    other.write_text("".join(f"salt {n}\tcusbo {n}\n" for n in range(30)), encoding="utf-8")
    strict = FetchConfig(pair=_PAIR, files=(bitext,), filters=FilterConfig(min_words=5))
    fetched = fetch_bitext(strict)
    fetched.check()
    (source,) = fetched.sources
    kept = len(load_bitext(Store(), _PAIR, [source]).pairs)
    assert 50 < kept < 120
    config = tiny_config(teacher, bitext, files=(other, bitext), objective="none", development=20)
    made = distill(config)
    assert not fetch_bitext(strict).fetched[0].fresh
    assert made.artefact.manifest.results["pairs"] == kept + 30
    read = [one.name for one in made.artefact.manifest.inputs if one.kind == "bitext"]
    assert ["file-other" in name for name in read] == [True, False]  # as they were named
    assert not distill(config).fresh  # nor does it matter that both are there now


def test_a_file_is_hashed_once_on_the_way_to_a_student(
    teacher: Path, bitext: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[Path] = []

    def digest(path: Path) -> str:
        hashed.append(path)
        return file_digest(path)

    monkeypatch.setattr("clirot.bitext.formats.local_file.file_digest", digest)
    assert distill(tiny_config(teacher, bitext, objective="none")).fresh
    assert hashed == [bitext]


def test_half_of_what_is_recommended_is_no_bitext_until_something_else_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("CLIROT_MIRROR", str(tmp_path / "mirror"))  # has nothing but what Babel has
    config = DistillConfig(pair=_PAIR)
    for _ in range(2):
        with pytest.raises(PartlyDoneError, match="hornmt") as caught:
            bitexts_of(config, Store(), silent)
        hint = str(caught.value.hint)
        assert hint.endswith("`distill(src=en, tgt=so, sources=cldr)`")
        with speaking_for(command_named("distill"), command_named):
            assert in_options(hint).endswith(": clirot distill --src en --tgt so --source cldr")
        assert stored_sources(Store(), _PAIR) == ["cldr"]
    # Fetched with other filters, what is there is no obstacle to the rest.
    strict = FilterConfig(min_words=2)
    fetch_bitext(FetchConfig(pair=_PAIR, sources=("cldr",), filters=strict, replace=True)).check()
    with pytest.raises(PartlyDoneError, match="hornmt"):
        bitexts_of(config, Store(), silent)
    mine = save_bitext(tmp_path / "mine.tsv")
    fetch_bitext(FetchConfig(pair=_PAIR, files=(mine,))).check()
    found = bitexts_of(config, Store(), silent)["so"]
    assert [one.name.split("-")[1] for one in found.inputs] == ["so.cldr", "so.file"]


def test_of_very_long_sentences_the_beginning_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        ("a short one", "mid gaaban"),
        ("a very long side of a pair", "dhinac aad u dheer"),
        ("it is short", "kani ma aha mid gaaban"),
    ]
    mine = tmp_path / "mine.tsv"
    mine.write_text("".join(f"{src}\t{tgt}\n" for src, tgt in rows))
    fetch_bitext(FetchConfig(pair=_PAIR, files=(mine,))).check()
    config = DistillConfig(pair=_PAIR)
    monkeypatch.setattr(bitexts, "LONGEST_HEAD", 20)
    monkeypatch.setattr(overflow, "LONGEST_HEAD", 20)
    said = "2 of 3 pairs of en-so have a side of more than 20 characters, of which the beginning"
    with pytest.warns(CutTextWarning, match=said):
        found = bitexts_of(config, Store(), silent)["so"]
    assert [(one.src, one.tgt) for one in found.pairs] == [
        rows[0], ("a very long side of", rows[1][1]), (rows[2][0], "kani ma aha mid"),
    ]  # fmt: skip
    assert [one.place for one in found.pairs] == [1, 2, 3]


def test_unknown_names_are_refused_before_anything_is_made(
    teacher: Path, bitext: Path, home: Path
) -> None:
    with pytest.raises(UnknownNameError, match="unknown objective") as caught:
        distill(tiny_config(teacher, bitext, objective="transprot"))
    assert "transport" in (caught.value.hint or "")
    with pytest.raises(UnknownNameError, match="unknown model 'minilm-em'") as caught:
        distill(tiny_config(teacher, bitext, teacher="minilm-em"))
    assert "minilm-en" in (caught.value.hint or "")
    assert not (home / "models").exists()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("epochs", 0), ("batch_size", -1), ("warmup", 1.0), ("marginals", "weight"), ("reg", 0.0)],
)
def test_settings_that_make_no_sense_are_refused_before_anything_is_made(
    setting: str, value: object, teacher: Path, bitext: Path, home: Path
) -> None:
    with pytest.raises(UsageError, match=setting):
        distill(tiny_config(teacher, bitext, **{setting: value}))
    assert not home.exists() or not list(home.iterdir())


@pytest.mark.parametrize(
    ("objective", "settings", "told"),
    [
        (
            "mse",
            {"reg": 0.1},
            "`reg=0.1` .* 'mse': .*transport, transport-contrast, token-contrast use it",
        ),
        ("transport+mse", {"reg": 0.1, "temperature": 0.1}, "`temperature=0.1` changes nothing"),
        ("transport", {"solver": "exact", "reg": 0.1}, "`reg=0.1` .*exact solver neither regul"),
        ("none", {"token_temperature": 0.2}, "'none': only token-contrast uses it"),
        ("mse", {"sampling_temperature": 5.0}, "`sampling_temperature=5.0` .* one language"),
        ("none", {"add_subwords": "always"}, "`add_subwords=always` .* 'transplant'"),
        (
            "none",
            {"student": "BASE", "add_subwords": "never", "sharpness": 1.0},
            "`sharpness=1.0` .* vocabulary stays as it is",
        ),
        (
            "mse",
            {
                "student": "BASE",
                "add_subwords": "never",
                "lora_rank": 2,
                "embedding_learning_rate": 1e-3,
            },
            "`embedding_learning_rate=0.001` .* and `lora_rank=2`: its input embeddings are not",
        ),
    ],
)
def test_settings_that_the_objective_has_no_use_for_are_told(
    teacher: Path, bitext: Path, objective: str, settings: dict[str, Any], told: str
) -> None:
    if "student" in settings:
        settings = {"embedding_learning_rate": 4e-3} | settings | {"student": str(teacher)}
    with pytest.warns(UnusedSettingWarning, match=told) as caught:
        distill(tiny_config(teacher, bitext, objective=objective, epochs=1, **settings))
    assert [one.category for one in caught].count(UnusedSettingWarning) == 1


def test_the_development_split_is_measured_in_one_arithmetic(
    teacher: Path, bitext: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "bfloat16_pays", lambda device: True)
    monkeypatch.setattr(trainer, "best_device", lambda: "cpu")
    seen: dict[bool, list[torch.dtype]] = {True: [], False: []}
    begin = BestKeeper.begin

    def watched(keeper: BestKeeper, *, resumed: bool) -> None:
        layers = (one for one in keeper._model.modules() if isinstance(one, torch.nn.Linear))
        next(layers).register_forward_hook(lambda one, _, out: seen[one.training].append(out.dtype))
        begin(keeper, resumed=resumed)

    monkeypatch.setattr(BestKeeper, "begin", watched)
    distill(tiny_config(teacher, bitext, epochs=2))
    assert set(seen[True]) == {torch.bfloat16}
    assert set(seen[False]) == {torch.float32}


@pytest.mark.parametrize("objective", ["transport", "mse"])
def test_training_that_diverges_says_so(teacher: Path, bitext: Path, objective: str) -> None:
    wild = {"learning_rate": 1e6, "embedding_learning_rate": 1e30, "objective": objective}
    with pytest.raises(ClirotError, match="training diverged") as caught:
        distill(tiny_config(teacher, bitext, **wild))
    assert "`learning_rate`" in (caught.value.hint or "")
    assert not Store().names("models")


def test_the_name_of_a_known_model_is_refused(teacher: Path, bitext: Path) -> None:
    with pytest.raises(UsageError, match="'minilm-en' is the name of a known model"):
        distill(tiny_config(teacher, bitext, name="minilm-en"))


def test_batches_of_one_cannot_be_contrasted(teacher: Path, bitext: Path) -> None:
    with pytest.raises(UsageError, match="nothing to compare"):
        distill(tiny_config(teacher, bitext, objective="contrastive", batch_size=1))


@pytest.mark.parametrize("objective", ["contrastive", "transport+0.5*mse"])
def test_the_students_of_other_objectives_are_named_after_them(
    teacher: Path, bitext: Path, objective: str
) -> None:
    default = distill(tiny_config(teacher, bitext, epochs=1))
    other = distill(tiny_config(teacher, bitext, epochs=1, objective=objective))
    assert default.name == "en-so"
    assert other.name == f"en-so.{objective.replace('*', '-')}"
    assert other.development[0] == default.development[0]
    assert other.artefact.digest != default.artefact.digest
    assert not distill(tiny_config(teacher, bitext, epochs=1, objective=objective)).fresh


def test_accumulated_batches_are_one_step(teacher: Path, bitext: Path) -> None:
    """Half the steps, on as many pairs; the log has one entry a step here."""
    plain = distill(tiny_config(teacher, bitext, epochs=1, name="plain"))
    added = distill(tiny_config(teacher, bitext, epochs=1, accumulate=2, name="added"))
    steps = [len(one.artefact.manifest.results["loss_curve"]) for one in (plain, added)]
    assert steps == [7, 4]  # 108 pairs in batches of 16
    assert added.artefact.digest != plain.artefact.digest
    losses = [one.artefact.manifest.results["loss"][0] for one in (plain, added)]
    assert losses[0] == pytest.approx(losses[1], rel=0.15)  # a mean over pairs, not a sum


def test_checkpointing_changes_memory_and_not_the_student(teacher: Path, bitext: Path) -> None:
    plain = distill(tiny_config(teacher, bitext, epochs=1, name="plain"))
    spared = distill(tiny_config(teacher, bitext, epochs=1, checkpointing=True, name="spared"))
    weights = [load_model(one.artefact.path).state_dict() for one in (plain, spared)]
    assert weights[0].keys() == weights[1].keys()
    for name, value in weights[0].items():
        assert torch.allclose(value, weights[1][name], atol=1e-5), name


def test_the_command_gives_a_name_or_a_document(teacher: Path, bitext: Path) -> None:
    command = ["distill", "--src", "en", "--tgt", "so", "--teacher", str(teacher)]
    command += ["--file", str(bitext), "--objective", "none", "--vocabulary", "200"]
    assert CliRunner().invoke(app, command).stdout == "en-so.none\n"
    document = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    made = Store().get("models", "en-so.none")
    assert document["name"] == made.name and document["digest"] == made.digest
    assert document["path"] == str(made.path) and document["fresh"] is False
    assert document["results"] == json.loads(json.dumps(made.manifest.results))


@pytest.mark.parametrize("side", ["document", "both"])
def test_a_student_of_documents_is_searched_with_the_teachers_topics(
    side: str, teacher: Path, bitext: Path, tmp_path: Path
) -> None:
    made = distill(tiny_config(teacher, bitext, side=side, epochs=1))
    assert made.name == f"en-so.{side}"
    ref = resolve(made.name, Store())
    own = load_model(made.artefact.path, device="cpu")
    asking = load_model(teacher, device="cpu") if side == "document" else own
    assert ref.side("document").path == made.artefact.path
    assert ref.side("query").path == (teacher if side == "document" else made.artefact.path)

    collection = save_collection(
        tmp_path / "collection", bitext, docs="so", topics=("en",), count=20
    )
    index = build_index(IndexConfig(model=made.name, collection=str(collection), dtype="float32"))
    documents = {one.id: one.text for one in open_collection(str(collection)).documents()}
    vectors = dict(zip(documents, own.encode_document(list(documents.values())), strict=True))
    assert index.notes == ()
    ready = search(SearchConfig(index=index.name, collection=str(collection)))
    expects = "so" if side == "both" else "en"
    assert ready.notes == (
        (f"the topics are in en, but {made.name} expects queries in so",) if expects == "so" else ()
    )
    found = list(ready.rankings())
    assert len(found) == 20
    for ranking in found:
        query = asking.encode_query([ranking.topic.text])[0]
        judge = {name: float((query @ one.T).amax(1).sum()) for name, one in vectors.items()}
        assert {hit.docno: hit.score for hit in ranking.hits} == pytest.approx(judge, abs=1e-4)
    card = (made.artefact.path / "README.md").read_text(encoding="utf-8")
    who = "the teacher" if side == "document" else "this model"
    assert f"Encode queries with {who}," in card


def test_a_student_of_documents_on_the_wrong_side_of_a_collection_is_noted(
    teacher: Path, bitext: Path
) -> None:
    made = distill(tiny_config(teacher, bitext, side="document", objective="none"))
    index = build_index(IndexConfig(model=made.name, collection="cldr/so"))
    (note,) = index.notes
    assert note.startswith(f"the documents are in en, but {made.name} expects them in so")
    (note,) = search(SearchConfig(index=index.name, collection="cldr/so")).notes
    assert note.startswith(f"the topics are in so, but {made.name} expects queries in en")
    assert not search(SearchConfig(index=index.name, collection="cldr/so", lang="en")).notes


def test_a_document_students_development_is_its_own(teacher: Path, bitext: Path) -> None:
    """Its figure is that of English topics over the held-out foreign documents, recomputed."""
    made = distill(tiny_config(teacher, bitext, side="document", objective="none"))
    pairs = load_bitext(Store(), _PAIR, stored_sources(Store(), _PAIR)).pairs
    parts = split(pairs, development=500)
    target = {pair.src: pair.tgt for pair in reversed(pairs)}
    topics = list(dict.fromkeys(pair.src for pair in parts.development))
    texts = [target[sentence] for sentence in pool(parts)]
    student = load_model(made.artefact.path, device="cpu").encode_document(texts)
    queries = load_model(teacher, device="cpu").encode_query(topics)
    reciprocal = []
    for place, query in enumerate(queries):
        scores = [float((query @ document.T).amax(1).sum()) for document in student]
        reciprocal.append(1 / sum(score >= scores[place] - 1e-6 for score in scores))
    assert made.development == pytest.approx([np.mean(reciprocal)], abs=1e-3)


def test_the_result_reads_its_figures_from_the_manifest(teacher: Path, bitext: Path) -> None:
    made = distill(tiny_config(teacher, bitext))
    found = DistillResult(Store().get("models", made.name), fresh=False)
    results = made.artefact.manifest.results
    assert len(results["plan"]) == len(made.development) == 3
    assert all(0 < one["transport_cost"] < 2 for one in results["plan"])
    pairs, losses = zip(*results["loss_curve"], strict=True)
    assert pairs[-1] == 2 * results["training_pairs"] and list(pairs) == sorted(set(pairs))
    assert np.mean(losses) == pytest.approx(np.mean(results["loss"]), rel=0.02)
    assert found.development == made.development and found.best_epoch == made.best_epoch
