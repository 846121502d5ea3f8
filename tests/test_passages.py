"""Documents ranked by their best passage, against brute force over all passages."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from killing import Attempt
from tiny_model import save_tiny_model
from typer.testing import CliRunner

from clirot.cli import app
from clirot.encoding.encoders import load_encoder
from clirot.encoding.maxsim import FloatArray, maxsim
from clirot.errors import ArtefactError, UnusedSettingWarning, UsageError
from clirot.evaluation.report.matches import encoder_of
from clirot.models import resolve
from clirot.records import Hit, Step
from clirot.retrieval import encoded_windows
from clirot.retrieval.backends.exact import ExactIndex
from clirot.retrieval.backends.token_store import TokenStore, TokenStoreWriter
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.passages import table as table_module
from clirot.retrieval.passages.index import PassageIndex
from clirot.retrieval.passages.settings import PassageSettings
from clirot.retrieval.passages.table import PassageTable, PassageTableWriter, row_name, row_of
from clirot.retrieval.searching import SearchConfig, search
from clirot.store import Store, tree_digest

DIM = 8
Ranking = list[tuple[str, float]]


def unit(rng: np.random.Generator, tokens: int) -> FloatArray:
    rows = rng.standard_normal((tokens, DIM)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def made(folder: Path, documents: dict[str, list[FloatArray]]) -> PassageIndex:
    """An index of documents by the vectors of their passages; passage n lies at (n, n + 1)."""
    directory, scratch = folder / "index", folder / "scratch"
    directory.mkdir()
    scratch.mkdir()
    table = PassageTableWriter(directory, scratch)
    writer = TokenStoreWriter(directory, scratch, DIM, "float32")
    for docno, passages in documents.items():
        table.add(docno, [(number, number + 1) for number in range(len(passages))], 0)
        names = [row_name(docno, number) for number in range(len(passages))]
        writer.append(names, passages)
    table.finish()
    writer.finish()
    return PassageIndex(ExactIndex.open(directory), PassageTable.open(directory))


def brute_force(query: FloatArray, documents: dict[str, list[FloatArray]]) -> list[Hit]:
    """Every document with its best passage, the first of those, in trec_eval's order."""
    found = []
    for docno, passages in documents.items():
        scores = [np.float32(maxsim(query, passage)) for passage in passages]
        best = int(np.argmax(scores))  # the first of equal ones
        found.append(Hit(docno, float(scores[best]), (best, best + 1)))
    return sorted(found, key=lambda hit: (hit.score, hit.docno), reverse=True)


