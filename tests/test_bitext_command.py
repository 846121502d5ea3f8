"""clirot bitext: what the commands print, write and refuse."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from clirot.bitext import FilterConfig
from clirot.bitext.acquisition import FetchConfig, fetch_bitext
from clirot.bitext.stored import kept_pairs, sample_pairs, stored_pairs
from clirot.cli import app
from clirot.errors import ArtefactError, UnknownNameError, UsageError
from clirot.records import LanguagePair
from clirot.store import Artefact, Store

EN_SO = LanguagePair("en", "so")
ROWS = [
    ("Hello", "Salaan"),
    ("Thanks", "Mahadsanid"),
    ("Hello", "Salaan"),
    ("Kenya", "Kenya"),
    ("Mogadishu", "Kenya"),
    ("Yes", ""),
    ('He said "no"', "Wuxuu yiri 'maya'"),
]


@pytest.fixture
def bitext(home: Path, tmp_path: Path) -> Artefact:
    path = tmp_path / "mine.tsv"
    path.write_text("".join(f"{src}\t{tgt}\n" for src, tgt in ROWS), encoding="utf-8")
    (one,) = fetch_bitext(FetchConfig(pair=EN_SO, files=(path,)), store=Store(home)).fetched
    return one.artefact


def clirot(*arguments: str) -> str:
    """What a command writes to stdout; its errors are raised."""
    done = CliRunner().invoke(app, ["bitext", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def words(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.strip()]


def test_list(bitext):
    assert words(clirot("list"))[2][:5] == [bitext.name, "4", "7", "not", "stated"]
    (one,) = json.loads(clirot("list", "--json"))
    assert (one["bitext"], one["pair"], one["kept"], one["read"]) == (bitext.name, "en-so", 4, 7)
    assert one["digest"] == bitext.digest
    assert json.loads(clirot("list", "--json", "--tgt", "som"))
    assert not json.loads(clirot("list", "--json", "--tgt", "sw"))


def test_show(bitext):
    text = clirot("show", bitext.name)
    lines = words(text)
    assert ["pairs", "4", "kept", "of", "7"] in lines
    assert ["licence", "not", "stated"] in lines
    assert len([line for line in lines if line[0] == "file"]) == 1
    assert len([line for line in lines if line[:2] == ["from", "file"]]) == 1
    table = [line for line in lines if line[:2] == ["identical", "1"]]
    assert table == [["identical", "1", "14.29", "4", "Kenya", "|", "Kenya"]]
    assert "length of so, characters" in text and "share of en letters in its script" in text
    document = json.loads(clirot("show", bitext.name, "--json"))
    assert document["results"]["dropped"] == {"duplicate": 1, "empty target": 1, "identical": 1}
    assert document["path"] == str(bitext.path)


def test_the_picture_can_be_opened_and_is_the_same_twice(bitext, tmp_path):
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    for file in files:
        clirot("show", bitext.name, "--picture", str(file))
    assert files[0].read_bytes() == files[1].read_bytes()
    with Image.open(files[0]) as image:
        assert image.width > 1000
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 20)}
    assert {(0x1F, 0x5F, 0x99), (0xC8, 0x55, 0x3D)} <= colours  # kept and dropped bars
    with pytest.raises(UsageError, match=r"cannot draw a picture as '\.gif'"):
        clirot("show", bitext.name, "--picture", str(tmp_path / "a.gif"))


def test_sample(bitext):
    everything = clirot("sample", bitext.name).splitlines()
    assert everything == [
        "Hello\tSalaan\t1",
        "Thanks\tMahadsanid\t2",
        "Mogadishu\tKenya\t5",
        "He said \"no\"\tWuxuu yiri 'maya'\t7",
    ]
    two = clirot("sample", bitext.name, "-n", "2").splitlines()
    assert len(two) == 2 and set(two) < set(everything)
    assert clirot("sample", bitext.name, "-n", "2").splitlines() == two
    drawn = {
        tuple(clirot("sample", bitext.name, "-n", "2", "--seed", str(seed)).splitlines())
        for seed in range(12)
    }
    assert len(drawn) > 3
    assert clirot("sample", bitext.name, "--dropped").splitlines() == [
        "duplicate\tHello\tSalaan\t3",
        "identical\tKenya\tKenya\t4",
        "empty target\tYes\t\t6",
    ]
    assert clirot("sample", bitext.name, "--reason", "identical").splitlines() == [
        "identical\tKenya\tKenya\t4"
    ]
    (one,) = json.loads(clirot("sample", bitext.name, "--reason", "identical", "--json"))
    assert one == {
        "src": "Kenya",
        "tgt": "Kenya",
        "id": "4",
        "place": 4,
        "outcome": "identical",
        "scores": {"src_script": 1.0, "tgt_script": 1.0},
    }
    with pytest.raises(UnknownNameError, match="did you mean 'identical'"):
        clirot("sample", bitext.name, "--reason", "identicle")
    with pytest.raises(UnknownNameError, match="unknown reason to drop a pair 'kept'") as caught:
        clirot("sample", bitext.name, "--reason", "kept")
    assert "near duplicate" in (caught.value.hint or "")  # of the filters, not of this bitext only
    assert f"{bitext.name} has: duplicate, empty target, identical" in (caught.value.hint or "")
    assert clirot("sample", bitext.name, "--reason", "too long") == ""


def test_a_sample_is_even(home, tmp_path):
    """The mean place of many samples is that of the middle: within three standard errors."""
    path = tmp_path / "many.tsv"
    path.write_text("".join(f"word {n}\terey {n}\n" for n in range(1, 1001)), encoding="utf-8")
    (one,) = fetch_bitext(FetchConfig(pair=EN_SO, files=(path,)), store=Store(home)).fetched
    places = [
        found.pair.place
        for seed in range(40)
        for found in sample_pairs(one.artefact, 25, seed=seed)
    ]
    assert len(places) == 1000
    assert abs(sum(places) / 1000 - 500.5) < 3 * (1000 / 12**0.5) / 1000**0.5


def test_export(bitext, tmp_path):
    tsv = clirot("export", bitext.name)
    assert tsv == "".join(f"{one.src}\t{one.tgt}\t{one.id}\n" for one in kept_pairs(bitext))
    digest = hashlib.sha256(tsv.encode()).hexdigest()
    assert digest == bitext.manifest.results["pairs_digest"]  # what docs/bitext.md says to cite
    file = tmp_path / "out.tsv"
    assert clirot("export", bitext.name, "--out", str(file)) == ""
    assert file.read_text(encoding="utf-8") == tsv
    rows = [
        json.loads(line)
        for line in clirot("export", bitext.name, "--format", "jsonl").split("\n")
        if line
    ]
    assert rows[0] == {"src": "Hello", "tgt": "Salaan", "id": "1"}
    everything = clirot("export", bitext.name, "--all").splitlines()
    assert [line.split("\t")[3] for line in everything] == [
        one.outcome for one in stored_pairs(bitext)
    ]
    prefix = tmp_path / "corpus"
    clirot("export", bitext.name, "--format", "moses", "--out", str(prefix))
    sides = [(tmp_path / f"corpus.{one}").read_text().splitlines() for one in ("en", "so")]
    assert list(zip(*sides, strict=True)) == [(one.src, one.tgt) for one in kept_pairs(bitext)]
    assert not list(tmp_path.glob(".*.part"))
    assert clirot("export", bitext.name, "--every", "2").splitlines() == tsv.splitlines()[::2]


def test_what_is_exported_can_be_fetched_again(bitext, tmp_path, home):
    """Out and in again: every kept pair is kept once more, with its id."""
    file = tmp_path / "again.tsv"
    clirot("export", bitext.name, "--out", str(file))
    (one,) = fetch_bitext(FetchConfig(pair=EN_SO, files=(file,)), store=Store(home)).fetched
    assert list(kept_pairs(one.artefact)) == list(kept_pairs(bitext))
    assert one.artefact.manifest.results["pairs_digest"] == bitext.manifest.results["pairs_digest"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "tmx"], "unknown format 'tmx'"),
        (["--format", "moses"], "Moses format is two files, which do not go to stdout"),
        (["--format", "moses", "--out", "x", "--all"], "no place for the outcomes of --all"),
    ],
)
def test_exports_that_make_no_sense(bitext, arguments, message):
    with pytest.raises(UsageError, match=message):
        clirot("export", bitext.name, *arguments)


def test_an_export_that_cannot_be_written_leaves_nothing(bitext, tmp_path):
    with pytest.raises(ArtefactError, match="cannot write"):
        clirot("export", bitext.name, "--out", str(tmp_path / "none" / "out.tsv"))
    (tmp_path / "p.so").mkdir()
    with pytest.raises(ArtefactError, match="cannot write"):
        clirot("export", bitext.name, "--format", "moses", "--out", str(tmp_path / "p"))
    assert not (tmp_path / "p.en").exists()


def test_pipes_and_links_are_not_replaced(bitext, tmp_path):
    link, pipe = tmp_path / "link.tsv", tmp_path / "pipe.png"
    link.symlink_to("file.tsv")
    clirot("export", bitext.name, "--out", str(link))
    assert link.is_symlink()
    assert (tmp_path / "file.tsv").read_text(encoding="utf-8") == clirot("export", bitext.name)
    os.mkfifo(pipe)
    for command, start in [
        (("export", "--out"), b"Hello\tSalaan"),
        (("show", "--picture"), b"\x89P"),
    ]:
        with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
            clirot(command[0], bitext.name, command[1], str(pipe))
            assert reader.stdout is not None
            assert reader.stdout.read().startswith(start)
        assert pipe.is_fifo()


def test_rm(bitext, home):
    with pytest.raises(UnknownNameError):
        clirot("rm", bitext.name, "en-so.none")
    assert Store(home).has("bitext", bitext.name)
    clirot("rm", bitext.name)
    assert not Store(home).has("bitext", bitext.name)
    with pytest.raises(UnknownNameError, match="unknown bitext"):
        clirot("show", bitext.name)


def test_a_closed_pipe_is_no_failure(home, tmp_path):
    path = tmp_path / "many.tsv"
    path.write_text("".join(f"word {n}\terey {n}\n" for n in range(20_000)), encoding="utf-8")
    (one,) = fetch_bitext(FetchConfig(pair=EN_SO, files=(path,)), store=Store(home)).fetched
    command = f"{sys.executable} -m clirot bitext export {one.artefact.name} | head -n 2"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("word 0\terey 0\t1\nword 1\terey 1\t2\n", "")


def test_filters_from_the_command_line(home, tmp_path):
    path = tmp_path / "mine.tsv"
    path.write_text(
        "Hello!\tSalaan\nhello\tSALAAN\nKenya\tKenya\nx\t\nYes\tHaa\n", encoding="utf-8"
    )

    def fetch(*arguments: str) -> dict[str, object]:
        command = ["fetch-bitext", "--tgt", "so", "--file", str(path), "--json", "--replace"]
        done = CliRunner().invoke(app, [*command, *arguments], catch_exceptions=False)
        return json.loads(done.stdout)["fetched"][0]

    assert fetch()["kept"] == 3
    near = fetch("--near-duplicates", "pair")
    assert near["dropped"] == {"empty target": 1, "identical": 1, "near duplicate": 1}
    assert fetch("--no-filter")["dropped"] == {"empty target": 1}
    artefact = Store(home).all("bitext")[0]
    # As the manifest's JSON holds it.
    assert artefact.manifest.config["filters"] == vars(FilterConfig.off())
    with pytest.raises(UsageError, match="--no-filter and the setting of a filter"):
        fetch("--no-filter", "--max-ratio", "3")
    assert fetch("--max-length", "5", "--max-ratio", "0")["dropped"]["too long"] == 2
