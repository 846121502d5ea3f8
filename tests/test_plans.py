"""Plan files: how they are read, every mistake with its line, and the plans of ``examples/``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from experiment_places import PLAN
from hypothesis import given
from hypothesis import strategies as st

from clirot.errors import InputError, UsageError
from clirot.experiments.placeholders import expanded, filled
from clirot.experiments.plan import Plan
from clirot.experiments.plan_file import PlanFile
from clirot.experiments.reading import plan_of
from clirot.experiments.work import Work, work_of
from clirot.store import Store

EXAMPLES = sorted((Path(__file__).resolve().parents[1] / "examples").glob("*.toml"))


def read(text: str, path: Path) -> tuple[Plan, Work]:
    path.write_text(text, encoding="utf-8")
    file = PlanFile.read(path)
    plan = plan_of(file)
    return plan, work_of(plan, file, Store(path.parent / "home"))


_START = 'distill = { teacher = "teacher", student = "transplant", '
MISTAKES: list[tuple[str, str, str, Sequence[str]]] = [
    # what is replaced in the plan, by what, on the line of what the mistake is, what is said
    ("seeds = [1, 2]", "sedes = [1, 2]", "sedes", ["unknown key 'sedes'", "did you mean 'seeds'?"]),
    ("seeds = [1, 2]", "seeds = [1, 1]", "seeds = ", ["a seed is in seeds twice"]),
    ("seeds = [1, 2]", "seeds = 1", "seeds", ["a list is needed, got 1"]),
    ('languages = ["so"]', 'languages = "so"', "languages", ["a list is needed", "write ['so']"]),
    ('languages = ["so"]', 'languages = ["somali"]', "languages", ["'somali'"]),
    ("every = 2\n\n[system", "every = 0\n\n[system", "every = 0", ["at least 1, got 0"]),
    ('files = ["{lang}.tsv"]', "", "[bitext.made-up]", ["needs sources or files"]),
    ('files = ["{lang}', 'files = ["{nag}', "", ["there is no file {nag}.tsv"]),
    ('model = "bm25"', 'modl = "bm25"', "modl", ["unknown setting 'modl'", "mean 'model'?"]),
    ('model = "bm25"', 'model = "bm25"\nfuse = "rrf"', "model", ["it has model and fuse"]),
    ('model = "bm25"', "", "[system.bm25]", ["one of model, distill, train and fuse", "none of"]),
    ("[system.bm25]", '[system."a=b"]', '[system."a=b"]', ["not a name for a system: 'a=b'"]),
    ("[system.words]", "[system.bm25]", "", [":17: not a plan", "bm25"]),
    ("[system.words]", "[system.BM25]", "[system.BM25]", []),
    ("[system.words]", '[system."bm25 "]', '[system."bm25 "]', ["'bm25 '", "told apart"]),
    (
        'objective = "none",',
        'objctive = "none",',
        'distill = { teacher = "teacher", student = "transplant", ',
        ["unknown setting 'objctive'"],
    ),
    (
        '"none", epochs = 2',
        '"none", epochs = -1',
        'distill = { teacher = "teacher", student = "transplant", ',
        ["epochs must be at least"],
    ),
    (
        '"none", epochs',
        '"none", name = "x", epochs',
        'distill = { teacher = "teacher", student = "transplant", ',
        ["name follows from the"],
    ),
    ('"{objective}", epochs', '"{other}", epochs', '[system."{obj', ["placeholder 'other'"]),
    ('[system."{objective}"]', "[system.same]", "[system.same]", ["several entries"]),
    ('fuse = "wsum:bm25=0.5,mse=0.5"', 'fuse = "wsun"', "fuse = ", ["mean 'wsum'?"]),
    ('fuse = "wsum:bm25=0.5,mse=0.5"', 'fuse = "rrf:bm25,x"', "fuse = ", ["'x'"]),
    ('topics = { lang = "en" }', 'topics = { lng = "en" }', "[system.English]", ["'lng'"]),
    ('topics = { lang = "en" }', 'bitext = "x"', 'bitext = "x"', ["unknown bitext 'x'"]),
    ('topics = { lang = "en" }', 'sets = ["de"]', "sets = ", ["unknown topic set 'de'", "so.drop"]),
    ('topics = { lang = "en" }', 'candidates = "x"', "candidates", ["unknown system 'x'"]),
    ('id = "set"', 'pairs = ["so"]\nid = "set"', "[collection.set]", ["not a pair", "el-ru"]),
    ('id = "set"', "", "[collection.set]", ["id"]),
    ('{ kind = "drop", rate = 3.0 }', '{ kind = "dorp" }', "[system.bm25]", ["'dorp'", "'drop'"]),
    ('{ kind = "drop", rate = 3.0 }', '"drop"', "[collection.set]", ["table of settings"]),
    (
        "[bitext.made-up]",
        "[bitext.made-up]\nfetch = { files = ['x'] }",
        "fetch = ",
        ["files follows"],
    ),
    ("rate = 3.0 }", "rate = 3.0, every = 2 }", "[system.bm25]", ["every follows from the rest"]),
    (
        'model = "bm25"',
        'model = "bm25"\nsearch = { topics-field = "description" }',
        "search = ",
        ["topics-field follows from the rest", "topics = {topics-field = ...}"],
    ),
    ("[evaluate]", "[evalute]", "[evalute]", ["unknown key 'evalute'", "mean 'evaluate'?"]),
    ('metrics = ["map", "precision@1"]', 'metrics = ["mapp"]', "metrics", ["mean 'map'?"]),
    ('metrics = ["map", "precision@1"]', 'metric = ["map"]', "metric = ", ["mean 'metrics'?"]),
    ('baseline = "start"', 'baseline = "strat"', "baseline", ["mean 'start'?"]),
    ('baseline = "start"', 'lang = "so"', 'lang = "so"', ["lang follows from the rest"]),
    ('"[{objective}] - [start]"', '"{objective} - start"', "contrasts", ["cannot read the contr"]),
    ('gaps = ["so..so.drop"]', 'gaps = ["so-so.drop"]', "gaps", ["cannot read the gap"]),
    ("[each]", "[each]\nlang = [1]", "lang = [1]", ["stands for a language already"]),
    ('objective = ["contrastive", "mse"]', "objective = []", "objective = []", ["a list of items"]),
]


@pytest.mark.parametrize(("old", "new", "place", "said"), MISTAKES)
def test_a_mistake_is_told_with_its_line(
    old: str, new: str, place: str, said: Sequence[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Before anything runs: the store stays empty."""
    assert old in PLAN
    text = PLAN.replace(old, new)
    (tmp_path / "so.tsv").write_text("salt\tcusbo\n")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "plan.toml"
    if not said:
        read(text, path)
        return
    with pytest.raises((UsageError, InputError)) as caught:
        read(text, path)
    message = str(caught.value)
    for part in said:
        assert part in message
    assert str(path) in message
    if place:
        line = text[: text.index(place)].count("\n") + 1 + place.count("\n")
        assert f"{path}:{line}:" in message, message
    assert not (tmp_path / "home").exists()


