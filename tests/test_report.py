"""The page of an evaluation, without a browser: what it holds is what was evaluated."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_model import save_place

from clirot.encoding.encoders import MultiVectorTokenEncoder, load_encoder
from clirot.encoding.token_texts import read_tokens
from clirot.errors import UsageError
from clirot.evaluation import EvaluateConfig, evaluate, evaluate_runs
from clirot.evaluation.formats import rows_of
from clirot.evaluation.report import ReportSettings, SetTexts, write_report
from clirot.evaluation.report.page import json_in_html
from clirot.evaluation.report.provenance import Origin, origin_of
from clirot.evaluation.report.texts import texts_of
from clirot.evaluation.report.topics import striking, topics_of
from clirot.evaluation.result import Evaluation
from clirot.models import resolve
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.searching import SearchConfig, search
from clirot.runs import Run
from clirot.store import Artefact, Input, Store

DOCUMENTS = {
    "d1": "moon over the sea",
    "d2": "a sea of light",
    "d3": "stone and bread",
    "d4": "the moon is made of stone",
}
TOPICS = {"q1": "moonlight", "q2": "stone bread", "q3": "sea"}
QRELS = {"q1": {"d1": 2, "d4": 1, "d3": 0}, "q2": {"d3": 1}, "q3": {"d1": 1, "d2": 1, "gone": 1}}
FILES = {
    "set/docs.en.tsv": "".join(f"{docno}\t{text}\n" for docno, text in DOCUMENTS.items()),
    "set/queries.en.tsv": "".join(f"{topic}\t{text}\n" for topic, text in TOPICS.items()),
    "set/queries.en.typo.tsv": "q1\tmonlight\nq2\tstone braed\nq3\tsae\n",
    "set/qrels.txt": "".join(
        f"{topic} 0 {docno} {grade}\n"
        for topic, judged in QRELS.items()
        for docno, grade in judged.items()
    ),
    "file.trec": "q1 Q0 d2 1 3 t\nq1 Q0 d1 2 2 t\nq2 Q0 d3 1 1 t\nq3 Q0 d9 1 1 t\n",
}


class Parsed(HTMLParser):
    """The elements of a page, the data in its scripts, and the text of its main table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data: dict[str, Any] = {}
        self.policy = ""
        self.rows: list[list[str]] = []
        self.text = ""
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "input", "link"):
            self._open.append((tag, dict(attrs)))
        if tag == "meta" and dict(attrs).get("http-equiv") == "Content-Security-Policy":
            self.policy = dict(attrs)["content"] or ""
        if self._in_main() and tag == "tr":
            self.rows.append([])
        if self._in_main() and tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not self._open:
            return
        tag, attributes = self._open[-1]
        if tag == "script":
            if attributes.get("type") == "application/json":
                self.data[(attributes["id"] or "").removeprefix("data-")] = json.loads(data)
            return
        if tag == "style":
            return
        self.text += data
        inside = [one.get("class") for _, one in self._open]
        if self._in_main() and self.rows and self.rows[-1] and "mark" not in inside:
            self.rows[-1][-1] += data.strip()

    def _in_main(self) -> bool:
        return any(one.get("class") == "main" for _, one in self._open) and not any(
            tag == "caption" for tag, _ in self._open
        )


def page(path: Path) -> Parsed:
    return Parsed(path.read_text(encoding="utf-8"))


