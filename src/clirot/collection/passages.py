"""MIRACL and CIRAL: passages on the Hugging Face Hub, and sets of topics with their judgements.

``miracl/sw/dev`` and ``ciral/so/test-a`` are a language and a set of topics; ``ciral/so`` alone is
the passages. One index serves all sets of a language. Files are fetched by clirot's downloader, so
that a mirror may hold them and an interrupted download goes on.

MIRACL (Zhang et al. 2023, TACL 11) has topics and passages in one language. What its files are and
which digests they have is taken from ir_datasets, which serves the same ids by its own downloader.
CIRAL (Adeyemi et al. 2024, SIGIR) has English topics, with translations by people, and passages in
an African language; its files are listed in ``ciral.json``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from clirot.bounds import STREAM
from clirot.collection.collection import Collection
from clirot.collection.rows import json_rows, numbered_lines, with_distinct_ids
from clirot.collection.tables import ID, TITLE, TOPIC_COLUMNS, Table
from clirot.collection.topics import read_topics
from clirot.download import Upstream, fetch, identified
from clirot.errors import InputError
from clirot.languages import closest_language, parse_language
from clirot.records import Document, ProgressSink, Topic, silent
from clirot.registry import unknown_name
from clirot.runs import Qrels, read_qrels
from clirot.text_form import on_one_line

_IDS, _TEXTS = ("docid", "id"), ("text", "contents")
_TOOLS = "5b819c1a45c8a0a3ec9426f476694f44a29dfaf3"
_ANSERINI = f"https://raw.githubusercontent.com/castorini/anserini-tools/{_TOOLS}/"
_MIRACL_THERE = {
    "dev": frozenset(
        ("ar", "bn", "de", "en", "es", "fi", "fr", "hi", "ru", "sw", "te", "th", "yo", "zh")
    ),
    "train": frozenset(("fi", "fr", "sw")),
}
"""Set -> languages whose topics and judgements are known to be in anserini-tools too, where they
can be had without the Hub. Their digests are those that ir_datasets expects."""

_MISNUMBERED = {"topics.ciral-v1.0-sw-test-b-native.tsv": {70: "238"}}
"""File of topics -> line -> the id it should have. The English file has 238 in that line, with the
same question; the Swahili one has the 237 of the line before once more."""
_WITHOUT_TOPIC = {"qrels.ciral-v1.0-sw-test-b.tsv": frozenset({"23"})}
"""File of judgements -> topics that are in no file of topics. This one has a single judgement."""


@dataclass(frozen=True, kw_only=True)
class TopicSet:
    """Topics, in one language or several, and their judgements."""

    topics: Mapping[str, Upstream]
    """By language; the first is taken where none is asked for."""
    qrels: Upstream | None
    """None: they are not public."""


@dataclass(frozen=True, kw_only=True)
class PassageSet:
    """The passages in a language, and all sets of topics for them."""

    passages: tuple[Upstream, ...]
    count: int | None
    """How many there are, as published."""
    sets: Mapping[str, TopicSet]


@dataclass(frozen=True, kw_only=True)
class Release:
    """A family of collections."""

    family: str
    languages: Mapping[str, PassageSet]
    page: str
    """Where a person reads about it."""

    @property
    def ids(self) -> list[str]:
        """Of all its collections: the passages of each language, and each set of topics."""
        found = []
        for language, one in self.languages.items():
            found.append(f"{self.family}/{language}")
            found += [f"{self.family}/{language}/{name}" for name in one.sets]
        return found


class PassageCollection(Collection):
    """The passages of a release in a language, with one of its sets of topics or without.

    Args:
        release: which release.
        rest: of the id, after the family: ``so``, or ``so/test-a``.
        home: where downloads are kept.
        progress: told how they go.

    Raises:
        UnknownNameError: there is no such language or set; the hint suggests the closest.
        LanguageError: not the code of a language.
    """

    def __init__(
        self, release: Release, rest: str, home: Path, progress: ProgressSink = silent
    ) -> None:
        written, slash, name = rest.partition("/")
        asked = parse_language(written) if written else ""
        language = closest_language(asked, release.languages) or asked
        id_ = f"{release.family}/{language}{slash}{name}".removesuffix("/")
        if id_ not in release.ids:
            raise unknown_name("collection", id_, release.ids)
        self._release, self._passages = release, release.languages[language]
        self._set = self._passages.sets[name] if name else None
        languages = tuple(self._set.topics) if self._set is not None else ()
        super().__init__(id_, languages, languages[0] if languages else None)
        self.document_language = language
        self.nearest_language(asked, (language,), "passages")
        self._home, self._progress = home, progress

    def _file(self, upstream: Upstream) -> Path:
        return fetch(upstream, home=self._home, progress=self._progress)

    def _read_documents(self) -> Iterator[Document]:
        for upstream in self._passages.passages:
            path = self._file(upstream)
            rows = json_rows(
                numbered_lines(path, most=STREAM), path, ids=_IDS, texts=_TEXTS, title=True
            )
            for _, identifier, text in with_distinct_ids(rows, "document", path):
                yield Document(identifier, text)

    def _chosen(self, what: str) -> TopicSet:
        if self._set is None:
            sets = ", ".join(f"{self.id}/{name}" for name in self._passages.sets)
            raise InputError(
                f"collection {self.id} is passages alone, without {what}",
                hint=f"name a set of topics: {sets}",
            )
        return self._set

    def _read_topics(self, language: str | None) -> list[Topic]:
        chosen = self._chosen("topics")
        upstream = chosen.topics[language or next(iter(chosen.topics))]
        path = self._file(upstream)
        ids = _MISNUMBERED.get(upstream.filename)
        return read_topics(path) if ids is None else _renumbered(path, ids)

    def _read_qrels(self) -> Qrels:
        qrels = self._chosen("judgements").qrels
        if qrels is None:
            raise InputError(
                f"collection {self.id} has no judgements: they have not been published",
                hint=f"see {self._release.page}",
            )
        without = _WITHOUT_TOPIC.get(qrels.filename, frozenset())
        judged = read_qrels(self._file(qrels))
        return {topic: documents for topic, documents in judged.items() if topic not in without}

    @property
    def document_count(self) -> int | None:
        """How many passages there are, as published; nothing is fetched."""
        return self._passages.count

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the places and the digests of the files of the passages.

        A file of which no digest was published is fetched for it.
        """
        # An index of before, when texts were taken as they are, is told apart.
        parts: list[list[str | None]] = [["texts", "NFC"]]
        for upstream in self._passages.passages:
            known = upstream.md5
            if known is None:
                known = identified(upstream, home=self._home, progress=self._progress).sha256
            parts.append([upstream.place, known])
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _renumbered(path: Path, ids: Mapping[int, str]) -> list[Topic]:
    """The topics of a file in which some lines have a wrong id."""
    table = Table(numbered_lines(path), path, TOPIC_COLUMNS)
    rows = (
        (number, ids.get(number, row[ID]), on_one_line(row[TITLE]))
        for number, row in table.rows((ID, TITLE), "a topic is id TAB text")
    )
    return [
        Topic(identifier, text) for _, identifier, text in with_distinct_ids(rows, "topic", path)
    ]