def crowded(rng: np.random.Generator, queries: Sequence[FloatArray]) -> dict[str, list[FloatArray]]:
    """Documents of one passage and of many. Some have a hundred that are better than all others;
    others share passages, so that they have equal scores, within a document too.
    """
    shared = [unit(rng, 3) for _ in range(4)]
    documents: dict[str, list[FloatArray]] = {}
    for number in rng.permutation(60):
        passages = [unit(rng, int(rng.integers(1, 5))) for _ in range(int(rng.integers(1, 6)))]
        if number % 3 == 0:
            passages += [shared[number % 4]] * 2
        if number % 20 == 0:
            near = queries[number // 20 % len(queries)]
            passages += [near[: 1 + n % len(near)] for n in range(100)]
        documents[f"d{number}"] = passages
    for docno in ("d7!", "d7.0", "d70"):  # ids that sort beside each other
        documents[docno] = documents["d7"]
    return documents


@pytest.mark.parametrize("k", [1, 2, 10, 62, 63, 64, 1000])
def test_documents_are_the_true_best_by_their_best_passages(tmp_path: Path, k: int) -> None:
    rng = np.random.default_rng(k)
    queries = [unit(rng, tokens) for tokens in (1, 4, 9)]
    documents = crowded(rng, queries)
    index = made(tmp_path, documents)
    assert (len(index), index.dim) == (63, DIM)
    assert "d7!" in index
    assert row_name("d7", 0) not in index
    for query, hits in zip(queries, index.search(queries, k), strict=True):
        assert hits == brute_force(query, documents)[:k]


def test_candidates_are_scored_by_all_their_passages(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    queries = [unit(rng, tokens) for tokens in (1, 4, 9)]
    documents = crowded(rng, queries)
    index = made(tmp_path, documents)
    candidates = [["d7!", "d20", "d7", "d3"], [], ["d1"]]
    for query, wanted, hits in zip(
        queries, candidates, index.rerank(queries, candidates, 3), strict=True
    ):
        assert hits == brute_force(query, {one: documents[one] for one in wanted})[:3]


def test_an_index_that_finds_fewer_than_it_was_asked_for(tmp_path: Path) -> None:
    """As those do that look at some of the passages only."""
    rng = np.random.default_rng(6)
    queries = [unit(rng, 4)]
    documents = crowded(rng, queries)
    whole = made(tmp_path, documents)

    class Stingy:
        dim = DIM
        asked = 0

        def __len__(self) -> int:
            return len(whole._table.spans)

        def search(self, queries: Sequence[FloatArray], k: int) -> Iterator[list[Hit]]:
            self.asked += 1
            for hits in whole._passages.search(queries, k):
                yield hits[:130]

    stingy = Stingy()
    (hits,) = PassageIndex(stingy, whole._table).search(queries, 40)  # type: ignore[arg-type]
    assert 1 < len(hits) < 40
    assert hits == brute_force(queries[0], documents)[: len(hits)]
    assert stingy.asked == 1


def test_row_names() -> None:
    for docno in ("a", "a.b", "a!", "ü", "1"):
        assert row_of(row_name(docno, 0)) == (docno, 0)
        assert row_of(row_name(docno, 99_999_999)) == (docno, 99_999_999)
    assert row_name("a", 0) > row_name("a", 1) > row_name("a", 10)


WORDS = ["sun", "moon", "water", "fire", "stone", "river", "tree", "bird", "salt", "bread"]
TOPICS = {"q1": "sun over water", "q2": "salt bread", "q3": "a bird"}


def save_collection(directory: Path, count: int) -> str:
    """Documents of no word and of up to a hundred words, in sentences, some of them twice."""
    directory.mkdir()
    draw = random.Random(7)
    texts = []
    for number in range(count):
        words = draw.choices(WORDS, k=draw.choice([1, 4, 30, 100]))
        texts.append(" ".join(f"{word}." if draw.random() < 0.2 else word for word in words))
        if number % 7 == 6:
            texts[-1] = texts[-2]
    texts[2] = ""
    rows = [f"d{number}\t{text}\n" for number, text in enumerate(texts)]
    (directory / "docs.en.tsv").write_text("".join(rows), encoding="utf-8")
    rows = [f"{topic}\t{text}\n" for topic, text in TOPICS.items()]
    (directory / "queries.en.tsv").write_text("".join(rows), encoding="utf-8")
    (directory / "qrels.txt").write_text("q1 0 d0 1\nq2 0 d1 1\nq3 0 d1 1\n", encoding="utf-8")
    return str(directory)


def texts_of(collection: str) -> dict[str, str]:
    lines = (Path(collection) / "docs.en.tsv").read_text().splitlines()
    return dict(line.split("\t") for line in lines)  # type: ignore[misc]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_model(tmp_path_factory.mktemp("models") / "tiny", seed=3))


@pytest.fixture
def collection(tmp_path: Path) -> str:
    return save_collection(tmp_path / "set", 30)


def config(model: str, collection: str, name: str = "long", **passages: int) -> IndexConfig:
    return IndexConfig(
        model=model, collection=collection, name=name, passages=PassageSettings(**passages)
    )


@pytest.mark.parametrize(
    "passages",
    [
        {"passage_tokens": 40, "passage_overlap": 10},
        {"passage_sentences": 2, "passage_overlap": 1},
    ],
    ids=["tokens", "sentences"],
)
def test_a_search_names_the_passage_that_has_the_score(
    model: str, collection: str, tmp_path: Path, passages: dict[str, int]
) -> None:
    """MaxP from the texts alone: each hit's passage, encoded again, has the document's score, and
    no other passage of the document has a better one.
    """
    index = build_index(config(model, collection, **passages))
    assert index.passages is not None
    texts = texts_of(collection)
    assert (index.documents, index.empty_documents, index.cut.count) == (len(texts), 1, 0)
    encoder = load_encoder(resolve(model, Store()), side="document")
    store = TokenStore.open(index.artefact.path)
    table = PassageTable.open(index.artefact.path)
    assert index.passages.passages == len(store.docnos) > 2 * len(texts)
    assert table.docnos == list(texts)
    assert index.passages.split == int((table.lengths() > 1).sum())
    scores: dict[str, dict[str, list[float]]] = {topic: {} for topic in TOPICS}
    spans: dict[str, list[tuple[int, int]]] = {}
    queries = load_encoder(resolve(model, Store()), side="query").encode(list(TOPICS.values()))
    for row, name in enumerate(store.docnos):
        docno, number = row_of(name)
        start, end = table.span(docno, number)
        (vectors,) = encoder.encode([texts[docno][start:end]])
        kept = store.tokens[store.offsets[row] : store.offsets[row + 1]].float().numpy()
        np.testing.assert_allclose(kept, vectors, atol=1e-3)
        spans.setdefault(docno, []).append((start, end))
        for topic, query in zip(TOPICS, queries, strict=True):
            scores[topic].setdefault(docno, []).append(float(np.float32(maxsim(query, kept))))
    done = CliRunner().invoke(
        app, ["search", "--index", "long", "--collection", collection, "-k", "9", "--json"]
    )
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert {key: found[key] for key in ("index", "tag", "language")} == {
        "index": "long",
        "tag": "long",
        "language": "en",
    }
    assert [row["id"] for row in found["topics"]] == list(TOPICS)
    lines = []
    for row in found["topics"]:
        own = scores[row["id"]]
        order = sorted(((max(each), docno) for docno, each in own.items()), reverse=True)[:9]
        assert [(hit["rank"], hit["docno"]) for hit in row["hits"]] == [
            (rank, docno) for rank, (_, docno) in enumerate(order, 1)
        ]
        for hit, (score, docno) in zip(row["hits"], order, strict=True):
            assert np.float32(hit["score"]) == np.float32(score)
            place = spans[docno].index((hit["passage"]["start"], hit["passage"]["end"]))
            assert place == own[docno].index(score)  # the first of equal ones
            lines.append((row["id"], "Q0", docno, str(hit["rank"]), f"{hit['score']}", "long"))
    ready = search(SearchConfig(index="long", collection=collection, k=9))
    run = [tuple(line.split()) for text in ready.lines() for line in text.splitlines()]
    assert [(*line[:4], float(line[4]), line[5]) for line in run] == [
        (*line[:4], float(line[4]), line[5]) for line in lines
    ]
    # The documents of that run alone, scored anew: the same run.
    (tmp_path / "first.run").write_text("".join(ready.lines()))
    again = search(
        SearchConfig(
            index="long",
            collection=collection,
            candidates=str(tmp_path / "first.run"),
            k=9,
            tag="long",
        )
    )
    assert "".join(again.lines()) == "".join(ready.lines())
    deep = search(SearchConfig(index="long", collection=collection, k=1000))
    assert [len(ranking.hits) for ranking in deep.rankings()] == [len(texts)] * len(TOPICS)


def test_an_index_without_passages_is_what_it_was(model: str, collection: str) -> None:
    index = build_index(config(model, collection))
    files = {path.name for path in index.artefact.path.iterdir()}
    assert not files & {"passages.bin", "documents.txt", "passages.json"}
    assert (index.artefact.path / "docnos.txt").read_text().split() == list(texts_of(collection))
    manifest = index.artefact.manifest
    assert not [key for key in manifest.config if "passage" in key]
    assert "passages" not in manifest.results
    assert index.passages is None
    hits = next(search(SearchConfig(index="long", collection=collection)).rankings()).hits
    assert {hit.passage for hit in hits} == {None}
    done = CliRunner().invoke(
        app, ["search", "--index", "long", "--collection", collection, "-k", "1", "--json"]
    )
    row = json.loads(done.stdout)["topics"][0]["hits"][0]
    assert set(row) == {"docno", "rank", "score"}


def test_what_index_tells_of_passages(model: str, collection: str) -> None:
    call = ["index", "--model", model, "--collection", collection, "--name", "few"]
    done = CliRunner().invoke(app, [*call, "--passage-tokens", "40", "--max-passages", "2"])
    assert done.exit_code == 0, done.stderr
    whole = build_index(config(model, collection, passage_tokens=40)).passages
    few = json.loads(
        CliRunner()
        .invoke(app, [*call, "--passage-tokens", "40", "--max-passages", "2", "--json"])
        .stdout
    )["results"]["passages"]
    assert whole is not None
    table = PassageTable.open(Store().get("indexes", "long").path)
    lengths = table.lengths()
    assert few == {
        "documents": 30,
        "passages": int(np.minimum(lengths, 2).sum()),
        "split": whole.split,
        "left_out": int(np.maximum(lengths - 2, 0).sum()),
        "shortened": int((lengths > 2).sum()),
    }
    assert few["left_out"] > 0
    said = " ".join(done.stderr.split())
    assert (
        f"{few['split']} documents are longer than a passage; {few['passages']} "
        "passages in all" in said
    )
    assert (
        f"left out {few['left_out']} passages of {few['shortened']} documents, which have more "
        "than 2 (--max-passages)" in said
    )
    assert "not read" not in said
    few_table = PassageTable.open(Store().get("indexes", "few").path)
    for docno in table.docnos:
        kept = [few_table.span(docno, number) for number in range(len(few_table.names(docno)))]
        assert kept == [table.span(docno, number) for number in range(len(kept))]


def test_what_cannot_be(model: str, collection: str) -> None:
    call = ["index", "--model", model, "--collection", collection]
    done = CliRunner().invoke(app, [*call, "--passage-tokens", "65"])
    assert isinstance(done.exception, UsageError)
    assert "--passage-tokens is 65, and" in done.exception.message
    assert not list((Store().home / "indexes").glob(".*.part"))
    build_index(config(model, collection, passage_tokens=40))
    with pytest.raises(ArtefactError, match="passage_tokens was 40, now 30"):
        build_index(config(model, collection, passage_tokens=30))
    with pytest.raises(ArtefactError, match="passage_tokens was 40"):
        build_index(config(model, collection))
    with pytest.warns(UnusedSettingWarning, match="`passage_tokens` is not used: bm25"):
        build_index(config("bm25", collection, "words", passage_tokens=40))
    done = CliRunner().invoke(
        app, ["search", "--index", "long", "--collection", collection, "--json", "--save", "x"]
    )
    assert isinstance(done.exception, UsageError)
    assert "--json and --save" in done.exception.message


def test_the_page_of_an_evaluation_shows_no_matches_of_passages(
    model: str, collection: str
) -> None:
    """It would encode the beginning of a document, which is not what the score is of."""
    build_index(config(model, collection, passage_tokens=40))
    run = search(SearchConfig(index="long", collection=collection)).save("kept")
    with pytest.raises(ArtefactError, match="it compares passages of documents"):
        encoder_of(run)


def test_interrupted_anywhere_it_is_the_same_index(
    model: str, collection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the vectors were written and the table was not, and where the table is damaged."""
    monkeypatch.setattr(encoded_windows, "WINDOW", 16)
    monkeypatch.setattr(table_module, "_BUFFERED", 24)
    asked = {"passage_tokens": 40, "passage_overlap": 5, "max_passages": 6}
    seen: list[Step] = []
    whole = build_index(config(model, collection, "whole", **asked), progress=seen.append)
    dones = [step.done for step in seen]
    assert dones == sorted(dones)
    assert replace(seen[-1], figures=()) == Step("index", 30, 30, unit="docs")
    assert len(set(dones)) > 5
    draft = Store().home / "indexes" / ".killed.part"

    def damage(how: str) -> None:
        table = draft / "content" / "passages.bin"
        if how == "half a row more":
            with table.open("ab") as stream:
                stream.write(b"12345")
        elif how == "another byte":
            table.write_bytes(b"\x01" + table.read_bytes()[1:])
        elif how == "no checkpoint":
            (draft / "scratch" / "passages-checkpoint.json").unlink()
        elif how == "another checkpoint":
            (draft / "scratch" / "passages-checkpoint.json").write_text("[]")
        elif how == "no table":
            table.unlink()

    harms = ["none", "half a row more", "another byte", "no checkpoint", "another checkpoint"]
    for stop, how in zip((3, 11, 17, 22, 25, 28), (*harms, "no table"), strict=True):

        def interrupt(step: Step, stop: int = stop) -> None:
            if step.done >= stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            build_index(config(model, collection, "killed", **asked), progress=interrupt)
        assert Store().names("indexes") == ["whole"]
        damage(how)
        killed = build_index(config(model, collection, "killed", **asked))
        assert killed.artefact.digest == whole.artefact.digest
        assert killed.passages == whole.passages
        Store().remove("indexes", "killed")


def test_shards_hold_what_one_index_holds(
    model: str, collection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows of passages end where those of documents do, so that the cut changes no vector."""
    monkeypatch.setattr(encoded_windows, "WINDOW", 8)
    asked = {"passage_tokens": 40, "passage_overlap": 9, "max_passages": 7}
    whole = build_index(config(model, collection, "whole", **asked))
    joined = build_index(replace(config(model, collection, "joined", **asked), shards=3))
    parts = [Store().get("indexes", f"joined.shard-{number}-of-3").path for number in (1, 2, 3)]
    for file in ("tokens.bin", "lengths.bin", "docnos.txt", "documents.txt"):
        pieces = b"".join((part / file).read_bytes() for part in parts)
        assert pieces == (whole.artefact.path / file).read_bytes()
    assert joined.passages == whole.passages
    assert (joined.documents, joined.empty_documents) == (30, 1)
    for k in (1, 8, 100):
        found = [
            list(search(SearchConfig(index=name, collection=collection, k=k)).rankings())
            for name in ("whole", "joined")
        ]
        assert found[0] == found[1]


def test_killed_it_goes_on(tmp_path: Path, model: str, attempt: Attempt) -> None:
    collection = save_collection(tmp_path / "set", 1600)  # some windows of 2,048 passages
    call = f"index --model {model} --collection {collection} --passage-tokens 40 --name"
    code, seconds = attempt(f"{call} whole")
    assert code == 0
    begun = 0
    for share in (0.7, 0.9):
        attempt(f"{call} killed", seconds * share)
        begun += (Store().home / "indexes/.killed.part/scratch/passages-checkpoint.json").is_file()
        if Store().has("indexes", "killed"):
            Store().remove("indexes", "killed")
    assert begun, "no attempt was killed while its table of passages was half there"
    assert attempt(f"{call} killed")[0] == 0
    killed, whole = (Store().get("indexes", name) for name in ("killed", "whole"))
    assert tree_digest(killed.path) == killed.digest == whole.digest
    assert killed.manifest.results["passages"] == whole.manifest.results["passages"]


def test_damaged_tables(model: str, collection: str) -> None:
    path = build_index(config(model, collection, passage_tokens=40)).artefact.path
    whole = {one: (path / one).read_bytes() for one in ("passages.bin", "documents.txt")}

    def refused(name: str, content: bytes, message: str) -> None:
        (path / name).write_bytes(content)
        with pytest.raises(ArtefactError, match=message):
            PassageTable.open(path)
        (path / name).write_bytes(whole.get(name, content))

    refused("passages.bin", whole["passages.bin"][:-12], "contradict themselves: the layout says")
    refused("passages.bin", whole["passages.bin"][:-5], "cannot be read")
    refused("documents.txt", b"d0\n", "the files hold .* of 1")
    rows = np.frombuffer(whole["passages.bin"], "<i4").reshape(-1, 3)
    refused("passages.bin", rows[::-1].tobytes(), "contradict themselves")
    table = PassageTable.open(path)
    with pytest.raises(ArtefactError, match="and its table"):
        PassageIndex(ExactIndex.open(path), replace(table, spans=table.spans[:-1]))
    refused("passages.json", b'{"format": 9}', "passages of format 9, this clirot reads 1")
    refused("passages.json", b"{", "cannot be read")
