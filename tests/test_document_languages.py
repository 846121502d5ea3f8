"""Documents in several languages: an index of each, and the judgements that hold for it.

The collection of the test says "salt", "bread" and "moon" in Greek and Russian. The Greek
document of salt and bread is two documents in Russian, so that the judgements differ.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clirot.cli import app
from clirot.collection import open_collection
from clirot.errors import ClirotError, InputError, UsageError
from clirot.evaluation import EvaluateConfig, evaluate
from clirot.runs import find_run
from clirot.store import Store

FILES = {
    "docs.el.tsv": "e1\tαλατι ψωμι\ne2\tφεγγαρι\n",
    "docs.ru.tsv": "r1\tсоль\nr2\tхлеб\nr3\tлуна\n",
    "queries.el.tsv": "q1\tψωμι\nq2\tφεγγαρι\n",
    "queries.ru.tsv": "q1\tхлеб\nq2\tлуна\n",
    "qrels.el.txt": "q1 0 e1 1\nq2 0 e2 1\n",
    "qrels.ru.txt": "q1 0 r2 1\nq2 0 r3 1\n",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)
    return folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the collection ``set``."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "set", FILES)
    return tmp_path


def command(*words: str) -> tuple[str, str, int]:
    """Stdout, what a person reads, and the exit code; an error's message is what they read."""
    done = CliRunner().invoke(app, list(words))
    if isinstance(done.exception, ClirotError):
        hint = done.exception.hint or ""
        return done.stdout, f"{done.exception.message}\n{hint}", done.exception.exit_code
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.stdout, done.stderr, done.exit_code


def searched(language: str) -> None:
    """The run ``LANG.run`` and the kept run LANG, of Russian topics in documents of a language."""
    command("index", "--model", "bm25", "--collection", "set", "--docs-lang", language, "--name",
            f"words-{language}")  # fmt: skip
    out, _, code = command("search", "--index", f"words-{language}", "--collection", "set",
                           "--lang", language, "--save", language)  # fmt: skip
    assert code == 0
    Path(f"{language}.run").write_text(out)


def figure(*words: str) -> tuple[float, str]:
    out, said, code = command("evaluate", *words, "--collection", "set", "-m", "map", "--json")
    assert code == 0, said
    (run,) = json.loads(out)["runs"]
    return float(run["means"]["map"]), said


# --- judgements


def test_judgements_of_the_chosen_documents(place: Path) -> None:
    assert open_collection("set", "el").qrels() == {"q1": {"e1": 1}, "q2": {"e2": 1}}
    assert open_collection("set", "rus").qrels() == {"q1": {"r2": 1}, "q2": {"r3": 1}}
    assert open_collection("set").judged_languages == ("el", "ru")
    with pytest.raises(UsageError, match=r"documents in el, ru: which documents") as caught:
        open_collection("set").qrels()
    assert caught.value.hint == "say so with `docs_lang`: el, ru"


def test_a_file_for_the_languages_that_have_none_of_their_own(place: Path) -> None:
    (place / "set" / "qrels.el.txt").rename(place / "set" / "qrels.txt")
    assert open_collection("set", "el").qrels() == {"q1": {"e1": 1}, "q2": {"e2": 1}}
    assert open_collection("set", "ru").qrels() == {"q1": {"r2": 1}, "q2": {"r3": 1}}
    with pytest.raises(UsageError, match="in ru: which documents"):
        open_collection("set").qrels()


def test_documents_without_judgements(place: Path) -> None:
    (place / "set" / "qrels.el.txt").unlink()
    with pytest.raises(InputError, match=r"in 'el': there is no qrels\.txt, only qrels\.ru\.txt"):
        open_collection("set", "el").qrels()


def test_one_file_for_all_languages_needs_no_choice(tmp_path: Path) -> None:
    names = ("docs.el.tsv", "docs.ru.tsv", "queries.ru.tsv")
    folder = write(tmp_path / "all", {name: FILES[name] for name in names})
    (folder / "qrels.txt").write_text("q1 0 x 1\n")
    (folder / "qrels.dev.txt").write_text("q1 0 y 1\n")  # a code of a language, but of no document
    collection = open_collection(str(folder))
    assert collection.judged_languages == ()
    assert collection.qrels() == open_collection(str(folder), "el").qrels() == {"q1": {"x": 1}}


