"""Runs and qrels: two readers agree, what is written is read back, errors have their line."""

from __future__ import annotations

import gzip
import io
import json
import math
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import pytrec_eval
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from clirot.errors import InputError, UsageError
from clirot.evaluation.measures import measure_values, parse_measure
from clirot.records import Hit
from clirot.runs import Run, format_hits, format_run, read_qrels, read_run
from clirot.runs.by_columns import read_with_arrow
from clirot.runs.reading import _from_lines

RUN = "1 Q0 d1 1 2.5 tag\n1 Q0 d2 2 1.5 tag\n2 Q0 d1 1 0.25 tag\n"

names = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=6
).filter(
    # At the start of a file U+FEFF is a mark of the byte order, which is taken off before.
    lambda text: text.encode().split() == [text.encode()] and text[0] != "\ufeff"
)
scores = st.floats(allow_nan=False)
hit_lists = st.lists(st.tuples(names, scores), max_size=12, unique_by=lambda pair: pair[0])


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rows(run: Run) -> dict[str, list[tuple[str, float]]]:
    return {topic: [(hit.docno, hit.score) for hit in hits] for topic, hits in run}


@given(st.lists(st.tuples(names, hit_lists), min_size=1, max_size=4, unique_by=lambda p: p[0]))
@settings(max_examples=150, deadline=None)
def test_the_two_readers_agree(topics: list[tuple[str, list[tuple[str, float]]]]) -> None:
    lines = [
        f"{topic} Q0 {docno} 1 {score!r} tag" for topic, hits in topics for docno, score in hits
    ]
    if not lines:
        return
    random.Random(len(lines)).shuffle(lines)
    data = ("\n".join(lines) + "\n").encode()
    careful = rows(_from_lines(data, "run"))
    columns = read_with_arrow(data)
    assert columns is not None
    run = columns.run()
    assert rows(run) == careful
    for topic, hits in topics:
        if hits:
            with np.errstate(over="ignore"):
                keyed = {docno: float(np.float32(score)) for docno, score in hits}
            order = sorted(keyed, key=lambda d: (keyed[d], d.encode()), reverse=True)
            assert [docno for docno, _ in careful[topic]] == order


@pytest.mark.parametrize(
    "odd",
    [
        "1  Q0 d1 1 2.5 tag\n",
        "1\tQ0 d1 1 2.5 tag\n",
        " 1 Q0 d1 1 2.5 tag\n",
        "1 Q0 d1 1 2.5 tag \n",
        "1 Q0 d1 1 2.5 tag\n\n\n1 Q0 d2 1 2.5 tag\n",
        "1 Q0 d1 1 2.5 tag\r\n1 Q0 d2 1 2 tag\r\n",
        "1 Q0 d1 1 +2.5 tag\n",
        "1 Q0 d1 1 1e400 tag",
        "1 Q0 d1 1 -inf tag",
        "# Q0 d1 1 inf tag",
        '1 Q0 "d1 1 .5 tag\n1 Q0 d2" 1 .25 tag\n',
        "1 Q0 NA 1 2.5 tag\nnull Q0 nan 1 1 tag\n",
        "\ufeff1 Q0 d1 1 2.5 tag\n",
        "1 Q0 d\u00a01 1 2.5 tag\n",
    ],
)
def test_unusual_but_sound_files_are_read_whatever_their_size(tmp_path: Path, odd: str) -> None:
    path = written(tmp_path / "run.trec", odd)
    small, large = read_run(path), read_run(path, many_bytes=1)
    assert rows(small) == rows(large)
    assert len(small) == len(odd.split("\n")) - odd.count("\n\n") * 2 - (odd[-1] == "\n")


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (RUN + "2 Q0 d2 2 0.1\n", 4, "expected 6 columns"),
        (RUN + "2 Q0 d2 2 0.1 my tag\n", 4, "got 7"),
        ("1 0 d1 1\n", 1, "four columns are qrels, which is what people judged"),
        ("1\td1\n1\td2\n", 1, """'{print $1,"Q0",$2,1,0,"run"}'"""),
        (RUN + "1 Q0 d2 2 0.1 tag\n", 4, "'d2' is listed twice for topic '1'"),
        (RUN + "2 Q0 d2 2 high tag\n", 4, "the score 'high' of document 'd2' is not a number"),
        (RUN + "2 Q0 d2 2 nan tag\n", 4, "the score 'nan' of document 'd2' is not a number"),
        (RUN + "2 Q0 d2 2 1_0 tag\n", 4, "'1_0'"),
        (RUN.encode() + b"2 Q0 caf\xe9 2 0.1 tag\n", 4, "not UTF-8: byte 0xe9"),
        ("1  d1 1 2.5 tag\n", 1, "got 5"),
        ("1 Q0 d1 1 2.5 \n", 1, "got 5"),
    ],
)
def test_a_wrong_run_names_its_line(
    tmp_path: Path, text: str | bytes, line: int, says: str, large: bool
) -> None:
    path = written(tmp_path / "bad.trec", text)
    with pytest.raises(InputError) as caught:
        read_run(path, many_bytes=1 if large else 10**9)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("1 0 d1 1\n1 0 d1\n", 2, "expected 4 columns"),
        ("q d 1\n", 1, "awk"),
        (RUN, 1, "six columns are a run"),
        ("1 0 d1 1\n1 0 d2 yes\n", 2, "relevance 'yes' is not a whole number"),
        ("1 0 d1 1.5\n", 1, "'1.5' is not a whole number"),
        ("1 0 d1 99999999999999999999\n", 1, "is not a whole number"),
        ("1 0 d1 1\n2 0 d1 1\n1 0 d1 2\n", 3, "is judged 2, and was judged 1 before"),
        (b"1 0 d1 1\n1 0 \xff 1\n", 2, "not UTF-8"),
    ],
)
def test_wrong_qrels_name_their_line(
    tmp_path: Path, text: str | bytes, line: int, says: str
) -> None:
    path = written(tmp_path / "bad.qrels", text)
    with pytest.raises(InputError, match=says) as caught:
        read_qrels(path)
    assert caught.value.line == line


