"""What transport found, looked at: the plan of a sentence pair, as numbers, text and a picture."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from tiny_model import save_tiny_model
from typer.testing import CliRunner

from clirot.cli import app
from clirot.distillation import DistillConfig, distill
from clirot.distillation.diagnostics import AlignConfig, Alignment, align, draw, draw_training
from clirot.distillation.settings import TransplantSettings
from clirot.errors import ArtefactError, UnknownNameError, UsageError
from clirot.figures import families_for, spelled
from clirot.records import LanguagePair
from clirot.store import Store

WORDS = ["ab", "bad", "cafe", "deed", "ebb", "face", "gem", "hid", "ice", "jab", "kid", "lid"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with a student before training; its language spells English backwards."""
    folder = tmp_path_factory.mktemp("inspection")
    teacher = save_tiny_model(folder / "teacher", seed=3)
    lines = [
        f"{one} {other}\t{one[::-1]} {other[::-1]}\n"
        for one, other in itertools.permutations(WORDS[:9], 2)
    ]
    (folder / "pairs.tsv").write_text("".join(lines), encoding="utf-8")
    store = Store(folder / "home")
    config = DistillConfig(
        pair=LanguagePair("en", "so"),
        teacher=str(teacher),
        objective="none",
        files=(folder / "pairs.tsv",),
        transplant=TransplantSettings(vocabulary=150),
        name="student",
    )
    distill(config, store=store)
    return store


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "docs.en.tsv").write_text("d1\tbad cafe\n")
    (folder / "queries.en.tsv").write_text("t1\tbad cafe\nt2\tbad cafe face gem\nt3\tice\n")
    (folder / "queries.so.tsv").write_text("t1\tdab efac\nt2\tdab efac ecaf meg\n")
    (folder / "qrels.txt").write_text("t1 0 d1 1\n")
    return folder


def pair(**changes: object) -> AlignConfig:
    settings = {"model": "student", "tgt": "dab efac", "src": "bad cafe"}
    return AlignConfig(**(settings | changes))  # type: ignore[arg-type]


def test_a_plan_has_the_tokens_of_both_sides_and_their_mass(store: Store) -> None:
    found = align(pair(iterations=1000), store=store)
    assert found.target_tokens[0] == found.source_tokens[0] == "[CLS]"
    assert found.target_tokens[-1] == found.source_tokens[-1] == "[SEP]"
    assert "".join(found.target_tokens[1:-1]).replace("##", "") == "dabefac"
    # The tiny teacher spells words letter by letter.
    assert found.source_tokens[1:-1] == ["b", "##a", "##d", "c", "##a", "##f", "##e"]
    rows, columns = len(found.target_tokens), len(found.source_tokens)
    assert found.plan.shape == (rows, columns)
    assert (found.plan >= 0).all()
    assert found.plan.sum() == pytest.approx(1, abs=2e-3)
    assert found.plan.sum(axis=1) == pytest.approx(np.full(rows, 1 / rows), rel=0.02)
    assert found.plan.sum(axis=0) == pytest.approx(np.full(columns, 1 / columns), rel=0.02)
    assert found.shares.sum(axis=1) == pytest.approx(np.ones(rows))
    assert 0 <= found.cost <= 2
    for (token, best, share), name, row in zip(
        found.links, found.target_tokens, found.shares, strict=True
    ):
        assert token == name
        assert share == row.max()
        assert best == found.source_tokens[int(row.argmax())]


def test_a_sentence_and_itself_by_one_model_lie_on_the_diagonal(store: Store) -> None:
    teacher = next(
        entry.name
        for entry in store.get("models", "student").manifest.inputs
        if entry.kind == "teacher"
    )
    found = align(pair(model=teacher, tgt="bad cafe", src="bad cafe", reg=1e-3), store=store)
    assert found.cost == pytest.approx(0, abs=0.02)
    assert (found.shares.argmax(axis=1) == np.arange(len(found.plan))).all()


def test_a_sharper_plan_costs_less(store: Store) -> None:
    sharp, blurred = (align(pair(reg=reg), store=store) for reg in (0.005, 1.0))
    assert sharp.cost < blurred.cost
    assert sharp.shares.max() > blurred.shares.max()


