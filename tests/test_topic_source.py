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
from clirot.retrieval.indexing import IndexConfig, build_index
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
        ({"topics": "-", "lang": "so"}, "`lang` chooses among a collection's topics"),
        ({"topics": "-", "topics_variant": "mt"}, "`topics_variant` chooses among the wordings"),
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


def test_translation_of_every_so_many_th(directory: Path) -> None:
    given = {"collection": str(directory), "every": 4}
    made = translate(translating(lang="en", tgt="so", **given))  # type: ignore[arg-type]
    assert [row.id for row in made.rows()] == ["q0", "q4"]
    assert made.total == 2
    with pytest.raises(UsageError, match="`every` choose among topics, and documents"):
        translating(docs=True, **given)
