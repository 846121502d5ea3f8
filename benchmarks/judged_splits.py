"""Split XQuAD and TICO-19 by article, to train on the judgements of one half and test on the other.

    python benchmarks/judged_splits.py XQUAD OUT/xquad --join 5
    python benchmarks/judged_splits.py TICO19_PASSAGE OUT/tico --join-by - --every 3

The first argument is a directory of short documents that are paragraphs of longer ones: an article
of XQuAD is 5 that follow each other, one of TICO-19 has ids that are the same up to a hyphen.
Articles go to the two halves in turn, in their order. Two collections are written:

``OUT/train``
    the paragraphs of the first half, and the topics whose relevant paragraphs are all there, in
    every language.
``OUT/test``
    all paragraphs, and the topics of the second half in every language.

No topic of the test and no article it asks for is in what is trained on. Nothing is drawn.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("out", type=Path)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--join", type=int, help="paragraphs of an article, in their order")
    how.add_argument("--join-by", help="what ends the name of an article in a paragraph's id")
    parser.add_argument("--every", type=int, default=1, help="take every so many-th topic")
    arguments = parser.parse_args()
    source: Path = arguments.directory
    documents = rows(source / "docs.en.tsv")
    articles: dict[str, None] = {}
    article_of = {}
    for place, (docno, _) in enumerate(documents):
        article = (
            str(place // arguments.join)
            if arguments.join
            else docno.rsplit(arguments.join_by, 1)[0]
        )
        articles.setdefault(article)
        article_of[docno] = article
    trained = set(list(articles)[::2])
    relevant: dict[str, list[str]] = {}
    for line in (source / "qrels.txt").open():
        topic, _, docno, _ = line.split()
        relevant.setdefault(topic, []).append(docno)
    topics = {
        path.name.split(".")[1]: dict(rows(path)) for path in sorted(source.glob("queries.*.tsv"))
    }
    kept = [topic for topic, _ in rows(source / "queries.en.tsv")][:: arguments.every]
    kept = [topic for topic in kept if all(topic in texts for texts in topics.values())]
    to_train = [
        topic for topic in kept if all(article_of[docno] in trained for docno in relevant[topic])
    ]
    to_test = [
        topic
        for topic in kept
        if not any(article_of[docno] in trained for docno in relevant[topic])
    ]
    halves = {
        "train": ([row for row in documents if article_of[row[0]] in trained], to_train),
        "test": (documents, to_test),
    }
    for half, (documents_of, topics_of) in halves.items():
        folder = arguments.out / half
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / "docs.en.tsv", documents_of)
        (folder / "qrels.txt").write_text(
            "".join(f"{topic} 0 {docno} 1\n" for topic in topics_of for docno in relevant[topic])
        )
        for lang, texts in topics.items():
            write(folder / f"queries.{lang}.tsv", [(topic, texts[topic]) for topic in topics_of])
        print(f"{folder}: {len(documents_of)} paragraphs, {len(topics_of)} topics")


def rows(path: Path) -> list[tuple[str, str]]:
    """The rows of a TSV file: id and text."""
    return [(one, text) for one, text in (line.rstrip("\n").split("\t", 1) for line in path.open())]


def write(path: Path, found: list[tuple[str, str]]) -> None:
    path.write_text("".join(f"{one}\t{text}\n" for one, text in found))


if __name__ == "__main__":
    main()