def test_two_files_for_a_language(place: Path) -> None:
    (place / "set" / "qrels.rus.trec").write_text("q1 0 r1 1\n")
    with pytest.raises(InputError, match=r"several qrels files: qrels\.ru\.txt, qrels\.rus\.trec"):
        open_collection("set")


# --- the whole way


def test_a_table_of_the_pair_and_a_way_through_english(place: Path) -> None:
    """Greek topics find Russian documents by words alone, though no Greek word is in them."""
    words = {"αλατι": ("соль", "salt"), "ψωμι": ("хлеб", "bread"), "φεγγαρι": ("луна", "moon")}
    for name, pairs in {
        "ru-el": [(russian, greek) for greek, (russian, _) in words.items()],
        "en-el": [(english, greek) for greek, (_, english) in words.items()],
        "en-ru": [(english, russian) for russian, english in words.values()],
    }.items():
        # Each word with each other, so that only one alignment explains all of them.
        rows = [f"{a} {c}\t{b} {d}\n" for a, b in pairs for c, d in pairs if a != c]
        Path(f"{name}.tsv").write_text("".join(rows))
        src, tgt = name.split("-")
        _, said, code = command("table", "--src", src, "--tgt", tgt, "--file", f"{name}.tsv")
        assert code == 0, said
    searched("ru")
    index = ("search", "--index", "words-ru", "--collection", "set")
    _, said, code = command(*index, "--lang", "el", "--model", "psq", "--save", "direct")
    assert code == 0, said
    assert figure("direct")[0] == 1
    _, said, code = command("translate", "--model", "table", "--collection", "set", "--lang",
                            "el", "--tgt", "en", "--out", "set/queries.en.from-el.tsv")  # fmt: skip
    assert code == 0, said
    Path("set/queries.en.tsv").write_text("q1\tbread\nq2\tmoon\n")
    _, said, code = command(*index, "--lang", "en", "--topics-variant", "from-el", "--model", "psq",
                            "--save", "pivot")  # fmt: skip
    assert code == 0, said
    assert figure("pivot")[0] == 1


def test_a_run_is_judged_as_its_documents(place: Path) -> None:
    for language in ("el", "ru"):
        searched(language)
    for language in ("el", "ru"):
        value, said = figure(language)
        assert value == 1
        assert f"those of documents in {language}, in which {language} was found" in said
        value, said = figure(f"{language}.run", "--docs-lang", language)
        assert (value, said) == (1, "")
    value, said = figure("a=ru", "--docs-lang", "el")
    assert value == 0
    assert "ru was found in documents in ru, and is judged as if in el" in said


def test_a_file_does_not_say_its_documents(place: Path) -> None:
    searched("ru")
    _, said, code = command("evaluate", "ru.run", "--collection", "set")
    assert code == 2
    assert "judgements of their own for documents in el, ru" in said
    assert "--docs-lang" in said
    _, said, code = command("evaluate", "ru", "b=ru.run", "--collection", "set")
    assert code == 0 and "nothing says it of 1 other run" in said


def test_runs_of_two_languages_are_not_judged_together(place: Path) -> None:
    for language in ("el", "ru"):
        searched(language)
    with pytest.raises(UsageError, match=r"several languages, .*: el in el, ru in ru"):
        evaluate(EvaluateConfig(runs=("el", "ru"), collection="set"))


def test_a_run_whose_index_is_gone_or_made_anew(place: Path) -> None:
    searched("ru")
    store = Store()
    digest = open_collection("set", "ru").digest
    assert find_run("ru", store).documents == digest
    command("index", "--model", "bm25", "--collection", "set", "--docs-lang", "el", "--name",
            "words-ru", "--replace")  # fmt: skip
    assert find_run("ru", store).documents is None
    store.remove("indexes", "words-ru")
    assert find_run("ru", store).documents is None
    assert find_run("ru.run", store).documents is find_run("-", store).documents is None


@pytest.mark.parametrize(
    ("given", "fragment"),
    [
        ({"docs_lang": "fi", "collection": "set"}, "has no documents in 'fi'"),
        ({"docs_lang": "fi", "qrels": Path("x")}, "`docs_lang` chooses among the judgements of a"),
        ({"docs_lang": "fi", "collection": "xquad"}, "xquad are in 'en', not in 'fi'"),
    ],
)
def test_a_language_that_cannot_be(place: Path, given: dict[str, str], fragment: str) -> None:
    with pytest.raises(UsageError, match=fragment):
        evaluate(EvaluateConfig(runs=("x",), **given))  # type: ignore[arg-type]