def test_no_plan(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such plan"):
        PlanFile.read(tmp_path / "nothing.toml")
    (tmp_path / "latin.toml").write_bytes(b'question = "caf\xe9"\n')
    with pytest.raises(InputError, match="not UTF-8"):
        PlanFile.read(tmp_path / "latin.toml")
    (tmp_path / "none.toml").write_text('languages = ["so"]\n')
    with pytest.raises(UsageError, match="the plan has no system"):
        plan_of(PlanFile.read(tmp_path / "none.toml"))


def test_lines_of_keys(tmp_path: Path) -> None:
    """Of tables, dotted keys, and values of several lines; comments and blank lines between."""
    path = tmp_path / "plan.toml"
    path.write_text('# one\n\na = [\n  1,\n  2,\n]\n\n[b]\nc.d = """\nx\n"""\n[b.e]\nf = 1\n')
    file = PlanFile.read(path)
    found = {keys: file.line(*keys) for keys in [("a",), ("b",), ("b", "c", "d"), ("b", "e", "f")]}
    assert found == {("a",): 3, ("b",): 8, ("b", "c", "d"): 9, ("b", "e", "f"): 13}
    assert file.line("b", "nothing") == 8
    assert file.line("nothing") is None


@given(st.lists(st.text("ab1", min_size=1), min_size=1, max_size=4, unique=True), st.integers(1, 3))
def test_placeholders(items: list[str], numbers: int) -> None:
    each = {"x": items, "n": list(range(numbers))}
    entries = dict(expanded("s {x} {n}", {"k": "{n}", "t": ["<{x}>"], "lang": "{lang}"}, each))
    assert entries == {
        f"s {item} {number}": {"k": number, "t": [f"<{item}>"], "lang": "{lang}"}
        for item in items
        for number in range(numbers)
    }
    assert filled("{lang}-{docs}", {"lang": "so"}) == "so-{docs}"


def test_cells_need_only_cells_before_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from experiment_places import save_experiment

    plan = save_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    _, work = read(plan.read_text(), plan)
    seen: set[str] = set()
    for key, cell in work.cells.items():
        assert set(cell.after) <= seen, key
        seen.add(key)
    assert sum(len(keys) for keys in work.runs.values()) == sum(
        key.startswith("runs/") for key in seen
    )
    # One index of the teacher serves its students and itself.
    assert [key for key in seen if key.startswith("indexes/")].__len__() == 2


def test_pairs_without_english(tmp_path: Path) -> None:
    """Topics in one language over documents in another; a student for each pair; pivots."""
    for name in ("el.tsv", "ru.tsv", "ru-el.tsv"):
        (tmp_path / name).write_text("a\tb\n")
    text = f"""
languages = ["el", "ru"]
[bitext]
met = {{ files = ["{tmp_path}/{{lang}}.tsv"] }}
direct = {{ files = ["{tmp_path}/{{src}}-{{lang}}.tsv"] }}
[system.both]
distill = {{ teacher = "me5", side = "both" }}
[system.direct]
distill = {{ teacher = "me5" }}
bitext = "direct"
source-language = "{{docs}}"
languages = ["{{lang}}"]
together = false
[system.pivot]
model = "psq"
translate = {{ model = "table" }}
[collection.x]
id = "somewhere"
pairs = ["el-ru"]
"""
    plan, work = read(text, tmp_path / "unseen.toml")
    assert [one.label for one in plan.topic_sets] == ["el-ru"]
    models = {key: cell.configuration for key, cell in work.cells.items() if "models/" in key}
    assert str(models["models/unseen.both.1"].pair) == "en-el+ru"
    assert str(models["models/unseen.direct.el-ru.1"].pair) == "ru-el"
    indexes = {key: cell.configuration for key, cell in work.cells.items() if "indexes/" in key}
    assert {one.docs_lang for one in indexes.values()} == {"ru"}
    assert indexes["indexes/unseen.both.1.x.ru"].model == "unseen.both.1"
    pivot = work.cells["runs/unseen.pivot.el-ru"]
    tables = [work.cells[key] for key in work.cells if key.startswith("tables/")]
    assert {str(one.configuration.pair) for one in tables} == {"en-el", "en-ru"}
    assert pivot.configuration.psq.table == "unseen.met.en-ru"
    made = next(work.cells[key] for key in pivot.after if key.startswith("topics/"))
    assert (made.configuration.src, made.configuration.tgt) == ("el", "en")
    assert made.configuration.table == "unseen.met.en-el"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_plans_of_the_examples(path: Path, tmp_path: Path) -> None:
    """They are read whole; what they name of local files may be missing here."""
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    file = PlanFile.read(path)
    plan = plan_of(file)
    assert plan.settings.question.strip().endswith((".", "?"))
    folder = Path(__file__).resolve().parents[1] / "nowhere"
    local = [bitext for bitext in plan.bitexts.values() if bitext.files]
    if local:
        with pytest.raises(UsageError, match="there is no file"):
            work_of(plan, file, Store(tmp_path / "home"))
    else:
        assert work_of(plan, file, Store(tmp_path / "home")).runs
    assert not folder.exists()


def test_the_plan_for_the_hub_runs_on_small_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``size-hub.toml`` with a tiny ColBERT as teacher, a tiny BERT for mBERT and tiny XLM-Rs."""
    from tiny_families import save_bert, save_pylate_colbert, save_xlm_roberta
    from tiny_model import save_bitext, save_collection

    from clirot.experiments import ExperimentConfig, open_experiment

    monkeypatch.chdir(tmp_path)
    save_pylate_colbert(tmp_path / "colbertv2")
    save_bert(tmp_path / "mbert")
    save_xlm_roberta(tmp_path / "xlm-r-base")
    save_xlm_roberta(tmp_path / "xlm-r-large")
    pairs = save_bitext(tmp_path / "so.tsv", count=100)
    rows = pairs.read_text().splitlines(keepends=True)
    (tmp_path / "last.tsv").write_text("".join(rows[70:]))
    pairs.write_text("".join(rows[:70]))
    save_collection(tmp_path / "xquad", tmp_path / "last.tsv", docs="en", topics=("en", "so"),
                    count=30)  # fmt: skip
    text = (EXAMPLES[0].parent / "size-hub.toml").read_text(encoding="utf-8")
    for old, new in [
        (text[text.index("languages = [") : text.index("\n", text.index("languages = ["))],
         'languages = ["so"]'),
        ("seeds = [1, 2, 3]", "seeds = [1]"),
        ('sources = { other = ["opus:NeuLab-TedTalks"] }', 'files = ["so.tsv"]'),
        ('teacher = "colbertv2"', 'max-tokens = 32, batch-size = 16, epochs = 1, '
         'teacher = "./colbertv2"'),
        ('student = "{base}"', 'student = "./{base}", add-subwords = "never"'),
        ('model = "colbertv2"', 'model = "./colbertv2"'),
    ]:  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "plan.toml").write_text(text, encoding="utf-8")
    experiment = open_experiment(ExperimentConfig(plan=tmp_path / "plan.toml"))
    experiment.run()
    table = experiment.table()
    assert len(table.evaluation.systems) == 13
    assert len(table.evaluation.contrasts) == 2 * 7
