r"""Which objective teaches best? One table of settings, tested over topics.

    python examples/objectives.py --tgt so --file quran.en-so.tsv.gz --source hornmt \
        --system transport --system contrastive --system "transport reg=0.05" \
        --seed 1 --seed 2 --collection data/flores_dev --epochs 1

A system is an objective with settings of ``clirot distill``; the first one is what the others are
tested against. ``none`` is the student before training. Every system is distilled once a seed and
kept in the store, so that a table which was interrupted, or gets another row, does only the rest.

The development column needs no collection: MAP on the pairs held out of the bitext, by which
settings are chosen. Collections are for the final table: MAP and P@5 there, the teacher on topics
as they are and the English-topic ceiling beside them; ``--collection DIR@5`` takes every fifth of
its topics, and ``--file PATH@5`` every fifth line of a file. A cell has the mean, the mean of each
seed where there are several, the difference from the first system, and p. A topic's value is its
mean over the seeds, and the paired randomisation test is over topics: of these students, not of all
that other seeds might make.

The verdict on a language is the column "all map": the mean over the collections, each counting
alike, with Holm's correction over the rows. The other columns say where a difference comes from,
and are corrected over all of their tests together.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clirot.bitext.formats.lines import read_lines
from clirot.collection import open_collection
from clirot.distillation import DistillConfig, distill
from clirot.errors import ClirotError
from clirot.evaluation import EvaluateConfig, evaluate_runs
from clirot.evaluation.samples import shares
from clirot.evaluation.significance import holm, randomisation_test
from clirot.records import LanguagePair
from clirot.retrieval.indexing import IndexConfig, build_index
from clirot.retrieval.searching import SearchConfig, search
from clirot.runs import SAVED_RUN, read_run
from clirot.settings import assembled, leaves
from clirot.store import Store

MEASURES = ("map", "precision@5")
VERDICT = "all map"


@dataclass(frozen=True)
class System:
    """An objective and its settings, and the names its students get."""

    label: str
    settings: dict[str, Any]

    @classmethod
    def of(cls, text: str) -> System:
        """Read ``objective [setting=value ...]``."""
        objective, *changes = text.split() or [""]
        settings: dict[str, Any] = {"objective": objective}
        # What the table varies: numbers and words, and nothing that the script decides itself.
        defaults = {
            one.name: one.default
            for one in leaves(DistillConfig)
            if one.name not in {"teacher", "objective", "side", "seed"}
            and isinstance(one.default, (int, float, str))
            and not isinstance(one.default, bool)
        }
        for change in changes:
            name, _, value = change.partition("=")
            if name not in defaults:
                known = ", ".join(defaults)
                raise SystemExit(f"{text!r}: no setting {name!r} to vary; there are {known}")
            kind: Any = next(one for one in (int, float, str) if isinstance(defaults[name], one))
            try:
                settings[name] = kind(value)
            except ValueError:
                raise SystemExit(f"{text!r}: {value!r} is no {kind.__name__}") from None
        return cls(text, settings)

    def student(self, prefix: str, seed: int) -> str:
        """Name of its student of a seed; the prefix tells languages and bitexts apart."""
        plain = "".join(char if char.isalnum() or char in ".+-" else "-" for char in self.label)
        return f"{prefix}.{plain}.{seed}"


@dataclass(frozen=True)
class Thinned:
    """A collection, and which of its topics to take."""

    id: str
    every: int

    @classmethod
    def of(cls, text: str) -> Thinned:
        """Read ``ID`` or ``ID@N``."""
        return cls(*parted(text))

    @property
    def label(self) -> str:
        """What its columns and runs are called."""
        name = Path(self.id).name
        return name if self.every == 1 else f"{name}-every-{self.every}"

    def judgements(self, lang: str) -> dict[str, Mapping[str, int]]:
        """Those of every so many-th topic in a language."""
        collection = open_collection(self.id)
        kept = [topic.id for topic in collection.topics(lang)][:: self.every]
        judged = collection.qrels(lang)
        return {topic: judged[topic] for topic in kept if topic in judged}

    def save_topics(self, lang: str, kept: Iterable[str], folder: Path) -> str:
        """Write topics as JSON lines, always in the same place: a saved run names its topics."""
        texts = {topic.id: topic.text for topic in open_collection(self.id).topics(lang)}
        rows = [json.dumps({"id": one, "text": texts[one]}) for one in kept if one in texts]
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.label}.{lang}.jsonl"
        path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
        return str(path)


def main() -> None:
    """Distil, search, evaluate, test, print."""
    asked = arguments()
    systems = [System.of(text) for text in asked.system]
    collections = [Thinned.of(text) for text in asked.collection]
    check_apart(collections)
    measured = {}
    with tempfile.TemporaryDirectory() as folder:
        files = tuple(thinned(*parted(path), Path(folder)) for path in asked.file)
        for seed in asked.seed:
            for system in systems:
                result = distill(
                    assembled(
                        DistillConfig,
                        {
                            "teacher": asked.teacher,
                            "sources": tuple(asked.source),
                            "files": files,
                            "name": system.student(asked.name, seed),
                            "seed": seed,
                            "epochs": asked.epochs,
                            **system.settings,
                        },
                        pair=LanguagePair.of("en", asked.tgt),
                    )
                )
                curve = result.development
                measured[system.label, seed] = curve[result.best_epoch]
                shown = " ".join(f"{value:.4f}" for value in curve)
                print(f"{system.label}, seed {seed}: {shown}", file=sys.stderr, flush=True)
    figures = {one.label: topic_values(asked, systems, one) for one in collections}
    columns: dict[str, dict[str, Any]] = {
        "development MAP": {
            one.label: Cell.of(np.array([measured[one.label, seed] for seed in asked.seed]))
            for one in systems
        },
        **compared_columns(figures, systems[0].label),
    }
    print(f"| {' | '.join(['system', *columns])} |\n|{'---|' * (1 + len(columns))}")
    for label in dict.fromkeys(name for cells in columns.values() for name in cells):
        row = [str(cells.get(label, "-")) for cells in columns.values()]
        print(f"| {' | '.join([label, *row])} |")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tgt", required=True, help="the students' language")
    parser.add_argument("--teacher", default="minilm-en")
    parser.add_argument("--file", action="append", default=[], help="local bitext, TSV: PATH[@N]")
    parser.add_argument("--source", action="append", default=[], help="bitext source")
    parser.add_argument("--system", action="append", required=True, help="objective and settings")
    parser.add_argument("--seed", action="append", type=int, required=True)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--collection", action="append", default=[], help="ID[@N]")
    parser.add_argument("--name", help="what the students' names begin with [default: the tgt]")
    asked = parser.parse_args()
    asked.name = asked.name or asked.tgt
    return asked


def check_apart(collections: list[Thinned]) -> None:
    """Topics are tested as if each said something of its own, and columns go by their labels."""
    names = [Path(one.id).name for one in collections]
    for name in names:
        if names.count(name) > 1:
            raise SystemExit(f"two collections are called {name!r}: topics must count once")


def parted(text: str) -> tuple[str, int]:
    """``NAME@N`` as the name and N; without ``@N``, N is 1."""
    name, at, every = text.rpartition("@")
    return (name, int(every)) if at and every.isdecimal() else (text, 1)


def thinned(name: str, every: int, folder: Path) -> Path:
    """Every so many-th line of a TSV file, gzipped or not."""
    path = Path(name)
    if every == 1:
        return path
    kept = [f"{line}\n" for number, line in enumerate(read_lines(path)) if number % every == 0]
    target = folder / f"{path.name.removesuffix('.gz').removesuffix('.tsv')}-every-{every}.tsv"
    target.write_text("".join(kept), encoding="utf-8")
    return target


TopicValues = dict[str, dict[str, np.ndarray]]
"""System -> measure -> ``(seeds, topics)``; of the teacher there is one."""


def topic_values(
    asked: argparse.Namespace, systems: list[System], collection: Thinned
) -> TopicValues:
    """The systems' on a collection."""
    index = build_index(IndexConfig(model=asked.teacher, collection=collection.id)).name
    judged = collection.judgements(asked.tgt)
    models: dict[str, tuple[list[str | None], str]] = {
        "teacher as it is": ([None], asked.tgt),
        **{
            one.label: ([one.student(asked.name, seed) for seed in asked.seed], asked.tgt)
            for one in systems
        },
        "English topics": ([None], "en"),
    }
    folder = Store().home / "topics" / asked.tgt  # languages differ in which topics they have
    found: TopicValues = {}
    for label, (students, lang) in models.items():
        topics = collection.save_topics(lang, judged, folder)
        tables = []
        for student in students:
            config = SearchConfig(index=index, topics=topics, model=student, k=100)
            name = student or f"{asked.name}.teacher"
            saved = search(config).save(f"{name}.{lang}.{collection.label}")
            evaluation = evaluate_runs(
                {label: read_run(saved.path / SAVED_RUN)},
                judged,
                EvaluateConfig(metrics=MEASURES),
            )
            tables.append(evaluation.values[label, ""])
        found[label] = dict(zip(MEASURES, np.stack(tables, axis=1), strict=True))
    return found