def test_a_topic_of_a_collection(store: Store, collection: Path) -> None:
    chosen = align(AlignConfig(model="student", collection=str(collection)), store=store)
    assert len(chosen.source_tokens) == len("badcafefacegem") + 2  # t2, the longer one
    named = AlignConfig(model="student", collection=str(collection), topic="t1")
    assert len(align(named, store=store).source_tokens) == len("badcafe") + 2
    with pytest.raises(UnknownNameError, match="unknown topic 't3'"):  # in English only
        align(AlignConfig(model="student", collection=str(collection), topic="t3"), store=store)
    english = AlignConfig(model="student", collection=str(collection), lang="en", topic="t3")
    named_tokens = align(english, store=store).target_tokens[1:-1]
    assert "".join(named_tokens).replace("##", "") == "ice"
    (collection / "queries.so.tsv").write_text("t9\tdab\n")
    with pytest.raises(UsageError, match=r"no topic of .* in both languages"):
        align(AlignConfig(model="student", collection=str(collection)), store=store)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tgt": "  "}, "the target sentence is empty"),
        ({"src": ""}, "the source sentence is empty"),
        ({"collection": "cldr/so"}, "both sentences and a collection"),
        ({"topic": "t1"}, "no collection to take a topic from"),
        ({"lang": "so"}, "no collection to take a topic from"),
    ],
)
def test_a_request_that_contradicts_itself(changes: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        pair(**changes)


@pytest.mark.parametrize("changes", [{"reg": 0.0}, {"reg": -1.0}, {"iterations": 0}])
def test_a_plan_that_cannot_be_computed(store: Store, changes: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="must be"):
        align(pair(**changes), store=store)


def alignment(target: list[str], source: list[str]) -> Alignment:
    plan = np.full((len(target), len(source)), 0.05)
    plan[np.arange(len(target)), np.arange(len(target)) % len(source)] = 1
    return Alignment(target, source, plan / plan.sum(), 0.25)


def pixels(path: Path) -> np.ndarray:
    from matplotlib.image import imread

    return imread(path)[..., :3]


def test_the_picture_shows_the_plan(tmp_path: Path) -> None:
    """Its darkest cells are the plan's largest; the same plan gives the same file."""
    found = alignment(["[CLS]", "iyo", "$"], ["[CLS]", "and", "$", "kwh"])
    draw(found, tmp_path / "plan.png", title="en-so")
    draw(found, tmp_path / "again.png", title="en-so")
    assert (tmp_path / "plan.png").read_bytes() == (tmp_path / "again.png").read_bytes()
    image = pixels(tmp_path / "plan.png")
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 20
    dark_blue = (image[..., 2] - image[..., 0] > 0.3) & (image[..., 0] < 0.25)
    side = 0.36 * 160  # of a cell, in pixels
    rows = np.flatnonzero(dark_blue[: -int(0.9 * 160)].sum(axis=1) > side / 2)
    assert (rows[-1] - rows[0]) / side == pytest.approx(3, abs=0.1)  # three dark cells, one a row
    draw(alignment(["[CLS]", "$", "iyo"], found.source_tokens), tmp_path / "other.png")
    assert (pixels(tmp_path / "other.png").shape) == image.shape
    assert (pixels(tmp_path / "other.png") != image).any()


@pytest.mark.parametrize("suffix", [".pdf", ".svg"])
def test_other_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"plan{suffix}"
    draw(alignment(["a", "b"], ["a", "b", "c"]), path)
    start = path.read_bytes()[:200]
    assert b"%PDF" in start or b"<svg" in start or b"<?xml" in start


def test_long_sentences_get_smaller_cells_not_an_endless_picture(tmp_path: Path) -> None:
    draw(alignment(["bha"] * 160, ["word"] * 90), tmp_path / "long.png")
    height, width, _ = pixels(tmp_path / "long.png").shape
    assert math.isclose(height / 160, 24, rel_tol=0.1)  # inches
    assert width < height


def test_scripts_without_a_font_are_spelled(tmp_path: Path) -> None:
    """No warning about missing glyphs (warnings are errors here), whatever fonts there are."""
    scripts = ["भारत", "##ከተማ", "北京", "서울", "ไทย", "العربية", "\ue000"]
    draw(alignment(scripts, ["india", "city", "$x$"]), tmp_path / "scripts.png")
    assert pixels(tmp_path / "scripts.png").min() < 0.3
    everything = frozenset("".join(scripts)) - {"#"}
    assert [spelled(token, everything) for token in scripts[:4]] == [
        "bhaarata",
        "##katamaa",
        "U+5317U+4EAC",
        "seoul",
    ]
    assert spelled("iyo भ", everything) == "iyo bha"


def test_families_for_latin_is_the_one_that_is_always_there() -> None:
    assert families_for("Soomaaliya ## [CLS]") == (["DejaVu Sans"], frozenset())


@pytest.mark.parametrize(
    ("name", "error"), [("plan.docx", UsageError), ("no/such/folder/plan.png", ArtefactError)]
)
def test_a_picture_that_cannot_be_written(tmp_path: Path, name: str, error: type) -> None:
    with pytest.raises(error):
        draw(alignment(["a"], ["b"]), tmp_path / name)


def test_the_command(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIROT_HOME", str(store.home))
    sentences = ["align", "--model", "student", "dab efac", "bad cafe"]
    picture = tmp_path / "plan.png"
    shown = CliRunner().invoke(app, [*sentences, "--out", str(picture)])
    assert shown.exit_code == 0, shown.output
    *rows, columns, cost = shown.stdout.splitlines()
    found = align(pair(), store=store)
    assert len(rows) == len(found.target_tokens)
    for row, (token, best, share) in zip(rows, found.links, strict=True):
        assert row.split()[0] == token
        assert row.endswith(f"{best}  {share:.2f}")
    assert columns == "columns: " + " ".join(found.source_tokens)
    assert cost == f"transport cost {found.cost:.4f}"
    assert shown.stderr == f"picture: {picture}\n"
    assert picture.stat().st_size > 5_000

    document = json.loads(CliRunner().invoke(app, [*sentences, "--json"]).stdout)
    assert document["target"] == found.target_tokens
    assert document["source"] == found.source_tokens
    assert np.array(document["plan"]) == pytest.approx(found.plan, abs=1e-6)


_TRAINED = {
    "development_map": [0.5, 0.7, 0.65],
    "best_epoch": 1,
    "plan": [
        {"transport_cost": cost, "plan_entropy": 0.4, "marginal_error": 0.02}
        for cost in (0.5, 0.3, 0.2)
    ],
    "loss_curve": [[32 * step, 1 / step] for step in range(1, 41)],
}


def test_training_is_drawn_the_same_every_time(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        draw_training(_TRAINED, tmp_path / name, title="en-so")
    drawn = (tmp_path / "one.svg").read_text()
    assert drawn == (tmp_path / "two.svg").read_text()
    for words in ("en-so", "loss (training)", "MAP (development)", "plan entropy"):
        assert words in drawn
    other = {**_TRAINED, "development_map": [0.5, 0.7, 0.1]}
    draw_training(other, tmp_path / "other.svg", title="en-so")
    assert (tmp_path / "other.svg").read_text() != drawn


def test_a_student_that_was_not_trained_has_no_training_to_draw(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no training to draw"):
        draw_training({"development_map": [0.5], "best_epoch": 0}, tmp_path / "none.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["plan", "plan.gif", "plan.docx"])
def test_only_documented_formats_are_drawn(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot draw a picture as"):
        draw_training(_TRAINED, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_tokens_that_an_unbalanced_plan_leaves_out_have_no_share() -> None:
    plan = np.array([[0.4, 0.1], [0.0, 0.0], [1e-9, 0.0]])
    found = Alignment(["a", "b", "c"], ["x", "y"], plan, cost=0.1)
    assert found.shares.tolist() == [[0.8, 0.2], [0.0, 0.0], [0.0, 0.0]]
    assert found.links[0] == ("a", "x", 0.8)
