"""Which token matched which: MaxSim's maxima for the topics of a report that stand out.

A saved run names the index and the model that it was made with. The topic and the documents are
encoded once more by them: what is shown are the maxima of these vectors. An index in float16 holds
vectors that are rounded, so a score may differ from their sum in the fourth digit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clirot.errors import ArtefactError, ClirotError
from clirot.evaluation.report.rankings import Rankings
from clirot.evaluation.report.settings import ReportSettings
from clirot.evaluation.report.texts import SetTexts
from clirot.evaluation.report.topics import SetTopic, striking
from clirot.evaluation.result import Evaluation
from clirot.records import ProgressSink
from clirot.store import Artefact, Store

if TYPE_CHECKING:
    from clirot.encoding.encoders import MultiVectorTokenEncoder
    from clirot.encoding.token_texts import TokenTexts
    from clirot.models import ModelRef, Side

_DIGITS = 4  # of a similarity, after the point


@dataclass(frozen=True)
class Matches:
    """The matches of some topics, and why others have none."""

    topics: list[int]
    """The topics that were looked at."""
    found: dict[int, dict[int, dict[str, Any]]]
    """Topic -> system -> its tokens, and for each document the token that each of them matched."""
    reasons: dict[int, dict[int, str]]
    """System -> topic set -> why there are none."""

    def document(self) -> dict[str, Any]:
        """As plain values."""
        return {"topics": self.topics, "found": self.found, "reasons": self.reasons}


def matches_of(
    evaluation: Evaluation,
    topics: Sequence[SetTopic],
    sets: Mapping[str, SetTexts],
    rankings: Rankings,
    settings: ReportSettings,
    progress: ProgressSink,
) -> Matches:
    """The matches between the topics that stand out and the documents that are shown for them."""
    if settings.matches == 0:
        return Matches([], {}, {})
    chosen = striking(evaluation, topics, settings.matches)
    numbers = {name: number for number, name in enumerate(evaluation.topics)}
    reading = _Reading(settings.characters, progress)
    found: dict[int, dict[int, dict[str, Any]]] = {}
    reasons: dict[int, dict[int, str]] = {}
    for number, system in enumerate(evaluation.systems):
        work, why = _Work(), reasons.setdefault(number, {})
        for place in chosen:
            one = topics[place]
            artefact = sets[one.topic_set].artefact(system, one.topic)
            text = sets[one.topic_set].read_text(system, one.topic)
            ranked = (rankings.hits[place][number] or [])[::3]
            documents = [each for each in ranked if rankings.documents.texts[each] is not None]
            if artefact is None:
                reason = _unknown(evaluation, system, one.topic_set)
            elif text is None:
                reason = "the text of its topics is not known"
            elif ranked and not documents:
                reason = "the texts of its documents are not known"
            else:
                if text.strip() and documents:
                    work.add(artefact, place, text, documents)
                continue
            why.setdefault(numbers[one.topic_set], reason)
        for artefact, rows in work.rows.values():
            try:
                for place, one_topic in reading.match(artefact, rows, rankings):
                    found.setdefault(place, {})[number] = one_topic
            except ClirotError as error:
                why |= {numbers[topics[row.place].topic_set]: error.message for row in rows}
    return Matches(chosen, found, reasons)


def _unknown(evaluation: Evaluation, system: str, topic_set: str) -> str:
    if (system, topic_set) in evaluation.fused:
        return "it was made by fusion, which looks at ranks and scores only"
    if (system, topic_set) not in evaluation.inputs.runs:
        return "it was not run on these topics"
    return "it is a file, which does not say by which model it was made"


@dataclass(frozen=True)
class _Row:
    """A topic to look at: its place, what the system read, and the documents to look at."""

    place: int
    text: str
    documents: list[int]


@dataclass(frozen=True)
class _Work:
    """The topics to look at, by saved run."""

    rows: dict[str, tuple[Artefact, list[_Row]]] = field(default_factory=dict)

    def add(self, artefact: Artefact, place: int, text: str, documents: list[int]) -> None:
        self.rows.setdefault(artefact.digest, (artefact, []))[1].append(
            _Row(place, text, documents)
        )


class _Reading:
    """Encodes topics and documents; a document that several systems found is encoded once."""

    def __init__(self, characters: int, progress: ProgressSink) -> None:
        self._characters = characters
        self._progress = progress
        self._documents: dict[tuple[str, str], TokenTexts] = {}
        self._loaded: dict[Side, tuple[str, MultiVectorTokenEncoder]] = {}

    def match(
        self, artefact: Artefact, rows: Sequence[_Row], rankings: Rankings
    ) -> list[tuple[int, dict[str, Any]]]:
        """The tokens of each topic and what they matched in each document.

        Raises:
            ClirotError: the run has no encoder, or it is not there any more as it was.
        """
        from clirot.encoding.token_texts import read_tokens

        model = encoder_of(artefact)
        texts = rankings.documents.texts
        queries = read_tokens(
            self._encoder(model, "query"),
            [row.text for row in rows],
            progress=self._progress,
            label=f"encode topics of {artefact.name}",
        )
        self._encode(model, artefact.name, rows, texts)
        digest = model.side("document").digest
        found = []
        for row, query in zip(rows, queries, strict=True):
            documents = {
                number: matched(query, self._documents[digest, text], self._characters, text)
                for number in row.documents
                if (text := texts[number]) is not None
            }
            found.append((row.place, {"tokens": labelled(query, row.text), "documents": documents}))
        return found

    def _encoder(self, model: ModelRef, side: Side) -> MultiVectorTokenEncoder:
        """An encoder; of each side, the last one is kept for the next run."""
        from clirot.encoding.encoders import load_encoder

        digest = model.side(side).digest
        if side not in self._loaded or self._loaded[side][0] != digest:
            self._loaded[side] = digest, load_encoder(model, side=side)
        return self._loaded[side][1]

    def _encode(
        self, model: ModelRef, name: str, rows: Sequence[_Row], texts: Sequence[str | None]
    ) -> None:
        from clirot.encoding.token_texts import read_tokens

        digest = model.side("document").digest
        wanted = dict.fromkeys(
            text
            for row in rows
            for number in row.documents
            if (text := texts[number]) is not None and (digest, text) not in self._documents
        )
        if not wanted:
            return
        read = read_tokens(
            self._encoder(model, "document"),
            list(wanted),
            progress=self._progress,
            label=f"encode documents of {name}",
        )
        for text, tokens in zip(wanted, read, strict=True):
            self._documents[digest, text] = tokens


def encoder_of(artefact: Artefact) -> ModelRef:
    """The model that encoded the topics of a saved run, and whose document side made its index.

    Raises:
        ArtefactError: a lexical model made the run; or the index or the model is not there any
            more, or is another one now.
        ClirotError: the model cannot be found.
    """
    from clirot.models import resolve

    store = Store(artefact.path.parents[1])
    made_from = {one.kind: one for one in artefact.manifest.inputs}
    if "models" not in made_from:
        raise ArtefactError("it compares words, not token vectors")
    wanted = made_from["indexes"]
    if not store.has("indexes", wanted.name):
        raise ArtefactError(f"its index {wanted.name} is not in the store any more")
    index = store.get("indexes", wanted.name)
    model = resolve(made_from["models"].name, store, fetch=False)
    documents = next(one for one in index.manifest.inputs if one.kind == "models")
    if index.digest != wanted.digest:
        raise ArtefactError(f"its index {wanted.name} was made anew since")
    if "passages" in index.manifest.results:
        raise ArtefactError(
            "it compares passages of documents, and a run does not say which of them were the best"
        )
    if (model.side("query").digest, model.side("document").digest) != (
        made_from["models"].digest,
        documents.digest,
    ):
        raise ArtefactError(f"its model {model.name} is another one now")
    return model


def labelled(tokens: TokenTexts, text: str) -> list[str]:
    """Each token as a person reads it: its characters, or its name where it has none."""
    return [
        text[start:end] if end > start else name
        for (start, end), name in zip(tokens.spans, tokens.names, strict=True)
    ]


def matched(query: TokenTexts, document: TokenTexts, characters: int, text: str) -> list[Any]:
    """What each query token matched: place, length and similarity, one token after another.

    A token that has no place in the text that is shown, because it was added by the encoder or lies
    beyond the cut, has its characters or its name in place of the place, and the length 0.
    """
    from clirot.encoding.maxsim import best_matches

    places, similarities = best_matches(query.vectors, document.vectors)
    labels = labelled(document, text)
    found: list[Any] = []
    for place, similarity in zip(places.tolist(), similarities.tolist(), strict=True):
        start, end = document.spans[place]
        shown = start < end <= characters
        found += [start, end - start] if shown else [labels[place], 0]
        found.append(round(similarity, _DIGITS))
    return found
