"""``clirot perturb`` and the verb: topics and bitext in, TSV out, counts on stderr."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import clirot
from clirot.bitext.formats.local_file import read_local
from clirot.cli import main
from clirot.errors import InputError, LanguageError
from clirot.records import LanguagePair
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index

WORDS = ["salt", "bread", "moon", "water", "house", "river", "stone", "fire", "night", "tree"]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run clirot in this process, its error boundary included."""
    monkeypatch.setenv("CLIROT_TRACEBACK", "")

    def command(*words: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["clirot", *words])
        raw: Any = io.BytesIO(stdin.encode())
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(raw)))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return command


@pytest.fixture
def topics(tmp_path: Path) -> Path:
    path = tmp_path / "set"
    path.mkdir()
    texts = [" ".join(WORDS[(one + k) % 10] for k in range(7)) for one in range(60)]
    (path / "docs.en.tsv").write_text("".join(f"d{n}\t{text}\n" for n, text in enumerate(texts)))
    (path / "queries.en.tsv").write_text("".join(f"q{n}\t{text}\n" for n, text in enumerate(texts)))
    (path / "queries.de.tsv").write_text("q1\tGrößte Straße\nq2\tHaus\n", encoding="utf-8")
    (path / "qrels.txt").write_text("".join(f"q{n} 0 d{n} 1\n" for n in range(60)))
    return path


