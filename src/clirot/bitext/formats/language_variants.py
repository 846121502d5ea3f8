"""Which variants of the two languages bitext has, which were read, and what is to be said of it.

A unit of a translation memory or the header of a table may have Portuguese twice, as ``pt-BR`` and
``pt-PT``. The variant that was asked for is read; where it is not there, the nearest one of the
same script (:mod:`clirot.languages.matching`). Neither is done without a word.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from clirot.errors import ChoiceNotice, LanguageWarning
from clirot.languages import closest_pair, parse_language, relatives, same_language
from clirot.records import LanguagePair, SentencePair

Sides = tuple[str | None, str | None]
"""What the source and the target are read from, as it is spelled; None: nothing is there."""

_MOST_KINDS = 1000  # of units that are counted apart; a hostile file may have millions


@dataclass
class LanguageVariants:
    """The variants of a pair's languages in one piece of bitext, counted as they are met."""

    pair: LanguagePair
    _met: Counter[tuple[tuple[str, ...], Sides]] = field(default_factory=Counter, repr=False)

    def concerns(self, code: str) -> bool:
        """Whether a code is of one of the two languages, in whatever script or region."""
        return same_language(self.pair.src, code) or same_language(self.pair.tgt, code)

    def choose(self, codes: Sequence[str]) -> Sides:
        """The codes of a unit, or of a header, that the two sides are read from. It is counted."""
        among = tuple(codes)
        sides = closest_pair(self.pair.src, self.pair.tgt, among)
        if len(among) > 2 or sides != (self.pair.src, self.pair.tgt):
            met = (among, sides)
            if met in self._met or len(self._met) < _MOST_KINDS:
                self._met[met] += 1
        return sides

    def forget(self) -> None:
        """Begin to count anew."""
        self._met.clear()

    def told_after(self, pairs: Iterator[SentencePair], name: str) -> Iterator[SentencePair]:
        """The pairs of a file; after the last one, Python warnings say what was read."""
        yield from pairs
        for category, texts in ((LanguageWarning, self.warnings), (ChoiceNotice, self.notes)):
            for text in texts:
                warnings.warn(f"{name}: {text}", category, stacklevel=2)

    @property
    def warnings(self) -> list[str]:
        """What was read instead of what was asked for, or may not be what was meant."""
        return list(dict.fromkeys(self._warnings()))

    @property
    def notes(self) -> list[str]:
        """What was read, where there were several variants and it was among them."""
        left: dict[tuple[str, str], Counter[str]] = {}
        for wanted, taken, others, count in self._read():
            if parse_language(taken) == wanted:
                found = left.setdefault((wanted, taken), Counter())
                found.update({one: count for one in others if parse_language(one) != wanted})
        return [
            f"{wanted!r} is read from {taken!r}, and not from {_counted(others)}"
            for (wanted, taken), others in left.items()
            if others
        ]

    def _warnings(self) -> Iterator[str]:
        instead: Counter[tuple[str, str]] = Counter()
        for wanted, taken, others, count in self._read():
            if parse_language(taken) != wanted:
                instead[wanted, taken] += count
            for one in others:
                if parse_language(one) == parse_language(taken):
                    yield (
                        f"{taken!r} and {one!r} are one language code; {wanted!r} is read from "
                        f"{taken!r} (of a table, name the other column: PATH:SRC,TGT)"
                    )
        for (wanted, taken), count in instead.items():
            times = f" ({count:,} times)" if count > 1 else ""
            yield f"{taken!r} is taken for {wanted!r}, which is not there itself{times}"

    def _read(self) -> Iterator[tuple[str, str, list[str], int]]:
        """Language, what it was read from, what else there was of it, and how often."""
        for (among, sides), count in self._met.items():
            if None in sides:
                continue  # no pair was read
            for wanted, taken in zip((self.pair.src, self.pair.tgt), sides, strict=True):
                if taken is not None:
                    own = [one for one in among if same_language(wanted, one)]
                    yield wanted, taken, [one for one in own if one not in sides], count


def _counted(codes: Counter[str]) -> str:
    return ", ".join(
        f"{code!r}" + (f" ({count:,} times)" if count > 1 else "") for code, count in codes.items()
    )


def hint_of(pair: LanguagePair, found: Iterable[str]) -> str | None:
    """What to ask for, where bitext has one of the languages in another script, or a dialect."""
    codes = list(found)
    others = [(side, one) for side in (pair.src, pair.tgt) for one in relatives(side, codes)]
    if not others:
        return None
    wanted, one = others[0]
    code = parse_language(one)
    named = repr(one) if one == code else f"{one!r} ({code})"
    return f"{named} is in another script than {wanted!r}, or a dialect: ask for {code!r}"
