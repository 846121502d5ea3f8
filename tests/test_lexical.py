"""BM25 and probabilistic structured queries: the same commands, against brute force and bm25s."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
import pytest
from typer.testing import CliRunner

from clirot.analysis import Analyzer, words
from clirot.bitext.table_config import TableConfig
from clirot.bitext.word_table import WordTable, make_table
from clirot.cli import app, main
from clirot.collection import open_collection
from clirot.errors import (
    ArtefactError,
    InputError,
    UnknownNameError,
    UnusedSettingWarning,
    UsageError,
)
from clirot.models import resolve
from clirot.records import LanguagePair
from clirot.retrieval.backends.postings import Postings
from clirot.retrieval.backends.psq import chosen, expectations, psq_bm25, psq_hmm
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.lexical import table_for
from clirot.retrieval.searching import SearchConfig, search
from clirot.retrieval.settings import PsqSettings
from clirot.retrieval.translation.configuration import TranslateConfig
from clirot.retrieval.translation.translating import translate
from clirot.runs import read_run
from clirot.settings import assembled
from clirot.store import Store

DOCUMENTS = {
    "d1": "Salt and bread, and more bread for the running dogs",
    "d2": "The moon over the river",
    "d10": "Bread and salt, and more bread for the running dogs",
    "d3": "",
    "é": "A bird runs in a tree by the river Shebelle",
}
TOPICS = {
    "en": {"t1": "bread", "t2": "moon river river", "t3": "the birds", "t4": "unheard"},
    "so": {"t1": "rooti", "t2": "dayax webi Shebelle", "t3": "shimbir", "t4": "..."},
}
PAIRS = [
    ("bread", "rooti"),
    ("the bread and the salt", "rooti iyo cusbo"),
    ("the moon", "dayax"),
    ("the moon over the river", "dayax webi"),
    ("a river", "webi"),
    ("rivers", "webi"),
    ("a bird", "shimbir"),
    ("salt and a bird", "cusbo iyo shimbir"),
]


@pytest.fixture
def collection(tmp_path: Path) -> str:
    directory = tmp_path / "set"
    directory.mkdir()
    rows = [f"{docno}\t{text}\n" for docno, text in DOCUMENTS.items()]
    (directory / "docs.en.tsv").write_text("".join(rows), encoding="utf-8")
    for language, topics in TOPICS.items():
        rows = [f"{topic}\t{text}\n" for topic, text in topics.items()]
        (directory / f"queries.{language}.tsv").write_text("".join(rows), encoding="utf-8")
    (directory / "qrels.txt").write_text("t1 0 d1 1\nt2 0 d2 1\nt3 0 é 1\n", encoding="utf-8")
    return str(directory)


@pytest.fixture
def index(collection: str) -> str:
    return build_index(IndexConfig(model="bm25", collection=collection, name="words")).name


@pytest.fixture
def table(tmp_path: Path) -> WordTable:
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{src}\t{tgt}\n" for src, tgt in PAIRS), encoding="utf-8")
    config = TableConfig(pair=LanguagePair("en", "so"), files=(path,))
    return WordTable.open(make_table(config).artefact)


def postings_of(index: str) -> Postings:
    return Postings(Store().get("indexes", index).path)


def run_of(**request: Any) -> dict[str, dict[str, float]]:
    found = search(assembled(SearchConfig, request))
    return {one.topic.id: {h.docno: h.score for h in one.hits} for one in found.rankings()}


def by_hand(topic: str, k1: float, b: float) -> dict[str, float]:
    """BM25 by its formula, a document and a term at a time."""
    terms = {docno: Analyzer("en").terms(text) for docno, text in DOCUMENTS.items()}
    mean = sum(map(len, terms.values())) / len(terms)
    scores: dict[str, float] = {}
    for docno, own in terms.items():
        for term in Analyzer("en").terms(topic):
            frequency = sum(term in other for other in terms.values())
            idf = math.log(1 + (len(terms) - frequency + 0.5) / (frequency + 0.5))
            if not (tf := own.count(term)):
                continue
            score = idf * tf / (k1 * (1 - b + b * len(own) / mean) + tf)
            scores[docno] = scores.get(docno, 0.0) + score
    return scores


@pytest.mark.parametrize(("k1", "b"), [(0.9, 0.4), (2.0, 1.0)])
def test_bm25_is_that_of_the_formula(collection: str, k1: float, b: float) -> None:
    settings = {"model": "bm25", "collection": collection, "k1": k1, "b": b, "name": "mine"}
    build_index(assembled(IndexConfig, settings))
    found = run_of(index="mine", collection=collection, lang="en")
    for topic, text in TOPICS["en"].items():
        assert found[topic] == pytest.approx(by_hand(text, k1, b), rel=1e-5)
    assert list(found["t1"]) == ["d10", "d1"]  # equal scores by docno, descending


def test_on_a_real_collection_it_is_bm25s_itself(shared_data: Path) -> None:
    directory = shared_data / "collections" / "cranfield"
    collection = open_collection(str(directory))
    build_index(IndexConfig(model="bm25", collection=str(directory), name="cran"))
    analyzer = Analyzer("en")
    documents = list(collection.documents())
    itself = bm25s.BM25(k1=0.9, b=0.4, method="lucene")
    itself.index([analyzer.terms(one.text) for one in documents], show_progress=False)
    topics = collection.topics("en")[:40]
    (tmp := Path(Store().home) / "topics.tsv").write_text(
        "".join(f"{one.id}\t{one.text}\n" for one in topics), encoding="utf-8"
    )
    found = run_of(index="cran", topics=str(tmp), k=100)
    for topic in topics:
        scores = itself.get_scores(analyzer.terms(topic.text))
        best = sorted(scores[scores > 0].tolist(), reverse=True)[:100]
        assert list(found[topic.id].values()) == pytest.approx(best, rel=1e-6)
        own = {one.id: float(score) for one, score in zip(documents, scores, strict=True)}
        assert found[topic.id] == pytest.approx({one: own[one] for one in found[topic.id]})


def test_k_cuts_the_ranking_and_keeps_its_order(index: str) -> None:
    postings = postings_of(index)
    scores = np.array([1, 3, 1, 0, 2], dtype=np.float32)
    order = ["d2", "é", "d10", "d1"]
    for k in range(1, 6):
        assert [one.docno for one in postings.best(scores, k)] == order[:k]


# --- psq


def expected_by_hand(
    postings: Postings, translations: dict[str, float]
) -> tuple[list[float], float]:
    counts = [Counter(Analyzer("en").terms(text)) for text in DOCUMENTS.values()]
    tf = [sum(p * one[term] for term, p in translations.items()) for one in counts]
    df = sum(p * sum(term in one for one in counts) for term, p in translations.items())
    return tf, df


@pytest.mark.parametrize(
    "translations",
    [{"bread": 0.7, "river": 0.2, "unheard": 0.1}, {"dog": 1.0}, {"unheard": 1.0}, {}],
)
def test_counts_are_expectations(index: str, translations: dict[str, float]) -> None:
    postings = postings_of(index)
    rows, counts, frequency = expectations(postings, translations)
    tf, df = expected_by_hand(postings, translations)
    assert rows.tolist() == [row for row, one in enumerate(tf) if one > 0]
    assert counts.tolist() == pytest.approx([one for one in tf if one > 0])
    assert frequency == pytest.approx(df)


def test_psq_is_bm25_over_expected_counts(index: str) -> None:
    postings = postings_of(index)
    topic = [{"bread": 0.7, "river": 0.3}, {"bird": 0.5, "run": 0.5}, {}]
    lengths = [len(Analyzer("en").terms(text)) for text in DOCUMENTS.values()]
    mean = sum(lengths) / len(lengths)
    wanted = np.zeros(len(lengths))
    for translations in topic:
        tf, df = expected_by_hand(postings, translations)
        idf = math.log(1 + (len(tf) - df + 0.5) / (df + 0.5))
        wanted += [
            idf * one / (0.9 * (0.6 + 0.4 * length / mean) + one)
            for one, length in zip(tf, lengths, strict=True)
        ]
    assert psq_bm25(postings, topic) == pytest.approx(wanted, rel=1e-5)
    # A translation that is certain is BM25 itself.
    certain = psq_bm25(postings, [{"bread": 1.0}, {"river": 1.0}])
    assert certain == pytest.approx(postings.bm25(["bread", "river"]), rel=1e-5)


def test_psq_hmm_ranks_by_the_likelihood_of_the_topic(index: str) -> None:
    postings = postings_of(index)
    topic = [{"bread": 0.7, "river": 0.3}, {"river": 0.4, "run": 0.2}]
    lengths = [len(Analyzer("en").terms(text)) for text in DOCUMENTS.values()]
    likelihood = np.zeros(len(lengths))
    for terms in topic:
        tf, _ = expected_by_hand(postings, terms)
        anywhere = sum(tf) / sum(lengths)
        likelihood += [
            math.log((0.3 * anywhere + 0.7 * one / max(length, 1)) / (0.3 * anywhere))
            for one, length in zip(tf, lengths, strict=True)
        ]
    assert psq_hmm(postings, topic, 0.3) == pytest.approx(likelihood, rel=1e-5)


@pytest.mark.parametrize(
    ("mass", "least", "kept"),
    [(1.0, 0.0, 4), (0.85, 0.0, 2), (0.1, 0.0, 1), (1.0, 0.25, 2), (1.0, 0.9, 1)],
)
def test_translations_are_taken_until_their_mass_is_reached(
    mass: float, least: float, kept: int
) -> None:
    known = [("a", 0.6), ("b", 0.3), ("c", 0.08), ("d", 0.02)]
    found = chosen(known, PsqSettings(cumulative_mass=mass, least_probability=least))
    assert [word for word, _ in found] == [word for word, _ in known[:kept]]
    assert sum(p for _, p in found) == pytest.approx(1)
    assert found[0][1] / found[-1][1] == pytest.approx(known[0][1] / known[kept - 1][1])
    assert chosen([], PsqSettings()) == []


def test_a_table_has_probabilities_and_agrees_with_the_bitext(table: WordTable) -> None:
    for word in table.tgt_words:
        for known in (table.translations(word), table.agreed(word)):
            assert sum(p for _, p in known) == pytest.approx(1, abs=1e-2)
            assert known == sorted(known, key=lambda one: -one[1])
    for src in table.src_words:
        found = [dict(table.sources_of(tgt)).get(src, 0.0) for tgt in table.tgt_words]
        assert sum(found) == pytest.approx(1, abs=1e-2)
    assert table.agreed("rooti")[0][0] == "bread" and table.agreed("shimbir")[0][0] == "bird"
    said = Counter(itertools.chain.from_iterable(words(src, "en") for src, _ in PAIRS))
    assert dict(zip(table.src_words, table.src_counts.tolist(), strict=True)) == dict(said)
    assert table.worded("Rooti, iyo shimbir Shebelle!") == "bread and bird shebelle"
    assert table.translations("nothing") == table.agreed("nothing") == []


@pytest.mark.parametrize("model", ["psq", "psq-hmm"])
def test_topics_are_translated_by_the_table_of_their_language(
    index: str, collection: str, table: WordTable, model: str
) -> None:
    as_it_is = run_of(index=index, collection=collection, lang="so")
    assert [list(found) for found in as_it_is.values()] == [[], ["é"], [], []]  # a name is shared
    found = run_of(index=index, model=model, collection=collection, lang="so")
    assert set(found["t1"]) == {"d1", "d10"}
    assert next(iter(found["t2"])) == "d2" and "é" in found["t2"]
    assert next(iter(found["t3"])) == "é" and found["t4"] == {}


def test_remarks_say_what_is_not_looked_for(index: str, collection: str, table: WordTable) -> None:
    config = SearchConfig(index=index, model="psq", collection=collection, lang="so")
    ready = search(config)
    (unknown,) = ready.notes
    assert unknown.startswith("20.0% of the topics' words are not in the table en-so")
    assert list(ready.rankings()) and ready.found_nothing == ["t4"]
    notes = search(SearchConfig(index=index, collection=collection, lang="en")).notes
    assert notes == ()


def test_a_saved_run_names_its_table_and_settings(
    index: str, collection: str, table: WordTable
) -> None:
    config = {"index": index, "model": "psq", "collection": collection, "lang": "so"}
    saved = search(assembled(SearchConfig, config)).save("mine").manifest
    assert [one.kind for one in saved.inputs] == ["indexes", "tables", "topics"]
    assert saved.config["model"] == "psq" and saved.config["cumulative_mass"] == 0.97
    assert saved.config["tag"] == "psq-words"
    other = search(assembled(SearchConfig, {**config, "cumulative_mass": 0.5}))
    with pytest.raises(ArtefactError, match="cumulative_mass"):
        other.save("mine")


# --- candidates


@pytest.mark.parametrize(("model", "lang"), [("bm25", "en"), ("psq", "so"), ("psq-hmm", "so")])
@pytest.mark.parametrize("k", [1000, 2])
def test_of_candidates_alone_the_scores_are_those_of_a_whole_search(
    index: str, collection: str, table: WordTable, tmp_path: Path, model: str, lang: str, k: int
) -> None:
    """Candidates that do not match the topic are kept, with a score of 0, behind those that do."""
    asked = {"index": index, "model": model, "collection": collection, "lang": lang}
    whole = run_of(**asked)
    among = {"t1": ["d2", "d10", "d1"], "t2": ["d3"], "t3": ["é", "d1"], "t9": ["d1"]}
    path = tmp_path / "first.json"
    path.write_text(json.dumps({t: dict.fromkeys(docs, 1.0) for t, docs in among.items()}))
    ready = search(assembled(SearchConfig, {**asked, "candidates": str(path), "k": k}))
    found = {one.topic.id: [(h.docno, h.score) for h in one.hits] for one in ready.rankings()}
    for topic in TOPICS[lang]:
        scored = [(whole[topic].get(docno, 0.0), docno) for docno in among.get(topic, ())]
        expected = [(docno, score) for score, docno in sorted(scored, reverse=True)][:k]
        assert found[topic] == expected
    assert ready.found_nothing == ["t4"]
    manifest = ready.save("mine").manifest
    assert "candidates" in [one.kind for one in manifest.inputs]
    assert manifest.results["topics_without_candidates"] == 1
    assert manifest.results["candidate_topics_not_asked"] == 1


# --- word by word


def test_topics_are_translated_word_by_word(
    index: str, collection: str, table: WordTable, tmp_path: Path
) -> None:
    done = CliRunner().invoke(
        app, ["translate", "--model", "table", "--collection", collection, "--lang", "so"]
    )
    assert done.exit_code == 0, done.stderr
    rows = dict(line.split("\t") for line in done.stdout.splitlines())
    assert rows == {"t1": "bread", "t2": "moon river shebelle", "t3": "bird", "t4": ""}
    assert "warning: 1 of 4 translations are empty: t4" in done.stderr
    translated = tmp_path / "topics.tsv"
    translated.write_text(done.stdout.replace("t4\t\n", ""), encoding="utf-8")
    found = run_of(index=index, topics=str(translated))
    assert {topic: next(iter(hits)) for topic, hits in found.items()} == {
        "t1": "d10",
        "t2": "d2",
        "t3": "é",
    }


def test_a_table_for_another_model_and_a_missing_one_are_refused(
    collection: str, table: WordTable
) -> None:
    topics = {"collection": collection, "lang": "so"}
    with pytest.raises(UsageError, match="`table` names a table for the model table"):
        assembled(TranslateConfig, {"command": "cat", "table": "en-so", **topics})
    with pytest.raises(UsageError, match="a table gives one translation"):
        assembled(TranslateConfig, {"model": "table", "n_best": 2, **topics})
    with pytest.raises(UnknownNameError, match="no translation table sw-so") as caught:
        translate(assembled(TranslateConfig, {"model": "table", "tgt": "sw", **topics}))
    assert "`make_table(src=sw, tgt=so)`" in str(caught.value.hint)


# --- bad input


def test_what_is_no_encoder_is_refused_as_one(index: str, collection: str, teacher: Path) -> None:
    with pytest.raises(UsageError, match="bm25 matches words, and encodes nothing"):
        resolve("bm25", Store())
    with pytest.raises(ArtefactError, match="is an index of words, and"):
        search(SearchConfig(index=index, collection=collection, lang="en", model=str(teacher)))
    vectors = build_index(IndexConfig(model=str(teacher), collection=collection, name="vectors"))
    with pytest.raises(UsageError, match="bm25 matches words"):
        search(SearchConfig(index=vectors.name, collection=collection, lang="en", model="bm25"))
    with pytest.raises(UnknownNameError, match="index backend 'exact'"):
        build_index(IndexConfig(model="bm25", collection=collection, backend="exact"))


def test_settings_without_a_use_are_told(index: str, collection: str, teacher: Path) -> None:
    config = {"model": str(teacher), "collection": collection, "k1": 1.5, "name": "v"}
    with pytest.warns(UnusedSettingWarning, match="`k1` is not used"):
        build_index(assembled(IndexConfig, config))
    asked = {"index": index, "collection": collection, "lang": "en", "smoothing": 0.2}
    with pytest.warns(UnusedSettingWarning, match="`smoothing` is not used by bm25"):
        search(assembled(SearchConfig, asked))


def test_a_missing_or_wrong_table_is_an_error_with_a_way_out(
    index: str, collection: str, tmp_path: Path
) -> None:
    asked = {"index": index, "model": "psq", "collection": collection, "lang": "so"}
    with pytest.raises(UnknownNameError, match="no translation table en-so") as caught:
        search(assembled(SearchConfig, asked))
    assert "`make_table(src=en, tgt=so)`" in str(caught.value.hint)
    with pytest.raises(UnknownNameError, match="unknown translation table 'mine'"):
        search(assembled(SearchConfig, {**asked, "table": "mine"}))
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{src}\t{tgt}\n" for src, tgt in PAIRS), encoding="utf-8")
    make_table(TableConfig(pair=LanguagePair("en", "sw"), files=(path,)))
    with pytest.raises(ArtefactError, match="en-sw is of en and sw, but the topics are in so"):
        search(assembled(SearchConfig, {**asked, "table": "en-sw"}))
    file = tmp_path / "topics.tsv"
    file.write_text("t1\trooti\n", encoding="utf-8")
    with pytest.raises(UnknownNameError, match="does not say their language"):
        search(SearchConfig(index=index, model="psq", topics=str(file)))


def test_documents_without_a_word_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "docs.en.tsv").write_text("d1\t...\nd2\tthe\n", encoding="utf-8")
    with pytest.raises(InputError, match="none of the 2 documents has a word"):
        build_index(IndexConfig(model="bm25", collection=str(tmp_path / "bare")))
    assert not Store().names("indexes")


def test_a_damaged_index_or_table_is_made_anew_by_the_command_of_the_hint(
    index: str, collection: str, table: WordTable, tmp_path: Path
) -> None:
    config = IndexConfig(model="bm25", collection=collection, name=index, replace=True)
    assert not build_index(config).fresh  # nothing is wrong with it
    path = Store().get("indexes", index).path / "lengths.npy"
    path.write_bytes(path.read_bytes()[:-3])
    assert build_index(config).fresh and len(postings_of(index)) == len(DOCUMENTS)

    path = table.artefact.path / "src.txt"
    path.write_text("\n".join(path.read_text().split("\n")[1:]))
    with pytest.raises(ArtefactError, match="is damaged") as caught:
        WordTable.open(table.artefact)
    assert "name=en-so, replace=True" in str(caught.value.hint)
    again = {"pair": LanguagePair("en", "so"), "name": "en-so", "replace": True}
    assert make_table(TableConfig(**again)).fresh
    (table.artefact.path / "clirot.json").write_text("{", encoding="utf-8")
    assert make_table(TableConfig(**again)).fresh
    assert WordTable.open(Store().get("tables", "en-so")).agreed("rooti")[0][0] == "bread"


def test_topics_in_the_language_of_the_documents_need_no_table(index: str, collection: str) -> None:
    asked = {"index": index, "model": "psq", "collection": collection, "lang": "en"}
    with pytest.raises(UsageError, match="in en as the documents are") as caught:
        search(assembled(SearchConfig, asked))
    assert caught.value.hint == "search with `model=bm25`"


def test_a_misspelt_lexical_model_is_told_the_nearest(index: str, collection: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        search(SearchConfig(index=index, collection=collection, lang="en", model="bm52"))
    assert "did you mean 'bm25'?" in str(caught.value.hint)


def test_a_table_serves_both_directions(table: WordTable) -> None:
    turned = table_for(None, "so", "en", Store())
    assert turned.pair == LanguagePair("so", "en")
    assert turned.translations("bread") == [
        (one, pytest.approx(p)) for one, p in _column(table, "bread")
    ]
    assert turned.agreed("bread")[0][0] == "rooti"
    assert dict(turned.sources_of("bread"))["rooti"] == pytest.approx(
        dict(table.translations("rooti"))["bread"]
    )


def _column(table: WordTable, src: str) -> list[tuple[str, float]]:
    """``p(tgt | src)`` of one word, by looking at every other one."""
    found = [(tgt, dict(table.sources_of(tgt)).get(src, 0.0)) for tgt in table.tgt_words]
    place = {word: row for row, word in enumerate(table.tgt_words)}
    return sorted((one for one in found if one[1]), key=lambda one: (-one[1], place[one[0]]))


@pytest.mark.parametrize("file", ["terms.txt", "lengths.npy", "layout.json", "counts.data.npy"])
def test_a_damaged_index_is_an_error(index: str, file: str) -> None:
    path = Store().get("indexes", index).path / file
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ArtefactError, match="is damaged"):
        postings_of(index)


# --- commands


def test_from_bitext_to_a_table_of_results(collection: str, tmp_path: Path) -> None:
    def clirot(*arguments: str) -> Any:
        done = CliRunner().invoke(app, list(arguments))
        assert done.exit_code == 0, done.stderr
        return done

    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{src}\t{tgt}\n" for src, tgt in PAIRS), encoding="utf-8")
    bilingual = ("--src", "en", "--tgt", "so")
    assert clirot("table", *bilingual, "--file", str(path)).stdout == "en-so\n"
    shown = clirot("table", *bilingual, "--file", str(path), "--word", "Rooti").stdout
    assert next(one.split()[1] for one in shown.splitlines() if "rooti" in one) == "bread"
    made = clirot("index", "--model", "bm25", "--collection", collection, "--name", "words")
    assert made.stdout == "words\n" and "5 documents, 20 words" in made.stderr
    topics = ("--index", "words", "--collection", collection, "--lang", "so")
    run = clirot("search", *topics, "--model", "psq")
    assert "warning: 1 of 4 topics found nothing: t4" in run.stderr
    (tmp_path / "run").write_text(run.stdout, encoding="utf-8")
    assert set(read_run(tmp_path / "run").topics) == {"t1", "t2", "t3"}
    listed = clirot("models").stdout
    assert "psq-hmm" in listed and "lexical" in listed
    assert "lexical" in clirot("models", "show", "bm25").stdout


def test_the_hint_for_a_missing_table_is_a_command(
    index: str,
    collection: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    topics = ["--index", index, "--collection", collection, "--lang", "so", "--model", "psq"]
    monkeypatch.setattr("sys.argv", ["clirot", "search", *topics])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "hint: make one: clirot table --src en --tgt so; or name" in capsys.readouterr().err
