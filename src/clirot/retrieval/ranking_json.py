"""The results of a search as one JSON document, which is written while it is searched.

::

    {"index": NAME, "model": NAME, "tag": TAG, "language": CODE or null, "topics": [
    {"id": ID, "hits": [{"docno": ID, "rank": 1, "score": 11.25, "passage": {"start": 0, "end": 9}},
    ...]},
    ...
    ]}

A topic is a line. ``passage`` is there where the documents were split: the characters (code points)
of the passage that has the score, in the document's text as clirot reads it, a title included.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from clirot.records import Hit, ProgressSink, silent
from clirot.retrieval.searching import Ranking, Search
from clirot.runs import shortest_score


def json_lines(ready: Search, progress: ProgressSink = silent) -> Iterator[str]:
    """The lines of the document, without their ends.

    Raises:
        InputError: as :meth:`Search.rankings`.
    """
    about = {
        "index": ready.artefact.name,
        "model": ready.model,
        "tag": ready.tag,
        "language": ready.language,
    }
    rankings = ready.rankings(progress)
    line = _written(about)[:-1] + ', "topics": ['
    for place, ranking in enumerate(rankings):
        # What is wrong is told before the first line.
        yield line if place == 0 else f"{line},"
        line = _written(_row(ranking))
    yield line
    yield "]}"


def _row(ranking: Ranking) -> dict[str, Any]:
    hits = [_hit(rank, hit) for rank, hit in enumerate(ranking.hits, 1)]
    return {"id": ranking.topic.id, "hits": hits}


def _hit(rank: int, hit: Hit) -> dict[str, Any]:
    row = {"docno": hit.docno, "rank": rank, "score": float(shortest_score(hit.score))}
    if hit.passage is not None:
        row["passage"] = dict(zip(("start", "end"), hit.passage, strict=True))
    return row


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
