"""Drafts of killed builds whose files are tampered with before the same command goes on."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from random import Random

from torture.child import ran
from torture.events import on_each
from torture.kills import Kills, judge
from torture.mutations import mutated_text
from torture.place import MAKING
from torture.tally import Tally

_COMMANDS = [one for one in MAKING if one.name in ("index", "distill")]


class BrokenDrafts:
    """A damaged draft is never continued: the result is that of an undisturbed run."""

    def __init__(self, kills: Kills, *, short: bool = False) -> None:
        self.kills = kills
        self.commands = [one for one in _COMMANDS if not (short and one.name == "distill")]

    def case(self, draw: Random, tally: Tally) -> None:
        """Kill a command late, tamper with a file of its draft, and run it again."""
        command = self.commands[tally.number % len(self.commands)]
        expected, operations, _ = self.kills.undisturbed(command)
        place, home = self.kills.place, self.kills.start(command)
        left = draw.randrange(operations // 3, operations)

        def prepare() -> None:
            from clirot.retrieval import encoded_windows

            encoded_windows.WINDOW = 4  # several checkpoints in a small index

            def happens(_: str) -> None:
                nonlocal left
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1

            on_each(happens, home)

        at = left
        ran(command.words, place.folder, home, prepare)
        files = sorted(
            path for part in home.glob("*/.*.part") for path in part.rglob("*") if path.is_file()
        )
        what = f"{command.name} killed at operation {at}"
        if files:
            what += f", {tamper(draw.choice(files), draw)}"
        judge(place, command, home, expected, what, tally)


def tamper(path: Path, draw: Random) -> str:
    """Change a file; says what was done."""
    content = bytearray(path.read_bytes())
    way = draw.choice(["flip", "cut", "remove", "mutate"])
    if way == "mutate" and content.startswith(b"{"):  # a history has its digest before its JSON
        path.write_bytes(mutated_text(content.decode(), draw))
    elif way == "remove":
        path.unlink()
    elif way == "cut" or not content:
        path.write_bytes(content[: len(content) // 2])
    else:
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(content)
    return f"{way} {path.parent.name}/{path.name}"
