"""Searching: what a run holds, which model may search which index, bad input, saved runs."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_model import save_tiny_model
from typer.testing import CliRunner

from clirot.encoding.encoders import load_encoder
from clirot.encoding.maxsim import maxsim
from clirot.errors import ArtefactError, InputError, UnknownNameError, UsageError
from clirot.models import resolve
from clirot.retrieval.backends.token_store import TokenStore
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.searching import SearchConfig, search
from clirot.runs import SAVED_RUN, read_run
from clirot.store import Input, Store

DOCUMENTS = {
    "d1": "salt and bread",
    "d2": "the moon over the river",
    "d10": "salt and bread",
    "D1": "",
    "é": "a bird in a tree",
}
TOPICS = {"t2": "moon river", "t1": "bread", "t3": "bird"}


def save_collection(directory: Path, documents: dict[str, str] = DOCUMENTS) -> str:
    directory.mkdir()
    rows = [f"{docno}\t{text}" for docno, text in documents.items()]
    (directory / "docs.en.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    for lang in ("en", "so"):
        rows = [f"{topic}\t{text}" for topic, text in TOPICS.items()]
        (directory / f"queries.{lang}.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (directory / "qrels.txt").write_text("t1 0 d1 1\nt2 0 d2 1\n", encoding="utf-8")
    return str(directory)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two teachers."""
    folder = tmp_path_factory.mktemp("models")
    save_tiny_model(folder / "teacher", seed=1)
    save_tiny_model(folder / "other", seed=2)
    return folder


@pytest.fixture
def collection(tmp_path: Path) -> str:
    return save_collection(tmp_path / "set")


@pytest.fixture
def index(models: Path, collection: str) -> str:
    """An index of the collection by the first teacher."""
    config = IndexConfig(model=str(models / "teacher"), collection=collection, name="set-index")
    return build_index(config).name


def make_student(models: Path, name: str, teacher: str, *, seed: int) -> None:
    ref = resolve(str(models / teacher), Store())
    inputs = (Input(kind="teacher", name=ref.name, digest=ref.digest),)
    with Store().draft("models", name, config={"src": "en", "tgt": "so"}, inputs=inputs) as draft:
        save_tiny_model(draft.path / "new", seed=seed)
        for path in (draft.path / "new").iterdir():
            path.rename(draft.path / path.name)
        (draft.path / "new").rmdir()


def run_of(**request: object) -> str:
    return "".join(search(SearchConfig(**request)).lines())  # type: ignore[arg-type]


def test_run_is_brute_force_over_the_stored_vectors(
    models: Path, index: str, collection: str
) -> None:
    store = TokenStore.open(Store().get("indexes", index).path)
    encoder = load_encoder(resolve(str(models / "teacher"), Store()), side="query")
    queries = encoder.encode(list(TOPICS.values()))
    expected = []
    for topic, query in zip(TOPICS, queries, strict=True):
        scored = []
        for row, docno in enumerate(store.docnos):
            tokens = store.tokens[store.offsets[row] : store.offsets[row + 1]].float().numpy()
            scored.append((maxsim(query, tokens), docno))
        for rank, (score, docno) in enumerate(sorted(scored, reverse=True), start=1):
            expected.append((topic, "Q0", docno, str(rank), score, index))
    lines = run_of(index=index, collection=collection, lang="en").splitlines()
    found = [line.split(" ") for line in lines]
    assert [(t, q, d, r, tag) for t, q, d, r, _, tag in found] == [
        (t, q, d, r, tag) for t, q, d, r, _, tag in expected
    ]
    for (*_, score, _), (*_, exact, _) in zip(found, expected, strict=True):
        assert float(score) == pytest.approx(exact, rel=1e-6)
    # d1 and d10 are the same text: docno descending, and read back in the order written.
    docnos = [docno for topic, _, docno, *_ in found if topic == "t1"]
    assert docnos[:2] == ["d10", "d1"]


