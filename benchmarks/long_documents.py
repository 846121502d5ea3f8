"""Long documents: what an encoder that reads their beginning loses, and what passages bring.

    python benchmarks/long_documents.py MODEL DIRECTORY --join 5 --lang en --lang de
    python benchmarks/long_documents.py MODEL DIRECTORY --join-by - --lang en --lang so

DIRECTORY is a collection of short documents that are paragraphs of longer ones, such as XQuAD (an
article is 5 that follow each other) or TICO-19 (an article's have ids that are the same up to a
hyphen). The paragraphs are joined to the articles they are of, a topic's document is the article,
and each row of the table is an index of the articles: as they are, and by passages. It needs no
network, and nothing in it is drawn.
"""

from __future__ import annotations

import argparse
import hashlib
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from ir_measures import AP, ScoredDoc, calc_aggregate

from clirot.collection import open_collection
from clirot.errors import ClirotWarning
from clirot.retrieval.index_config import IndexConfig
from clirot.retrieval.indexing import build_index
from clirot.retrieval.passages.settings import PassageSettings
from clirot.retrieval.searching import SearchConfig, search
from clirot.store import Store

SETTINGS: dict[str, dict[str, Any]] = {
    "as they are": {},
    "512 tokens": {"passage_tokens": 512},
    "180 tokens": {"passage_tokens": 180},
    "180 tokens, overlap 60": {"passage_tokens": 180, "passage_overlap": 60},
    "180 tokens, overlap 90": {"passage_tokens": 180, "passage_overlap": 90},
    "90 tokens, overlap 30": {"passage_tokens": 90, "passage_overlap": 30},
    "5 sentences": {"passage_sentences": 5},
    "5 sentences, overlap 2": {"passage_sentences": 5, "passage_overlap": 2},
    "3 sentences, overlap 1": {"passage_sentences": 3, "passage_overlap": 1},
    "180 tokens, overlap 60, 3 at most": {
        "passage_tokens": 180,
        "passage_overlap": 60,
        "max_passages": 3,
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("directory", type=Path)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--join", type=int, help="paragraphs of an article, in their order")
    how.add_argument("--join-by", help="what ends the name of an article in a paragraph's id")
    parser.add_argument("--lang", action="append", required=True, help="of topics")
    parser.add_argument("--every", type=int, default=1, help="take every so many-th topic")
    parser.add_argument("--only", action="append", choices=SETTINGS, help="rows; all by default")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    warnings.simplefilter("ignore", ClirotWarning)
    with TemporaryDirectory() as folder:
        store, articles = Store(Path(folder) / "home"), Path(folder) / "articles"
        print(joined(arguments, articles))
        print("documents\tpassages\ttokens\tseconds\t" + "\t".join(arguments.lang))
        for name in arguments.only or SETTINGS:
            settings = SETTINGS[name]
            began = time.process_time()
            index = build_index(
                IndexConfig(
                    model=arguments.model,
                    collection=str(articles),
                    name="index",
                    replace=True,
                    passages=PassageSettings(**settings),
                ),
                store=store,
            )
            took = time.process_time() - began
            passages = index.passages.passages if index.passages else index.documents
            maps = [f"{found:.3f}" for found in measured(arguments, articles, store)]
            print(name, passages, f"{index.tokens:,}", f"{took:.0f}", *maps, sep="\t", flush=True)


def joined(arguments: argparse.Namespace, articles: Path) -> str:
    """Write the collection of articles; gives a line about it."""
    directory: Path = arguments.directory
    paragraphs = list(open_collection(str(directory)).documents())
    names = {
        one.id: one.id.rpartition(arguments.join_by)[0]
        if arguments.join_by
        else f"a{place // arguments.join}"
        for place, one in enumerate(paragraphs)
    }
    texts: dict[str, list[str]] = {}
    for one in paragraphs:
        texts.setdefault(names[one.id], []).append(" ".join(one.text.split()))
    articles.mkdir()
    rows = [f"{name}\t{' '.join(parts)}\n" for name, parts in texts.items()]
    (articles / "docs.en.tsv").write_text("".join(rows), encoding="utf-8")
    judged = [line.split() for line in (directory / "qrels.txt").read_text().splitlines()]
    pairs = dict.fromkeys((topic, names[docno]) for topic, _, docno, grade in judged if grade > "0")
    qrels = "".join(f"{topic} 0 {name} 1\n" for topic, name in pairs)
    (articles / "qrels.txt").write_text(qrels, encoding="utf-8")
    for path in directory.glob("queries.*"):
        (articles / path.name).write_bytes(path.read_bytes())
    lengths = sorted(len(row.split()) for row in rows)
    digest = hashlib.sha256("".join(rows).encode()).hexdigest()[:12]
    return (
        f"{directory.name}: {len(paragraphs)} paragraphs, {len(rows)} articles of {lengths[0]} to "
        f"{lengths[-1]} words (median {lengths[len(lengths) // 2]}), sha256 {digest}"
    )


def measured(arguments: argparse.Namespace, articles: Path, store: Store) -> Iterator[float]:
    """MAP with the topics of each language."""
    qrels = open_collection(str(articles)).qrels()
    for lang in arguments.lang:
        config = SearchConfig(
            index="index", collection=str(articles), lang=lang, every=arguments.every, k=1000
        )
        rankings = list(search(config, store=store).rankings())
        asked = {one.topic.id: qrels[one.topic.id] for one in rankings if one.topic.id in qrels}
        run = [
            ScoredDoc(one.topic.id, hit.docno, hit.score) for one in rankings for hit in one.hits
        ]
        yield calc_aggregate([AP], asked, run)[AP]


if __name__ == "__main__":
    main()
