"""Every reader of files that people bring, fed with small valid files whose bytes were changed."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from experiment_places import PLAN

from torture.child import Child
from torture.place import Place
from torture.tally import Tally

BATCH = 2000
_INPUT_S = 10.0
"""Seconds for one input."""
_TOKENS = (
    b"\0",
    b"\xff",
    b"\n",
    b"\r",
    b"\t",
    b'"',
    b"<",
    b"&",
    b"{",
    b"[",
    b"1e999",
    b"-",
    b"nan",
)
_TOKENS += (
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\xe2\x80\xa8",
    b" ",
    b"]]>",
    b"99999999999999999999",
)

_SGML = """<top>\n<num> Number: 1\n<title> one two\n<desc> Description:\nwhat &amp; why\n</top>\n"""
_XML = """<?xml version="1.0"?><topics><topic number="1" lang="en"><title>one</title>
<description>two</description></topic></topics>"""
_JSON_TOPIC = (
    '{"topic_id": "1", "topics": [{"lang": "eng", "source": "original", "topic_title": "one", '
    '"topic_description": "two"}]}\n'
)

SEEDS: dict[str, tuple[bytes, ...]] = {
    "run": (
        b"q1 Q0 d1 1 2.5 r\nq1 Q0 d2 2 1e-3 r\nq2 Q0 d1 1 0 r\n",
        b'{"q1": {"d1": 2.0, "d2": 1}}',
        b'{"query_id": "q1", "doc_id": "d1", "score": 1.5}\n',
        b"query-id\tcorpus-id\tscore\nq1\td1\t1\n",
    ),
    "qrels": (
        b"q1 0 d1 1\nq1 0 d2 0\n",
        b'{"q1": {"d1": 2}}',
        b"query-id\tcorpus-id\tscore\nq1\td1\t1\n",
        b'{"query_id": "q1", "doc_id": "d1", "relevance": 1}\n',
    ),
    "topics": (
        b"q1\tone two\nq2\tthree\n",
        _SGML.encode(),
        _XML.encode(),
        _JSON_TOPIC.encode(),
        b'{"_id": "1", "text": "one"}\n',
    ),
    "labels": (b"q1\tone\nq2\ttwo\n",),
    "answers": (b"q1\tone\nq1\tother\n", b"id\tanswer\nq1\tone\n"),
    "predictions": (b"q1\tone\nq2\ttwo\n", b"id\tanswer\nq1\tone\n"),
    "documents": (b"d1\tone two\nd2\tthree\n",),
    "beir": (b'{"_id": "d1", "title": "t", "text": "one"}\n{"_id": "d2", "text": "x"}\n',),
    "plan": (PLAN.encode(),),
    "measures": (
        b"ndcg_cut.10,20",
        b"nDCG(gains={1:0,3:1})@10",
        b"P.5,10",
        b"relative_P.5",
        b"knn-accuracy@5",
    ),
}
"""What is read but bitext -> small valid files."""
BITEXT = ("tsv", "csv", "jsonl", "tmx", "xliff", "po", "mo", "parquet", "compressed", "zip")
READERS = (*SEEDS, *BITEXT)


def changed(seed: bytes, draw: Random) -> bytes:
    """A file with some bytes changed: flipped, cut, doubled, or with something put in."""
    content = bytearray(seed)
    for _ in range(draw.choice([1, 1, 1, 2, 4, 16])):
        place = draw.randrange(len(content) + 1)
        end = min(len(content), place + draw.choice([1, 1, 2, 8, 64]))
        how = draw.randrange(6)
        if how == 0 and place < len(content):
            content[place] ^= 1 << draw.randrange(8)
        elif how == 1:
            content[place:place] = draw.choice(_TOKENS) * draw.choice([1, 1, 1, 3, 50])
        elif how == 2:
            del content[place:end]
        elif how == 3:
            content[place:place] = content[place:end] * draw.choice([1, 2, 30])
        elif how == 4:
            content[place:end] = draw.randbytes(end - place)
        else:
            content[place:end] = draw.choice(_TOKENS)
    return bytes(content)


def reader(name: str, folder: Path) -> tuple[list[bytes], Callable[[bytes], object]]:
    """The seeds of a reader, and a function that reads bytes with it."""
    if name in BITEXT:
        import fuzz_readers

        return list(fuzz_readers.seeds(name)), fuzz_readers.target(name, folder)
    file = folder / "x"

    def reading(read: Callable[[Path], object]) -> Callable[[bytes], object]:
        def of_bytes(data: bytes) -> object:
            file.write_bytes(data)
            return read(file)

        return of_bytes

    return list(SEEDS[name]), reading(_read(name, folder))


def _read(name: str, folder: Path) -> Callable[[Path], object]:
    from clirot.collection import open_collection
    from clirot.collection.answers import read_answers, read_predictions
    from clirot.collection.labels import read_labels
    from clirot.collection.topics import read_topics
    from clirot.evaluation.measures.spelling import read_measures
    from clirot.experiments.plan_file import PlanFile
    from clirot.experiments.reading import plan_of
    from clirot.runs import format_run, read_qrels, read_run

    def collection(path: Path, file: str) -> object:
        place = folder / "collection"
        (place / "qrels").mkdir(parents=True, exist_ok=True)
        if file == "corpus.jsonl":
            (place / "queries.jsonl").write_text('{"_id": "q1", "text": "one"}\n')
            (place / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n")
        path.replace(place / file)
        found = open_collection(str(place))
        return found.digest, [(one.id, one.text) for one in found.documents()]

    known: dict[str, Callable[[Path], object]] = {
        "run": lambda path: list(format_run(read_run(path))),
        "qrels": read_qrels,
        "topics": read_topics,
        "labels": read_labels,
        "answers": lambda path: read_answers(path, "en"),
        "predictions": read_predictions,
        "documents": lambda path: collection(path, "docs.en.tsv"),
        "beir": lambda path: collection(path, "corpus.jsonl"),
        "plan": lambda path: plan_of(PlanFile.read(path)),
        "measures": lambda path: read_measures(path.read_text(errors="replace")),
    }
    return known[name]


class TooLongError(BaseException):
    """An input took longer than it may."""


class Fuzzing:
    """A result or a ClirotError, in time."""

    def __init__(self, place: Place, *, short: bool = False) -> None:
        self.place = place
        self.batch = 60 if short else BATCH

    def case(self, draw: Random, tally: Tally) -> None:
        """A batch of inputs of one reader."""
        name = READERS[tally.number % len(READERS)]
        limit = 600.0
        done = Child(lambda: self.inputs(name, draw), self.place.folder, limit).wait()
        if done.hung or done.code != 0:
            tally.wrong(
                "hang" if done.hung else "traceback", f"{name}: {done.code} {done.last_words}"
            )
            return
        right, wrong = json.loads(done.out)
        tally.right(right)
        for fault, said in wrong:
            tally.wrong(fault, f"{name}: {said}")

    def inputs(self, name: str, draw: Random) -> None:
        """Read them, and print how many were right and what went wrong."""
        import traceback
        import warnings

        from clirot.errors import ClirotError

        warnings.simplefilter("ignore")

        def late(*_: Any) -> None:
            raise TooLongError

        signal.signal(signal.SIGALRM, late)
        right, wrong = 0, []
        shared = Path("/dev/shm")
        with TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
            seeds, read = reader(name, Path(folder))
            for data in self.files(seeds, draw):
                signal.setitimer(signal.ITIMER_REAL, _INPUT_S)
                try:
                    read(data)
                except ClirotError as error:
                    str(error).encode()  # it can be written
                except TooLongError:
                    wrong.append(("hang", repr(data)[:300]))
                    continue
                except Exception:
                    wrong.append(
                        ("traceback", f"{repr(data)[:200]} {traceback.format_exc()[-300:]}")
                    )
                    continue
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                right += 1
        json.dump([right, wrong], sys.stdout)

    def files(self, seeds: list[bytes], draw: Random) -> Iterator[bytes]:
        """Changed files; now and then one of a changed one."""
        last = seeds[0]
        for _ in range(self.batch):
            last = changed(last if draw.random() < 0.2 else draw.choice(seeds), draw)
            yield last[:20_000]
