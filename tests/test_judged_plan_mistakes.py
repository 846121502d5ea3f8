"""Mistakes in what a plan says of trainings and indexes: each is told with file and line, before
anything is made.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from clirot.errors import UsageError
from clirot.experiments.plan_file import PlanFile
from clirot.experiments.reading import plan_of
from clirot.experiments.work import work_of
from clirot.store import Store

PLAN = """\
languages = ["so"]
[bitext.made-up]
files = ["so.tsv"]
[train]
collection = "judged"
epochs = 1
[distill]
epochs = 1
[index]
dtype = "float32"
[system.bm25]
model = "bm25"
[system.start]
model = "encoder"
[system.judged]
train = { model = "start", lang = "so" }
[system.student]
distill = { teacher = "judged", student = "judged" }
[system.fused]
fuse = "rrf:bm25,judged"
[collection.set]
id = "set"
"""
TRAIN = 'train = { model = "start", lang = "so" }'
DISTILL = 'distill = { teacher = "judged", student = "judged" }'


def planned(folder: Path, text: str) -> None:
    path = folder / "p.toml"
    path.write_text(text, encoding="utf-8")
    file = PlanFile.read(path)
    work_of(plan_of(file), file, Store(folder / "home"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "so.tsv").write_text("salt\tcusbo\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_plan_itself_is_right(place: Path) -> None:
    planned(place, PLAN)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("[train]", "[trian]", 4, "unknown key 'trian' (did you mean 'train'?"),
        ('collection = "judged"', "collection = 3", 5, "collection must be a text, got 3"),
        ('collection = "judged"', 'colection = "judged"', 5, "did you mean 'collection'?"),
        ('collection = "judged"\n', "", 15, "system.judged.train: collection is needed"),
        ("epochs = 1\n[distill]", "epochs = -1\n[distill]", 16, "epochs must be at least"),
        ("epochs = 1\n[distill]", "seed = 1\n[distill]", 6, "seed follows from the rest"),
        ("epochs = 1\n[index]", "epoch = 1\n[index]", 8, "distill.epoch: unknown setting"),
        ("epochs = 1\n[index]", 'name = "x"\n[index]', 8, "name follows from the rest"),
        (TRAIN, 'model = "start"', 4, "train: no system has train, so that these settings do"),
        (TRAIN, f'{TRAIN}\nmodel = "start"', 17, "it has model and train"),
        (TRAIN, f"{TRAIN}\ndistill = {{}}", 15, "as the model or the teacher of the other"),
        (TRAIN, "train = 3", 16, "a table is needed, got 3"),
        (TRAIN, "train = {}", 16, "system.judged.train: model is needed"),
        (TRAIN, 'train = { model = "start", name = "x" }', 16, "name follows from the rest"),
        (TRAIN, 'train = { model = "start", loss = "mes" }', 16, "'mes'"),
        (TRAIN, 'train = { model = "start", loss = "kl" }', 16, "teacher, and none is named"),
        (TRAIN, 'train = { model = "start", folds = 2, fold = 3 }', 16, "there are 2 parts"),
        (TRAIN, 'train = { model = "start", apart = "words" }', 16, "'words'"),
        (TRAIN, 'train = { model = "bm25" }', 16, "train.model: bm25 matches words"),
        (TRAIN, 'train = { model = "start", teacher = "psq" }', 16, "train.teacher: psq matches"),
        (TRAIN, 'train = { model = "fused" }', 16, "the system 'fused' is a fusion"),
        (TRAIN, 'train = { model = "judged" }', 16, "judged <- judged"),
        (TRAIN, 'train = { model = "student" }', 18, "judged <- student <- judged"),
        (TRAIN, 'train = { model = "start", teacher = "student" }', 18, "<- student <- judged"),
        (TRAIN, f"{TRAIN}\nlanguages = ['sw']", 17, "languages is for students"),
        (TRAIN, f"{TRAIN}\ntogether = false", 17, "together is for students"),
        (TRAIN, f"{TRAIN}\nsource-language = 'en'", 17, "source-language is for students"),
        (TRAIN, f"{TRAIN}\ndocuments = 'student'", 19, "judged <- student <- judged"),
        ('model = "encoder"', 'model = "encoder"\ndocuments = "fused"', 15, "is a fusion"),
        (DISTILL, 'distill = { teacher = "fused" }', 18, "distill.teacher: the system 'fused'"),
        (DISTILL, 'distill = { student = "bm25" }', 18, "distill.student: bm25 matches words"),
        ("[system.start]", "[system.minilm-en]", 16, None),
        ('dtype = "float32"', 'dtype = "float64"', 9, "'float64'"),
        ('dtype = "float32"', "dtyp = 3", 10, "index.dtyp: unknown setting 'dtyp'"),
        ('dtype = "float32"', 'name = "x"', 10, "index.name: name follows from the rest"),
        ('dtype = "float32"', "add = true", 10, "add follows from the rest"),
        ('dtype = "float32"', "bits = 3", 9, "bits must be 1, 2 or 4"),
        ('dtype = "float32"', "bits = 1", 10, "bits is of no use to any system: it is for backend"),
        ('dtype = "float32"', 'backend = "exct"', 10, "did you mean 'exact'?"),
        ('dtype = "float32"', 'backend = "postings"', 10, "unknown index backend 'postings'"),
        ('dtype = "float32"', "passage-overlap = 2", 9, "nothing says how long"),
        ("[index]", "index = 3\n[search]", 8, None),
        ('model = "bm25"', 'model = "bm25"\nindex = { dtype = "float16" }', 13, "keeps words"),
        ('model = "bm25"', 'model = "bm25"\nindex = { bits = 2 }', 13, "index.bits: bits is of no"),
        ('model = "bm25"', 'model = "bm25"\nindex = { backend = "exact" }', 13, "keeps words"),
        ('model = "bm25"', 'model = "bm25"\nindex = { shards = 2 }', 13, "in one piece"),
        ('model = "bm25"', 'model = "bm25"\nindex = { passage-tokens = 9 }', 13, "keeps words"),
        ('model = "bm25"', 'model = "bm25"\nindex = { k1 = -1 }', 13, "k1 must be from 0"),
        (
            'model = "encoder"',
            'model = "encoder"\nindex = { k1 = 1 }',
            15,
            "compares token vectors",
        ),
        (
            'model = "encoder"',
            'model = "encoder"\nindex = { recall = 0.5 }',
            15,
            "for backend = co",
        ),
        ('model = "encoder"', 'model = "encoder"\nindex = "exact"', 15, "a table is needed"),
        ('model = "encoder"', 'model = "encoder"\nindex = { backend = "fast" }', 15, "'fast'"),
        ('fuse = "rrf:bm25,judged"', 'fuse = "rrf"\nindex = {}', 21, "a fusion has no index"),
    ],
)
def test_mistakes(place: Path, old: str, new: str, line: int, said: str | None) -> None:
    assert PLAN.count(old) == 1
    text = PLAN.replace(old, new)
    if said is None:  # what a known model is called: the plan says which one is meant
        text = text.replace('model = "encoder"', 'train = { model = "encoder" }')
        text = text.replace('model = "start"', 'model = "minilm-en"')
        said = "is a known model and a system of the plan"
    if new.startswith("index = 3"):
        text, line, said = (
            f"index = 3\n{PLAN.replace('[index]', '[search]')}",
            1,
            "index is a table",
        )
        text = text.replace('dtype = "float32"', "k = 3")
    with pytest.raises(UsageError) as caught:
        planned(place, text)
    message = str(caught.value)
    assert said in message
    assert f"p.toml:{line}: " in message, message
    assert not (place / "home").exists()
