"""Disks that are full, forbidden or broken at the n-th operation of a command."""

from __future__ import annotations

import errno
import os
from random import Random

from torture.child import ran
from torture.events import on_each
from torture.kills import Kills, judge
from torture.place import amiss
from torture.tally import Tally

ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES, errno.EROFS)


class DiskFaults:
    """Fail, say so in words, and work when the disk does."""

    def __init__(self, kills: Kills) -> None:
        self.kills = kills

    def case(self, draw: Random, tally: Tally) -> None:
        """Let one operation fail, or it and all that follow."""
        command, operation, _ = self.kills.chosen(draw, tally.number)
        expected, operations, _ = self.kills.undisturbed(command)
        place = self.kills.place
        home = self.kills.start(command)
        at = operation if operation is not None else draw.randrange(operations)
        number, lasts = draw.choice(ERRORS), draw.random() < 0.5
        log = place.folder / "failed"
        log.write_text("")

        def prepare() -> None:
            left = at

            def happens(event: str) -> None:
                nonlocal left
                left -= 1
                if left == -1 or (lasts and left < 0):
                    handle = os.open(log, os.O_WRONLY | os.O_APPEND)
                    os.write(handle, event.encode() + b"\n")
                    os.close(handle)
                    raise OSError(number, os.strerror(number), str(home / "x"))

            on_each(happens, home)

        first = ran(command.words, place.folder, home, prepare)
        failed = log.read_text().partition("\n")[0]
        more = " and later" if lasts else ""
        what = f"{command.name}, {errno.errorcode[number]} at {failed} (operation {at}){more}"
        if first.hung:
            tally.wrong("hang", what)
        elif first.traceback or not (first.code == 0 or first.in_words):
            tally.wrong("traceback", f"{what}: {first.last_words}")
        elif first.code == 0 and (found := place.audit(home)).digests != expected:
            tally.wrong("wrong, exit 0", f"{what}: {amiss(found, expected)}")
        else:
            judge(place, command, home, expected, what, tally)
