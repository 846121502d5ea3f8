"""Stored files that are flipped, cut, lengthened, removed, exchanged or replaced by links."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from random import Random

from torture.place import USING, Place
from torture.tally import Tally

WAYS = ("flip", "flip", "flip", "cut", "lengthen", "empty", "remove", "exchange", "link", "folder")

_STUDENT = "models/student"
_MAY_BE_LARGE = ("tokens.bin", "lengths.bin", "sums.bin", "docnos.txt")


def _as_if_large() -> None:
    """In a child: no file is small enough to be compared with the manifest on every use."""
    from clirot.store import artefact

    artefact.READ_ON_USE = 0


class Tampering:
    """The command that uses a tampered file says so, or gives what it gave before, to the byte."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.files = sorted(
            path.relative_to(place.base)
            for name in ("cache", *place.whole.digests)
            for path in (place.base / name).rglob("*")
            if path.is_file()
        )

    @cache  # noqa: B019 (it lives as long as the campaign)
    def right(self, words: tuple[str, ...]) -> bytes:
        """What the command gives of an untouched store."""
        lacking = _STUDENT if words == USING["cache"] else None
        done = self.place.run(words, self.place.home(lacking=lacking))
        assert done.code == 0, done.err
        return done.out

    def case(self, draw: Random, tally: Tally) -> None:
        """Tamper with one file."""
        file = self.files[tally.number % len(self.files)]
        kind, name = file.parts[:2]
        words = USING[name if kind == "indexes" else kind]
        right = self.right(words)
        home = self.place.home(lacking=_STUDENT if kind == "cache" else None)
        way = draw.choice(WAYS)
        large = name == "exact" and file.name in _MAY_BE_LARGE and draw.random() < 0.5
        what = f"{way} {file}{' as if it were large' * large}, then {' '.join(words[:2])}"
        self.tamper(home, file, way, draw)
        done = self.place.run(words, home, _as_if_large) if large else self.place.run(words, home)
        if done.hung:
            tally.wrong("hang", what)
        elif done.traceback or not (done.code == 0 or done.in_words):
            tally.wrong("traceback", f"{what}: {done.last_words}")
        elif done.code == 0 and (done.out != right or self.other_student(home, kind)):
            tally.wrong("wrong, exit 0", what)
        else:
            tally.right()

    def other_student(self, home: Path, kind: str) -> bool:
        """Whether what a cache was used for is not what it is without."""
        return kind == "cache" and self.place.audit(home).digests != self.place.whole.digests

    def tamper(self, home: Path, file: Path, way: str, draw: Random) -> None:
        """Change a file of a store."""
        path = home / file
        content = bytearray(path.read_bytes())
        if way in ("remove", "link", "folder", "exchange"):
            path.unlink()
        if way == "exchange":
            other = draw.choice([one for one in self.files if one != file])
            path.write_bytes((self.place.base / other).read_bytes())
        elif way == "link":
            other = draw.choice(self.files)
            path.symlink_to(draw.choice(["/dev/null", "gone", path.name, self.place.base / other]))
        elif way == "folder":
            path.mkdir()
        elif way == "flip" and content:
            content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
            path.write_bytes(content)
        elif way == "cut":
            path.write_bytes(content[: draw.randrange(len(content) or 1)])
        elif way == "lengthen":
            path.write_bytes(content + draw.randbytes(draw.randint(1, 64)))
        elif way in ("empty", "flip"):
            path.write_bytes(b"" if way == "empty" else b"\0")
        if file.parts[0] != "cache":  # or a command would have no need to read the file
            shutil.rmtree(home / "cache", ignore_errors=True)
