"""``clirot evaluate`` as a person meets it: what it prints, where, and how it exits."""

from __future__ import annotations

import csv
import gc
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from clirot.runs import SAVED_RUN
from clirot.store import Store

QRELS = "q1 0 a 1\nq1 0 b 0\nq2 0 a 2\nq2 0 c 1\nq3 0 z 1\n"
GOOD = "q1 Q0 a 1 3 good\nq1 Q0 b 2 2 good\nq2 Q0 c 1 2 good\nq2 Q0 a 2 1 good\n"
POOR = "q1 Q0 b 1 3 poor\nq1 Q0 a 2 2 poor\nq2 Q0 x 1 2 poor\nq2 Q0 a 2 1 poor\nq9 Q0 a 1 1 poor\n"


NO_RESULTS = "no results for 1 of 3 topics, which count as 0 (as in trec_eval -c): q3"


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Cli = Callable[..., Outcome]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run the command line in a directory with a run or two."""
    from clirot.cli import main

    monkeypatch.chdir(tmp_path)
    for name, text in {"qrels": QRELS, "good.trec": GOOD, "poor.trec": POOR}.items():
        Path(name).write_text(text)

    def run(*arguments: str, stdin: str = "") -> Outcome:
        monkeypatch.setattr(sys, "argv", ["clirot", "evaluate", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        try:
            main()
            code: object = 0
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return Outcome(int(str(code or 0)), captured.out, captured.err)

    return run


def test_a_run_from_standard_input(cli: Cli) -> None:
    assert cli("--qrels", "qrels", "-m", "map", "-m", "nDCG@20", stdin=GOOD) == Outcome(
        0,
        "run      map  ndcg@20\n─────────────────────\ngood  0.6667   0.6199\n\n3 topics.\n",
        f"warning: run good: {NO_RESULTS}\n",
    )


def test_garbage_collection_is_on_again_afterwards(cli: Cli) -> None:
    assert gc.isenabled()
    assert cli("good.trec", "--qrels", "qrels", "-m", "map").code == 0
    assert gc.isenabled()
    assert cli("nowhere.trec", "--qrels", "qrels", "-m", "map").code != 0
    assert gc.isenabled()


def test_two_runs_compared(cli: Cli) -> None:
    done = cli("good.trec", "poor.trec", "--qrels", "qrels", "-m", "map", "--baseline", "poor")
    assert done == Outcome(
        0,
        "run      map\n"
        "────────────\n"
        "good  0.6667\n"
        "poor  0.2500\n"
        "\n"
        "3 topics. † better, ‡ worse than poor (paired randomisation test, two-sided, p < 0.05 "
        "after Holm's correction for 1 test).\n"
        "\n"
        "Against poor:\n"
        "run   measure  difference        95% interval       p  p (Holm)  effect d  "
        "better/worse/same\n" + "─" * 92 + "\n"
        "good  map         +0.4167  +0.0000 to +0.6667  0.5000    0.5000     +1.09"
        "              2/0/1\n",
        "reading runs: 1/2 runs\n"
        "reading runs: 2/2 runs\n"
        "comparing: 1/1 tests\n"
        f"warning: run good: {NO_RESULTS}\n"
        f"warning: run poor: {NO_RESULTS}\n"
        "warning: run poor: left out 1 of its topics, which the judgements lack: q9\n",
    )


def test_json_is_one_document(cli: Cli) -> None:
    done = cli("good.trec", "poor.trec", "--qrels", "qrels", "-m", "map", "-m", "P@1", "--json",
               "--per-topic", "--baseline", "poor", "--ci", "--expect", "map>0.2")  # fmt: skip
    assert done.code == 0
    document = json.loads(done.out)
    assert document["measures"] == ["map", "precision@1"]
    good = document["runs"][0]
    assert good["name"] == "good"
    assert good["means"] == {"map": pytest.approx(2 / 3), "precision@1": pytest.approx(2 / 3)}
    assert good["per_topic"]["q2"] == {"map": 1.0, "precision@1": 1.0}
    assert good["topics_without_results"] == ["q3"]
    assert document["runs"][1]["topics_not_judged"] == ["q9"]
    assert document["comparisons"][0]["p"] == 0.5
    assert document["comparisons"][0]["exact"] is True
    assert [one["met"] for one in document["expectations"]] == [True, True]
    low, high = good["intervals"]["map"]
    assert 0 <= low <= 2 / 3 <= high <= 1


def test_csv_of_figures_and_of_topics(cli: Cli) -> None:
    done = cli("good.trec", "poor.trec", "--qrels", "qrels", "-m", "map", "-f", "csv", "-b", "poor")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert [(row["run"], row["measure"], float(row["value"])) for row in rows] == [
        ("good", "map", pytest.approx(2 / 3)),
        ("poor", "map", pytest.approx(0.25)),
    ]
    assert float(rows[0]["difference"]) == pytest.approx(5 / 12)
    assert rows[1]["difference"] == ""
    assert [row["kind"] for row in rows] == ["mean", "mean"]
    done = cli("good.trec", "--qrels", "qrels", "-m", "map", "-f", "csv", "--per-topic")
    assert done.out == "run,topic_set,topic,map\ngood,,q1,1.0\ngood,,q2,1.0\ngood,,q3,0.0\n"


def test_per_topic_table(cli: Cli) -> None:
    done = cli("poor.trec", "--qrels", "qrels", "-m", "map", "-q", "--places", "2")
    assert done.out == (
        "run   topic   map\n"
        "─────────────────\n"
        "poor  q1     0.50\n"
        "poor  q2     0.25\n"
        "poor  q3     0.00\n"
    )


def test_markdown_and_latex(cli: Cli) -> None:
    runs = ["a_b=good.trec", "poor.trec", "--qrels", "qrels", "-m", "map"]
    assert cli(*runs, "-f", "markdown").out == (
        "| run | MAP |\n|---|---:|\n| a_b | **0.6667** |\n| poor | 0.2500 |\n\n3 topics.\n"
    )
    latex = cli(*runs, "-f", "latex").out
    assert "a\\_b & \\textbf{0.6667} \\\\\npoor & 0.2500 \\\\\n\\bottomrule" in latex
    assert latex.startswith("% needs \\usepackage{booktabs}\n\\begin{table}\n")


@pytest.mark.parametrize(
    ("expected", "code"),
    [
        ("map>=0.25", 0),
        ("map>=0.3", 4),
        ("good:map>=0.3", 0),
        ("map<=0.7", 0),
        ("map>0.25", 4),
        ("bpref>=0", 0),
    ],
)
def test_expectations_decide_the_exit_code(cli: Cli, expected: str, code: int) -> None:
    done = cli("good.trec", "poor.trec", "--qrels", "qrels", "-m", "map", "--expect", expected)
    assert done.code == code
    assert done.out.startswith("run ")  # the table is there either way
    missed = f"error: expected {expected}, and poor has 0.2500"
    assert (missed in done.err) == (code == 4)


def test_topic_sets_and_gaps(cli: Cli) -> None:
    Path("easy").write_text("q1\nq2\n")
    Path("hard").write_text("q3\n")
    done = cli("good.trec", "--qrels", "qrels", "-m", "map", "--topic-set", "easy=easy",
               "--topic-set", "hard=hard", "--gap", "easy..hard", "--json")  # fmt: skip
    assert done.code == 1  # no topic of "hard" has results, and that is not a figure
    assert "run good@hard: none of its topics is judged" in done.err
    Path("hard").write_text("q2\nq3\n")
    Path("easy").write_text("q1\n")
    done = cli("good.trec", "--qrels", "qrels", "-m", "map", "--topic-set", "easy=easy",
               "--topic-set", "hard=hard", "--gap", "easy..hard", "--json")  # fmt: skip
    document = json.loads(done.out)
    means = {run["topic_set"]: run["means"]["map"] for run in document["runs"]}
    assert means == {"easy": 1.0, "hard": 0.5, "overall": 0.75}
    gap = document["gaps"][0]
    assert (gap["difference"], gap["paired"], gap["relative"]) == (0.5, False, 0.5)


def test_fusion_is_a_further_run_and_can_be_saved(cli: Cli) -> None:
    done = cli("good.trec", "poor.trec", "--qrels", "qrels", "-m", "map", "--fuse", "rrf",
               "--save-fused", "out")  # fmt: skip
    assert done.code == 0
    assert "rrf   0.4444\n" in done.out  # q1 (b, a): 1/2; q2 (a, x, c): 5/6; q3: 0
    assert "wrote out/rrf.trec" in done.err
    lines = Path("out/rrf.trec").read_text().splitlines()
    assert lines[0].split()[:4] == ["q1", "Q0", "b", "1"]  # tied with a: docno decides, descending
    again = cli("out/rrf.trec", "--qrels", "qrels", "-m", "map", "--json")
    fused = cli(
        "good.trec", "poor.trec", "--qrels", "qrels", "-m", "map", "--fuse", "rrf", "--json"
    )
    assert json.loads(again.out)["runs"][0]["means"] == json.loads(fused.out)["runs"][2]["means"]


def test_pictures_are_drawn(cli: Cli) -> None:
    done = cli("x@so=good.trec", "y@so=poor.trec", "x@fi=poor.trec", "y@fi=good.trec", "--qrels",
               "qrels", "-m", "map", "-b", "x", "--pictures", "pics")  # fmt: skip
    assert done.code == 0, done.err
    drawn = sorted(path.name for path in Path("pics").iterdir())
    assert drawn == ["by-topic-set.map.png", "gain.y.map.png", "precision-recall.png"]
    for path in Path("pics").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")


def test_a_run_of_the_store_is_found_by_its_name_and_traced(cli: Cli) -> None:
    with Store().draft("runs", "kept", config={"index": "i"}) as draft:
        (draft.path / SAVED_RUN).write_text(GOOD)
    done = cli("kept", "x=kept", "--qrels", "qrels", "-m", "map", "--json")
    runs = json.loads(done.out)["runs"]
    digest = Store().get("runs", "kept").digest
    assert [(run["name"], run["source"]) for run in runs] == [
        ("kept", f"runs/kept sha256:{digest}"),
        ("x", f"runs/kept sha256:{digest}"),
    ]


def test_the_best_figure_is_bold_on_a_terminal_only(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("good.trec", "poor.trec", "--qrels", "qrels", "-m", "map")
    assert "\x1b" not in cli(*arguments).out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    table = cli(*arguments).out.splitlines()
    assert table[2:4] == ["good  \x1b[1m0.6667\x1b[0m", "poor  0.2500"]


def test_a_collection_gives_the_judgements(cli: Cli, shared_data: Path) -> None:
    directory = shared_data / "collections" / "cranfield"
    judged = (directory / "qrels.txt").read_text().splitlines()
    topics = sorted({line.split()[0] for line in judged})
    run = "".join(f"{topic} Q0 184 1 1.0 same\n" for topic in topics)
    done = cli("--collection", str(directory), "-m", "num_q", "-m", "map", "--json", stdin=run)
    assert done.code == 0, done.err
    assert json.loads(done.out)["runs"][0]["means"]["num_q"] == len(topics)


def test_tuning_and_the_table_of_ranx(cli: Cli) -> None:
    Path("dev").write_text("q1\n")
    done = cli("good.trec", "poor.trec", "--qrels", "qrels", "-m", "map", "-l", "1", "--fuse",
               "wsum", "--tune-fusion", "dev", "--tune-measure", "mrr", "-f", "csv")  # fmt: skip
    assert done.code == 0, done.err
    rows = {row["run"]: float(row["value"]) for row in csv.DictReader(io.StringIO(done.out))}
    # Of q2 and q3. With weight 0 for poor, a and x tie in q2, and x comes first.
    assert rows == pytest.approx({"good": 0.5, "poor": 0.125, "wsum": (1 + 2 / 3) / 4})
    assert "fusion wsum: good=1, poor=0 chosen" in done.err
    assert "warning: left out 1 of 3 topics, which served to tune the fusion\n" in done.err
    assert "chosen on 1 training topics for the best mrr\n" in done.err
    done = cli("good.trec", "poor.trec", "--qrels", "qrels", "-m", "map", "--format", "ranx")
    assert done.out.splitlines()[2:4] == [
        "a    good     0.6667",
        "b    poor     0.25",
    ]
    assert "Measures and tests are those of ranx" in done.out
    assert "not corrected for the number of tests" in done.out
