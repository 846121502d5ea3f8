"""Every form of a run and of qrels: what was written is read, or refused in words."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import subprocess
import unicodedata
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clirot.collection.answers import read_answers, read_predictions
from clirot.collection.labels import read_labels
from clirot.errors import ClirotError, InputError, ReadingNotice, UsageError
from clirot.evaluation import EvaluateConfig, evaluate, evaluate_runs
from clirot.evaluation.fusion_methods import METHODS, NORMS, Fusion
from clirot.runs import Run, read_qrels, read_run

Values = dict[str, dict[str, float]]
SETTINGS = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

ids = st.text('aB1é#,"-_.:ñ中', min_size=1, max_size=5).flatmap(
    lambda text: st.sampled_from([text, unicodedata.normalize("NFD", text)])
)
plain_ids = ids.filter(lambda text: not text.startswith("#"))
grades = st.integers(-2, 4).map(float)
scores = st.floats(-1e6, 1e6, width=32, allow_nan=False)


def tables(of: st.SearchStrategy[str], values: st.SearchStrategy[float]) -> Any:
    documents = st.dictionaries(of, values, min_size=1, max_size=4)
    return st.dictionaries(of, documents, min_size=1, max_size=3)


def rows_of(table: Values) -> list[tuple[str, str, float]]:
    return [(topic, docno, v) for topic, docs in table.items() for docno, v in docs.items()]


def number(value: float, what: str) -> str:
    return repr(value) if what == "run" else str(int(value))


def trec(table: Values, what: str, delimiter: str = " ") -> list[str]:
    lines = []
    for topic, docno, value in rows_of(table):
        shown = number(value, what)
        columns = [topic, "Q0", docno, "1", shown, "tag"] if what == "run" else (
            [topic, "0", docno, shown])  # fmt: skip
        lines.append(delimiter.join(columns))
    return lines


def trec_headed(table: Values, what: str) -> list[str]:
    head = "query_id Q0 doc_id rank score run" if what == "run" else "qid iter docno relevance"
    return [head, *trec(table, what)]


def named(delimiter: str, *names: str) -> Callable[[Values, str], list[str]]:
    """A table under a header; names of other columns are filled with a word."""

    def lines(table: Values, what: str) -> list[str]:
        stream = io.StringIO()
        writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n") if (
            delimiter == ",") else None  # fmt: skip
        head = [name.partition(":")[0] for name in names]
        out = [delimiter.join(head)]
        for row in rows_of(table):
            held = {"t": row[0], "d": row[1], "v": number(row[2], what)}
            cells = [held.get(name.partition(":")[2], "word") for name in names]
            if writer is None:
                out.append(delimiter.join(cells))
            else:
                writer.writerow(cells)
        return out + stream.getvalue().split("\n")[:-1]

    return lines


def json_nested(table: Values, what: str) -> list[str]:
    return json.dumps(table, ensure_ascii=False, indent=1).split("\n")


def json_lines(*names: str) -> Callable[[Values, str], list[str]]:
    def lines(table: Values, what: str) -> list[str]:
        made = [dict(zip(names, row, strict=True)) for row in rows_of(table)]
        return [json.dumps(one) for one in made]

    return lines


FORMS: dict[str, Callable[[Values, str], list[str]]] = {
    "TREC": trec,
    "TREC, tabs": lambda table, what: trec(table, what, "\t"),
    "TREC, wide": lambda table, what: trec(table, what, "  \t "),
    "TREC, header": trec_headed,
    "BEIR": named("\t", "query-id:t", "corpus-id:d", "score:v"),
    "one column more": named("\t", "query-id:t", "corpus-id:d", "score:v", "split"),
    "another order": named("\t", "score:v", "docno:d", "lang", "topic:t"),
    "CSV": named(",", "Query_ID:t", "docid:d", "rank", "score:v"),
    "JSON": json_nested,
    "JSON lines": json_lines("query_id", "doc_id", "score"),
    "MTEB": json_lines("query-id", "corpus-id", "score"),
    "JSON lines, short": json_lines("qid", "docid", "score"),
}


def disturbed(lines: Sequence[str], form: str, how: str) -> bytes:
    """A file of these lines, as another editor or system would have written it."""
    is_text = "JSON" not in form and form != "MTEB"
    if how == "trailing blanks" and (is_text or form != "JSON"):
        lines = [f"{line}  " for line in lines]
    if how == "blank lines":
        lines = [one for line in lines for one in (line, "")]
    if how == "comment" and is_text:
        lines = ["# made by hand", "#", *lines]
    text = ("\r\n" if how == "CRLF" else "\n").join(lines) + "\n" * (how != "no last line end")
    data = (b"\xef\xbb\xbf" if how == "byte-order mark" else b"") + text.encode()
    return gzip.compress(data) if how == "gzip" else data


HOWS = ("plain", "byte-order mark", "CRLF", "trailing blanks", "blank lines", "comment", "gzip",
        "no last line end")  # fmt: skip


def read(path: Path, data: bytes, what: str) -> Values:
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReadingNotice)
        if what == "qrels":
            return {t: {d: float(g) for d, g in docs.items()} for t, docs in
                    read_qrels(path).items()}  # fmt: skip
        run = read_run(path)
        assert rows_of({t: {h.docno: h.score for h in hits} for t, hits in run}) == rows_of(
            {t: {h.docno: h.score for h in hits} for t, hits in read_run(path, many_bytes=1)}
        )
        return {topic: {hit.docno: hit.score for hit in hits} for topic, hits in run}


@given(st.data(), st.sampled_from(sorted(FORMS)), st.sampled_from(HOWS))
@pytest.mark.parametrize("what", ["run", "qrels"])
@SETTINGS
def test_what_was_written_is_read(
    tmp_path: Path, what: str, data: st.DataObject, form: str, how: str
) -> None:
    table = data.draw(tables(ids, scores if what == "run" else grades))
    content = disturbed(FORMS[form](table, what), form, how)
    assert read(tmp_path / "file", content, what) == table


@given(st.data(), st.sampled_from(sorted(FORMS)), st.sampled_from(HOWS))
@pytest.mark.parametrize("what", ["run", "qrels"])
@SETTINGS
def test_a_malformed_row_is_refused_with_its_line(
    tmp_path: Path, what: str, data: st.DataObject, form: str, how: str
) -> None:
    if form == "JSON":
        return  # it has no rows; see test_runs.py
    table = data.draw(tables(plain_ids, scores if what == "run" else grades))
    lines = FORMS[form](table, what)
    first = int(lines[0].startswith(("query", "qid", "score", "Query")))
    place = data.draw(st.integers(first, len(lines) - 1))
    row = rows_of(table)[place - first]
    broken = {
        "a word for the value": lambda line: _with_word(line, form, row, what),
        "a column more": lambda line: line + ("\tx" if "\t" in line else ", x"),
        "columns less": lambda line: "x",
    }[data.draw(st.sampled_from(["a word for the value", "a column more", "columns less"]))]
    lines[place] = broken(lines[place])
    with pytest.raises(InputError) as caught:
        read(tmp_path / "file", disturbed(lines, form, how), what)
    assert caught.value.line is not None


def _with_word(line: str, form: str, row: tuple[str, str, float], what: str) -> str:
    """The line with a word where its value stands; an id may be written like the value."""
    topic, docno, value = row
    shown = number(value, what)
    # A form writes a row of another value alike but there: where the two lines part is its place.
    other = FORMS[form]({topic: {docno: value + 1}}, what)[-1]
    start = next(at for at, (one, two) in enumerate(zip(line, other, strict=False)) if one != two)
    ends = [at for at in range(len(line)) if line.startswith(shown, at) and at <= start]
    before, behind = line[: ends[-1]], line[ends[-1] + len(shown) :]
    return f"{before}high{behind}"


@given(tables(ids, scores))
@settings(SETTINGS, max_examples=15)
def test_a_parquet_table_is_read_by_its_columns(tmp_path: Path, table: Values) -> None:
    topics, docnos, values = zip(*rows_of(table), strict=True)
    for names in (("q_id", "doc_id", "score"), ("query-id", "corpus-id", "score")):
        stream = io.BytesIO()
        pq.write_table(pa.table(dict(zip(names, (topics, docnos, values), strict=True))), stream)
        assert read(tmp_path / "file", stream.getvalue(), "run") == table
        whole = [round(value) % 5 for value in values]
        stream = io.BytesIO()
        pq.write_table(pa.table(dict(zip(names, (topics, docnos, whole), strict=True))), stream)
        found = read(tmp_path / "file", stream.getvalue(), "qrels")
        assert [value for *_, value in rows_of(found)] == whole


@pytest.mark.parametrize("many_bytes", [1, 1 << 30])
def test_a_tag_that_is_not_utf_8_is_refused_with_its_line(tmp_path: Path, many_bytes: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"q1 Q0 d1 1 2.5 r\nq1 Q0 d2 2 1.5 r\xff\n")
    with pytest.raises(InputError, match="not UTF-8") as caught:
        read_run(path, many_bytes=many_bytes)
    assert caught.value.line == 2
    path.write_bytes(b"q1 Q0 d1 1 2.5 r\xff\n")
    with pytest.raises(InputError, match="not UTF-8"):
        read_run(path, many_bytes=many_bytes)


# --- what is said


def said(tmp_path: Path, text: str) -> tuple[dict[str, dict[str, int]], list[str]]:
    path = tmp_path / "qrels"
    path.write_text(text, encoding="utf-8")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = read_qrels(path)
    return found, [str(one.message).removeprefix(f"{path}: ") for one in caught]


def test_a_header_and_comments_are_said(tmp_path: Path) -> None:
    found, notes = said(
        tmp_path, "# pooled\nquery-id\tcorpus-id\tscore\tannotator\nq1\td1\t2\tme\n"
    )
    assert found == {"q1": {"d1": 2}}
    assert notes == [
        "line 2 is a header: read query-id as the topic, corpus-id as the document and score as "
        "the relevance; not read: annotator",
        "skipped 1 comment lines (#), the first in line 1",
    ]
    assert said(tmp_path, "q1 0 d1 1\n")[1] == []
    # A topic may be called #1, as trec_eval reads it.
    assert said(tmp_path, "#1 0 #d 1\n# a comment\n") == (
        {"#1": {"#d": 1}}, ["skipped 1 comment lines (#), the first in line 2"]
    )  # fmt: skip
    with pytest.raises(InputError, match="expected 4 columns"):
        said(tmp_path, "#1 0 #d 1\n#1 0 #e\n")


def test_what_is_said_of_files_is_a_note_of_the_evaluation(tmp_path: Path) -> None:
    run, qrels = tmp_path / "run.csv", tmp_path / "qrels"
    run.write_text("qid,docid,rank,score\nq1,d1,1,2.5\n")
    qrels.write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    config = EvaluateConfig(runs=(str(run),), qrels=qrels, metrics=("map",))
    evaluation = evaluate(config)
    assert [note.split(":")[1] for note in evaluation.notes] == [" line 1 is a header"] * 2
    assert evaluation.figure("run", evaluation.measures[0]) == 1.0
    qrels.write_text("query-id\tcorpus-id\tscore\nq1\td1\thigh\n")
    with pytest.warns(ReadingNotice, match="line 1 is a header"), pytest.raises(InputError):
        evaluate(config)


# --- forms that are not read: their name, and a hint that does what it says


@pytest.mark.parametrize(
    ("what", "text", "names", "expected"),
    [
        ("run", "q1\td1\t1\nq1\td2\t2\n", "MS MARCO", {"q1": {"d1": 1.0, "d2": 0.5}}),
        ("run", "q1\td1\t1\t13.5\nq1\td2\t2\t9.25\n", "ColBERT", {"q1": {"d1": 13.5, "d2": 9.25}}),
        ("run", "q1 d1 0.5\nq1 d2 1e-3\n", "topic docno score", {"q1": {"d1": 0.5, "d2": 0.001}}),
        (
            "run",
            "qid\tpid\trank\nq1\td1\t1\nq1\td2\t2\n",
            "MS MARCO",
            {"q1": {"d1": 1.0, "d2": 0.5}},
        ),
        ("run", "a\tb\tc\td\nq1\td1\t1\t2.5\n", "ColBERT", {"q1": {"d1": 2.5}}),
        ("qrels", "a\tb\tc\nq1\td1\t1\n", "BEIR", {"q1": {"d1": 1}}),
        ("run", "a b c d e f\nq1 Q0 d1 1 2 t\n", "header", {"q1": {"d1": 2.0}}),
        ("qrels", "q1\td1\t1\nq1\td2\t0\n", "BEIR", {"q1": {"d1": 1, "d2": 0}}),
        ("qrels", "a b c d\nq1 0 d1 1\n", "header", {"q1": {"d1": 1}}),
        ("qrels", "a b c\nq1 0 d1 1\n", "header", {"q1": {"d1": 1}}),
    ],
)
def test_the_hint_makes_a_file_that_is_read(
    tmp_path: Path, what: str, text: str, names: str, expected: Values
) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read(path, text.encode(), what)
    hint = str(caught.value.hint)
    assert names in hint
    command = re.search(r"(awk '.*'|tail -n \+2)", hint)
    assert command is not None
    done = subprocess.run(
        f"{command[1]} {path}", shell=True, capture_output=True, check=True, text=True
    )
    assert read(tmp_path / "made", done.stdout.encode(), what) == expected


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x04\x22\x4d\x18 and more", "the file is LZ4, as ranx saves runs"),
        (b"\x28\xb5\x2f\xfd and more", "damaged zstd data"),
        (b"PK\x03\x04 and more", "a zip archive"),
        (b"BZh9 and more", "expected"),
        ("q1 0 d1 1\n".encode("utf-16"), "the file is UTF-16"),
        ("q1 0 d1 1\n".encode("utf-16-le"), "NUL bytes"),
        (b"q1 0 d\x00a 1\nq1 0 d\x00b 1\n", "NUL bytes"),
        (b'{"task_name": "x", "scores": {}}', "MTEB's results"),
        (b'{"default": {"test": {"q1": {"d1": 1}}}}', "MTEB keeps predictions by subset and split"),
        (b'{"q1": [["d1", 1.0]]}', "'q1' holds list"),
        (b'{"q1": {"\\ud800": 1}}', "half a surrogate pair"),
        (b'{"q1": {"d\\u0000": 1}}', "half a surrogate pair or NUL"),
        (b'{"": {"d": 1}}', "'' is no id"),
        (b'{"query_id": null, "doc_id": "d", "score": 1}', "an id is no text: None"),
        (b'{"query_id": 1.5, "doc_id": "d", "score": 1}', "an id is no text: 1.5"),
        (b"PAR1 and more", "damaged Parquet"),
    ],
)
@pytest.mark.parametrize("reader", [read_run, read_qrels])
def test_another_format_is_refused_by_its_name(
    tmp_path: Path, data: bytes, says: str, reader: Callable[[Path], object]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        reader(path)
    assert says in f"{caught.value.message} {caught.value.hint}"


def test_parquet_without_the_columns_names_those_it_has(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": ["q"], "doc_id": ["d"], "score": [1]}), tmp_path / "file")
    with pytest.raises(InputError, match="with the columns a, doc_id, score"):
        read_qrels(tmp_path / "file")


# --- in memory


@pytest.mark.parametrize("wrong", ["d\ud800", "d\x00", 7])
@pytest.mark.parametrize("where", ["run topic", "run docno", "qrels topic", "qrels docno"])
def test_ids_that_trec_eval_cannot_hold_are_refused_in_memory(wrong: Any, where: str) -> None:
    run: Any = {"q": {"d": 1.0}}
    qrels: Any = {"q": {"d": 1}}
    if where == "run topic":
        run, qrels = {wrong: {"d": 1.0}, "q": {"d": 1.0}}, {"q": {"d": 1}, wrong: {"d": 1}}
    elif where == "run docno":
        run = {"q": {wrong: 1.0, "d": 2.0} if isinstance(wrong, str) else {wrong: 1.0}}
    elif where == "qrels topic":
        qrels = {wrong: {"d": 1}, "q": {"d": 1}}
    else:
        qrels = {"q": {wrong: 1, "d": 1}}
    config = EvaluateConfig(metrics=("map",))
    with pytest.raises(InputError, match="no id that trec_eval can hold"):
        evaluate_runs({"r": Run.from_dict("r", run)}, qrels, config)


# --- what else an evaluation reads


texts = st.lists(st.text("aéñ中1.,'", min_size=1, max_size=4), min_size=1, max_size=3).map(" ".join)
ROW_HOWS = ("plain", "byte-order mark", "CRLF", "trailing blanks", "blank lines", "gzip")


@given(st.dictionaries(plain_ids, texts, min_size=1, max_size=4), st.sampled_from(ROW_HOWS))
@SETTINGS
def test_answers_predictions_and_labels_are_what_was_written(
    tmp_path: Path, rows: dict[str, str], how: str
) -> None:
    path = tmp_path / "file"
    lines = [f"{key}\t{text}" for key, text in rows.items()]
    path.write_bytes(disturbed(lines, "rows", how))
    composed = {key: unicodedata.normalize("NFC", text) for key, text in rows.items()}
    assert read_answers(path, "en").by_topic == {key: (t,) for key, t in composed.items()}
    found = {k: unicodedata.normalize("NFC", t) for k, t in read_predictions(path).items()}
    assert found == composed
    labels = read_labels(path)
    found = {k: unicodedata.normalize("NFC", t) for k, t in labels.topics.items()}
    assert found == composed
    path.write_bytes(disturbed([*lines, "x"], "rows", how))
    for reader in (lambda p: read_answers(p, "en"), read_predictions, read_labels):
        with pytest.raises(InputError) as caught:
            reader(path)
        assert caught.value.line is not None


names = st.text("abé7.@ ", min_size=1, max_size=4).filter(lambda text: text == text.strip())


@given(st.data())
@SETTINGS
def test_a_fusion_is_read_as_it_was_written_or_refused(data: st.DataObject) -> None:
    method = data.draw(st.sampled_from(sorted(METHODS)))
    facts = METHODS[method]
    members = data.draw(st.lists(names, max_size=3, unique=True))
    weights = {
        name: data.draw(st.floats(0, 10).map(lambda number: round(number, 3)))
        for name in (members if facts.weighted and data.draw(st.booleans()) else ())
    }
    norm = data.draw(st.sampled_from(NORMS)) if facts.scores else None
    parts = [f"{one}={weights[one]}" if one in weights else one for one in members]
    parts += [f"norm={norm}"] if norm else []
    parts = data.draw(st.permutations(parts))
    text = data.draw(st.sampled_from(["", "comb_"])) + method + ":" * bool(parts) + ", ".join(parts)
    if weights and not any(weights.values()):
        with pytest.raises(UsageError, match="all weights are 0"):
            Fusion.parse(text)
        return
    found = Fusion.parse(text)
    assert (found.method, found.norm, dict(found.weights)) == (method, norm, weights)
    assert sorted(found.members) == sorted(members)
    with pytest.raises(ClirotError):
        Fusion.parse(f"{text}{',' if parts else ':'}nrom=zmuv,x=1e400")