@cache
def miracl() -> Release:
    """MIRACL, by what ir_datasets says of its files."""
    return Release(
        family="miracl",
        languages=_miracl_languages(_said_by_ir_datasets("downloads"), _counts()),
        page="https://project-miracl.github.io",
    )


def _miracl_languages(
    said: Mapping[str, Mapping[str, Any]], counts: Mapping[str, int]
) -> dict[str, PassageSet]:
    """From ir_datasets' table of downloads, whose keys are such as ``v1.0/sw/dev/topics``."""
    keys = [key.split("/") for key in said]
    found = {}
    for language in sorted({key[1] for key in keys}):
        own = [key for key in keys if key[1] == language]
        shards = sorted(int(key[3]) for key in own if key[2] == "corpus")
        names = [key[2] for key in own if key[3] == "topics"]

        def upstream(part: str, name: str, language: str = language) -> Upstream | None:
            entry = said.get(f"v1.0/{language}/{name}/{part}")
            if entry is None:
                return None
            address = str(entry["url"])
            if language in _MIRACL_THERE.get(name, ()):
                address = f"{_ANSERINI}{part}/{part}.miracl-v1.0-{language}-{name}.tsv"
            return _miracl_file(entry, address)

        sets = {
            name: TopicSet(topics={language: topics}, qrels=upstream("qrels", name))
            for name in names
            if (topics := upstream("topics", name)) is not None
        }
        found[language] = PassageSet(
            passages=tuple(
                _miracl_file(entry, str(entry["url"]))
                for shard in shards
                for entry in [said[f"v1.0/{language}/corpus/{shard}"]]
            ),
            count=counts.get(language),
            sets=sets,
        )
    return found


def _miracl_file(entry: Mapping[str, Any], address: str) -> Upstream:
    # ir_datasets calls its sizes hints, and some are of another version: they are not held to.
    return Upstream(url=address, sha256=None, md5=str(entry["expected_md5"]), licence="Apache-2.0")


def _counts() -> dict[str, int]:
    found = {}
    for name, entry in _said_by_ir_datasets("metadata").items():
        parts = name.split("/")
        if len(parts) == 2 and parts[0] == "miracl":
            found[parts[1]] = int(entry["docs"]["count"])
    return found


def _said_by_ir_datasets(table: str) -> Mapping[str, Any]:
    from ir_datasets.util.fileio import PackageDataFile

    with PackageDataFile(f"etc/{table}.json").stream() as stream:
        said: dict[str, Any] = json.load(stream)
    return said["miracl"] if table == "downloads" else said


@cache
def ciral() -> Release:
    """CIRAL, by ``ciral.json``."""
    said = json.loads(files(__package__).joinpath("ciral.json").read_text(encoding="utf-8"))
    own = said["topics and judgements"]

    def upstream(folder: str, filename: str, name: str) -> Upstream:
        known = said["known"].get(filename)
        native = filename.endswith("-native.tsv")
        base = f"{said['anserini-tools']}{folder}/"
        if known is None and not native:
            base = f"{own}ciral-{name}/{folder}/"
        return Upstream(
            url=base + filename,
            sha256=known["sha256"] if known else None,
            size=known["size"] if known else None,
            licence=said["licence"],
        )

    languages = {}
    for language, entry in said["languages"].items():
        name, stem = entry["name"], f"ciral-v1.0-{language}"
        sets = {}
        # The pools are the judgements of all that took part, for the topics of test-a.
        for topics, judged in (
            ("dev", "dev"), ("test-a", "test-a"), ("test-a", "test-a-pools"), ("test-b", "test-b")
        ):  # fmt: skip
            sets[judged] = TopicSet(
                topics={
                    "en": upstream("topics", f"topics.{stem}-{topics}.tsv", name),
                    language: upstream("topics", f"topics.{stem}-{topics}-native.tsv", name),
                },
                qrels=upstream("qrels", f"qrels.{stem}-{judged}.tsv", name),
            )
        passages = Upstream(
            url=f"{said['passages']}{name}_passages.jsonl", sha256=None, licence=said["licence"]
        )
        languages[language] = PassageSet(passages=(passages,), count=entry["documents"], sets=sets)
    return Release(
        family="ciral", languages=languages, page="https://github.com/ciralproject/ciral"
    )