def test_twice_the_same_bytes_and_a_smaller_k_is_a_prefix(index: str, collection: str) -> None:
    first = run_of(index=index, collection=collection, lang="so")
    assert first == run_of(index=index, collection=collection, lang="so")
    top = run_of(index=index, collection=collection, lang="so", k=2)
    kept = [line for line in first.splitlines() if int(line.split(" ")[3]) <= 2]
    assert top.splitlines() == kept


def test_written_order_is_the_order_readers_use(
    index: str, collection: str, tmp_path: Path
) -> None:
    text = run_of(index=index, collection=collection, lang="en")
    path = tmp_path / "a.run"
    path.write_text(text, encoding="utf-8")
    again = [(topic, hit.docno) for topic, hits in read_run(path) for hit in hits]
    assert sorted(again) == sorted(
        (line.split(" ")[0], line.split(" ")[2]) for line in text.splitlines()
    )
    for topic in TOPICS:
        ours = [line.split(" ")[2] for line in text.splitlines() if line.startswith(topic + " ")]
        assert ours == [docno for other, docno in again if other == topic]


def test_topics_from_a_file_and_from_stdin(
    index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "topics.tsv"
    path.write_text("t1\tbread\n", encoding="utf-8")
    from_file = run_of(index=index, topics=str(path), tag="mine")
    assert {line.split(" ")[5] for line in from_file.splitlines()} == {"mine"}

    class Stdin:
        buffer = io.BufferedReader(io.BytesIO(path.read_bytes()))

    monkeypatch.setattr("sys.stdin", Stdin)
    assert run_of(index=index, topics="-", tag="mine") == from_file


def test_a_student_searches_its_teachers_index_and_no_other(
    models: Path, index: str, collection: str
) -> None:
    make_student(models, "en-so", "teacher", seed=3)
    make_student(models, "en-sw", "other", seed=4)
    ready = search(SearchConfig(index=index, collection=collection, lang="so", model="en-so"))
    assert (ready.model, ready.tag) == ("en-so", "en-so-set-index")
    assert "".join(ready.lines()) != run_of(index=index, collection=collection, lang="so")
    with pytest.raises(ArtefactError, match="set-index is an index of another model") as caught:
        search(SearchConfig(index=index, collection=collection, lang="so", model="en-sw"))
    assert "not by en-sw, whose documents" in caught.value.message
    with pytest.raises(ArtefactError, match="index of another model"):
        search(
            SearchConfig(index=index, collection=collection, lang="so", model=str(models / "other"))
        )


def test_a_students_own_index(models: Path, index: str, collection: str) -> None:
    """Indexing with a student encodes with its teacher; searching takes the student by itself."""
    make_student(models, "en-so", "teacher", seed=3)
    own = build_index(IndexConfig(model="en-so", collection=collection))
    assert own.name == f"en-so.{Path(collection).parent.name}-set"
    assert own.artefact.digest == Store().get("indexes", index).digest
    run = run_of(index=own.name, collection=collection, lang="so", tag="x")
    assert run == run_of(index=index, collection=collection, lang="so", tag="x", model="en-so")


def test_an_index_whose_model_has_changed_is_refused(
    models: Path, collection: str, tmp_path: Path
) -> None:
    moving = tmp_path / "moving"
    shutil.copytree(models / "teacher", moving)
    build_index(IndexConfig(model=str(moving), collection=collection, name="old"))
    shutil.rmtree(moving)
    shutil.copytree(models / "other", moving)
    with pytest.raises(ArtefactError, match="index of another model"):
        search(SearchConfig(index="old", collection=collection, lang="en"))


def test_topics_of_another_collection_are_noted(
    index: str, collection: str, tmp_path: Path
) -> None:
    other = save_collection(tmp_path / "other-set", {"x": "something else"})
    ready = search(SearchConfig(index=index, collection=other, lang="en"))
    assert ready.notes == (
        f"the topics are of {other}, but {index} holds the documents of {collection}",
    )
    assert search(SearchConfig(index=index, collection=collection, lang="en")).notes == ()


def test_topics_of_a_directory_with_documents_in_several_languages(
    models: Path, collection: str, tmp_path: Path
) -> None:
    both = tmp_path / "both"
    shutil.copytree(collection, both)
    (both / "docs.so.tsv").write_text("d1\tcusbo iyo rooti\n", encoding="utf-8")
    config = IndexConfig(model=str(models / "teacher"), collection=str(both))
    with pytest.raises(UsageError, match="documents in several languages"):
        build_index(config)
    build_index(replace(config, docs_lang="so", name="somali"))
    ready = search(SearchConfig(index="somali", collection=str(both), lang="en"))
    assert ready.notes == ()
    assert {line.split()[2] for line in "".join(ready.lines()).splitlines()} == {"d1"}
    # The same documents under another name, and a directory that has topics only.
    shutil.copytree(both, tmp_path / "again")
    (tmp_path / "topics").mkdir()
    shutil.copy(both / "queries.en.tsv", tmp_path / "topics")
    for name in ("again", "topics"):
        asked = SearchConfig(index="somali", collection=str(tmp_path / name), lang="en")
        assert search(asked).notes == ()
    (tmp_path / "again" / "docs.so.tsv").write_text("d1\tbiyo\n", encoding="utf-8")
    asked = SearchConfig(index="somali", collection=str(tmp_path / "again"), lang="en")
    assert len(search(asked).notes) == 1


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"collection": "c", "k": 0}, "`k` must be at least 1, got 0"),
        ({"collection": "c", "k": -3}, "`k` must be at least 1, got -3"),
        ({}, "one of the two"),
        ({"collection": "c", "topics": "-"}, "one of the two"),
        ({"topics": "-", "topics_field": "text"}, "unknown `topics_field` 'text'"),
        ({"collection": "c", "tag": "my run"}, "not a run tag: 'my run'"),
        ({"collection": "c", "tag": ""}, "not a run tag: ''"),
        ({"collection": "c", "tag": "a\udcff"}, r"not a run tag: 'a\\udcff'"),
        ({"collection": "c", "tag": "a\x1b[1m"}, r"not a run tag: 'a\\x1b\[1m'"),
    ],
)
def test_requests_that_make_no_sense(request_: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SearchConfig(index="x", **request_)  # type: ignore[arg-type]


def test_bad_topics_and_indexes(index: str, collection: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'set-index'"):
        run_of(index="set-indx", collection=collection)
    with pytest.raises(UsageError, match="which one"):
        run_of(index=index, collection=collection)
    topics = tmp_path / "topics.tsv"
    topics.write_text("")
    with pytest.raises(InputError, match="no topics"):
        run_of(index=index, topics=str(topics))
    topics.write_text("t1\tbread\nt2\t \n")
    with pytest.raises(InputError, match=r"topics\.tsv:2: "):
        run_of(index=index, topics=str(topics))
    (Path(collection) / "queries.en.tsv").write_text("t1\tbread\nt2\t\n")
    with pytest.raises(InputError, match=r"topic 't2'.* no text"):
        run_of(index=index, collection=collection, lang="en")
    tokens = Store().get("indexes", index).path / "tokens.bin"
    with tokens.open("r+b") as stream:
        stream.truncate(64)
    with pytest.raises(ArtefactError, match=r"tokens\.bin has 64 bytes"):
        run_of(index=index, collection=collection, lang="so")


def test_a_saved_run_says_what_made_it(models: Path, index: str, collection: str) -> None:
    config = SearchConfig(index=index, collection=collection, lang="so", k=3)
    saved = search(config).save("mine")
    text = (saved.path / SAVED_RUN).read_text(encoding="utf-8")
    assert text == "".join(search(config).lines())
    inputs = {entry.kind: entry for entry in saved.manifest.inputs}
    assert inputs["indexes"].digest == Store().get("indexes", index).digest
    assert inputs["models"].digest == resolve(str(models / "teacher"), Store()).digest
    assert search(config).save("mine") == saved
    other = SearchConfig(index=index, collection=collection, lang="so", k=4)
    with pytest.raises(ArtefactError, match="k was 3, now 4"):
        search(other).save("mine")
    assert search(other).save("mine", replace=True).digest != saved.digest


def test_an_interrupted_save_leaves_no_run(index: str, collection: str) -> None:
    ready = search(SearchConfig(index=index, collection=collection, lang="so"))

    def interrupt(step: object) -> None:
        if getattr(step, "label", "") == "search":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ready.save("mine", progress=interrupt)
    assert Store().names("runs") == []
    saved = ready.save("mine")
    assert (saved.path / SAVED_RUN).read_text(encoding="utf-8") == "".join(ready.lines())


def test_commands(models: Path, collection: str) -> None:
    from clirot.cli import app

    def clirot(*words: str) -> tuple[str, str]:
        result = CliRunner().invoke(app, list(words), catch_exceptions=False)
        assert result.exit_code == 0
        return result.stdout, result.stderr

    request = ["index", "--model", str(models / "teacher"), "--collection", collection]
    stdout, stderr = clirot(*request, "--name", "c")
    assert stdout == "c\n"
    assert "indexed: 5 documents, " in stderr
    assert "warning: 1 document has no text" in stderr
    stdout, stderr = clirot(*request, "--name", "c")
    assert stdout == "c\n"
    assert "index was there: 5 documents, " in stderr
    topics = ["--index", "c", "--collection", collection, "--lang", "so"]
    stdout, stderr = clirot("search", *topics, "-k", "2")
    assert stdout == run_of(index="c", collection=collection, lang="so", k=2)
    assert "search: 3/3 topics" in stderr
    assert clirot("search", *topics, "-k", "2", "--save", "kept")[0] == stdout
    assert clirot("search", *topics, "-k", "2", "--save", "kept")[0] == stdout
    assert Store().names("runs") == ["kept"]


# --- candidates of another system


def save_run(path: Path, documents: dict[str, list[str]]) -> str:
    lines = [
        f"{topic} Q0 {docno} {rank} {-rank} first"
        for topic, docnos in documents.items()
        for rank, docno in enumerate(docnos)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def test_of_candidates_alone_the_scores_and_the_order_are_those_of_a_whole_search(
    index: str, collection: str, tmp_path: Path
) -> None:
    whole = search(SearchConfig(index=index, collection=collection, lang="en"))
    among = {"t1": ["d1", "é", "d10"], "t2": ["d2"]}
    config = SearchConfig(
        index=index,
        collection=collection,
        lang="en",
        candidates=save_run(tmp_path / "first.trec", among),
    )
    ready = search(config)
    assert ready.tag == "set-index.first"
    wanted = {
        one.topic.id: [hit for hit in one.hits if hit.docno in among.get(one.topic.id, ())]
        for one in whole.rankings()
    }
    assert {one.topic.id: one.hits for one in ready.rankings()} == wanted
    assert ready.found_nothing == ["t3"]
    cut = search(replace(config, k=1))
    assert [len(one.hits) for one in cut.rankings()] == [1, 1, 0]


def test_a_saved_run_names_its_candidates(index: str, collection: str, tmp_path: Path) -> None:
    config = SearchConfig(
        index=index,
        collection=collection,
        lang="en",
        candidates=save_run(tmp_path / "first.trec", {"t1": ["d1", "d2"]}),
    )
    saved = search(config).save("mine")
    save_run(tmp_path / "first.trec", {"t1": ["d2", "d1"]})  # their order is nothing
    assert search(config).save("mine").manifest == saved.manifest
    save_run(tmp_path / "first.trec", {"t1": ["d2"]})
    with pytest.raises(ArtefactError, match="candidates"):
        search(config).save("mine")


def test_what_does_not_fit_of_the_candidates_is_counted_and_said(
    index: str, collection: str, tmp_path: Path
) -> None:
    among = {"t1": ["d1", "elsewhere", "gone"], "t2": ["nowhere"], "old": ["d1"]}
    config = SearchConfig(
        index=index,
        collection=collection,
        lang="en",
        candidates=save_run(tmp_path / "first.trec", among),
    )
    ready = search(config)
    assert [one.topic.id for one in ready.rankings() if one.hits] == ["t1"]
    assert ready.notes == (
        "run first has no candidates for 2 of the topics, which find nothing: t2, t3",
        "run first: left out 3 candidates that are no documents of the index: nowhere, elsewhere, "
        "gone",
        "run first: 1 of its topics is not searched for: old",
    )
    saved = search(config).save("mine").manifest
    assert saved.results == {
        "topics": 3,
        "topics_language": "en",
        "cut_texts": {"count": 0},
        "topics_without_candidates": 2,
        "candidates_not_in_index": 3,
        "candidate_topics_not_asked": 1,
    }


def test_candidates_of_which_none_fits_are_an_error(
    index: str, collection: str, tmp_path: Path
) -> None:
    config = SearchConfig(index=index, collection=collection, lang="en", candidates="")
    for among, says in (
        ({"t1": ["elsewhere"]}, "none of its candidates is a document of the index"),
        ({"01": ["d1"]}, "it has topic '01', and the first that is asked is 't2'"),
    ):
        run = save_run(tmp_path / "first.trec", among)
        with pytest.raises(InputError, match=says):
            search(replace(config, candidates=run))
    with pytest.raises(UsageError, match="both come from stdin"):
        SearchConfig(index=index, topics="-", candidates="-")


def test_candidates_come_from_stdin_and_in_every_form_of_a_run(
    index: str, collection: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SearchConfig(index=index, collection=collection, lang="en", candidates="-")
    expected = [("t2", []), ("t1", ["d10", "d1"]), ("t3", ["é"])]
    for text in (
        "t1 Q0 d1 1 2 r\nt1 Q0 d10 2 1 r\nt3 Q0 é 1 1 r\n",
        '\ufeff{"t1": {"d1": 1, "d10": 2}, "t3": {"é": 0.5}}',
        '{"qid": "t1", "docid": "d1", "score": 3}\n{"qid": "t1", "docid": "d10", "score": 3}\n'
        '{"qid": "t3", "docid": "é", "score": 1}',
    ):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        found = search(config).rankings()
        assert [(one.topic.id, [hit.docno for hit in one.hits]) for one in found] == expected


# --- the topic's own document


OWN = {"d1": "salt and bread", "d2": "the moon over the river", "no": "a bird"}


def own_topics(path: Path) -> str:
    path.write_text("".join(f"{one}\t{text}\n" for one, text in OWN.items()), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("k", [1, 2, 4, 1000])
def test_without_the_own_document_k_others_remain(index: str, tmp_path: Path, k: int) -> None:
    topics = own_topics(tmp_path / "own.tsv")
    whole = {one.topic.id: one.hits for one in search(SearchConfig(index=index, topics=topics))
             .rankings()}  # fmt: skip
    ready = search(SearchConfig(index=index, topics=topics, k=k, leave_out_own=True))
    found = {one.topic.id: one.hits for one in ready.rankings()}
    assert found == {
        topic: [hit for hit in hits if hit.docno != topic][:k] for topic, hits in whole.items()
    }
    assert ready.own_left_out == (["d1", "d2"] if k >= 4 else [t for t in OWN if t in
        {hit.docno for hit in whole[t][: k + 1]}])  # fmt: skip


def test_a_run_without_the_own_documents_says_so(index: str, tmp_path: Path) -> None:
    topics = own_topics(tmp_path / "own.tsv")
    config = SearchConfig(index=index, topics=topics, leave_out_own=True)
    saved = search(config).save("own").manifest
    assert saved.config["leave_out_own"] is True
    assert saved.results == {
        "topics": 3,
        "topics_language": None,
        "cut_texts": {"count": 0},
        "own_documents_left_out": 2,
    }
    with pytest.raises(ArtefactError, match="leave_out_own"):
        search(replace(config, leave_out_own=False)).save("own")
    kept = replace(config, candidates=str(Store().path("runs", "own") / SAVED_RUN))
    assert (again := search(kept).candidates) is not None and again.run.name == "own"
    among = replace(config, candidates=save_run(tmp_path / "first.trec", {"d1": ["d1", "d10"]}))
    found = {one.topic.id: [hit.docno for hit in one.hits] for one in search(among).rankings()}
    assert found == {"d1": ["d10"], "d2": [], "no": []}
