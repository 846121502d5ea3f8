"""Where topics come from: the same settings and checks for every verb that takes topics."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clirot.collection import Collection
from clirot.collection.topic_source import TopicSource, read_topic_set
from clirot.errors import InputError, UsageError
from clirot.records import Topic
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.searching import SearchConfig, search
from clirot.retrieval.translation.configuration import TranslateConfig
from clirot.retrieval.translation.translating import translate


def searching(**given: Any) -> TopicSource:
    return SearchConfig(index="x", **given)


def translating(**given: Any) -> TopicSource:
    return TranslateConfig(command="cat", **given)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "set"
    path.mkdir()
    (path / "docs.en.tsv").write_text("d1\tsalt and bread\nd2\tthe moon over the river\n")
    (path / "queries.en.tsv").write_text("".join(f"q{number}\tbread\n" for number in range(7)))
    (path / "queries.en.mt.tsv").write_text("q1\tloaf\n")
    (path / "queries.so.tsv").write_text("q1\troob\n")
    return path


@pytest.mark.parametrize("make", [TopicSource, searching, translating])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "from a collection or from a file of topics, one of the two"),
        ({"collection": "c", "topics": "-"}, "one of the two"),
        ({"topics": "-", "topics_field": "titel"}, "unknown `topics_field` 'titel'"),
        ({"topics": "-", "every": 0}, "`every` must be at least 1, got 0"),
        ({"topics": "-", "every": 1.5}, "`every` must be a whole number"),
    ],
)
def test_contradictions(
    make: Callable[..., TopicSource], given: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        make(**given)


@pytest.mark.parametrize("make", [TopicSource, searching, translating])
def test_what_is_read(make: Callable[..., TopicSource], directory: Path) -> None:
    found = read_topic_set(make(collection=str(directory), lang="eng", every=3))
    assert [topic.id for topic in found.topics] == ["q0", "q3", "q6"]
    assert (found.name, found.language) == (str(directory), "en")
    assert found.collection is not None and found.collection.id == str(directory)
    found = read_topic_set(make(collection=str(directory), lang="en", topics_variant="mt"))
    assert found.topics == [Topic("q1", "loaf")]
    file = str(directory / "queries.en.tsv")
    found = read_topic_set(make(topics=file, every=100))
    assert found.topics == [Topic("q0", "bread")]  # the first one is among them
    assert (found.name, found.language, found.collection) == (file, None, None)
    assert read_topic_set(make(topics=file, lang="eng")).language == "en"


@pytest.mark.parametrize("make", [TopicSource, searching, translating])
def test_language_variant_and_field_of_a_file(
    make: Callable[..., TopicSource], directory: Path
) -> None:
    file = directory / "neuclir.jsonl"
    file.write_text(
        '{"topic_id": "7", "topics": ['
        '{"lang": "eng", "topic_title": "salt", "topic_description": "On salt."},'
        '{"lang": "fas", "source": "human translation", "topic_title": "namak"},'
        '{"lang": "fas", "source": "mt", "topic_title": "namak mt"}]}\n'
    )
    for given, text in (
        ({"lang": "eng"}, "salt"),
        ({"lang": "eng", "topics_field": "title+description"}, "salt On salt."),
        ({"lang": "fas"}, "namak"),
        ({"lang": "fas", "topics_variant": "mt"}, "namak mt"),
    ):
        found = read_topic_set(make(topics=str(file), **given))
        assert [topic.text for topic in found.topics] == [text]
        assert found.language == {"eng": "en", "fas": "fa"}[given["lang"]]
    with pytest.raises(UsageError, match="no topics in 'so': it has en, fa"):
        read_topic_set(make(topics=str(file), lang="so"))


def test_a_field_of_a_collections_topics(directory: Path) -> None:
    """A file in a directory is read as any other; its name states the language."""
    (directory / "queries.sw.xml").write_text(
        "<topics><topic lang='sw' number='1'><title>chumvi</title>"
        "<description>d</description></topic></topics>"
    )
    (directory / "queries.fi.trec").write_text("<top><num>1<EN-title>salt<EN-desc>d</top>")
    found = read_topic_set(
        TopicSource(collection=str(directory), lang="sw", topics_field="description")
    )
    assert found.topics == [Topic("1", "d")]
    with pytest.raises(UsageError, match=r"queries\.fi\.trec has no topics in 'fi'"):
        read_topic_set(TopicSource(collection=str(directory), lang="fi"))
    with pytest.raises(InputError, match="without description"):
        read_topic_set(
            TopicSource(collection=str(directory), lang="so", topics_field="description")
        )
    with pytest.raises(UsageError, match="have one text only, and no description"):
        read_topic_set(TopicSource(collection="cldr/so", topics_field="description"))


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BufferedReader(io.BytesIO(b"a\tx\nb\ty\nc\tz\n"))  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))
    found = read_topic_set(TopicSource(topics="-", every=2))
    assert found.topics == [Topic("a", "x"), Topic("c", "z")]
    assert found.name == "-"


def test_a_topic_without_text(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    """A collection's own reader may let one through, as ir_datasets' does."""
    monkeypatch.setattr(
        Collection, "topics", lambda *_: [Topic("q1", "bread"), Topic("q2", " \u3000")]
    )
    with pytest.raises(InputError, match=r"topic 'q2' of .*set has no text"):
        read_topic_set(TopicSource(collection=str(directory), lang="en"))


def test_a_run_says_that_topics_were_left_out(directory: Path) -> None:
    index = build_index(IndexConfig(model="bm25", collection=str(directory), name="words")).name
    whole = search(SearchConfig(index=index, collection=str(directory), lang="en"))
    # Runs that were saved before there was the setting are still found.
    assert "every" not in whole.settings
    part = search(SearchConfig(index=index, collection=str(directory), lang="en", every=3))
    assert part.settings["every"] == 3
    lines = "".join(part.lines()).splitlines()
    assert sorted({line.split()[0] for line in lines}) == ["q0", "q3", "q6"]
    assert part.save("part").manifest.config["every"] == 3
    assert "topics_field" not in whole.settings


def test_translation_of_every_so_many_th(directory: Path) -> None:
    given = {"collection": str(directory), "every": 4}
    made = translate(translating(lang="en", tgt="so", **given))  # type: ignore[arg-type]
    assert [row.id for row in made.rows()] == ["q0", "q4"]
    assert made.total == 2
    with pytest.raises(UsageError, match="`every` choose among topics, and documents"):
        translating(docs=True, **given)
