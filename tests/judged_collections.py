"""A small collection with graded judgements, made up, from which a tiny encoder can learn."""

from __future__ import annotations

import random
from pathlib import Path

from clirot.supervision import TrainConfig

_TOPICS, _DOCUMENTS = 60, 120


def save_judged(directory: Path) -> Path:
    """Sixty topics over 120 documents of made-up words, with grades from 0 to 2.

    A topic has three words of its own document (grade 2), of which a second document has one (grade
    1); a third one was judged not relevant. Documents also have words of other letters that mean
    nothing, and so have the topics in Somali, more than others: an encoder has to learn to pass
    over them.
    """
    chance = random.Random(3)

    def word(letters: str) -> str:
        return "".join(chance.choices(letters, k=chance.randint(3, 5)))

    words = [word("abcdefghij") for _ in range(150)]
    texts = [chance.sample(words, 6) for _ in range(_DOCUMENTS)]
    topics, qrels = [], []
    for number in range(_TOPICS):
        own, second, third = number, (number + 7) % _DOCUMENTS, (number + 60) % _DOCUMENTS
        topics.append(texts[own][:3])
        texts[second].append(texts[own][0])
        qrels += [f"q{number} 0 d{own} 2", f"q{number} 0 d{second} 1", f"q{number} 0 d{third} 0"]
    directory.mkdir(parents=True)

    def listed(prefix: str, texts: list[list[str]], empty: int) -> list[str]:
        """Rows of ids and texts, with so many words that mean nothing."""
        rows = [[*own, *(word("klmnopqrst") for _ in range(empty))] for own in texts]
        return [f"{prefix}{number}\t{' '.join(row)}" for number, row in enumerate(rows)]

    write_lines(directory / "docs.en.tsv", listed("d", texts, 4))
    write_lines(directory / "queries.en.tsv", listed("q", topics, 0))
    write_lines(directory / "queries.so.tsv", listed("q", topics, 5))
    write_lines(directory / "qrels.txt", qrels)
    return directory


def write_lines(path: Path, lines: list[str]) -> None:
    """Write a file of these lines."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def judged_config(model: Path | str, collection: Path, /, **changes: object) -> TrainConfig:
    """Settings with which a tiny encoder learns from it in two epochs."""
    from clirot.settings import assembled

    settings: dict[str, object] = {
        "model": str(model),
        "collection": str(collection),
        "lang": "so",
        "name": "trained",
        "epochs": 2,
        "batch_size": 8,
        "group_negatives": 3,
        "learning_rate": 1e-3,
        "embedding_learning_rate": 3e-2,
        "development": 12,
        "max_tokens": 64,
    }
    return assembled(TrainConfig, settings | changes)