@dataclass
class Cell:
    """A figure of the table, and its test against the first system."""

    mean: float
    seeds: list[float]
    difference: float = 0.0
    p: float | None = None

    @classmethod
    def of(cls, values: np.ndarray) -> Cell:
        """A mean over seeds and topics, from ``(seeds, ...)``."""
        return cls(float(values.mean()), [float(one.mean()) for one in values])

    def __str__(self) -> str:
        """The mean, that of each seed where there are several, the difference and Holm's p."""
        notes = []
        if len(self.seeds) > 1:
            notes.append(" ".join(f"{one:.3f}" for one in self.seeds))
        if self.p is not None:
            notes.append(f"{self.difference:+.3f}, p {self.p:.4f}")
        return f"{self.mean:.3f}" + (f" ({'; '.join(notes)})" if notes else "")


def together(collections: list[TopicValues]) -> TopicValues:
    """The topics of all collections, weighted so that their mean is that of the collections'."""

    def weighted(label: str, measure: str) -> np.ndarray:
        seeds = zip(*(each[label][measure] for each in collections), strict=True)
        rows = [np.concatenate(shares(each)) for each in seeds]
        return np.stack([row * len(row) for row in rows])

    return {
        label: {measure: weighted(label, measure) for measure in MEASURES}
        for label in collections[0]
    }


