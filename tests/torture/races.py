"""Two and four commands at a time in one store."""

from __future__ import annotations

import time
from functools import cache
from random import Random

from torture.child import started
from torture.place import MAKING, REMOVE, REPLACE, USING, Command, Place
from torture.tally import Tally

_BY_NAME = {one.name: one for one in MAKING}
_OTHER_WAY = Command(
    "replace",
    ("index", "--model", "teacher", "--collection", "set", "--name", "exact", "--replace"),
)
_SEARCH = Command("search", USING["exact"])
_WORDS = Command("search", USING["words"])
_RUN = Command("evaluate", USING["runs"])
_AGAIN = Command("search", (*_BY_NAME["search"].words, "--replace", "--tag", "other"))

PAIRS: tuple[tuple[tuple[Command, ...], str | None], ...] = (
    ((REPLACE, _SEARCH), None),
    ((REPLACE, _SEARCH, _OTHER_WAY, _SEARCH), None),
    ((_BY_NAME["fetch"],) * 2, _BY_NAME["fetch"].lacking),
    ((_BY_NAME["fetch"],) * 4, _BY_NAME["fetch"].lacking),
    ((_BY_NAME["index"],) * 2, _BY_NAME["index"].lacking),
    ((_BY_NAME["bm25"],) * 4, _BY_NAME["bm25"].lacking),
    ((REMOVE, _WORDS), None),
    ((REMOVE, _WORDS, REMOVE, _WORDS), None),
    ((_BY_NAME["search"], _BY_NAME["search"]), _BY_NAME["search"].lacking),
    ((_AGAIN, _RUN, _AGAIN, _RUN), None),
    ((_BY_NAME["table"],) * 2, _BY_NAME["table"].lacking),
    ((_BY_NAME["distill"],) * 2, _BY_NAME["distill"].lacking),
)
"""Commands that run at a time, and what the store lacks before."""


class Races:
    """Each ends well with a result that it could have had alone, or in words."""

    def __init__(self, place: Place, *, short: bool = False) -> None:
        self.place = place
        self.pairs = PAIRS[:-1] if short else PAIRS

    @cache  # noqa: B019 (it lives as long as the campaign)
    def right(self, words: tuple[str, ...]) -> set[bytes]:
        """What a command that only reads may write: of the old index, or of the new."""
        home = self.place.home()
        found = {self.place.run(words, home).out}
        if words == _SEARCH.words:
            self.place.run(REPLACE.words, home)
            found.add(self.place.run(words, home).out)
        if words == _RUN.words:
            self.place.run(_AGAIN.words, home)
            found.add(self.place.run(words, home).out)
        return found

    def case(self, draw: Random, tally: Tally) -> None:
        """Start some commands within a tenth of a second or two."""
        commands, lacking = self.pairs[tally.number % len(self.pairs)]
        reads = {one.words: self.right(one.words) for one in (_SEARCH, _WORDS, _RUN)}
        home = self.place.home(lacking=lacking)
        children = []
        for command in commands:
            children.append((command, started(command.words, self.place.folder, home)))
            time.sleep(draw.choice([0, 0.002, 0.01, 0.05, 0.1, 0.2]) * draw.random())
        outcomes = [(command, child.wait()) for command, child in children]
        what = " | ".join(one.name for one in commands)
        for command, done in outcomes:
            if done.hung:
                tally.wrong("hang", f"{what}: {command.name}")
            elif done.traceback or not (done.code == 0 or done.in_words):
                tally.wrong("traceback", f"{what}: {command.name}: {done.last_words}")
            elif done.code == 0 and done.out not in reads.get(command.words, {done.out}):
                tally.wrong("wrong, exit 0", f"{what}: {command.name}")
            else:
                tally.right()
        found = self.place.audit(home)
        kept = {one: digest for one, digest in self.place.whole.digests.items() if one != lacking}
        stray = [path for path, group in found.groups.items() if group in ("unknown", "unfinished")]
        changing = {"indexes/exact", "indexes/words", "runs/run"}
        lost = [
            one
            for one, digest in self.place.whole.digests.items()
            if found.digests.get(one) != digest and (one in kept and one not in changing)
        ]
        if lacking and found.digests.get(lacking) != self.place.whole.digests[lacking]:
            lost.append(lacking)
        if found.faults or lost:
            tally.wrong("wrong, exit 0", f"{what}: {'; '.join(found.faults)} {', '.join(lost)}")
        elif stray:
            tally.wrong("left behind", f"{what}: {', '.join(stray)}")
