"""Names of every kind that a shell can give, in every place where a command takes one."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from random import Random

from torture.child import Outcome, ran
from torture.place import Place
from torture.tally import Tally

NAMES: tuple[str, ...] = (
    *("plain", "Two words", "é", "e\u0301", "ı", "中文", "😀", "ሰላም", "\u200bx", "\ufeffx"),
    *("\udcff\udcfe", "a\udce9b", "\udcff/x", "a\nb", "a\rb", "a\tb", "\x7f", "\x01", "\x85"),
    *("\x1b[31mred", "\x1b]0;title\x07", "\x9b31m", "\u202eabc", "\u2066x", "a\bb", "\u2028"),
    *(".", "..", "/", "", " ", "-", "--", "-x", "~", "~nobody", "$HOME", "*", ".hidden", "a/../b"),
    *(
        "a.lock",
        ".a.lock",
        "clirot.json",
        "a\\b",
        "a:b",
        "a,b",
        "a=b",
        "'",
        '"',
        "%s{}",
        "[red]x[/]",
    ),
    *(
        "[/nothing]",
        "models/x",
        "a" * 200,
        "a" * 255,
        "é" * 200,
        "a" * 256,
        "a/" * 2500,
        "0",
        "nul",
    ),
    *(
        "en",
        "en-so",
        "https://localhost:1/x",
        "file:///etc/passwd",
        "\\\\host\\x",
        "a//b",
        "a.",
        "0",
        "nul",
    ),
)

_SEARCH = ("search", "--index", "words", "--collection", "set", "--lang", "en")
_FETCH = ("fetch-bitext", "--src", "en", "--tgt", "so")
ODD = "ODD"
FORMS: tuple[tuple[str, ...], ...] = (
    ("index", "--model", "bm25", "--collection", "set", "--name", ODD),
    ("index", "--model", "bm25", "--collection", ODD, "--name", "new"),
    ("index", "--model", ODD, "--collection", "set"),
    ("index", "--model", "bm25", "--collection", "set", "--docs-lang", ODD, "--name", "new"),
    ("search", "--index", ODD, "--collection", "set", "--lang", "en"),
    ("search", "--index", "words", "--topics", ODD),
    (*_SEARCH, "--candidates", ODD),
    (*_SEARCH, "--save", ODD),
    (*_SEARCH, "--tag", ODD),
    ("search", "--index", "words", "--collection", "set", "--lang", ODD),
    ("search", "--index", "words", "--collection", "set", "--topics-variant", ODD),
    ("evaluate", ODD, "--qrels", "set/qrels.txt", "-m", "map"),
    ("evaluate", "run", "--qrels", ODD, "-m", "map"),
    ("evaluate", "run", "--qrels", "set/qrels.txt", "-m", ODD),
    (*_FETCH, "--file", ODD),
    (*_FETCH, "--source", ODD),
    ("fetch-bitext", "--src", ODD, "--tgt", "so", "--file", "pairs.tsv"),
    ("table", "--src", "en", "--tgt", "so", "--name", ODD),
    ("bitext", "export", ODD),
    ("bitext", "stats", ODD),
    ("experiment", ODD, "--dry-run"),
    ("perturb", "--topics", ODD, "--kind", "swap"),
    ("verify", ODD),
    ("rm", ODD),
    ("models", ODD),
    (ODD,),
)
_INPUTS = {
    "set": "set",
    "--topics": "set/queries.en.tsv",
    "--candidates": "candidates.run",
    "--qrels": "set/qrels.txt",
    "--file": "pairs.tsv",
    "--model": "teacher",
    "evaluate": "candidates.run",
    "--collection": "set",
}
"""The word before an odd name -> what is put in its place, where a file can have that name."""


@dataclass(frozen=True)
class OddNames:
    """A command ends well or says what is wrong with the name; nothing strays, nothing escapes."""

    place: Place

    def case(self, draw: Random, tally: Tally) -> None:
        """Run one form with one name; in every seventh case the store's own place is odd too."""
        every = [(form, name) for name in NAMES for form in FORMS]
        form, name = every[tally.number * 397 % len(every)]
        home = self.place.home()
        if tally.number % 7 == 6:
            home = self._moved(home, draw.choice(NAMES))
        work = self._work(form, name)
        words = [name if word == ODD else word for word in form]
        before = _listing(work)
        done = ran(words, work, home)
        what = f"{' '.join(form)} with {name!r}, in {home.name!r}"
        stray = sorted(_listing(work) - before)
        if done.hung:
            tally.wrong("hang", what)
        elif done.traceback or not (done.code == 0 or done.in_words or _of_usage(done)):
            tally.wrong("traceback", f"{what}: {done.code} {done.last_words}")
        elif escapes := sorted({one for one in done.err if _obeyed(one)}):
            tally.wrong("wrong, exit 0", f"{what}: stderr has {escapes}")
        elif stray:
            tally.wrong("left behind", f"{what}: {stray}")
        elif faults := self._amiss(home):
            tally.wrong("left behind", f"{what}: {faults}")
        else:
            tally.right()
        shutil.rmtree(home, ignore_errors=True)

    def _work(self, form: tuple[str, ...], name: str) -> Path:
        """A new directory with the inputs; one of them under the odd name, if that can be."""
        work = self.place.folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        for one in ("set", "pairs.tsv", "teacher"):
            (work / one).symlink_to(self.place.folder / one)
        shutil.copy(self.place.base / "runs/run/run.trec", work / "candidates.run")
        before = form[form.index(ODD) - 1] if len(form) > 1 else ""
        source = _INPUTS.get(before)
        if source is not None and name and "\0" not in name:
            try:
                target = work / name
                if not os.path.lexists(target) and target.parent.resolve().is_relative_to(work):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    held = work if source == "candidates.run" else self.place.folder
                    target.symlink_to(held / source)
            except (OSError, ValueError):
                pass  # no file can have that name: the command says so too
        return work

    def _moved(self, home: Path, name: str) -> Path:
        """The store under an odd name, if a directory can have it."""
        target = home.parent / f"h{name}"
        try:
            if "/" in name or os.path.lexists(target):
                return home
            home.rename(target)
        except (OSError, ValueError):
            return home
        return target

    def _amiss(self, home: Path) -> str:
        """What a store has that no command shows, or shows as damaged."""
        found = self.place.audit(home)
        if found.faults:
            return "; ".join(found.faults)
        return ", ".join(
            one for one, group in found.groups.items() if group in ("unknown", "unfinished")
        )


def _of_usage(done: Outcome) -> bool:
    """Whether a command was refused as it was written."""
    return done.code == 2 and not done.traceback and bool(done.err.strip())


def _obeyed(character: str) -> bool:
    """Whether a terminal would do something else than show it."""
    code = ord(character)
    return (
        (code < 32 and character not in "\n\t") or 127 <= code < 160 or character in "\u202e\u2066"
    )


def _listing(folder: Path) -> set[bytes]:
    """All paths below a directory; links are not followed."""
    return {os.fsencode(one) for one in folder.rglob("*")}
