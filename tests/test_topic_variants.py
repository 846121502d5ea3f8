"""Variants of a collection's topics: which files they are, how one is chosen, what a run says."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from tiny_model import save_tiny_model
from typer.testing import CliRunner

from clirot.cli import app
from clirot.collection import open_collection
from clirot.errors import InputError, UnknownNameError, UsageError
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.searching import SearchConfig, search
from clirot.store import Store

RUNNER = CliRunner()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "set"
    path.mkdir()
    files = {
        "docs.en.tsv": "d1\tsalt and bread\nd2\tthe moon over the river\n",
        "queries.en.tsv": "q1\tbread\nq2\tmoon\n",
        "queries.so.tsv": "q1\troob\nq2\tdayax\n",
        "queries.en.mt.tsv": "q1\tloaf\nq2\tmoon river\n",
        "queries.en.from-de.jsonl": '{"id": "q1", "text": "salt"}\n{"id": "q2", "text": "moon"}\n',
        "queries.en.noise-0.1.tsv": "q1\tbraed\nq2\tmoom\n",
        "qrels.txt": "q1 0 d1 1\nq2 0 d2 1\n",
    }
    for name, text in files.items():
        (path / name).write_text(text, encoding="utf-8")
    (path / "topics.so.typed.trec.gz").write_bytes(
        gzip.compress(b"<top><num>q1<title>rob</top>\n<top><num>q2<title>dayx</top>\n")
    )
    return path


def texts(directory: Path, lang: str | None, variant: str | None) -> list[str]:
    return [topic.text for topic in open_collection(str(directory)).topics(lang, variant)]


def test_every_format_and_name(directory: Path) -> None:
    collection = open_collection(str(directory))
    assert collection.languages == ("en", "so")  # variants are no languages
    assert collection.variants("en") == ("from-de", "mt", "noise-0.1")
    assert collection.variants("so") == ("typed",)
    assert texts(directory, "en", None) == ["bread", "moon"]
    assert texts(directory, "en", "mt") == ["loaf", "moon river"]
    assert texts(directory, "eng", "from-de") == ["salt", "moon"]
    assert texts(directory, "en", "noise-0.1") == ["braed", "moom"]
    assert texts(directory, "so", "typed") == ["rob", "dayx"]
    assert collection.topics_digest("en", "mt") != collection.topics_digest("en")


def test_the_only_language_need_not_be_named(directory: Path) -> None:
    with pytest.raises(UsageError, match="topics in several languages"):
        texts(directory, None, "mt")
    (directory / "queries.so.tsv").unlink()
    assert texts(directory, None, "mt") == ["loaf", "moon river"]


def test_a_variant_that_is_not_there(directory: Path) -> None:
    with pytest.raises(UnknownNameError) as caught:
        texts(directory, "en", "from-dee")
    assert caught.value.message == (
        f"unknown variant of the topics of {directory} in 'en': 'from-dee'"
    )
    assert caught.value.hint == "did you mean 'from-de'?; known: from-de, mt, noise-0.1"
    with pytest.raises(UnknownNameError, match="'mt'"):
        texts(directory, "so", "mt")


def test_a_collection_without_any() -> None:
    with pytest.raises(
        UnknownNameError, match=r"the topics of vaswani.* have no variants"
    ) as caught:
        open_collection("vaswani").topics(variant="mt")
    assert "queries.LANG.VARIANT.tsv" in str(caught.value.hint)


def test_two_files_for_one(directory: Path) -> None:
    (directory / "topics.en.mt.tsv").write_text("q1\tloaf\n")
    with pytest.raises(InputError, match=r"two files for the variant 'mt' of the topics in 'en'"):
        texts(directory, "en", "mt")


def test_a_file_that_is_malformed(directory: Path) -> None:
    (directory / "queries.en.mt.tsv").write_text("q1\tloaf\nq1\tbread\n")
    with pytest.raises(InputError, match=r"queries\.en\.mt\.tsv:2: topic 'q1' occurs twice"):
        texts(directory, "en", "mt")


# --- searching


@pytest.fixture
def index(directory: Path, tmp_path: Path) -> str:
    model = save_tiny_model(tmp_path / "teacher", seed=1)
    return build_index(
        IndexConfig(model=str(model), collection=str(directory), name="set-index")
    ).name


def test_a_run_of_a_variant_is_that_of_its_topics(index: str, directory: Path) -> None:
    variant = search(
        SearchConfig(index=index, collection=str(directory), lang="en", topics_variant="mt")
    )
    assert [topic.text for topic in variant.topics] == ["loaf", "moon river"]
    assert variant.tag == "set-index.mt"
    assert variant.settings["topics_variant"] == "mt"
    file = search(
        SearchConfig(index=index, topics=str(directory / "queries.en.mt.tsv"), tag="set-index.mt")
    )
    assert "".join(variant.lines()) == "".join(file.lines())


def test_a_variant_of_two_words_gives_a_tag_of_one(index: str, tmp_path: Path) -> None:
    """NeuCLIR and HC4 call a translation "google translation"."""
    file = tmp_path / "topics.jsonl"
    file.write_text(
        '{"topic_id": "7", "topics": ['
        '{"lang": "eng", "source": "human translation", "topic_title": "loaf"},'
        '{"lang": "eng", "source": "google translation", "topic_title": "moon"}]}\n'
    )
    found = search(
        SearchConfig(index=index, topics=str(file), lang="en", topics_variant="google translation")
    )
    assert [topic.text for topic in found.topics] == ["moon"]
    assert found.tag == "set-index.google_translation"
    assert all(len(line.split(" ")) == 6 for line in "".join(found.lines()).splitlines())


def test_runs_of_two_variants_are_told_apart(index: str, directory: Path) -> None:
    command = ["search", "--index", index, "--collection", str(directory), "--lang", "en"]
    for name, more in (("plain", []), ("mt", ["--topics-variant", "mt"])):
        done = RUNNER.invoke(app, [*command, *more, "--save", name])
        assert done.exit_code == 0, done.output
    store = Store()
    plain, variant = (store.get("runs", name).manifest for name in ("plain", "mt"))
    assert (plain.config["topics_variant"], variant.config["topics_variant"]) == (None, "mt")
    assert plain.fingerprint != variant.fingerprint
    again = RUNNER.invoke(app, [*command, "--topics-variant", "from-de", "--save", "mt"])
    assert again.exit_code == 1


def test_mistakes_in_a_search(index: str, directory: Path) -> None:
    file = str(directory / "queries.en.tsv")
    with pytest.raises(UsageError, match="one wording of each topic, and none that is called 'mt'"):
        search(SearchConfig(index=index, topics=file, topics_variant="mt"))
    with pytest.raises(UnknownNameError, match="'mtt'"):
        search(
            SearchConfig(index=index, collection=str(directory), lang="en", topics_variant="mtt")
        )


def test_the_translations_of_xquad(shared_data: Path) -> None:
    collection = open_collection(str(shared_data / "collections" / "xquad_mt"))
    assert collection.languages == ("en",)
    assert "from-de" in collection.variants("en")
    plain, german = collection.topics(), collection.topics(variant="from-de")
    assert [topic.id for topic in plain] == [topic.id for topic in german]
    assert plain != german
