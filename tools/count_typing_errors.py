"""Count how people mistype, for ``src/clirot/retrieval/perturbation/typing_errors.toml``.

    python tools/count_typing_errors.py --clean queries.en.tsv --typed queries.en.keyboard.tsv \
        --words de=typos.de.tsv --words fr=typos.fr.tsv > typing_errors.toml

``--clean`` and ``--typed`` are questions with an id, as NoiseQA has them; ``--words`` are lists of
a language, wrong TAB right, as LibreOffice's autocorrection has them. Only counts are written.

The edits of a question or word are those of its alignment with the fewest (Damerau and Levenshtein:
a letter too much, too few or another one, or two neighbours exchanged). A question with more than
six edits was reworded rather than mistyped; it is counted as such, and its edits are not.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from clirot.retrieval.perturbation.keyboards import Keyboard, keyboard_of
from clirot.retrieval.perturbation.typed_text import TypedText

_REWORDED = 7
_SOURCES = {
    "questions": "NoiseQA, natural keyboard noise (Ravichander et al., EACL 2021), MIT, "
    "https://github.com/noiseQA/NoiseQA",
    "words": "LibreOffice's autocorrection list (MPL 2.0), counts only",
}
Edit = tuple[str, int, str]
"""Kind, place in the right text, and what was typed for what."""


def edits(right: str, typed: str) -> list[Edit]:
    """The edits of an alignment with the fewest, the last one first."""
    cost = np.zeros((len(right) + 1, len(typed) + 1), dtype=int)
    cost[:, 0], cost[0, :] = range(len(right) + 1), range(len(typed) + 1)
    for i in range(1, len(right) + 1):
        for j in range(1, len(typed) + 1):
            other = cost[i - 1, j - 1] + (right[i - 1] != typed[j - 1])
            cost[i, j] = min(cost[i - 1, j] + 1, cost[i, j - 1] + 1, other)
            if _exchanged(right, typed, i, j):
                cost[i, j] = min(cost[i, j], cost[i - 2, j - 2] + 1)
    return list(_traced(right, typed, cost))


def _exchanged(right: str, typed: str, i: int, j: int) -> bool:
    if min(i, j) < 2 or right[i - 1] == right[i - 2]:
        return False
    return right[i - 2 : i] == typed[j - 1] + typed[j - 2]


def _traced(right: str, typed: str, cost: np.ndarray) -> Iterator[Edit]:
    i, j = len(right), len(typed)
    while i or j:
        here = cost[i, j]
        if _exchanged(right, typed, i, j) and here == cost[i - 2, j - 2] + 1:
            i, j = i - 2, j - 2
            yield "exchange", i, right[i : i + 2]
        elif i and j and here == cost[i - 1, j - 1] + (right[i - 1] != typed[j - 1]):
            i, j = i - 1, j - 1
            if right[i] != typed[j]:
                kind = "case" if right[i].lower() == typed[j].lower() else "replace"
                yield kind, i, f"{right[i]}>{typed[j]}".lower()
        elif i and here == cost[i - 1, j] + 1:
            i -= 1
            last = i == len(right) - 1 and not right[i].isalnum()
            yield "final_mark" if last else "leave_out", i, right[i].lower()
        else:
            j -= 1
            yield "put_in", i, typed[j].lower()


def counted(
    text: TypedText, found: list[Edit], keyboard: Keyboard, into: dict[str, Counter[str]]
) -> None:
    """Add the edits of a text to the tables."""
    for kind, at, letters in found:
        into["kinds"][kind] += 1
        place = text.gap_place(at) if kind == "put_in" else text.places[at]
        into.setdefault(f"place.{kind}", Counter())[place] += 1
        if kind in ("leave_out", "replace"):
            into[kind][letters] += 1
        elif kind == "put_in":
            near = [one.lower() for one in text.units[max(at - 1, 0) : at + 1]]
            if letters in near:
                what = "second_space" if letters == " " else "double"
            elif any(letters in keyboard.neighbours(one) for one in near):
                what = "neighbour"
            elif letters.isalpha():
                what = "letter"
                into["put_in"][letters] += 1
            else:
                what = "space" if letters == " " else "mark"
            into.setdefault(f"put_in.{place}", Counter())[what] += 1


def fitted(lengths: list[int], numbers: list[int]) -> tuple[float, float]:
    """Rate a character and shape of the gamma-Poisson distribution, by maximum likelihood.

    Questions that were reworded are left out, and the distribution is cut there.
    """
    from scipy.optimize import minimize
    from scipy.stats import nbinom

    length, number = np.array(lengths), np.array(numbers)

    def cost(logs: np.ndarray) -> float:
        rate, shape = np.exp(logs)
        share = shape / (shape + rate * length)
        whole = nbinom.logcdf(_REWORDED - 1, shape, share)
        return float(-(nbinom.logpmf(number, shape, share) - whole).sum())

    rate, shape = np.exp(minimize(cost, np.log([0.02, 1.0]), method="Nelder-Mead").x)
    return float(rate), float(shape)


def questions(clean: Path, typed: Path) -> Iterator[str]:
    """The table of English."""
    right, wrong = (dict(_rows(path)) for path in (clean, typed))
    into: dict[str, Counter[str]] = {
        name: Counter()
        for name in ("questions", "kinds", "letters", "leave_out", "replace", "put_in")
    }
    lengths, numbers = [], []
    for identifier, line in right.items():
        text = TypedText.of(line, "en")
        found = edits(line, wrong[identifier])
        if len(found) >= _REWORDED:
            into["questions"]["reworded"] += 1
            continue
        into["questions"][str(len(found))] += 1
        into["letters"].update(line.lower())
        lengths.append(len(line))
        numbers.append(len(found))
        counted(text, found, keyboard_of("en"), into)
    rate, shape = fitted(lengths, numbers)
    yield "[en]"
    yield f'source = "{_SOURCES["questions"]}"'
    yield f"characters = {sum(lengths)}"
    yield f"rate = {rate:.5f}"
    yield f"shape = {shape:.4f}"
    yield from _tables("en", into)


def words(language: str, path: Path) -> Iterator[str]:
    """The table of another language: its letters only."""
    into: dict[str, Counter[str]] = {
        name: Counter() for name in ("kinds", "letters", "leave_out", "replace", "put_in")
    }
    total = 0
    for wrong, right in _rows(path):
        total += 1
        into["letters"].update(right.lower())
        counted(TypedText.of(right, language), edits(right, wrong), keyboard_of(language), into)
    yield f"[{language}]"
    yield f'source = "{_SOURCES["words"]}"'
    yield f"words = {total}"
    yield from _tables(
        language, {name: into[name] for name in ("letters", "leave_out", "replace", "put_in")}
    )


def _tables(language: str, into: dict[str, Counter[str]]) -> Iterator[str]:
    for name, counts in into.items():
        yield ""
        yield f"[{language}.{name}]"
        for what, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
            escaped = what.replace("\\", "\\\\").replace('"', '\\"')
            yield f'"{escaped}" = {count}'
    yield ""


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        first, second = line.split("\t")
        yield first.strip(), second.strip()


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clean", type=Path, required=True)
    parser.add_argument("--typed", type=Path, required=True)
    parser.add_argument("--words", action="append", default=[], metavar="LANG=FILE")
    asked = parser.parse_args()
    lines = ["# How people mistype: counts, made by tools/count_typing_errors.py.", ""]
    lines += questions(asked.clean, asked.typed)
    for entry in asked.words:
        language, _, path = entry.partition("=")
        lines += words(language, Path(path))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