def test_a_repeated_judgement_that_agrees_is_no_error(tmp_path: Path) -> None:
    path = written(tmp_path / "qrels", "1 0 d1 1\n\n1 0 d1 1\n1 0 d2 -1\n")
    assert read_qrels(path) == {"1": {"d1": 1, "d2": -1}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("{}", "is empty"),
        ('{"1": {"d": 1, "d": 2}}', "'d' occurs twice"),
        ('{"1": {"d": "x"}}', "'x' is not a number"),
        ('{"1": {"d": true}}', "True is not a number"),
        ('{"1": {"d": NaN}}', "is not a number"),
        ('{"1": [1]}', "expected a record|holds list"),
        ('{"1": {"d": 1}', "not JSON"),
        ('{"1": {"d": 1' + "0" * 400 + "}}", "is not a number"),
        ('{"1": {"d": 1' + "0" * 9000 + "}}", "thousands of digits"),
        ("[" * 100_000, "nested more than 100 levels deep"),
        ('[{"query_id": "1", "score": 2}]', "no 'doc_id' or 'docno'"),
        ('{"query_id": "1", "doc_id": "a", "score": 2}\n{"query_id": "1"}', ":2: a record has no"),
        ('{"qid": "1", "docno": "a", "score": 2}\n{"qid": "1", "docno": "a", "score": 2}',
         ":2: document 'a' is listed twice"),
    ],
)  # fmt: skip
def test_wrong_json_says_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_run(written(tmp_path / "run.json", text))


def test_json_layouts_give_the_trec_run(tmp_path: Path) -> None:
    expected = rows(read_run(written(tmp_path / "run.trec", RUN)))
    nested = {topic: dict(hits) for topic, hits in expected.items()}
    records = [
        {"query_id": topic, "doc_id": docno, "score": score}
        for topic, hits in expected.items()
        for docno, score in hits
    ]
    texts = [json.dumps(nested), json.dumps(nested, indent=1), json.dumps(records)]
    texts.append("\n".join(map(json.dumps, records)))
    for text in texts:
        assert rows(read_run(written(tmp_path / "run.json", text))) == expected
    qrels = [{"query_id": "1", "doc_id": "d1", "relevance": 2, "iteration": "0"}]
    path = written(tmp_path / "qrels.jsonl", "\n".join(map(json.dumps, qrels)))
    assert read_qrels(path) == {"1": {"d1": 2}}
    assert read_qrels(written(path, '{"1": {"d1": 2}}')) == {"1": {"d1": 2}}


def test_gzip_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(RUN.encode())
    expected = rows(read_run(written(tmp_path / "run.trec", RUN)))
    run = read_run(written(tmp_path / "bm25.so.trec.gz", packed))
    assert rows(run) == expected
    assert run.name == "bm25.so"
    for data in (packed, RUN.encode()):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        piped = read_run("-")
        assert rows(piped) == expected
        assert piped.name == "tag"
    with pytest.raises(InputError, match="damaged gzip data"):
        read_run(written(tmp_path / "cut.gz", packed[:-9]))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(InputError, match="<stdin>: the run is empty"):
        read_run("-")
    with pytest.raises(InputError, match="there is no such run file"):
        read_run(tmp_path / "nowhere.trec")
    with pytest.raises(InputError, match="is a directory"):
        read_run(tmp_path)


