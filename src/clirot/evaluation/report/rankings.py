"""The rankings of a report: the first documents of each system, the relevant ones, their texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clirot.evaluation.report.settings import ReportSettings
from clirot.evaluation.report.texts import SetTexts
from clirot.evaluation.report.topics import SetTopic
from clirot.evaluation.result import Evaluation

_ENTRY_BYTES = 20
"""About what a document in a ranking takes on the page: its number, score and judgement."""
_TEXT_BYTES = 20
"""What a text takes besides its characters: quotes, and its whole length where it is cut."""
_RANKING_SHARE = 0.5
"""Of the page, at most, for rankings; the rest is for texts."""
_MEGABYTE = 1_000_000


@dataclass
class DocumentTable:
    """The documents that a page mentions, each once."""

    ids: list[str] = field(default_factory=list)
    texts: list[str | None] = field(default_factory=list)
    """As they are in the collection, not cut."""
    places: list[int] = field(default_factory=list)
    """The best rank at which it is shown; that of a relevant one that is in no ranking is high."""
    _numbers: dict[tuple[str, str | None], int] = field(default_factory=dict)

    def number(self, docno: str, text: str | None, place: int) -> int:
        """The number of a document, which is added where it is new.

        Collections may use one id for different documents: they are told apart by their texts.
        """
        found = self._numbers.setdefault((docno, text), len(self.ids))
        if found == len(self.ids):
            self.ids.append(docno)
            self.texts.append(text)
            self.places.append(place)
        self.places[found] = min(self.places[found], place)
        return found


@dataclass(frozen=True)
class Rankings:
    """What the view of a topic shows."""

    shown: int
    """Documents of each ranking, at most."""
    hits: list[list[list[Any] | None]]
    """(topics, systems): number of the document, score, judgement, of one document after another;
    None where the system was not run. The judgement of a document without one is None."""
    relevant: list[list[list[Any]]]
    """(topics,): for each relevant document its number, judgement, and its rank in each system,
    None where that did not find it."""
    more: dict[int, int]
    """Topic -> how many of its relevant documents are not listed."""
    documents: DocumentTable

    def document(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "shown": self.shown,
            "hits": self.hits,
            "relevant": self.relevant,
            "more": self.more,
        }


def rankings_of(
    evaluation: Evaluation,
    topics: Sequence[SetTopic],
    sets: Mapping[str, SetTexts],
    settings: ReportSettings,
) -> Rankings:
    """The first documents of every ranking, as many as were asked for or as the page can take."""
    systems = evaluation.systems
    room = settings.megabytes * _MEGABYTE * _RANKING_SHARE
    fitting = int(room / (_ENTRY_BYTES * len(systems) * max(1, len(topics))))
    shown = max(1, min(settings.documents, fitting))
    found = [_ranked(evaluation, one, shown) for one in topics]
    wanted: dict[str, set[str]] = {name: set() for name in evaluation.topics}
    for one, (rankings, relevant, _) in zip(topics, found, strict=True):
        for ranking in rankings:
            wanted[one.topic_set].update(docno for docno, _ in ranking or ())
        wanted[one.topic_set].update(relevant)
    for name, docnos in wanted.items():
        sets[name].expect(docnos)
    table = DocumentTable()
    hits, listed, more = [], [], {}
    for place, (one, (rankings, relevant, total)) in enumerate(zip(topics, found, strict=True)):
        judged = evaluation.inputs.qrels[one.topic_set][one.topic]
        texts = sets[one.topic_set]

        def number(docno: str, rank: int, texts: SetTexts = texts) -> int:
            return table.number(docno, texts.document_text(docno), rank)

        hits.append(
            [
                None if ranking is None else [
                    entry
                    for rank, (docno, score) in enumerate(ranking, 1)
                    for entry in (number(docno, rank), _short(score), judged.get(docno))
                ]
                for ranking in rankings
            ]
        )  # fmt: skip
        listed.append(
            [[number(docno, shown + 1), judged[docno], *ranks] for docno, ranks in relevant.items()]
        )
        if total > len(relevant):
            more[place] = total - len(relevant)
    return Rankings(shown, hits, listed, more, table)


def _ranked(
    evaluation: Evaluation, one: SetTopic, shown: int
) -> tuple[list[list[tuple[str, float]] | None], dict[str, list[int | None]], int]:
    """The first documents of each system; the first relevant documents with their rank in each
    system; and how many relevant ones there are.
    """
    judged = evaluation.inputs.qrels[one.topic_set][one.topic]
    level = evaluation.config.rel_level
    relevant = sorted(
        (docno for docno, grade in judged.items() if grade >= level),
        key=lambda docno: (-judged[docno], docno),
    )
    listed: dict[str, list[int | None]] = {docno: [] for docno in relevant[:shown]}
    rankings: list[list[tuple[str, float]] | None] = []
    for system in evaluation.systems:
        run = evaluation.inputs.runs.get((system, one.topic_set))
        if run is None:
            rankings.append(None)
            for ranks in listed.values():
                ranks.append(None)
            continue
        start, stop = run.rows(one.topic)
        docnos = run.docnos[start:stop]
        places = {docno: rank for rank, docno in enumerate(docnos, 1) if docno in listed}
        for docno, ranks in listed.items():
            ranks.append(places.get(docno))
        end = min(stop, start + shown)
        rankings.append(list(zip(docnos[:shown], run.scores[start:end].tolist(), strict=True)))
    return rankings, listed, len(relevant)


def _short(score: float) -> float | str:
    """A score to six digits; JSON has no infinity, so that is a word."""
    return float(f"{score:.6g}") if abs(score) != float("inf") else str(score)


@dataclass(frozen=True)
class DocumentTexts:
    """The texts of documents that a page has room for."""

    texts: list[str | None]
    """(documents,), cut."""
    lengths: dict[int, int]
    """Document -> characters of its whole text, for those that are cut."""
    left_out: list[int]
    """Documents whose texts there was no room for."""


def document_texts(table: DocumentTable, characters: int, room: int) -> DocumentTexts:
    """The texts of documents, those at the best ranks first, until the room is full.

    Args:
        table: the documents.
        characters: after how many a text is cut.
        room: bytes.
    """
    texts: list[str | None] = [None] * len(table.ids)
    lengths, left_out = {}, []
    for number in sorted(range(len(table.ids)), key=lambda one: (table.places[one], one)):
        text = table.texts[number]
        if text is None:
            continue
        cut = text[:characters]
        room -= len(cut.encode("utf-8", "replace")) + _TEXT_BYTES
        if room < 0:
            left_out.append(number)
            continue
        texts[number] = cut
        if len(text) > characters:
            lengths[number] = len(text)
    return DocumentTexts(texts, lengths, sorted(left_out))
