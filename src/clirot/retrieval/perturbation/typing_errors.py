"""How people mistype, as it was counted: how often, what, where in the word, which letters.

How many errors a text has, which kinds they are of and where they fall were counted over the 1,190
English questions of NoiseQA's natural keyboard noise (Ravichander et al., "NoiseQA: Challenge Set
Evaluation for User-Centric Question Answering", EACL 2021; MIT licence,
https://github.com/noiseQA/NoiseQA), in which people typed the questions of XQuAD. Nothing of the
kind is known of other languages, so the same figures are used for them. Which letters are left out
and put in place of others was counted there for English, and for nine more languages over
LibreOffice's autocorrection lists (MPL 2.0). ``typing_errors.toml`` has the counts, and
``tools/count_typing_errors.py`` makes it.

Errors are overdispersed: half of the questions have none. A Poisson distribution whose mean is
proportional to the length, with a factor for the writer's care that is gamma-distributed (together
a negative binomial distribution), fits the counts of questions with 0 to 6 errors (chi-squared 2.2
in 4 degrees of freedom).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from clirot.retrieval.perturbation.draws import Draws

_COUNTED = "en"
"""The language whose questions were counted."""
_PRIOR = 20.0
"""Occurrences that every letter is taken to have had with the mean rate, besides its own."""


def number_of_errors(length: int, rate: float, draws: Draws) -> int:
    """How many errors a text gets.

    One draw decides, so that with a higher rate the same text has as many or more.

    Args:
        length: characters of the text; there are no more errors than that.
        rate: 1: as people type.
        draws: of the text.
    """
    measured = _tables()[_COUNTED]
    shape, mean = measured["shape"], measured["rate"] * rate * length
    left, number = draws.uniform(), 0
    share = mean / (shape + mean)
    probability = (1 - share) ** shape
    while left >= probability > 0 and number < length:
        left -= probability
        probability *= share * (number + shape) / (number + 1)
        number += 1
    return number


def kinds() -> Mapping[str, int]:
    """Kind of error -> count: leave_out, put_in, replace, exchange, case, final_mark."""
    found: Mapping[str, int] = _tables()[_COUNTED]["kinds"]
    return found


def places(kind: str) -> Mapping[str, int]:
    """Place in the word -> count, of a kind."""
    found: Mapping[str, int] = _tables()[_COUNTED]["place"][kind]
    return found


def put_in(place: str) -> Mapping[str, int]:
    """What is put in at a place -> count.

    double: a character beside it again; neighbour: a key beside theirs; letter: another letter;
    space; second_space: beside a space; mark: any other.
    """
    found: Mapping[str, int] = _tables()[_COUNTED]["put_in"][place]
    return found


class LetterErrors:
    """Which letters of a language are mistyped, and as what.

    Args:
        language: a normalised code. Where it was not counted, and where it is None, every letter is
            as likely.
    """

    def __init__(self, language: str | None) -> None:
        table = _tables().get((language or "").partition("-")[0], {})
        self._letters: Mapping[str, int] = table.get("letters", {})
        self._left_out: Mapping[str, int] = table.get("leave_out", {})
        self.put_in: Mapping[str, int] = {
            one: count for one, count in table.get("put_in", {}).items() if isinstance(count, int)
        }
        """Letter that was put in and has nothing to do with its neighbours -> count."""
        self.replaced: dict[str, dict[str, int]] = {}
        """Letter -> what was typed in its place -> count."""
        for pair, count in table.get("replace", {}).items():
            right, _, typed = pair[0], pair[1], pair[2:]
            if right.isalnum() and typed.isalnum():
                self.replaced.setdefault(right, {})[typed] = count

    def leaving_out(self, unit: str) -> float:
        """How likely it is that a character is left out, beside others."""
        return self._likely(unit, self._left_out.get(unit.lower(), 0), sum(self._left_out.values()))

    def replacing(self, unit: str) -> float:
        """How likely it is that another one is typed in place of a character, beside others."""
        others = sum(sum(typed.values()) for typed in self.replaced.values())
        return self._likely(unit, sum(self.replaced.get(unit.lower(), {}).values()), others)

    def _likely(self, unit: str, count: int, total: int) -> float:
        """Errors an occurrence, drawn towards those of all letters where it occurs rarely."""
        if not self._letters:
            return 1.0
        mean = total / sum(self._letters.values())
        return (count + _PRIOR * mean) / (self._letters.get(unit.lower(), 0) + _PRIOR)


@cache
def _tables() -> dict[str, dict[str, Any]]:
    text = files(__package__).joinpath("typing_errors.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
