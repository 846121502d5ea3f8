"""Hub data sets through the real ``datasets`` library, which reads them from a directory here."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clirot.bitext import load_bitext, source_for
from clirot.bitext.acquisition import FetchConfig, fetch_bitext
from clirot.bitext.sources.hub import parse_hub
from clirot.errors import DownloadError, InputError, UsageError
from clirot.records import LanguagePair, SentencePair
from clirot.store import Store

EN_SO = LanguagePair("en", "so")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROWS = [
    {"id": 1, "translation": {"en": "a house", "so": "guri"}, "note": None},
    {"id": 2, "translation": {"en": "a tree", "so": "geed"}, "note": "plant"},
]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A Hub of one data set, ``ours/pairs``; gives what it was asked."""
    import datasets
    import huggingface_hub

    directory = tmp_path / "pairs"
    directory.mkdir()
    for split, rows in (("train", ROWS), ("test", ROWS[:1])):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (directory / f"{split}.jsonl").write_text(text, encoding="utf-8")
    real = datasets.load_dataset
    asked: list[dict[str, Any]] = []

    def load(path: str, name: str | None = None, **more: Any) -> Any:
        asked.append({"path": path, "name": name, **more})
        if path != "ours/pairs":
            raise FileNotFoundError(f"Dataset '{path}' doesn't exist on the Hub")
        return real(str(directory), name, split=more["split"], cache_dir=str(tmp_path / "cache"))

    def info(self: object, identifier: str, *, revision: str, timeout: float) -> Any:
        if identifier != "ours/pairs":
            raise ValueError("404 Client Error: Repository Not Found")
        return SimpleNamespace(sha=COMMIT, card_data={"license": "cc-by-4.0"})

    monkeypatch.setattr(datasets, "load_dataset", load)
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", info)
    return asked


def test_nested_fields_of_the_latest_commit(hub, home):
    name = "hf:ours/pairs:translation.en:translation.so"
    result = fetch_bitext(FetchConfig(pair=EN_SO, sources=(name,)), store=Store())
    result.check()
    assert [one.src for one in load_bitext(Store(), EN_SO, result.sources).pairs] == [
        "a house",
        "a tree",
    ]
    (source,) = result.sources
    assert source.startswith("hf-ours-pairs-") and len(source) == len("hf-ours-pairs-") + 8
    manifest = result.fetched[0].artefact.manifest
    assert manifest.results["licence"] == "cc-by-4.0"
    assert COMMIT in manifest.config["revision"]
    assert hub[0]["revision"] == COMMIT and hub[0]["split"] == "train"


def test_a_commit_needs_no_answer_and_is_the_same_source(hub, home, monkeypatch):
    open_ = source_for("hf:ours/pairs@main:translation.en:translation.so", EN_SO)
    certain = source_for(f"hf:ours/pairs@{COMMIT}:translation.en:translation.so", EN_SO)
    resolved = open_.resolved(EN_SO, home=home, progress=lambda _: None)
    monkeypatch.setenv("CLIROT_OFFLINE", "1")
    same = certain.resolved(EN_SO, home=home, progress=lambda _: None)
    assert same.name == resolved.name
    assert next(iter(same.read(EN_SO, ()))) == SentencePair("a house", "guri", "train1")
    assert hub[-1]["download_config"].local_files_only
    with pytest.raises(DownloadError, match="forbids to ask the Hub"):
        open_.resolved(EN_SO, home=home, progress=lambda _: None)


def test_a_split_and_an_empty_side(hub, home):
    source = parse_hub(f"hf:ours/pairs@{COMMIT}:translation.en:note:default:test").resolved(
        EN_SO, home=home, progress=lambda _: None
    )
    assert list(source.read(EN_SO, ())) == [SentencePair("a house", "", "test1")]


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ("en:so", r"row 1 has no field 'en'; it has id, translation\.en, translation\.so, note"),
        ("translation.en:translation.fi", "no field 'translation.fi'"),
        ("translation.en:id", "field 'id' of row 1 is no text but int: '1'"),
        ("translation:note", "field 'translation' of row 1 is no text but dict"),
    ],
)
def test_fields_that_are_not_there_or_no_text(hub, home, fields, match):
    source = parse_hub(f"hf:ours/pairs@{COMMIT}:{fields}")
    with pytest.raises(InputError, match=match):
        list(source.resolved(EN_SO, home=home, progress=lambda _: None).read(EN_SO, ()))


def test_what_the_hub_has_not(hub, home):
    with pytest.raises(DownloadError, match="which commit main of no/such is at: 404 Client"):
        parse_hub("hf:no/such:a:b").resolved(EN_SO, home=home, progress=lambda _: None)
    gone = parse_hub(f"hf:no/such@{COMMIT}:a:b").resolved(EN_SO, home=home, progress=lambda _: None)
    with pytest.raises(DownloadError, match=r"cannot load no/such at .*doesn't exist on the Hub"):
        list(gone.read(EN_SO, ()))
    unsplit = parse_hub(f"hf:ours/pairs@{COMMIT}:translation.en:note::dev").resolved(
        EN_SO, home=home, progress=lambda _: None
    )
    with pytest.raises(DownloadError, match="dev"):
        list(unsplit.read(EN_SO, ()))


@pytest.mark.parametrize("name", ["hf:", "hf:pairs:en:so", "hf:ours/pairs", "hf:ours/pairs:en"])
def test_a_name_that_is_none(name):
    with pytest.raises(UsageError, match="not a data set of the Hub with two fields"):
        source_for(name, EN_SO)
