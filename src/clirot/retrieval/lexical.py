"""Lexical models: documents as words on disk, and topics matched with them word by word.

``bm25`` takes the words of a topic as they are; in another language than the documents it finds
what both share, names and numbers. ``psq`` and ``psq-hmm`` translate them by a table of the store.
All three search the same index, as students search that of their teacher.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clirot.analysis import AnalysisSettings, Analyzer, words
from clirot.bitext.word_table import WordTable
from clirot.errors import ArtefactError, UnknownNameError, UsageError
from clirot.languages import parse_language
from clirot.records import Hit, ProgressSink, Step, Topic, silent
from clirot.retrieval.backends.postings import Postings, PostingsWriter
from clirot.retrieval.backends.psq import (
    Translations,
    as_terms,
    chosen,
    psq_bm25,
    psq_hmm,
)
from clirot.retrieval.candidates import Candidates
from clirot.retrieval.settings import Bm25Settings, PsqSettings
from clirot.store import Store

if TYPE_CHECKING:
    from clirot.collection import Collection

_STEP = 1000  # documents between two reports of progress


def write_postings(
    collection: Collection,
    directory: Path,
    analysis: AnalysisSettings,
    bm25: Bm25Settings,
    progress: ProgressSink = silent,
) -> dict[str, Any]:
    """Index a collection's words.

    Args:
        collection: whose documents.
        directory: where to.
        analysis: how words become terms.
        bm25: the constants of BM25.
        progress: told of the documents.

    Returns:
        The counts of the index.

    Raises:
        InputError: there are no documents, or none of them has a word.
    """
    analyzer = Analyzer(collection.document_language, analysis)
    writer = PostingsWriter(directory, analyzer.described, bm25)
    total, started = collection.document_count, time.monotonic()
    documents = empty = terms = 0
    progress(Step("index", 0, total, unit="docs"))
    for documents, document in enumerate(collection.documents(), start=1):
        found = writer.append(document.id, analyzer.terms(document.text))
        terms += found
        empty += not document.text.strip()
        if documents % _STEP == 0:
            progress(Step("index", documents, total, unit="docs"))
    writer.finish()
    progress(Step("index", documents, documents, unit="docs"))
    seconds = max(time.monotonic() - started, 1e-9)
    return {
        "documents": documents,
        "empty_documents": empty,
        "tokens": terms,
        "bytes": sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()),
        "documents_per_second": round(documents / seconds, 1),
    }


@dataclass
class LexicalMatcher:
    """A lexical model with an index: gives each topic its documents."""

    model: str
    """``bm25``, ``psq`` or ``psq-hmm``."""
    postings: Postings
    settings: PsqSettings
    table: WordTable | None = None
    """The translations of the topics' words; None for ``bm25``."""
    candidates: Candidates | None = None
    """The documents that are scored for each topic; None: all."""
    _analyzer: Analyzer = field(init=False, repr=False)
    _read: dict[str, Translations] = field(init=False, repr=False, default_factory=dict)
    """Topic word -> what it is matched with."""
    _stems: dict[str, float] = field(init=False, repr=False, default_factory=dict)
    """Term -> how often the bitext has its words."""
    _counts: dict[str, int] = field(init=False, repr=False, default_factory=dict)
    """Word of the documents' language -> how often the bitext has it."""

    def __post_init__(self) -> None:
        made = self.postings.analysis
        stopwords = "auto" if made["stopwords"] else "none"
        settings = AnalysisSettings(stemmer=made["stemmer"], stopwords=stopwords)
        self._analyzer = Analyzer(made["language"], settings)
        if self.model == "psq-hmm" and self.table is not None:
            counts = self.table.src_counts.tolist()
            self._counts.update(zip(self.table.src_words, counts, strict=True))
            for word, count in self._counts.items():
                term = self._analyzer.term(word)
                self._stems[term] = self._stems.get(term, 0.0) + count

    def search(
        self, topics: Sequence[Topic], k: int, progress: ProgressSink = silent
    ) -> Iterator[list[Hit]]:
        """The k best documents of each topic that match it at all, best first; of candidates, also
        those that do not match it.
        """
        if self.candidates is None:
            for topic in topics:
                yield self.postings.best(self._scores(topic.text), k)
            return
        among = self.candidates.among(topics, self.postings)
        for topic, docnos in zip(topics, among, strict=True):
            yield self.postings.best_of(docnos, self._scores(topic.text), k) if docnos else []

    def _scores(self, text: str) -> Any:
        if self.table is None:
            return self.postings.bm25(self._analyzer.terms(text))
        read = self._translations if self.model == "psq" else self._sources
        asked = []
        for word in words(text, self.table.pair.tgt):
            if word not in self._read:
                self._read[word] = read(word)
            asked.append(self._read[word])
        if self.model == "psq":
            return psq_bm25(self.postings, asked)
        return psq_hmm(self.postings, asked, self.settings.smoothing)

    def _translations(self, word: str) -> Translations:
        """Terms with ``p(e|f)``; a word that the table lacks stands for itself."""
        assert self.table is not None
        forward = self.settings.directions == "forward"
        known = self.table.translations(word) if forward else self.table.agreed(word)
        found = chosen(known, self.settings)
        return as_terms(found or [(word, 1.0)], self._analyzer.term)

    def _sources(self, word: str) -> Translations:
        """Terms with ``p(f|e)``, of the words of a term the mean by how often they occur."""
        assert self.table is not None
        found = self.table.sources_of(word)
        if not found:
            return as_terms([(word, 1.0)], self._analyzer.term)
        weighted = [(one, p * self._counts[one]) for one, p in found]
        terms = as_terms(weighted, self._analyzer.term)
        return {term: mass / self._stems[term] for term, mass in terms.items()}

    def notes(self, topics: Sequence[Topic]) -> tuple[str, ...]:
        """A remark on words that are not translated."""
        remarks = []
        if self.table is not None:
            asked = [word for one in topics for word in words(one.text, self.table.pair.tgt)]
            unknown = sum(word not in self.table for word in asked)
            if unknown:
                remarks.append(
                    f"{unknown / len(asked):.1%} of the topics' words are not in the table "
                    f"{self.table.artefact.name} and are searched for as they are"
                )
        return tuple(remarks)


