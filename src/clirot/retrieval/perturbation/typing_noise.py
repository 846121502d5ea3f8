"""Errors of people who type: as they were measured (typo), or of one kind (keyboard, swap, drop).

All draw the number of errors of a text from the measured distribution. ``typo`` draws their kinds,
their places in the word and their letters as measured; the others make each error at a random
letter: `keyboard` types a neighbour key instead, `swap` exchanges two characters of a word, and
`drop` leaves one out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

from clirot.retrieval.perturbation import typing_errors
from clirot.retrieval.perturbation.draws import Draws
from clirot.retrieval.perturbation.keyboards import Keyboard, keyboard_of
from clirot.retrieval.perturbation.letter_case import other_case
from clirot.retrieval.perturbation.perturber import Perturbed
from clirot.retrieval.perturbation.typed_text import TypedText, without_one_key


class Typing:
    """One of the four kinds.

    Args:
        kind: which one.
        rate: how many errors, 1: as people type.
        language: of the texts, as a normalised code; None: not known.

    Raises:
        UsageError: the kind needs a keyboard, and none is known for the language.
    """

    def __init__(self, kind: str, rate: float, language: str | None) -> None:
        self._measured = kind == "typo"
        self._kind = {"keyboard": "replace", "swap": "exchange", "drop": "leave_out"}.get(kind)
        self._rate = rate
        self.language = language
        needed = kind in ("typo", "keyboard")
        self.keyboard = keyboard_of(language) if needed else Keyboard("none", {})
        self.letters = typing_errors.LetterErrors((language or "en") if self._measured else None)

    def perturb(self, text: str, draws: Draws) -> Perturbed:
        """See :class:`Perturber`."""
        page = _Page(TypedText.of(text, self.language), self, draws, measured=self._measured)
        wanted = typing_errors.number_of_errors(len(page.text.units), self._rate, draws)
        made = 0
        while made < wanted and page.make(self._kind):
            made += 1
        return Perturbed(page.result, made, too_short=made < wanted)


class _Page:
    """A text with the errors that were made in it so far; no two meet in one character."""

    def __init__(self, text: TypedText, typing: Typing, draws: Draws, *, measured: bool) -> None:
        self.text = text
        self._typing = typing
        self._draws = draws
        self._measured = measured
        self._instead: dict[int, str] = {}
        self._before: dict[int, str] = {}
        self._words_left = sum(word is not None for word in text.word_of)

    @property
    def result(self) -> str:
        """The text as it is now, without white space at its ends."""
        return self.text.with_changes(self._instead, self._before).strip()

    def make(self, kind: str | None) -> bool:
        """Make one error of a kind (None: of any, as measured), if there is room for one."""
        left = dict(typing_errors.kinds()) if kind is None else {kind: 1}
        while left:
            chosen = self._draws.weighted(left)
            if self._made(chosen):
                return True
            del left[chosen]
        return False

    def _made(self, kind: str) -> bool:
        options: dict[str, dict[int, float]] = {}
        for at, place, weight in self._options(kind):
            options.setdefault(place, {})[at] = weight
        if not options:
            return False
        if self._measured:
            shares = typing_errors.places(kind)
            weights: dict[str, float] = {one: shares.get(one, 0) for one in options}
            if not any(weights.values()):  # a place where none was ever seen
                return False
            at = self._draws.weighted(options[self._draws.weighted(weights)])
        else:
            at = self._draws.weighted(
                {at: one for each in options.values() for at, one in each.items()}
            )
        return self._ways[kind](self, at)

    def _options(self, kind: str) -> Iterator[tuple[int, str, float]]:
        """Where an error can be made: place in the text, place in the word, weight."""
        if kind == "put_in":
            for at in range(len(self.text.units) + 1):
                if at not in self._before:
                    yield at, self.text.gap_place(at), 1.0
            return
        for at, unit in enumerate(self.text.units):
            weight = 0.0 if at in self._instead else self._weight(kind, at, unit)
            if weight:
                yield at, self.text.places[at], weight

    def _weight(self, kind: str, at: int, unit: str) -> float:
        inside = self.text.word_of[at] is not None
        if kind == "leave_out":
            # The last letter of a text stays; spaces and marks go as they were seen to go.
            may = self._words_left > 1 if inside else self._measured and unit.isspace()
            return self._typing.letters.leaving_out(unit) if may else 0.0
        if kind == "replace":
            return self._typing.letters.replacing(unit) if self._others(unit) else 0.0
        if kind == "exchange":
            following = self.text.units[at + 1 : at + 2]
            same = (
                inside
                and self.text.word_of[at] == (self.text.word_of[at + 1 : at + 2] or [None])[0]
            )
            return float(same and following != [unit] and at + 1 not in self._instead)
        if kind == "case":
            return float(inside and other_case(unit, self._typing.language) is not None)
        last = at == len(self.text.units) - 1
        return float(kind == "final_mark" and last and not inside and self._words_left > 0)

    def _others(self, unit: str) -> dict[str, float]:
        """What may be typed in place of a character -> weight."""
        found: dict[str, float] = {}
        for at, one in enumerate(unit):
            for other in self._typing.keyboard.neighbours(one):
                found[unit[:at] + other + unit[at + 1 :]] = 1.0
        for other, count in self._typing.letters.replaced.get(unit.lower(), {}).items():
            typed = other if unit.islower() or not unit.isalpha() else other.upper()
            found[typed] = found.get(typed, 0.0) + count
        return found

    def _leave_out(self, at: int) -> bool:
        unit = self.text.units[at]
        left = without_one_key(unit, int(self._draws.uniform() * len(unit)))
        self._words_left -= not left and self.text.word_of[at] is not None
        self._instead[at] = left
        return True

    def _replace(self, at: int) -> bool:
        self._instead[at] = self._draws.weighted(self._others(self.text.units[at]))
        return True

    def _exchange(self, at: int) -> bool:
        self._instead[at], self._instead[at + 1] = self.text.units[at + 1], self.text.units[at]
        return True

    def _case(self, at: int) -> bool:
        unit = self.text.units[at]
        self._instead[at] = other_case(unit, self._typing.language) or unit
        return True

    def _final_mark(self, at: int) -> bool:
        self._instead[at] = ""
        return True

    def _put_in(self, at: int) -> bool:
        place = self.text.gap_place(at)
        beside = [one for one in self.text.units[max(at - 1, 0) : at + 1] if one[0].isalnum()]
        near = [other for one in beside for other in self._typing.keyboard.neighbours(one[0])]
        choices: dict[str, list[str] | dict[str, int]] = {
            "double": beside,
            "neighbour": near,
            "space": [" "] if self._apart(at) else [],
            "letter": dict(self._typing.letters.put_in),
        }
        weights = {one: n for one, n in typing_errors.put_in(place).items() if choices.get(one)}
        if not weights:
            return False
        among = choices[self._draws.weighted(weights)]
        if isinstance(among, dict):
            self._before[at] = self._draws.weighted(among)
        else:
            self._before[at] = self._draws.one_of(among)
        return True

    def _apart(self, at: int) -> bool:
        """Whether a space before a unit would part what is together."""
        units = self.text.units
        return 0 < at < len(units) and not (units[at - 1].isspace() or units[at].isspace())

    _ways: ClassVar[dict[str, Callable[[_Page, int], bool]]] = {
        "leave_out": _leave_out,
        "replace": _replace,
        "exchange": _exchange,
        "case": _case,
        "final_mark": _final_mark,
        "put_in": _put_in,
    }