class Given(SetTexts):
    """Texts that are in memory."""

    def __init__(self, topics: Mapping[str, str], documents: Mapping[str, str]) -> None:
        self._topics, self._documents = topics, documents

    def topic_text(self, topic: str) -> str | None:
        return self._topics.get(topic)

    def document_text(self, docno: str) -> str | None:
        return self._documents.get(docno)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection, its index by a tiny model, and saved runs of its topics and of a variant."""
    folder = tmp_path_factory.mktemp("place")
    store = save_place(folder, FILES)
    collection = str(folder / "set")
    build_index(IndexConfig(model="bm25", collection=collection, name="words"), store=store)
    for name, more in {
        "tokens": {"index": "moonlight"},
        "typos": {"index": "moonlight", "topics_variant": "typo"},
        "lexical": {"index": "words"},
    }.items():
        search(SearchConfig(collection=collection, **more), store=store).save(name)
    return folder


@pytest.fixture(scope="module")
def whole(place: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Evaluation, Parsed]:
    """An evaluation of saved runs, a fused one and a file, and its page."""
    with pytest.MonkeyPatch.context() as patch:
        evaluation = _evaluation(place, patch)
        folder = tmp_path_factory.mktemp("whole")
        return evaluation, _written(
            place, folder, evaluation, documents=2, title="T", question="Q?", made_with=("seed 7",)
        )


def _evaluation(place: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> Evaluation:
    monkeypatch.setenv("CLIROT_HOME", str(place / "home"))
    settings: dict[str, Any] = {
        "runs": ("tokens", "lexical", "typos", f"file={place / 'file.trec'}"),
        "collection": str(place / "set"),
        "metrics": ("map", "ndcg@10", "num_rel_ret"),
        "baseline": "lexical",
        "fuse": ("rrf",),
        **more,
    }
    return evaluate(EvaluateConfig(**settings))


def _written(place: Path, folder: Path, evaluation: Evaluation, **settings: Any) -> Parsed:
    sets = texts_of(evaluation, Store(place / "home"))
    report = write_report(evaluation, folder, sets, settings=ReportSettings(**settings))
    assert report.bytes == report.path.stat().st_size
    return page(report.path)


def test_the_figures_are_those_of_the_evaluation(whole: tuple[Evaluation, Parsed]) -> None:
    evaluation, found = whole
    assert found.rows == [
        ["Run", "MAP", "nDCG@10", "num_rel_ret"],
        *([row.system, *(cell.text() for cell in row.cells)] for row in rows_of(evaluation)),
    ]
    topics = found.data["topics"]
    assert topics["systems"] == ["tokens", "lexical", "typos", "file", "rrf"]
    assert topics["baseline"] == 1
    for number, system in enumerate(topics["systems"]):
        per_topic = evaluation.per_topic(system)
        for place_, measure in enumerate(evaluation.measures):
            expected = [per_topic[topic][str(measure)] for topic in topics["ids"]]
            assert topics["values"][number][place_] == pytest.approx(expected, abs=1e-7)
    for one in evaluation.comparisons:
        assert f"{one.difference:+.4f}" in found.text
        assert f"{one.better} / {one.worse} / {one.topics - one.better - one.worse}" in found.text
    assert "20,000 random assignments of signs" in found.text
    assert topics["texts"] == [TOPICS[topic] for topic in topics["ids"]]


def test_marks_are_those_of_the_text_table(tmp_path: Path) -> None:
    topics = [f"t{number}" for number in range(40)]
    qrels = {topic: {"a": 1} for topic in topics}
    runs = {
        "good": Run.from_dict("good", {topic: {"a": 2.0, "b": 1.0} for topic in topics}),
        "poor": Run.from_dict("poor", {topic: {"a": 1.0, "b": 2.0} for topic in topics}),
    }
    config = EvaluateConfig(metrics=("map",), baseline="poor", intervals=True)
    evaluation = evaluate_runs(runs, qrels, config)
    assert [row.cells[0].mark for row in rows_of(evaluation)] == ["†", ""]
    found = page(write_report(evaluation, tmp_path, {}).path)
    assert "1.0000† significantly better" in found.text
    assert found.text.count("significantly better") == 1
    assert "p < 0.05 after Holm's correction" in found.text
    low, high = evaluation.intervals["poor", "", evaluation.measures[0]]  # type: ignore[index]
    assert f"{low:.4f} to {high:.4f}" in found.text


def test_rankings_judgements_and_ranks(whole: tuple[Evaluation, Parsed]) -> None:
    evaluation, data = whole[0], whole[1].data
    ids, systems = data["documents"]["ids"], data["topics"]["systems"]
    for topic, of_topic in zip(data["topics"]["ids"], data["rankings"]["hits"], strict=True):
        for system, ranking in zip(systems, of_topic, strict=True):
            documents = evaluation.inputs.runs[system, ""].documents(topic)
            expected = [
                (docno, pytest.approx(score, rel=1e-5), QRELS[topic].get(docno))
                for docno, score in list(documents.items())[:2]
            ]
            rows = zip(ranking[::3], ranking[1::3], ranking[2::3], strict=True)
            assert [(ids[number], score, grade) for number, score, grade in rows] == expected
    relevant = data["rankings"]["relevant"][data["topics"]["ids"].index("q3")]
    assert [(ids[number], grade) for number, grade, *_ in relevant] == [("d1", 1), ("d2", 1)]
    assert data["rankings"]["more"] == {str(data["topics"]["ids"].index("q3")): 1}
    for number, _, *ranks in relevant:
        for system, rank in zip(systems, ranks, strict=True):
            order = list(evaluation.inputs.runs[system, ""].documents("q3"))
            docno = ids[number]
            assert rank == (order.index(docno) + 1 if docno in order else None)
    texts = dict(zip(ids, data["documents"]["texts"], strict=True))
    assert texts == {docno: DOCUMENTS.get(docno) for docno in ids}


def test_matches_are_those_of_brute_force(place: Path, whole: tuple[Evaluation, Parsed]) -> None:
    """The tiny tokenizer cuts letter by letter, so what a token stands for is known without it."""
    data = whole[1].data
    store = Store(place / "home")
    ref = resolve(str(place / "teacher"), store)
    query_encoder, document_encoder = (
        load_encoder(ref, side="query"),
        load_encoder(ref, side="document"),
    )
    checked = 0
    for number, wording in ((0, TOPICS), (2, {"q1": "monlight", "q2": "stone braed", "q3": "sae"})):
        for place_, topic in enumerate(data["topics"]["ids"]):
            found = data["matches"]["found"][str(place_)][str(number)]
            text = wording[topic]
            letters = [one for one in text if one != " "]
            assert found["tokens"] == ["[CLS]", *letters, "[SEP]"]
            query = query_encoder.encode([text])[0].astype(np.float64)
            for document, pairs in found["documents"].items():
                whole = DOCUMENTS[data["documents"]["ids"][int(document)]]
                vectors = document_encoder.encode([whole])[0].astype(np.float64)
                similarities = query @ vectors.T
                labels = ["[CLS]", *(one for one in whole if one != " "), "[SEP]"]
                places = [-1, *(at for at, one in enumerate(whole) if one != " "), -1]
                best = similarities.argmax(axis=1)
                for token, (start, length, similarity) in enumerate(
                    zip(pairs[::3], pairs[1::3], pairs[2::3], strict=True)
                ):
                    assert similarity == pytest.approx(similarities[token].max(), abs=1e-4)
                    expected = best[token]
                    if length:
                        assert (start, length) == (places[expected], 1)
                    else:
                        assert start == labels[expected]
                checked += 1
    assert checked >= 12
    assert data["topics"]["read"] == {
        str(place_): {"2": {"q1": "monlight", "q2": "stone braed", "q3": "sae"}[topic]}
        for place_, topic in enumerate(data["topics"]["ids"])
    }
    systems = data["topics"]["systems"]
    reasons = {systems[int(one)]: why for one, why in data["matches"]["reasons"].items()}
    assert reasons == {
        "tokens": {},
        "lexical": {"0": "it compares words, not token vectors"},
        "typos": {},
        "file": {"0": "it is a file, which does not say by which model it was made"},
        "rrf": {"0": "it was made by fusion, which looks at ranks and scores only"},
    }


def test_the_sum_of_the_matches_is_the_score(whole: tuple[Evaluation, Parsed]) -> None:
    data = whole[1].data
    for place_ in range(3):
        ranking = data["rankings"]["hits"][place_][0]
        documents = data["matches"]["found"][str(place_)]["0"]["documents"]
        for number, score in zip(ranking[::3], ranking[1::3], strict=True):
            assert sum(documents[str(number)][2::3]) == pytest.approx(score, abs=5e-3)  # float16


def test_a_model_that_is_another_one_now_gives_no_matches(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation = _evaluation(place, monkeypatch, runs=("tokens", "lexical"), fuse=())
    card = place / "teacher" / "more.txt"
    card.write_text("new")
    try:
        found = _written(place, tmp_path, evaluation)
    finally:
        card.unlink()
    assert found.data["matches"]["found"] == {}
    assert (
        found.data["matches"]["reasons"]["0"]["0"]
        == f"its model {place / 'teacher'} is another one now"
    )


def test_provenance_names_what_each_figure_depends_on(
    place: Path, whole: tuple[Evaluation, Parsed]
) -> None:
    found = whole[1]
    store = Store(place / "home")
    for kind, name in (("runs", "tokens"), ("indexes", "moonlight"), ("indexes", "words")):
        artefact = store.get(kind, name)
        assert f"sha256:{artefact.digest}" in found.text
        for one in artefact.manifest.inputs:
            assert one.name in found.text and one.digest in found.text
    from clirot.digests import file_digest

    assert file_digest(place / "file.trec") in found.text
    assert "made here from the other runs" in found.text
    assert "seed 7" in found.text and "Q?" in found.text
    links = [one["href"] for tag, one in found.tags if tag == "a" and one.get("title")]
    ids = {one.get("id") for _, one in found.tags}
    assert len(links) == 5 and {str(link)[1:] for link in links} <= ids


def _made(store: Store, kind: str, name: str, content: str, *inputs: Input) -> Artefact:
    with store.draft(kind, name, config={"content": content}, inputs=inputs) as draft:
        (draft.path / "file").write_text(content)
    return store.get(kind, name)


def test_provenance_goes_down_to_the_bitext_and_says_what_has_changed(home: Path) -> None:
    store = Store(home)
    teacher = Input(kind="teacher", name="org/teacher", digest="ab" * 32)
    bitext = _made(store, "bitext", "en-so.names", "pairs")
    student = _made(store, "models", "en-so", "weights", bitext.as_input(), teacher)
    its_teacher = Input(kind="models", name="en-so", digest=teacher.digest)
    index = _made(store, "indexes", "index", "vectors", its_teacher)
    run = _made(store, "runs", "run", "lines", index.as_input(), student.as_input())

    def said(origin: Origin, depth: int = 0) -> list[tuple[int, str, str, str, str]]:
        own = (depth, origin.what, origin.name, origin.digest, origin.remark)
        return [own, *(one for each in origin.parents for one in said(each, depth + 1))]

    of_student = [
        ("bitext", "en-so.names", bitext.digest),
        ("teacher", teacher.name, teacher.digest),
    ]
    assert said(origin_of(run)) == [
        (0, "run", "run", run.digest, ""),
        (1, "index", "index", index.digest, ""),
        (2, "model", "en-so", student.digest, f"its teacher reads here: sha256:{teacher.digest}"),
        *((3, *one, "") for one in of_student),
        (1, "model", "en-so", student.digest, ""),
        *((2, *one, "") for one in of_student),
    ]
    store.remove("bitext", "en-so.names")
    _made(store, "models", "en-so", "other weights", teacher)
    _made(store, "indexes", "index", "other vectors")
    changed = "another one of that name is in the store now"
    assert said(origin_of(run)) == [
        (0, "run", "run", run.digest, ""),
        (1, "index", "index", index.digest, changed),
        (1, "model", "en-so", student.digest, changed),
    ]
    other = _made(store, "runs", "other", "lines", bitext.as_input())
    assert said(origin_of(other))[1][-1] == "not in the store any more"


def test_without_a_collection_there_are_ids_only_and_the_page_says_so(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation = _evaluation(
        place, monkeypatch, collection=None, qrels=place / "set" / "qrels.txt", fuse=()
    )
    found = _written(place, tmp_path, evaluation)
    assert set(found.data["documents"]["texts"]) == {None}
    assert set(found.data["topics"]["texts"]) == {None}
    assert "there are no texts" in found.text
    assert found.data["matches"]["reasons"]["0"]["0"] == "the text of its topics is not known"


HOSTILE = (
    "<script>window.hit=1</script>",
    "</script><script>window.hit=1</script>",
    "<!--<script>",
    "\u202egnip\u2066\u200f",
    "a\x00b\x07\x1b\x7f",
    "\ud800 alone",
    '"><img src=x onerror=window.hit=1>',
    "&lt;b&gt;\u2028\u2029",
    "x" * 10_000,
    "{{ 7*7 }}",
)


def hostile(folder: Path) -> tuple[Path, Evaluation]:
    """The page of an evaluation in which everything is named and worded with ill will."""
    named = [text.encode("utf-8", "replace").decode().replace("\0", "") for text in HOSTILE]
    topics = [f"{text}{number}" for number, text in enumerate(named)]  # as files can have them
    runs = {
        name: Run.from_dict(name, {topic: dict.fromkeys(named, 1.0) for topic in topics})
        for name in (HOSTILE[0], HOSTILE[1], HOSTILE[3], HOSTILE[4], HOSTILE[8])
    }
    qrels = {topic: {HOSTILE[0]: 1, HOSTILE[2]: 0} for topic in topics}
    config = EvaluateConfig(metrics=("map",), baseline=HOSTILE[0])
    evaluation = evaluate_runs(runs, qrels, config)
    texts = Given(dict(zip(topics, HOSTILE, strict=True)), dict(zip(named, HOSTILE, strict=True)))
    settings = ReportSettings(
        title=HOSTILE[1], question=HOSTILE[6], made_with=HOSTILE, characters=100
    )
    return write_report(evaluation, folder, {"": texts}, settings=settings).path, evaluation


def test_hostile_texts_stay_text(tmp_path: Path) -> None:
    path, evaluation = hostile(tmp_path)
    found = page(path)
    scripts = [one for tag, one in found.tags if tag == "script"]
    assert [one.get("type") for one in scripts] == ["application/json"] * 4 + [None]
    assert all(not name.startswith("on") for _, one in found.tags for name in one)
    assert all("style" not in one for _, one in found.tags)
    sources = [str(one.get("src")) for tag, one in found.tags if tag == "img"]
    assert sources and all(source.startswith("data:image/png;base64,") for source in sources)
    assert "default-src 'none'" in found.policy and "unsafe" not in found.policy
    assert found.data["topics"]["ids"] == list(evaluation.topics[""])
    assert found.data["topics"]["texts"] == [text[:100] for text in HOSTILE]
    assert found.data["topics"]["lengths"] == {"8": 10_000}
    assert HOSTILE[1] in found.text and "{{ 7*7 }}" in found.text
    assert "a␀b␇␛␡" in found.text


@given(st.recursive(st.text() | st.integers() | st.none(), lambda one: st.lists(one, max_size=4)))
@settings(max_examples=60, deadline=None)
def test_data_in_the_page_is_read_back_and_is_no_markup(value: Any) -> None:
    text = json_in_html(value)
    assert json.loads(text) == value
    assert not set(text) & set("<>&\u2028\u2029")
    text.encode()


def _many(documents: int, length: int) -> tuple[Evaluation, Given]:
    topics = [f"t{number}" for number in range(documents // 10)]
    ranked = {
        topic: {f"d{10 * number + rank}": 10.0 - rank for rank in range(10)}
        for number, topic in enumerate(topics)
    }
    qrels = {topic: {next(iter(found)): 1} for topic, found in ranked.items()}
    evaluation = evaluate_runs(
        {"a": Run.from_dict("a", ranked)}, qrels, EvaluateConfig(metrics=("map",))
    )
    texts = {f"d{number}": "é" * length for number in range(documents)}
    return evaluation, Given({topic: topic for topic in topics}, texts)


def test_a_page_keeps_to_its_size_and_counts_what_it_leaves_out(tmp_path: Path) -> None:
    evaluation, texts = _many(3000, 500)  # 3 MB of texts
    report = write_report(evaluation, tmp_path, {"": texts}, settings=ReportSettings(megabytes=1))
    assert report.bytes < 1_200_000
    data = page(report.path).data["documents"]
    left = data["leftOut"]
    assert left and all(data["texts"][number] is None for number in left)
    assert len([text for text in data["texts"] if text is None]) == len(left)
    assert f"{len(left):,} of 3,000 documents are shown without text" in report.notes[0]
    numbers = {f"d{10 * topic}" for topic in range(300)}
    assert not numbers & {data["ids"][number] for number in left}  # the first of each ranking stay
    whole = write_report(evaluation, tmp_path, {"": texts}, settings=ReportSettings(characters=499))
    data = page(whole.path).data["documents"]
    assert {len(text) for text in data["texts"]} == {499}
    assert set(data["lengths"].values()) == {500}
    assert "3,000 of 3,000 documents are cut after 499 characters" in whole.notes


def test_lower_ranks_go_where_the_rankings_alone_are_too_large(tmp_path: Path) -> None:
    evaluation, texts = _many(30_000, 1)
    report = write_report(evaluation, tmp_path, {"": texts}, settings=ReportSettings(megabytes=1))
    found = page(report.path)
    shown = found.data["rankings"]["shown"]
    assert 1 <= shown < 10
    assert max(len(one[0]) for one in found.data["rankings"]["hits"]) == 3 * shown
    assert any(f"its first {shown} documents, not 10" in note for note in report.notes)


def test_the_topics_that_stand_out() -> None:
    random = np.random.default_rng(3)
    topics = [f"t{number:02}" for number in range(30)]
    qrels = {topic: {"a": 1} for topic in topics}

    def run(name: str) -> Run:
        scores = {topic: {one: float(random.random()) for one in "abcdefgh"} for topic in topics}
        return Run.from_dict(name, scores)

    runs = {name: run(name) for name in ("x", "y", "base")}
    evaluation = evaluate_runs(runs, qrels, EvaluateConfig(metrics=("map",), baseline="base"))
    found = striking(evaluation, topics_of(evaluation), 4)
    values = {name: evaluation.per_topic(name) for name in runs}
    gains = [
        [values[name][topic]["map"] - values["base"][topic]["map"] for name in ("x", "y")]
        for topic in topics
    ]
    best, worst = found[:4], found[4:]
    rest = set(range(30)) - set(best)
    assert min(max(gains[one]) for one in best) >= max(max(gains[one]) for one in rest)
    assert len(worst) <= 4
    lowest = sorted(min(one) for one in gains)[:4]
    assert sorted(min(gains[one]) for one in [*best, *worst])[:4] == pytest.approx(lowest, abs=1e-6)


def test_topic_sets_whose_ids_have_a_prefix(tmp_path: Path) -> None:
    """What an experiment over several collections does: ids of the evaluation are its own."""

    class Prefixed(Given):
        def topic_text(self, topic: str) -> str | None:
            return super().topic_text(topic.partition("/")[2])

    runs = {
        "a@so": Run.from_dict("a", {"xquad/1": {"d": 1.0}, "cldr/1": {"d": 1.0}}),
        "b@so": Run.from_dict("b", {"xquad/1": {"e": 1.0}, "cldr/1": {"d": 1.0}}),
        "a@sw": Run.from_dict("a", {"xquad/1": {"e": 1.0}}),
    }
    qrels = {"xquad/1": {"d": 1}, "cldr/1": {"d": 1}}
    evaluation = evaluate_runs(runs, qrels, EvaluateConfig(metrics=("map",), baseline="a"))
    sets = {
        "so": Prefixed({"1": "moon"}, {"d": "one"}),
        "sw": Prefixed({"1": "mwezi"}, {"d": "two"}),
    }
    data = page(write_report(evaluation, tmp_path, sets).path).data
    assert data["topics"]["texts"] == ["moon", "moon", "mwezi", "mwezi"]
    assert data["topics"]["values"][1][0] == [0, 1, None, None]
    assert data["rankings"]["hits"][2][1] is None
    texts = {
        (i, t) for i, t in zip(data["documents"]["ids"], data["documents"]["texts"], strict=True)
    }
    assert {("d", "one"), ("d", "two"), ("e", None)} == texts  # one id, two collections


def test_the_places_of_tokens(teacher: Path) -> None:
    """Prompts and what is cut off have no place in the text; padding changes nothing."""
    ref = resolve(str(teacher), Store())
    encoder = load_encoder(ref, side="query")
    encoder.model.prompts["query"] = "ab "
    long = "z" * 100
    short, whole, emoji = read_tokens(encoder, ["moon sea", long, "🌙 a"])
    assert [short.names[0], *short.names[1:3]] == ["[CLS]", "a", "##b"]
    assert [("moon sea"[a:b] or None) for a, b in short.spans] == [
        *(None, None, None), *"moonsea", None,
    ]  # fmt: skip
    assert len(whole.spans) == 64 and whole.spans[-1] == (0, 0)
    assert whole.names[-1] == "[SEP]"
    assert emoji.spans[3:5] == ((0, 1), (2, 3))
    for texts, found in ((["moon sea"], short), ([long], whole)):
        np.testing.assert_allclose(encoder.encode(texts)[0], found.vectors, atol=1e-5)


def test_an_encoder_that_merges_tokens_is_refused(
    teacher: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sentence_transformers.multi_vector_encoder import modules

    encoder = load_encoder(resolve(str(teacher), Store()), side="query")
    monkeypatch.setattr(modules, "BaseTokenPooling", type(encoder.model[1]))
    with pytest.raises(UsageError, match="merges tokens"):
        read_tokens(encoder, ["a"])
    assert isinstance(encoder, MultiVectorTokenEncoder)


def test_the_command(
    place: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from clirot.cli import main

    monkeypatch.setenv("CLIROT_HOME", str(place / "home"))

    def run(*arguments: str) -> tuple[int, str, str]:
        given = ["tokens", "lexical", "--collection", str(place / "set"), "-m", "map"]
        monkeypatch.setattr(sys, "argv", ["clirot", "evaluate", *given, *arguments])
        try:
            main()
            code: object = 0
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return int(str(code or 0)), captured.out, captured.err

    code, out, err = run()
    assert code == 0
    folder = tmp_path / "new" / "folder"
    done = run("--report", str(folder), "--report-title", "A title", "--report-matches", "1")
    assert done[0] == 0 and done[1] == out
    assert "page: token matches are shown for 2 of 3 topics" in done[2]
    assert f"wrote {folder / 'index.html'} (0.1 MB)" in done[2]
    assert "A title" in page(folder / "index.html").text
    (tmp_path / "file").write_text("")
    code, out, err = run("--report", str(tmp_path / "file" / "x"), "--report-matches", "0")
    assert code == 1 and "error:" in err and "Traceback" not in err
    code, out, err = run("--report", str(folder), "--report-matches", "-1")
    assert code == 2 and "--report-matches must be at least 0, got -1" in err
    code, out, err = run("--report", str(folder), "--report-title", "")
    assert code == 2 and "--report-title is empty" in err