def table_for(
    name: str | None, documents: str | None, topics: str | None, store: Store
) -> WordTable:
    """The translation table that a search needs.

    A table was learnt in both directions, so one that was made for the other way serves too.

    Args:
        name: of the table; None: the one that has the name of the languages.
        documents: language of the documents; None: not known, English is assumed.
        topics: language of the topics; None: not known.
        store: where it is.

    Raises:
        UnknownNameError: there is no such table; the hint says how to make one.
        UsageError: the topics are in the language of the documents.
        ArtefactError: it is damaged, or is of other languages.
    """
    src = parse_language(documents or "en")
    tgt = parse_language(topics) if topics is not None else None
    if src == tgt:
        raise UsageError(
            f"the topics are in {tgt} as the documents are, and no table is needed",
            hint="search with `model=bm25`",
        )
    if name is None:
        if tgt is None:
            raise UnknownNameError(
                "which table translates the topics is not known, since the collection or the file "
                "does not say their language",
                hint="name one: `table=NAME`",
            )
        named = [one for one in (f"{src}-{tgt}", f"{tgt}-{src}") if store.has("tables", one)]
        if not named:
            raise UnknownNameError(
                f"there is no translation table {src}-{tgt} for topics in {tgt}",
                hint=f"make one: `make_table(src={src}, tgt={tgt})`; or name another: `table=NAME`",
            )
        name = named[0]
    table = WordTable.open(store.get("tables", name))
    if table.pair.src == tgt or (tgt is None and table.pair.tgt == src):
        table = table.turned()
    for wanted, has, what in (
        (documents and src, table.pair.src, "the documents are"),
        (tgt, table.pair.tgt, "the topics are"),
    ):
        if wanted is not None and wanted != has:
            raise ArtefactError(
                f"the table {name} is of {table.artefact.manifest.config['src']} and "
                f"{table.artefact.manifest.config['tgt']}, but {what} in {wanted}",
                hint="name the table of these languages: `table=NAME`",
            )
    return table
