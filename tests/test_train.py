"""Training on judged topics end to end, with a tiny encoder: it learns, resumes, and says from what
it was made.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from judged_collections import judged_config, save_judged
from killing import Attempt
from sentence_transformers import MultiVectorEncoder
from tiny_model import save_bitext, save_tiny_model, tiny_config
from typer.testing import CliRunner

from clirot.cli import app
from clirot.collection import open_collection
from clirot.distillation import distill
from clirot.distillation.training.trainer import _Trainer
from clirot.encoding.encoders import load_encoder
from clirot.errors import ArtefactError, ChoiceNotice, UsageError
from clirot.evaluation.measures import measure_values, parse_measure
from clirot.models import resolve
from clirot.records import Step
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.searching import SearchConfig, search
from clirot.runs import Run, read_qrels
from clirot.store import Store
from clirot.supervision import TrainResult, train


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("base") / "tiny", seed=4)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_judged(tmp_path_factory.mktemp("judged") / "set")


@pytest.fixture(scope="module")
def trained(base: Path, judged: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    """A model that was trained with a fifth of the topics left out."""
    config = judged_config(base, judged, folds=5, fold=2)
    return train(config, store=Store(tmp_path_factory.mktemp("trained")))


def test_it_learns_and_the_best_epoch_is_kept(base: Path, judged: Path) -> None:
    steps: list[Step] = []
    result = train(judged_config(base, judged, epochs=3), progress=steps.append)
    found = result.artefact.manifest.results
    assert result.fresh and result.name == "trained"
    assert len(result.development) == 4 and len(found["loss"]) == 3
    assert found["loss"][-1] < found["loss"][0]
    topic = 0.5 / found["development_topics"]  # from the first place to the second
    assert result.development[result.best_epoch] >= max(result.development) - topic
    assert result.best_epoch > 0 and result.development[result.best_epoch] > result.development[0]
    assert found["training_topics"] == 48 and found["development_topics"] == 12
    assert found["groups"] == 2 * 48 and found["measure"] == "map"
    labels = {step.label for step in steps}
    assert {"train", "mine"} <= labels
    last = [step for step in steps if step.label == "train"][-1]
    assert last.done == last.total == 3 * found["groups"] and last.unit == "groups"
    assert dict(last.figures).keys() == {"loss", "dev MAP"}


def test_the_kept_weights_are_those_that_were_measured(trained: TrainResult, judged: Path) -> None:
    """MAP of the saved model on the topics that the manifest says were held out, by brute force."""
    found = trained.artefact.manifest.results
    collection = open_collection(str(judged))
    texts = {one.id: one.text for one in collection.topics("so")}
    documents = {one.id: one.text for one in collection.documents()}
    assert found["development_documents"] == len(documents)  # all of them, so the order is known
    ref = resolve(str(trained.artefact.path), Store())
    left_out = read_qrels(trained.left_out or "")
    topics = [topic for topic in texts if topic not in left_out]
    queries = load_encoder(ref, side="query").encode([texts[one] for one in topics])
    vectors = load_encoder(ref, side="document").encode(list(documents.values()))
    run = Run.from_dict(
        "all",
        {
            topic: {
                name: float((query @ one.T).max(1).sum())
                for name, one in zip(documents, vectors, strict=True)
            }
            for topic, query in zip(topics, queries, strict=True)
        },
    )
    qrels = {topic: collection.qrels()[topic] for topic in topics}
    (values,) = measure_values([parse_measure("map")], run, qrels)
    held = set(found["held_out"])
    expected = np.mean([v for topic, v in zip(qrels, values, strict=True) if topic in held])
    assert len(held) == found["development_topics"] and not held & left_out.keys()
    assert trained.development[trained.best_epoch] == pytest.approx(expected, abs=1e-6)


def test_the_model_is_a_plain_checkpoint_that_says_what_it_was_made_from(
    trained: TrainResult, base: Path, judged: Path
) -> None:
    path, manifest = trained.artefact.path, trained.artefact.manifest
    plain = MultiVectorEncoder(str(path), device="cpu")
    ours = load_encoder(resolve(str(path), Store()), side="query").encode(["abc"])[0]
    assert np.allclose(plain.encode_query(["abc"])[0].cpu().numpy(), ours, atol=1e-6)
    card = (path / "README.md").read_text(encoding="utf-8")
    digests = {one.kind: one.digest for one in manifest.inputs}
    assert list(digests) == ["base", "collection", "topics", "judgements", "indexes"]
    for said in (str(base), str(judged), "English", "Somali", "kept", *digests.values()):
        assert said in card
    assert digests["base"] == resolve(str(base), Store()).digest
    assert digests["collection"] == open_collection(str(judged)).digest
    assert (
        digests["indexes"] == Store(path.parents[1]).get("indexes", manifest.inputs[-1].name).digest
    )
    assert not list(path.rglob("*.bin"))


def test_the_topics_that_are_left_out_can_be_tested_on(trained: TrainResult, judged: Path) -> None:
    qrels = read_qrels(trained.left_out or "")
    assert len(qrels) == trained.artefact.manifest.results["left_out_topics"] == 12
    whole = open_collection(str(judged)).qrels()
    assert all(whole[topic] == found for topic, found in qrels.items())


def test_a_seed_decides_the_weights_and_a_second_call_finds_them(
    base: Path, judged: Path, tmp_path: Path
) -> None:
    config = judged_config(base, judged, epochs=1)
    first, again = train(config), train(config)
    elsewhere = train(config, store=Store(tmp_path / "elsewhere"))
    assert not again.fresh and again.artefact.digest == first.artefact.digest
    assert elsewhere.fresh and elsewhere.artefact.digest == first.artefact.digest
    with pytest.raises(ArtefactError, match=r"temperature was 0\.03, now 0\.1"):
        train(judged_config(base, judged, epochs=1, temperature=0.1))
    other = train(judged_config(base, judged, epochs=1, seed=14, replace=True))
    assert other.fresh and other.artefact.digest != first.artefact.digest


def test_killed_it_ends_with_the_weights_of_an_undisturbed_run(
    base: Path,
    judged: Path,
    tmp_path: Path,
    attempt: Attempt,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = f"train --model {base} --collection {judged} --lang so --name model --epochs 2"
    command += f" --batch-size 8 --loss kl --teacher {base} --margin 0"
    monkeypatch.setenv("CLIROT_HOME", str(tmp_path / "calm"))
    code, seconds = attempt(command)
    assert code == 0
    expected = Store().get("models", "model")
    monkeypatch.setenv("CLIROT_HOME", str(tmp_path / "stormy"))
    for share in (0.4, 0.7):
        code, _ = attempt(command, share * seconds)
        assert code == -signal.SIGKILL
    assert attempt(command)[0] == 0
    found = Store().get("models", "model")
    found.check(whole=True)
    assert found.digest == expected.digest


def test_stopped_in_an_epoch_it_goes_on_from_the_one_before(
    base: Path, judged: Path, tmp_path: Path
) -> None:
    config = judged_config(base, judged)
    calm = train(config, store=Store(tmp_path / "calm"))

    def interrupt(step: Step) -> None:
        if step.label == "train" and step.done > 0.7 * (step.total or 0):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, progress=interrupt)
    steps: list[Step] = []
    resumed = train(config, progress=steps.append)
    began = next(step.done for step in steps if step.label == "train")
    assert began == 96 + 8  # the first batch of the second epoch
    assert resumed.artefact.digest == calm.artefact.digest
    assert resumed.artefact.manifest.results == calm.artefact.manifest.results


def test_a_trained_model_is_a_teacher_and_a_start_and_a_student_is_trained_on(
    base: Path, judged: Path, tmp_path: Path
) -> None:
    bitext = save_bitext(tmp_path / "pairs.tsv")
    first = train(judged_config(base, judged, epochs=1))
    taught = distill(
        tiny_config(Path("trained"), bitext, student="trained", add_subwords="never", epochs=1)
    )
    kinds = {one.kind: one for one in taught.artefact.manifest.inputs}
    assert kinds["teacher"].digest == kinds["base"].digest == first.artefact.digest
    card = (taught.artefact.path / "README.md").read_text(encoding="utf-8")
    assert f"1. train `trained` (`{first.artefact.digest[:12]}`), loss `contrastive`" in card
    with pytest.warns(
        ChoiceNotice, match="en-so was distilled to read topics, and its teacher trained"
    ):
        again = train(judged_config("en-so", judged, name="again", epochs=1))
    card = (again.artefact.path / "README.md").read_text(encoding="utf-8")
    steps = [line for line in card.splitlines() if line[:3] in ("1. ", "2. ", "3. ")]
    assert [line.split("`")[1] for line in steps] == ["trained", "en-so"]
    assert "2. distil `en-so`" in steps[1] and "objective" in steps[1]
    # It reads documents itself now: an index is its own.
    ref = resolve("again", Store())
    assert ref.side("document") == ref and ref.digest == again.artefact.digest
    build_index(IndexConfig(model="again", collection=str(judged), name="own"))
    found = search(SearchConfig(index="own", collection=str(judged), lang="so"))
    assert found.model == "again" and len(list(found.rankings())) == 60


def test_a_model_does_not_replace_the_one_that_it_is_trained_from(base: Path, judged: Path) -> None:
    train(judged_config(base, judged, epochs=1))
    with pytest.raises(UsageError, match="would replace the one that it is trained from"):
        train(judged_config("trained", judged, replace=True))
    with pytest.raises(UsageError, match="'minilm-en' is the name of a known model"):
        train(judged_config(base, judged, name="minilm-en"))


def test_held_out_topics_chosen_and_measured_otherwise(base: Path, judged: Path) -> None:
    result = train(
        judged_config(
            base, judged, epochs=1, measure="ndcg@10", every=2, max_topics=20, development=3,
            development_documents=30, report_to=("tensorboard",),
        )
    )  # fmt: skip
    found = result.artefact.manifest.results
    assert found["training_topics"] + found["development_topics"] == 20
    assert found["topics_not_taken"] == 40 and found["development_topics"] == 3
    assert found["development_documents"] == 30
    card = (result.artefact.path / "README.md").read_text(encoding="utf-8")
    assert "nDCG@10 of 3 topics" in card and "- 40 judged topics that were not taken" in card
    assert result.tensorboard is not None and list(result.tensorboard.iterdir())


def test_every_setting_of_the_training_arrives_at_the_trainer(
    base: Path, judged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, Any] = {
        "seed": 7, "epochs": 5, "batch_size": 4, "accumulate": 3, "checkpointing": True,
        "learning_rate": 3e-4, "embedding_learning_rate": 0.0, "start_share": 0.25, "warmup": 0.3,
        "max_tokens": 20, "lora_rank": 2, "mini_batch": 5, "temperature": 0.2,
    }  # fmt: skip
    seen: list[Any] = []
    monkeypatch.setattr(_Trainer, "train", lambda self, **_: seen.append(self))
    pytest.importorskip("peft")
    train(judged_config(base, judged, **changes))
    (trainer,) = seen
    given, loss = trainer.args, trainer.loss
    keeper = next(one for one in trainer.callback_handler.callbacks if hasattr(one, "_share"))
    arrived = {
        "seed": given.seed,
        "epochs": given.num_train_epochs,
        "batch_size": given.per_device_train_batch_size,
        "accumulate": given.gradient_accumulation_steps,
        "learning_rate": given.learning_rate,
        "warmup": given.warmup_steps,
        "max_tokens": given.max_length["document"],
        "start_share": keeper._share,
        "mini_batch": loss.mini_batch_size,
        "temperature": 1 / loss.scale,
    }
    assert arrived == {name: pytest.approx(changes[name]) for name in arrived}
    body = trainer.model[0].auto_model
    assert body.is_activation_checkpointing
    manifest = Store().get("models", "trained").manifest
    assert {name: manifest.config.get(name, manifest.seed) for name in changes} == changes


def _invoke(*words: object) -> Any:
    return CliRunner().invoke(app, ["train", *map(str, words)])


def test_the_command_gives_a_name_or_a_document(base: Path, judged: Path) -> None:
    command = ["--model", base, "--collection", judged, "--lang", "so", "--epochs", 1]
    command += ["--batch-size", 8, "--name", "model", "--folds", 5]
    done = _invoke(*command)
    assert (done.exit_code, done.stdout) == (0, "model\n")
    assert "trained: MAP on held-out topics" in done.stderr
    assert "12 topics are left out to test on" in done.stderr
    again = _invoke(*command, "--json")
    found = json.loads(again.stdout)
    assert found["fresh"] is False and found["name"] == "model"
    assert found["left_out"].endswith("left-out.qrels")
    assert found["results"]["loss"] and "model was there" in again.stderr
    listed = CliRunner().invoke(app, ["models", "list", "--json"])
    assert json.loads(listed.stdout)["made"]["model"]["config"]["loss"] == "contrastive"
    shown = CliRunner().invoke(app, ["models", "show", "model", "--picture", "curve.svg"])
    assert shown.exit_code == 0, shown.stderr
    Path("curve.svg").unlink()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "kl"}, r"learns the scores of a teacher.*name one \(`teacher`\)"),
        ({"fold": 3}, r"`fold` 3: there are 1 parts"),
        ({"first_rank": 200}, r"`first_rank` 200 is below the last rank.*raise `depth`"),
        ({"loss": "mse"}, r"known: contrastive, kl, margin-mse"),
        ({"batch_size": 1}, r"`batch_size` must be at least 2"),
    ],
)
def test_settings_that_make_no_sense(
    changes: dict[str, Any], message: str, base: Path, judged: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        judged_config(base, judged, **changes)