@given(
    st.lists(st.tuples(names, st.floats(allow_nan=False)), max_size=30, unique_by=lambda p: p[0])
)
@settings(max_examples=200, deadline=None)
def test_what_is_written_is_read_back_in_the_same_order(hits: list[tuple[str, float]]) -> None:
    text = format_hits("q", [Hit(*hit) for hit in hits], "tag")
    if not hits:
        assert text == ""
        return
    run = _from_lines(text.encode(), "run")
    back = run.hits("q")
    assert [line.split(" ")[2] for line in text.splitlines()] == [hit.docno for hit in back]
    assert [line.split(" ")[3] for line in text.splitlines()] == [
        str(rank) for rank in range(1, len(hits) + 1)
    ]
    with np.errstate(over="ignore"):
        singles = {docno: float(np.float64(score).astype(np.float32)) for docno, score in hits}
    assert {hit.docno: hit.score for hit in back} == pytest.approx(singles, rel=1e-6, abs=1e-44)
    assert [np.float32(h.score) for h in back] == [np.float32(singles[h.docno]) for h in back]


def test_a_tie_is_written_in_trec_evals_order() -> None:
    hits = [Hit("a", 1.0), Hit("b", 1.0), Hit("c", 1.000000001), Hit("z", 0.5)]
    assert format_hits("7", hits, "me") == (
        "7 Q0 c 1 1 me\n7 Q0 b 2 1 me\n7 Q0 a 3 1 me\n7 Q0 z 4 0.5 me\n"
    )


@pytest.mark.parametrize(
    ("topic", "docno", "score", "tag", "says"),
    [
        ("a b", "d", 1.0, "t", "topic 'a b'"),
        ("q", "d\t1", 1.0, "t", "docno"),
        ("q", "", 1.0, "t", "docno ''"),
        ("q", "d", 1.0, "my run", "tag 'my run'"),
        ("q", "d", math.nan, "t", "is NaN"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(
    topic: str, docno: str, score: float, tag: str, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        format_hits(topic, [Hit(docno, score)], tag)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=30)
@given(st.integers(0, 10**6))
def test_a_large_reader_judged_by_trec_eval(seed: int) -> None:
    chance = random.Random(seed)
    scores = {
        f"q{topic}": {
            f"d{place}": chance.choice([0.0, 1.0, chance.random()]) for place in range(40)
        }
        for topic in range(3)
    }
    qrels = {
        f"q{t}": {f"d{chance.randrange(50)}": chance.randrange(3) for _ in range(9)}
        for t in range(3)
    }
    columns = read_with_arrow("".join(format_run(Run.from_dict("r", scores))).encode())
    assert columns is not None
    run = columns.run()
    expected = pytrec_eval.RelevanceEvaluator(qrels, {"map", "ndcg"}).evaluate(scores)
    for name in ("map", "ndcg"):
        values = measure_values([parse_measure(name)], run, qrels)[0].tolist()
        ours = dict(zip(qrels, values, strict=True))
        assert ours == pytest.approx({t: row[name] for t, row in expected.items()}, abs=1e-6)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.text('q1d Q0\t\n\r\v\f.-+einfa_{}[]:,"é\u00a0\ufeff\x00\x1c', max_size=120).map(
            str.encode
        ),
        st.lists(
            st.sampled_from([b"1 Q0 d1 1 2.5 t", b"1 Q0 d2 2 1.5 t", b"1 0 d 1", b"", b"\x00"])
        ).map(b"\n".join),
    )
)
@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(data=b"{}")
def test_whatever_is_in_a_file_it_is_read_or_refused_with_a_message(
    tmp_path: Path, data: bytes
) -> None:
    path = written(tmp_path / "any", data)
    outcomes = []
    for many_bytes in (1, 10**9):
        try:
            outcomes.append(rows(read_run(path, many_bytes=many_bytes)))
        except InputError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]
    message = ""
    qrels: dict[str, dict[str, int]] = {}
    try:
        qrels = read_qrels(path)
    except InputError as error:
        message = str(error)
    assert message.startswith(str(path)) or qrels
    assert all(isinstance(grade, int) for docs in qrels.values() for grade in docs.values())
