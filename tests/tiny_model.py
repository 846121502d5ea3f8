"""A late-interaction model small enough to make in a test: a random one-layer BERT."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clirot.distillation import DistillConfig
    from clirot.store import Store

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def save_tiny_model(directory: Path, *, seed: int = 0, hidden: int = 16) -> Path:
    """Write a transformers checkpoint whose words are letter by letter; returns ``directory``."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    directory.mkdir(parents=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{x}" for x in LETTERS)]
    (directory / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    tokenizer = BertTokenizerFast(
        vocab={word: place for place, word in enumerate(words)}, model_max_length=64
    )
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=hidden,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=2 * hidden,
        max_position_embeddings=64,
    )
    model = BertModel(config)
    with torch.no_grad():  # the initial embeddings are all but equal
        model.embeddings.word_embeddings.weight.normal_()
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def save_place(folder: Path, files: Mapping[str, str | bytes]) -> Store:
    """Make a place to run commands in: files, a ``teacher``, and in ``home`` its index
    ``moonlight`` of the collection ``set``, which is among the files. Returns the home.
    """
    from clirot.retrieval.index_config import IndexConfig
    from clirot.retrieval.indexing import build_index
    from clirot.store import Store

    save_tiny_model(folder / "teacher", seed=1)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    store = Store(folder / "home")
    config = IndexConfig(
        model=str(folder / "teacher"), collection=str(folder / "set"), name="moonlight"
    )
    build_index(config, store=store)
    return store


def tiny_config(teacher: Path, /, *files: Path, **changes: object) -> DistillConfig:
    """Settings with which a tiny student of such bitext learns in two epochs: English to Somali,
    where ``pair`` says no other.
    """
    from clirot.distillation import DistillConfig
    from clirot.records import LanguagePair
    from clirot.settings import assembled

    pair = changes.pop("pair", LanguagePair("en", "so"))
    settings: dict[str, object] = {
        "teacher": str(teacher),
        "files": files,
        "epochs": 2,
        "batch_size": 16,
        "learning_rate": 1e-3,
        "embedding_learning_rate": 1e-2,
        "new_embedding_learning_rate": 1e-2,
        "vocabulary": 200,
        "max_tokens": 48,
    }
    if "student" in changes:
        del settings["vocabulary"], settings["new_embedding_learning_rate"]  # a transplant's
    return assembled(DistillConfig, settings | changes, pair=pair)


def changed(config: DistillConfig, **changes: object) -> DistillConfig:
    """The same settings but for these, whichever part they are of."""
    from clirot.distillation import DistillConfig
    from clirot.settings import assembled, values

    return assembled(DistillConfig, values(config) | changes, pair=config.pair)


def save_bitext(path: Path, count: int = 120) -> Path:
    """A made-up language: every English word spelled backwards, word order reversed."""
    generator = random.Random(5)
    words = ["".join(generator.choices("abcdefghij", k=generator.randint(2, 5))) for _ in range(40)]
    rows = []
    for number in range(count):
        english = generator.choices(words, k=generator.randint(2, 6))
        foreign = [word[::-1] for word in reversed(english)]
        rows.append(f"{' '.join(english)} {number}\t{number} {' '.join(foreign)}\tr{number}\n")
    path.write_text("".join(rows), encoding="utf-8")
    return path


def save_collection(
    directory: Path, bitext: Path, *, docs: str, topics: tuple[str, ...], count: int
) -> Path:
    """A collection of the first pairs of English-Somali bitext, a topic and its one document each.

    ``docs`` and ``topics`` are languages, ``en`` or ``so``.
    """
    rows = [line.split("\t") for line in bitext.read_text(encoding="utf-8").splitlines()[:count]]
    side = {"en": [row[0] for row in rows], "so": [row[1] for row in rows]}
    files = {
        f"docs.{docs}.tsv": [f"d{number}\t{text}" for number, text in enumerate(side[docs])],
        "qrels.txt": [f"q{number} 0 d{number} 1" for number in range(len(rows))],
    }
    for lang in topics:
        files[f"queries.{lang}.tsv"] = [f"q{n}\t{text}" for n, text in enumerate(side[lang])]
    directory.mkdir()
    for name, lines in files.items():
        (directory / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return directory


def encoded_without_clirot(checkpoint: Path, text: str, folder: Path) -> NDArray[np.float32]:
    """The vectors of a query by a process that loads a checkpoint as anybody would: ``(tokens,
    dim)``. ``folder`` is for what it writes.
    """
    import numpy as np

    found = folder / "vectors.npy"
    program = (
        "import sys, numpy as np; from sentence_transformers import MultiVectorEncoder; "
        f"m = MultiVectorEncoder({str(checkpoint)!r}, device='cpu'); "
        f"np.save({str(found)!r}, m.encode_query([{text!r}])[0].numpy()); "
        "assert not any(name.startswith('clirot') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    vectors: NDArray[np.float32] = np.load(found)
    return vectors