def compared_columns(figures: dict[str, TopicValues], baseline: str) -> dict[str, dict[str, Cell]]:
    """Column -> system -> its cell: the verdict where there are several collections, then each."""
    columns = {}
    if len(figures) > 1:
        every = together(list(figures.values()))
        columns = {f"all {measure}": compared(every, baseline, measure) for measure in MEASURES}
    verdict = [columns[VERDICT]] if columns else []
    for collection, values in figures.items():
        for measure in MEASURES:
            columns[f"{collection}: {measure}"] = compared(values, baseline, measure)
    correct(verdict)
    correct([cells for name, cells in columns.items() if name != VERDICT])
    return columns


def compared(values: TopicValues, baseline: str, measure: str) -> dict[str, Cell]:
    """System -> its cell."""
    cells = {}
    for label, per_measure in values.items():
        cells[label] = Cell.of(per_measure[measure])
        if label != baseline:
            means = [one.mean(axis=0) for one in (per_measure[measure], values[baseline][measure])]
            cells[label].difference = float((means[0] - means[1]).mean())
            cells[label].p = randomisation_test(means[0] - means[1]).p
    return cells


def correct(columns: Iterable[dict[str, Cell]]) -> None:
    """Holm's correction over all tests of these columns."""
    tested = [(cell, cell.p) for cells in columns for cell in cells.values() if cell.p is not None]
    for (cell, _), p in zip(tested, holm([p for _, p in tested]), strict=True):
        cell.p = p


if __name__ == "__main__":
    try:
        main()
    except ClirotError as error:
        raise SystemExit(f"error: {error}\nhint: {error.hint}") from None
