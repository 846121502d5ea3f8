"""Directories that call themselves models: code, pages, pointers, cut and nested files."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from torture.mutations import mutated_text
from torture.place import Place
from torture.tally import Tally

_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
_PAGE = "<!DOCTYPE html><html><body>Sign in</body></html>"


class Planted:
    """Opens a file when it is unpickled: the canary."""

    def __init__(self, canary: Path) -> None:
        self.canary = str(canary)

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.canary, "w")


def _code(folder: Path, canary: Path) -> None:
    """Code of its own, which Transformers would run where it is allowed to."""
    (folder / "evil.py").write_text(f"open({str(canary)!r}, 'w')\nclass Evil: pass\n")


def _changed(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def auto_map(folder: Path, canary: Path, draw: Random) -> None:
    """config.json names a class of evil.py."""
    _code(folder, canary)
    kinds = ("AutoConfig", "AutoModel", "AutoTokenizer", "AutoModelForMaskedLM")
    more = draw.choice([{}, {"model_type": "evil"}, {"architectures": ["Evil"]}])
    _changed(folder / "config.json", auto_map=dict.fromkeys(kinds, "evil.Evil"), **more)


def tokenizer_map(folder: Path, canary: Path, draw: Random) -> None:
    """tokenizer_config.json names one."""
    _code(folder, canary)
    places = draw.choice([["evil.Evil", None], ["evil.Evil", "evil.Evil"], "evil.Evil"])
    _changed(
        folder / "tokenizer_config.json",
        auto_map={"AutoTokenizer": places},
        tokenizer_class=draw.choice(["Evil", "PreTrainedTokenizerFast"]),
    )


def modules(folder: Path, canary: Path, draw: Random) -> None:
    """modules.json names one, as Sentence Transformers would import it."""
    _code(folder, canary)
    types = ["evil.Evil", "sentence_transformers.models.Transformer", "os.system", "evil"]
    entry = {"idx": 0, "name": "0", "path": "", "type": draw.choice(types)}
    more = {"idx": 1, "name": "1", "path": draw.choice(["", "..", "/etc"]), "type": "evil.Evil"}
    (folder / "modules.json").write_text(json.dumps([entry, more]))


def pickled(folder: Path, canary: Path, draw: Random) -> None:
    """Weights that are a pickle, plain or as PyTorch packs them."""
    (folder / "model.safetensors").unlink()
    path = folder / "pytorch_model.bin"
    if draw.random() < 0.5:
        path.write_bytes(pickle.dumps({"x": Planted(canary)}))
    else:
        import torch

        torch.save({"x": Planted(canary)}, path)


def disguised(folder: Path, canary: Path, draw: Random) -> None:
    """A pickle in the place of another file."""
    name = draw.choice(["model.safetensors", "tokenizer.json", "config.json", "vocab.txt"])
    (folder / name).write_bytes(pickle.dumps(Planted(canary)))


def replaced(folder: Path, _: Path, draw: Random) -> None:
    """A page, a pointer, nothing or deep JSON in the place of a file."""
    path = draw.choice(sorted(one for one in folder.iterdir() if one.is_file()))
    deep = "[" * 100_000
    path.write_text(draw.choice([_POINTER, _PAGE, "", deep, '{"a":' * 3000 + "1" + "}" * 3000]))


def cut(folder: Path, _: Path, draw: Random) -> None:
    """A file that breaks off."""
    path = draw.choice(sorted(one for one in folder.iterdir() if one.is_file()))
    content = path.read_bytes()
    path.write_bytes(content[: draw.randrange(len(content) or 1)])


def mutated(folder: Path, _: Path, draw: Random) -> None:
    """A thing changed in a file of JSON."""
    path = draw.choice(sorted(folder.glob("*.json")))
    path.write_bytes(mutated_text(path.read_text(), draw))


def header(folder: Path, _: Path, draw: Random) -> None:
    """Weights whose header says what is not so."""
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    if draw.random() < 0.5:
        content[:8] = draw.choice([2**63, 2**40, 0, 1, len(content)]).to_bytes(8, "little")
    else:
        content[draw.randrange(8, 400)] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


MADE: tuple[Callable[[Path, Path, Random], None], ...] = (
    auto_map,
    tokenizer_map,
    modules,
    pickled,
    disguised,
    replaced,
    cut,
    mutated,
    header,
)


class HostileModels:
    """Code never runs; what is no model is said to be none."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def case(self, draw: Random, tally: Tally) -> None:
        """Index with one hostile model."""
        from torture.child import Child

        home = self.place.home(lacking="indexes/exact")
        folder, canary = self.place.folder / "hostile", self.place.folder / "canary"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.place.folder / "teacher", folder)
        make = MADE[tally.number % len(MADE)]
        made = Child(lambda: make(folder, canary, draw), self.place.folder, 60).wait()
        assert made.code == 0, made.err
        words = ("index", "--model", "hostile", "--collection", "set", "--name", "exact")
        done = self.place.run(words, home)
        what = f"{make.__name__}: {make.__doc__}"
        if canary.exists():
            canary.unlink()
            tally.wrong("canary", what)
        elif done.hung:
            tally.wrong("hang", what)
        elif done.traceback or not (done.code == 0 or done.in_words):
            tally.wrong("traceback", f"{what}: {done.code} {done.last_words}")
        else:
            tally.right()
