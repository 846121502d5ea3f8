r"""What does noise in bitext cost, and what do filters win back? One tested table.

    python examples/noisy_bitext.py --tgt so --file quran.en-so.tsv.gz --file hornmt.en-so.tsv \
        --shuffled 0 --shuffled 30 --treatment "as it comes" --treatment min-alignment=0.5 \
        --collection data/flores_dev

Of each file a share of the lines, in percent, has its target sides shuffled among each other. Every
treatment then fetches that bitext, a student is distilled from what is left, and searches. A
treatment is ``as it comes`` (the filters' defaults) or ``realign``, ``min-alignment=P`` or both.
Treatments are systems and shares are topic sets of one evaluation, each tested against the first
treatment (paired randomisation test over topics, Holm's correction over the whole table).

What was made is kept in the store, so that an interrupted table goes on where it was.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from clirot.bitext import FilterConfig
from clirot.bitext.acquisition import FetchConfig, fetch_bitext
from clirot.distillation import DistillConfig, distill
from clirot.distillation.settings import TrainingSettings
from clirot.errors import ClirotError
from clirot.evaluation import EvaluateConfig, evaluate
from clirot.evaluation.formats import markdown_table
from clirot.records import LanguagePair
from clirot.retrieval.indexing import IndexConfig, build_index
from clirot.retrieval.perturbation.configuration import PerturbConfig
from clirot.retrieval.perturbation.perturbing import perturb
from clirot.retrieval.searching import SearchConfig, search
from clirot.runs import SAVED_RUN


@dataclass(frozen=True)
class Treatment:
    """What is done about noise."""

    label: str
    realign: bool = False
    min_alignment: float = 0.0

    @classmethod
    def of(cls, text: str) -> Treatment:
        """Read ``as it comes``, or ``realign`` and ``min-alignment=P`` in any order."""
        words = [] if text == "as it comes" else text.split()
        realign = "realign" in words
        values = [word.removeprefix("min-alignment=") for word in words if word != "realign"]
        try:
            return cls(
                "+".join(words).replace("=", "-") or "as-it-comes", realign, *map(float, values)
            )
        except (TypeError, ValueError):
            raise SystemExit(
                f"{text!r}: a treatment is 'as it comes', 'realign', 'min-alignment=P' or both"
            ) from None


def main() -> None:
    """Make noise, fetch, distil, search, evaluate, print."""
    asked = arguments()
    treatments = [Treatment.of(text) for text in asked.treatment]
    pair = LanguagePair.of("en", asked.tgt)
    index = build_index(IndexConfig(model=asked.teacher, collection=asked.collection)).name
    specs = []
    with tempfile.TemporaryDirectory() as folder:
        for share in asked.shuffled:
            files = tuple(noisy(path, share, asked.seed, Path(folder)) for path in asked.file)
            for treatment in treatments:
                name = f"{asked.name}.shuffled-{share}.{treatment.label}.{asked.seed}"
                # Bitext in the store is named after its file, whatever was done about noise.
                fetched = fetch_bitext(
                    FetchConfig(
                        pair=pair,
                        files=files,
                        filters=FilterConfig(min_alignment=treatment.min_alignment),
                        realign=treatment.realign,
                        replace=True,
                    )
                )
                fetched.check()
                made = distill(
                    DistillConfig(
                        pair=pair,
                        teacher=asked.teacher,
                        sources=fetched.sources,
                        objective=asked.objective,
                        training=TrainingSettings(epochs=asked.epochs, seed=asked.seed),
                        name=name,
                    )
                )
                saved = search(
                    SearchConfig(
                        index=index, collection=asked.collection, lang=asked.tgt, model=name, k=100
                    )
                ).save(name)
                specs.append(f"{treatment.label}@shuffled-{share}={saved.path / SAVED_RUN}")
                read = sum(one.read for one in fetched.fetched)
                print(
                    f"{share} % shuffled, {treatment.label}: {fetched.kept} of {read} pairs kept, "
                    f"development MAP {made.development[made.best_epoch]:.3f}",
                    flush=True,
                )
    config = EvaluateConfig(
        runs=tuple(specs),
        collection=asked.collection,
        lang=asked.tgt,
        metrics=("map", "precision@5"),
        baseline=treatments[0].label,
    )
    print(markdown_table(evaluate(config), places=3))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tgt", required=True, help="the students' language")
    parser.add_argument("--teacher", default="minilm-en")
    parser.add_argument("--file", action="append", required=True, type=Path, help="bitext, TSV")
    parser.add_argument("--shuffled", action="append", type=int, required=True, metavar="PERCENT")
    parser.add_argument("--treatment", action="append", required=True)
    parser.add_argument("--collection", required=True, help="collection to test on")
    parser.add_argument("--objective", default=DistillConfig.objective)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--name", help="what the students' names begin with [default: the tgt]")
    asked = parser.parse_args()
    asked.name = asked.name or asked.tgt
    return asked


def noisy(path: Path, percent: int, seed: int, folder: Path) -> Path:
    """A copy in which the target sides of so many percent of the rows are shuffled."""
    config = PerturbConfig(kind="shuffle", rate=percent / 100, seed=seed, bitext=str(path))
    target = folder / f"{path.name.removesuffix('.gz').removesuffix('.tsv')}-{percent}.tsv"
    rows = ("\t".join((src, tgt)) for src, tgt, *_ in perturb(config).rows())
    target.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return target


if __name__ == "__main__":
    try:
        main()
    except ClirotError as error:
        raise SystemExit(f"error: {error}\nhint: {error.hint}") from None