@pytest.fixture
def bitext(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.tsv.gz"
    rows = "".join(f"sentence {n} of many\tsatz nummer {n} von vielen\n" for n in range(100))
    path.write_bytes(gzip.compress(rows.encode()))
    return path


def rows_of(**given: Any) -> list[tuple[str, ...]]:
    return list(clirot.perturb(clirot.PerturbConfig(**given)).rows())


# --- topics


def test_a_collection(run: Run, topics: Path) -> None:
    code, out, err = run(
        "perturb", "--kind", "diacritics", "--collection", str(topics), "--lang", "de"
    )
    assert (code, out) == (0, "q1\tGroesste Strasse\nq2\tHaus\n")
    assert err == (
        "perturbed (diacritics): 1 of 2 texts changed, 1 unchanged; 2 edits, 1.00 a text\n"
    )


def test_a_file_and_its_language(run: Run, tmp_path: Path) -> None:
    stdin = "q1\tIrak  Izmir\nq2\tsu\n"
    assert run("perturb", "--kind", "case", "--topics", "-", "--lang", "tr", stdin=stdin)[1] == (
        "q1\tırak ızmir\nq2\tsu\n"
    )
    code, out, err = run("perturb", "--kind", "case", "--topics", "-", stdin=stdin)
    assert (code, out) == (0, "q1\tirak izmir\nq2\tsu\n")
    assert "nothing says what language the topics are in; English is assumed" in err
    out_file = tmp_path / "out.tsv"
    code, out, _ = run(
        "perturb", "--kind", "case", "--topics", "-", "--out", str(out_file), stdin=stdin
    )
    assert (code, out) == (0, "")
    assert out_file.read_text() == "q1\tirak izmir\nq2\tsu\n"


@pytest.mark.parametrize("kind", ["typo", "keyboard", "swap", "drop", "word-order", "asr", "case"])
def test_a_topic_does_not_depend_on_its_neighbours(kind: str, topics: Path, tmp_path: Path) -> None:
    lines = (topics / "queries.en.tsv").read_text().splitlines(keepends=True)
    mixed = tmp_path / "mixed.tsv"
    mixed.write_text("".join(lines[:20:-3]))
    rate = 4.0 if kind in ("typo", "keyboard", "swap", "drop") else 0.5
    given = {"kind": kind, "rate": rate, "lang": "en"}
    whole = dict(rows_of(collection=str(topics), **given))
    part = dict(rows_of(topics=str(mixed), **given))
    assert part == {name: whole[name] for name in part}
    assert len(part) == 13
    every = rows_of(collection=str(topics), every=7, **given)
    assert every == list(whole.items())[::7]
    if kind != "case":
        other = dict(rows_of(collection=str(topics), seed=2, **given))
        assert other != whole or kind == "asr"


def test_the_report_counts(topics: Path) -> None:
    ready = clirot.perturb(
        clirot.PerturbConfig(kind="typo", rate=3, collection=str(topics), lang="en")
    )
    before = [line.split("\t")[1] for line in (topics / "queries.en.tsv").read_text().splitlines()]
    after = [text for _, text in ready.rows()]
    report = ready.report
    assert report.texts == 60
    assert report.changed == sum(a != b for a, b in zip(before, after, strict=True))
    assert report.unchanged == 60 - report.changed > 0
    assert report.edits_per_text == report.edits / 60 > 1
    assert list(ready.remarks()) == []


def test_remarks(run: Run) -> None:
    stdin = "q1\ta\nq2\tsannadkii 2015 kii\n"
    code, _, err = run("perturb", "--kind", "drop", "--rate", "900", "--topics", "-", stdin=stdin)
    assert code == 0
    assert "2 of 2 texts are too short for all changes that were drawn" in err
    _, out, err = run("perturb", "--kind", "asr", "--topics", "-", "--lang", "so", stdin=stdin)
    assert out.endswith("q2\tsannadkii 2015 kii\n")
    assert "there are no rules to spell numbers out in 'so'" in err


def test_in_a_pipeline_with_search(run: Run, topics: Path) -> None:
    build_index(IndexConfig(model="bm25", collection=str(topics), name="words"))
    call = ("--kind", "typo", "--rate", "5", "--collection", str(topics), "--lang", "en")
    typed = run("perturb", *call)[1]
    code, found, _ = run("search", "--index", "words", "--topics", "-", stdin=typed)
    assert code == 0
    assert {line.split()[0] for line in found.splitlines()} <= {f"q{n}" for n in range(60)}
    assert len(found.splitlines()) > 100


# --- bitext


def test_bitext_is_written_as_bitext(run: Run, bitext: Path, tmp_path: Path) -> None:
    out = tmp_path / "noisy.tsv"
    call = ("--kind", "typo", "--rate", "3", "--lang", "de", "--out", str(out))
    assert run("perturb", "--bitext", str(bitext), *call)[0] == 0
    pair = LanguagePair("en", "de")
    before, after = (list(read_local(path, pair)) for path in (bitext, out))
    assert [one.src for one in after] == [one.src for one in before]
    changed = sum(a.tgt != b.tgt for a, b in zip(after, before, strict=True))
    assert 30 < changed < 100
    thinned = rows_of(kind="typo", rate=3, lang="de", bitext=str(bitext), every=10)
    assert thinned == [(one.src, one.tgt) for one in after[::10]]


def test_none_thins_and_shuffle_shuffles(run: Run, bitext: Path) -> None:
    thinned = rows_of(kind="none", bitext=str(bitext), every=40)
    assert [src for src, _ in thinned] == [f"sentence {n} of many" for n in (0, 40, 80)]
    code, out, err = run("perturb", "--kind", "shuffle", "--rate", ".3", "--bitext", str(bitext))
    rows = [line.split("\t") for line in out.splitlines()]
    assert code == 0
    assert sum(src.split()[1] != tgt.split()[2] for src, tgt in rows) == 30
    assert "30 of 100 texts changed" in err
    again = run("perturb", "--kind", "shuffle", "--rate", ".3", "--bitext", str(bitext))[1]
    assert again == out
    assert run("perturb", "--kind", "shuffle", "--seed", "2", "--bitext", str(bitext))[1] != out


def test_ids_of_rows_stay(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"id": "r1", "en": "salt", "de": "Das\\tSalz"}\n')
    assert rows_of(kind="case", lang="de", bitext=str(path)) == [("salt", "das salz", "r1")]


# --- what can go wrong


@pytest.mark.parametrize(
    ("call", "code", "message"),
    [
        (("--kind", "tpyo", "--topics", "-"), 2, "typo"),
        (("--kind", "typo", "--rate", "-1", "--topics", "-"), 2, "--rate"),
        (("--kind", "case", "--rate", "2", "--topics", "-"), 2, "--rate is a share"),
        (("--kind", "typo", "--topics", "-", "--lang", "zh"), 2, "no keyboard is known for 'zh'"),
        (("--kind", "typo"), 2, "one of the three"),
        (("--kind", "typo", "--bitext", "x"), 2, "--lang is missing"),
        (("--kind", "typo", "--topics", "nowhere.tsv"), 1, "nowhere.tsv"),
        (("--topics", "-"), 2, "--kind"),
    ],
)
def test_bad_calls(run: Run, call: tuple[str, ...], code: int, message: str) -> None:
    got, out, err = run("perturb", *call, stdin="q1\tsalt\n")
    assert (got, out) == (code, "")
    assert message in err


def test_malformed_files(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text("q1\ta\tb\tc\n")
    with pytest.raises(InputError, match=r"rows\.tsv:1: "):
        rows_of(kind="typo", topics=str(path))
    with pytest.raises(InputError, match=r"rows\.tsv:1: "):
        rows_of(kind="shuffle", bitext=str(path))
    with pytest.raises(LanguageError):
        rows_of(kind="typo", topics=str(path), lang="zzz")
