"""``translate``: the cache, what is reported, contradictions, and the command itself."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_model import save_tiny_model
from tiny_translators import save_madlad, save_mbart50, save_nllb

import clirot
from clirot.cli import main
from clirot.cut_texts import AtLeast
from clirot.errors import ArtefactError, UsageError
from clirot.records import Step
from clirot.retrieval.translation.cache import FOLDER, TranslationCache
from clirot.retrieval.translation.configuration import TranslateConfig
from clirot.retrieval.translation.seq2seq import Seq2SeqTranslator
from clirot.retrieval.translation.translating import translate
from clirot.retrieval.translation.translator import DecodingSettings, Rendering
from clirot.settings import assembled
from clirot.store import Store

TOPICS = {
    "q3": "wax iyo wax",
    "q1": "biyo",
    "q2": "dadka magaalada waxay doonayaan nabad",
    "q4": "biyo",
}
QUICK = {"beams": 2, "max_tokens": 10}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("translators")
    save_nllb(folder / "nllb")
    save_madlad(folder / "madlad")
    save_mbart50(folder / "mbart50")
    save_tiny_model(folder / "encoder", seed=1)
    return folder


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    path = tmp_path / "set"
    path.mkdir()
    rows = "".join(f"{topic}\t{text}\n" for topic, text in TOPICS.items())
    (path / "queries.so.tsv").write_text(rows)
    (path / "queries.so.typed.tsv").write_text("q3\twex iyo wex\n")
    (path / "docs.so.tsv").write_text("d1\tbiyo\nd2\t\nd3\tnabad iyo biyo\n")
    (path / "qrels.txt").write_text("q1 0 d1 1\n")
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that a model was asked to translate, prompts included."""
    texts: list[str] = []
    real = Seq2SeqTranslator._written

    def counted(self: Seq2SeqTranslator, batch: list[str], longest: int | None) -> Any:
        texts.extend(batch)
        return real(self, batch, longest)

    monkeypatch.setattr(Seq2SeqTranslator, "_written", counted)
    return texts


def config(models: Path, collection: Path, **more: Any) -> TranslateConfig:
    given = {"model": str(models / "nllb"), "collection": str(collection), **QUICK, **more}
    return assembled(TranslateConfig, given)


def rows(config: TranslateConfig) -> list[tuple[str, str]]:
    return [(row.id, row.text) for row in translate(config).rows()]


# --- what comes out


def test_rows_are_in_the_order_of_the_input_and_texts_are_translated_once(
    models: Path, collection: Path, asked: list[str]
) -> None:
    found = rows(config(models, collection))
    assert [identifier for identifier, _ in found] == list(TOPICS)
    assert found[1][1] == found[3][1]
    # The longest first.
    assert asked == [TOPICS["q2"], TOPICS["q3"], TOPICS["q1"]]


def test_it_can_be_imported_from_clirot(models: Path, collection: Path) -> None:
    given = clirot.TranslateConfig(
        model=str(models / "nllb"), collection=str(collection),
        decoding=DecodingSettings(**QUICK),
    )  # fmt: skip
    assert [(row.id, row.text) for row in clirot.translate(given).rows()] == rows(given)


def test_several_translations_are_one_text(models: Path, collection: Path) -> None:
    one = dict(rows(config(models, collection)))
    several = dict(rows(config(models, collection, n_best=2)))
    assert all(several[topic].startswith(text) for topic, text in one.items())
    assert any(len(several[topic]) > len(text) for topic, text in one.items())
    # Like ones stand there once.
    ready = translate(config(models, collection, n_best=2))
    assert ready._row("x", "a", Rendering(("b", "", "b"))).text == "b"


def test_a_variant_and_documents(models: Path, collection: Path, asked: list[str]) -> None:
    variant = rows(config(models, collection, topics_variant="typed"))
    assert [identifier for identifier, _ in variant] == ["q3"]
    ready = translate(config(models, collection, docs=True))
    found = [(row.id, row.text) for row in ready.rows()]
    assert [identifier for identifier, _ in found] == ["d1", "d2", "d3"]
    assert found[1] == ("d2", "")
    assert ready.report.without_text == 1
    assert asked == ["wex iyo wex", "nabad iyo biyo", "biyo"]


def test_progress_reaches_the_end(models: Path, collection: Path) -> None:
    steps: list[Step] = []
    for _ in translate(config(models, collection, batch_size=1)).rows(steps.append):
        pass
    assert [(step.done, step.total) for step in steps] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert {step.label for step in steps} == {"translate topics"}


