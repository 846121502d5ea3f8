"""Commands that are killed at every operation on a file, and at random moments of their life."""

from __future__ import annotations

import os
import signal
from functools import cache
from pathlib import Path
from random import Random

from torture.child import ran
from torture.events import on_each
from torture.place import CLEAN, MAKING, REMOVE, REPLACE, Command, Place, amiss
from torture.tally import Tally

COMMANDS = (*MAKING, REPLACE, REMOVE, CLEAN)


class Kills:
    """Kill, run the same command again, and compare the store with that of an undisturbed run."""

    def __init__(self, place: Place, *, short: bool = False) -> None:
        self.place = place
        self.short = short

    @cache  # noqa: B019 (it lives as long as the campaign)
    def undisturbed(self, command: Command) -> tuple[dict[str, str], int, float]:
        """The digests after it, how many operations it has, and its processor seconds."""
        home = self.start(command)
        log = self.place.folder / "operations"

        def count() -> None:
            handle = os.open(log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
            on_each(lambda _: os.write(handle, b".") and None, home)

        before = sum(os.times()[2:4])
        done = ran(command.words, self.place.folder, home, count)
        seconds = sum(os.times()[2:4]) - before
        assert done.code == 0, f"{command.name}: {done.err}"
        found = self.place.audit(home)
        fault = amiss(found, found.digests)
        assert fault is None, f"{command.name}: {fault}"
        return found.digests, log.stat().st_size, seconds

    def start(self, command: Command) -> Path:
        """A store before the command."""
        home = self.place.home(lacking=command.lacking)
        if command is CLEAN:
            for number in range(3):
                part = home / "models" / f".x{number}.part"
                (part / "content").mkdir(parents=True)
                (part / "draft.json").write_text("{}")
                (part / "content" / "model").write_bytes(bytes(99))
        return home

    def chosen(self, draw: Random, number: int) -> tuple[Command, int | None, float]:
        """The command of a case, and the operation, or else the second, at which it dies."""
        commands = [one for one in COMMANDS if not (self.short and one.name == "distill")]
        command = commands[number % len(commands)]
        _, operations, seconds = self.undisturbed(command)
        turn = number // len(commands)
        # Every operation in turn; between the turns, a moment of its processor time.
        if self.short or turn % 4:
            place = draw.randrange(operations) if self.short else (turn - turn // 4 - 1)
            return command, place % operations, seconds
        return command, None, seconds * draw.random()

    def case(self, draw: Random, tally: Tally) -> None:
        """Try one kill."""
        command, operation, second = self.chosen(draw, tally.number)
        expected, _, _ = self.undisturbed(command)
        home = self.start(command)

        def prepare() -> None:
            if operation is None:
                signal.signal(signal.SIGPROF, signal.SIG_DFL)  # it ends the process, as SIGKILL
                signal.setitimer(signal.ITIMER_PROF, max(second, 0.001))
                return
            left = operation

            def happens(_: str) -> None:
                nonlocal left
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1

            on_each(happens, home)

        first = ran(command.words, self.place.folder, home, prepare)
        moment = f"operation {operation}" if operation is not None else f"{second:.3f} s"
        what = f"{command.name} killed at {moment}"
        if first.hung or first.traceback:
            tally.wrong("hang" if first.hung else "traceback", f"{what}: {first.last_words}")
            return
        judge(self.place, command, home, expected, what, tally)


def judge(
    place: Place,
    command: Command,
    home: Path,
    expected: dict[str, str],
    what: str,
    tally: Tally,
) -> None:
    """Run the command again and compare the store with what it must be."""
    again = place.run(command.words, home)
    if again.hung or again.traceback:
        tally.wrong("hang" if again.hung else "traceback", f"{what}, again: {again.last_words}")
        return
    gone = command is REMOVE and again.in_words and "unknown artefact" in again.err  # already
    if again.code != 0 and not gone:
        tally.wrong("left behind", f"{what}, again: {again.last_words}")
        return
    fault = amiss(place.audit(home), expected)
    if fault is None:
        tally.right()
    else:
        tally.wrong("left behind" if "left" in fault else "wrong, exit 0", f"{what}: {fault}")