def test_what_was_cut_is_counted_and_named(models: Path, collection: Path) -> None:
    ready = translate(config(models, collection, max_tokens=3))
    list(ready.rows())
    assert ready.report.cut == 4
    (remark,) = [one for one in ready.remarks() if "cut" in one]
    assert (
        remark
        == "4 of 4 translations were cut at the longest that `max_tokens` allows: q3, q1, q2, q4"
    )
    ready.report.count("cut", "q5")
    ready.report.count("cut", "q6")
    assert ready.report.named("cut") == "q3, q1, q2, q4, q5, ..."


# --- the cache


def test_the_second_time_the_model_is_asked_nothing(
    models: Path, collection: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = rows(config(models, collection))
    asked.clear()
    # Nor are its weights loaded.
    monkeypatch.setattr(Seq2SeqTranslator, "_model", property(lambda self: 1 / 0))
    ready = translate(config(models, collection, batch_size=1))
    assert [(row.id, row.text) for row in ready.rows()] == first
    assert (asked, ready.report.asked, ready.report.texts) == ([], 0, 4)


@pytest.mark.parametrize(
    "other",
    [
        {"beams": 3},
        {"max_tokens": 9},
        {"n_best": 2},
        {"tgt": "sw"},
        {"src": "ti"},
        {"dtype": "bfloat16"},
    ],
    ids=str,
)
def test_whatever_decides_a_translation_has_translations_of_its_own(
    models: Path, collection: Path, asked: list[str], other: dict[str, Any]
) -> None:
    rows(config(models, collection))
    asked.clear()
    rows(config(models, collection, **other))
    assert len(asked) == 3


def test_another_model_has_translations_of_its_own(
    models: Path, collection: Path, asked: list[str]
) -> None:
    rows(config(models, collection))
    asked.clear()
    rows(config(models, collection, model=str(models / "madlad")))
    assert asked and all(text.startswith("<2en> ") for text in asked)


def test_an_interrupted_run_goes_on_where_it_stopped(
    models: Path, collection: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = rows(config(models, collection))
    for path in (Store().home / FOLDER).iterdir():
        path.unlink()
    asked.clear()
    counted = Seq2SeqTranslator._written

    def interrupted(self: Seq2SeqTranslator, batch: list[str], longest: int | None) -> Any:
        if len(asked) == 2:
            raise KeyboardInterrupt
        return counted(self, batch, longest)

    monkeypatch.setattr(Seq2SeqTranslator, "_written", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rows(config(models, collection, batch_size=1))
    monkeypatch.setattr(Seq2SeqTranslator, "_written", counted)
    assert rows(config(models, collection, batch_size=1)) == expected
    assert asked == [TOPICS["q2"], TOPICS["q3"], TOPICS["q1"]]


def cache(home: Path) -> TranslationCache:
    return TranslationCache(home, {"model": "x"})


def test_what_is_kept_is_what_was_given(tmp_path: Path) -> None:
    given = {
        "salt": Rendering(("cusbo",)),
        "ሰላም": Rendering(("peace", 'a "quiet"'), cut=True),
        "x": Rendering(("",), shortened=(90, 64)),
        "y": Rendering(("",), shortened=(AtLeast(90), 64)),
    }
    cache(tmp_path).add(given)
    again = cache(tmp_path)
    assert len(again) == 4
    found = {text: again.get(text) for text in given}
    assert found == given
    kinds = {text: type(one.shortened[0]) for text, one in found.items() if one and one.shortened}
    assert kinds == {"x": int, "y": AtLeast}
    assert again.get("sal") is None
    assert TranslationCache(tmp_path, {"model": "y"}).get("salt") is None


@pytest.mark.parametrize(
    ("shortened", "expected"), [("false", Rendering(("cusbo",))), ("true", None)]
)
def test_rows_that_older_versions_kept(
    tmp_path: Path, shortened: str, expected: Rendering | None
) -> None:
    """They did not keep how long a text was that the model did not read to its end."""
    kept = cache(tmp_path)
    kept.add({"salt": Rendering(("cusbo",))})
    row = json.loads(kept.path.read_text()) | {"shortened": json.loads(shortened)}
    del row["sum"]  # they kept no checksum either
    kept.path.write_text(json.dumps(row) + "\n")
    assert cache(tmp_path).get("salt") == expected


def test_a_line_in_which_any_bit_was_flipped_is_never_believed(tmp_path: Path) -> None:
    kept = cache(tmp_path)
    kept.add({"salt": Rendering(("cusbo",))})
    line = kept.path.read_bytes()
    for place in range(len(line)):
        changed = bytearray(line)
        changed[place] ^= 1 << place % 8
        kept.path.write_bytes(changed)
        assert cache(tmp_path).get("salt") in (None, Rendering(("cusbo",)))


@pytest.mark.parametrize("left", [1, 40, -1])
def test_a_line_that_was_left_unfinished(tmp_path: Path, left: int) -> None:
    """As many bytes of the last line reached the disk; -1: all but its line end."""
    kept = cache(tmp_path)
    kept.add({"salt": Rendering(("cusbo",))})
    kept.add({"moon": Rendering(("dayax",))})
    first, second = kept.path.read_bytes().splitlines(keepends=True)
    kept.path.write_bytes(first + second[:left])
    again = cache(tmp_path)
    assert again.get("salt") == Rendering(("cusbo",))
    assert again.get("moon") == (Rendering(("dayax",)) if left == -1 else None)
    again.add({"bread": Rendering(("roob",))})
    third = cache(tmp_path)
    for one in (again, third):
        assert one.get("salt") == Rendering(("cusbo",))
        assert one.get("bread") == Rendering(("roob",))


@pytest.mark.parametrize(
    "line",
    ["", "null", "[]", '{"text": "zz"}', '{"text": "00"}', '{"text": 3, "translations": []}'],
)
def test_lines_that_are_something_else(tmp_path: Path, line: str) -> None:
    kept = cache(tmp_path)
    kept.path.write_text(f"{line}\n")
    assert len(cache(tmp_path)) == 0


def test_a_cache_that_was_removed_under_our_hands(tmp_path: Path) -> None:
    kept = cache(tmp_path)
    kept.add({"salt": Rendering(("cusbo",))})
    kept.path.write_text(json.dumps({"text": "00"}) + "\n")
    assert kept.get("salt") is None
    kept.path.unlink()
    with pytest.raises(ArtefactError, match="cannot write"):
        kept.get("salt")


def _fill(home: Path, name: str) -> None:
    kept = cache(home)
    for number in range(150):
        kept.add({f"{name}{number}": Rendering((f"{name} {number} " + "wax " * 200,))})


def test_two_processes_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_fill, args=(tmp_path, name)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    kept = cache(tmp_path)
    assert len(kept) == 300
    for name in "ab":
        for number in range(150):
            (text,) = (kept.get(f"{name}{number}") or Rendering(("",))).texts
            assert text.startswith(f"{name} {number} ")


def test_a_disk_that_may_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ArtefactError, match="cannot write"):
        cache(tmp_path)


# --- contradictions


@pytest.mark.parametrize(
    ("given", "fragment"),
    [
        ({"topics": "-"}, "a model translates, or a command: one of the two"),
        ({"topics": "-", "model": "x", "command": "y"}, "one of the two"),
        ({"model": "x"}, "from a collection or from a file of topics"),
        ({"model": "x", "topics": "-", "collection": "c"}, "one of the two"),
        ({"model": "x", "topics": "-", "docs": True}, "`docs` chooses from a collection"),
        (
            {"model": "x", "collection": "c", "docs": True, "topics_field": "description"},
            "documents are to be",
        ),
        ({"model": "x", "collection": "c", "docs": True, "lang": "so"}, "documents are to be"),
        ({"model": "x", "collection": "c", "docs_lang": "so"}, "topics are to be translated"),
        ({"command": "x", "topics": "-", "n_best": 2}, "`n_best` is a model's"),
        ({"model": "x", "topics": "-", "n_best": 5}, "`n_best` 5 is more than the `beams` 4"),
        ({"model": "x", "topics": "-", "beams": 0}, "`beams` must be at least 1"),
        ({"command": "x", "topics": "-", "timeout": -1.0}, "`timeout` must be at least 0"),
        ({"command": "x", "topics": "-", "on_empty": "drop"}, "unknown `on_empty` 'drop'"),
    ],
)
def test_contradictions(given: dict[str, Any], fragment: str) -> None:
    with pytest.raises(UsageError) as caught:
        assembled(TranslateConfig, given)
    assert fragment in str(caught.value)


# --- the command line

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``clirot translate`` in this process, its error boundary included."""
    monkeypatch.setenv("CLIROT_TRACEBACK", "")

    def command(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["clirot", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return command


def test_the_command(run: Run, models: Path, collection: Path) -> None:
    words = (
        "translate", "--model", str(models / "nllb"), "--collection", str(collection),
        "--lang", "so", "--beams", "2", "--max-tokens", "10",
    )  # fmt: skip
    expected = "".join(f"{topic}\t{text}\n" for topic, text in rows(config(models, collection)))
    code, out, err = run(*words)
    assert (code, out) == (0, expected)
    name = models / "nllb"
    assert f"translated: 4 texts from so into en by {name}, 0 of them anew\n" in err
    assert run(*words)[:2] == (0, expected)


def test_its_output_is_topics_that_search_reads(
    run: Run, models: Path, collection: Path, tmp_path: Path
) -> None:
    file = collection / "queries.en.mt.tsv"
    code, out, _ = run(
        "translate", "--model", str(models / "mbart50"), "--src", "sw",
        "--collection", str(collection), "--max-tokens", "9", "--out", str(file),
        "--on-empty", "source",
    )  # fmt: skip
    assert (code, out) == (0, "")
    (collection / "queries.en.tsv").write_text((collection / "queries.so.tsv").read_text())
    index = ("--model", str(models / "encoder"), "--collection", str(collection), "--name", "i")
    assert run("index", *index)[0] == 0
    code, out, _ = run(
        "search", "--index", "i", "--collection", str(collection), "--lang", "en",
        "--topics-variant", "mt", "-k", "1",
    )  # fmt: skip
    assert code == 0
    assert [line.split(" ")[0] for line in out.splitlines()] == list(TOPICS)
    assert {line.split(" ")[-1] for line in out.splitlines()} == {"i.mt"}


@pytest.mark.parametrize(
    ("words", "code", "fragments"),
    [
        ("--model nllb --collection set --lang sw", 2, ["no topics in 'sw'", "it has so"]),
        ("--model nllb --collection set --tgt so", 2, ["the topics are in 'so' already", "--tgt"]),
        ("--model nllb --collection set --tgt aa", 2, ["nllb does not know Afar ('aa')"]),
        ("--model nllb --topics set/queries.so.tsv", 2, ["translates from", "with --src"]),
        ("--model nlb-600m --collection set", 2, ["unknown model 'nlb-600m'", "'nllb-600m'?"]),
        ("--model me5-small --collection set", 2, ["me5-small is no model for translation"]),
        ("--model encoder --collection set", 2, ["encoder is no model for translation"]),
        ("--model m2m100-418m --collection set", 1, ["as a pickle only", "save_pretrained"]),
        ("--model nllb --collection set --topics-variant typd", 2, ["'typd'", "'typed'?"]),
        ("--model nllb --collection st", 2, ["unknown collection 'st'"]),
        ("--model nllb --collection set --n-best 5", 2, ["--n-best 5 is more than the --beams 4"]),
        ("--model nllb --collection set --dtype int8", 2, ["--dtype 'int8'"]),
        ("--model nllb --topics absent.tsv", 1, ["absent.tsv"]),
        ("--collection set", 2, ["--model NAME, or --command PROGRAM"]),
        ("--model '' --collection set", 2, ["--model is empty"]),
        ("--command no-such-program --collection set", 1, ["cannot run 'no-such-program'"]),
        ("--model nllb --collection set --out no/such/out.tsv", 1, ["cannot write"]),
    ],
)
def test_mistakes(
    run: Run,
    models: Path,
    collection: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    code: int,
    fragments: list[str],
) -> None:
    import shlex

    for name in ("nllb", "encoder"):
        (collection.parent / name).symlink_to(models / name)
    monkeypatch.chdir(collection.parent)
    ended, out, err = run("translate", *shlex.split(words))
    assert (ended, out) == (code, "")
    for fragment in fragments:
        assert fragment in err


def test_a_model_for_translation_elsewhere(run: Run, models: Path, collection: Path) -> None:
    code, _, err = run("index", "--model", "nllb-600m", "--collection", str(collection))
    assert code == 2
    assert "nllb-600m is a model for translation" in err
    assert "clirot translate --model nllb-600m ..." in err
    pairs = collection.parent / "pairs.tsv"
    pairs.write_text("bread\troob\n" * 3)
    for option in ("--teacher", "--student"):
        code, _, err = run(
            "distill", "--src", "en", "--tgt", "so", "--file", str(pairs), option, "madlad-3b"
        )
        assert code == 2, err
        assert "madlad-3b is a model for translation" in err
