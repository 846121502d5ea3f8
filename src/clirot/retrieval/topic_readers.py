"""What reads the topics of a search: an encoder for token vectors, a lexical model for words."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from clirot.cut_texts import CutTexts
from clirot.errors import ArtefactError, UnusedSettingWarning
from clirot.known_models import KNOWN, LEXICAL
from clirot.records import Hit, ProgressSink, Topic, silent
from clirot.retrieval.candidates import Candidates
from clirot.retrieval.settings import PsqSettings
from clirot.settings import leaves, values
from clirot.store import Artefact, Input, Store

if TYPE_CHECKING:
    from clirot.bitext.word_table import WordTable
    from clirot.encoding.encoders import MultiVectorTokenEncoder
    from clirot.models import ModelRef
    from clirot.retrieval.backends import Index

_WORDS_AS_THEY_ARE = "bm25"
_USES = {
    "psq": frozenset({"table", "cumulative_mass", "least_probability", "directions"}),
    "psq-hmm": frozenset({"table", "smoothing"}),
}
"""Lexical model -> the settings of translated words that it uses."""


class Matcher(Protocol):
    """A model with an opened index."""

    @property
    def cut(self) -> CutTexts:
        """The topics of the last search that are longer than the model reads."""
        ...

    def prepare(self) -> None:
        """Load what a search needs, so that what is wrong with it is told before anything else.

        Raises:
            InputError: the model cannot be loaded.
        """
        ...

    def search(
        self, topics: Sequence[Topic], k: int, progress: ProgressSink = silent
    ) -> Iterator[list[Hit]]:
        """The k best documents of each topic, best first; equal scores by docno, descending."""
        ...


@dataclass(frozen=True)
class TokenMatcher:
    """MaxSim between the topics' token vectors and those of the index."""

    model: ModelRef
    index: Index
    candidates: Candidates | None = None
    """The documents that are scored for each topic; None: all."""
    cut: CutTexts = field(default_factory=CutTexts, init=False)

    @cached_property
    def _encoder(self) -> MultiVectorTokenEncoder:
        from clirot.encoding.encoders import load_encoder

        return load_encoder(self.model, side="query")

    def prepare(self) -> None:
        """See :meth:`Matcher.prepare`."""
        _ = self._encoder

    def search(
        self, topics: Sequence[Topic], k: int, progress: ProgressSink = silent
    ) -> Iterator[list[Hit]]:
        """See :meth:`Matcher.search`."""
        among = None if self.candidates is None else self.candidates.among(topics, self.index)
        self.cut.become(CutTexts())
        queries = self._encoder.encode(
            [topic.text for topic in topics],
            progress=progress,
            label="encode topics",
            cut=lambda row, tokens, limit: self.cut.add(topics[row].id, tokens, limit),
        )
        if among is None:
            yield from self.index.search(queries, k)
        else:
            yield from self.index.rerank(queries, among, k)


@dataclass(frozen=True)
class Reader:
    """What reads the topics, and what is recorded and remarked of it."""

    name: str
    matcher: Matcher
    inputs: tuple[Input, ...]
    remarks: Callable[[Sequence[Topic]], tuple[str, ...]]
    """What a person should know of the topics."""
    settings: dict[str, Any] = field(default_factory=dict)


def model_for(
    name: str | None, psq: PsqSettings, artefact: Artefact, store: Store
) -> ModelRef | str:
    """The encoder that reads the topics, or the name of a lexical model.

    Args:
        name: of the model; None: the one that the index was built with.
        psq: warns (UnusedSettingWarning) of what the model has no use for.
        artefact: the index.
        store: where models are.

    Raises:
        UnknownNameError: there is no such model.
        ArtefactError: the index is of another model.
        UsageError: a lexical model, and an index of token vectors.
    """
    from clirot.models import resolve, unknown

    made = artefact.manifest.config
    name = name or str(made["model"])
    _warn_of_unused(psq, name)
    if made["model"] not in LEXICAL:
        model = resolve(name, store)
        _check_model(artefact, model)
        return model
    if name not in LEXICAL:
        if name not in KNOWN and not store.has("models", name) and "/" not in name:
            raise unknown(name, store)
        raise ArtefactError(
            f"{artefact.name} is an index of words, and {name} compares token vectors",
            hint=f"search it by {', '.join(LEXICAL)}; or "
            f"`build_index(model={name}, collection={made['collection']})`",
        )
    return name


def encoder_reader(
    model: ModelRef, index: Index, language: str | None, candidates: Candidates | None = None
) -> Reader:
    """An encoder, for an index of token vectors.

    Args:
        model: the encoder.
        index: the index.
        language: of the topics; None: not known.
        candidates: the documents that alone are scored; None: all are.
    """
    notes = model.reads_otherwise("query", language)
    inputs: tuple[Input, ...] = (
        Input(kind="models", name=model.name, digest=model.side("query").digest),
    )
    matcher = TokenMatcher(model, index, candidates)
    return _with_candidates(Reader(model.name, matcher, inputs, lambda _: notes), candidates, index)


def _with_candidates(
    reader: Reader, candidates: Candidates | None, documents: Container[str]
) -> Reader:
    """The reader, which records and remarks its candidates too."""
    if candidates is None:
        return reader

    def remarks(topics: Sequence[Topic]) -> tuple[str, ...]:
        candidates.among(topics, documents)
        return (*reader.remarks(topics), *candidates.remarks())

    return replace(reader, inputs=(*reader.inputs, candidates.as_input()), remarks=remarks)


def lexical_reader(
    name: str,
    psq: PsqSettings,
    artefact: Artefact,
    table: WordTable | None,
    candidates: Candidates | None = None,
) -> Reader:
    """A lexical model, for an index of words.

    Args:
        name: of the model.
        psq: how words are translated.
        artefact: the index.
        table: the translations; None: words are taken as they are.
        candidates: the documents that alone are scored; None: all are.

    Raises:
        ArtefactError: the index is damaged.
    """
    from clirot.retrieval.backends.postings import Postings
    from clirot.retrieval.lexical import LexicalMatcher

    artefact.check()
    postings = Postings(artefact.path)
    artefact.check_unreplaced()
    matcher = LexicalMatcher(name, postings, psq, table, candidates)
    inputs: tuple[Input, ...] = ()
    settings: dict[str, Any] = {"model": name}
    if table is not None:
        inputs, settings = (table.artefact.as_input(),), settings | values(psq)
    reader = Reader(name, matcher, inputs, matcher.notes, settings)
    return _with_candidates(reader, candidates, postings)


def words_table(
    model: str, psq: PsqSettings, artefact: Artefact, language: str | None, store: Store
) -> WordTable | None:
    """The translations that a lexical model needs; None: it takes words as they are.

    Raises:
        UnknownNameError: there is no table for the languages.
        ArtefactError: the table is damaged, or is of other languages.
    """
    from clirot.retrieval.lexical import table_for

    if model == _WORDS_AS_THEY_ARE:
        return None
    return table_for(psq.table, artefact.manifest.config["language"], language, store)


def _warn_of_unused(psq: PsqSettings, model: str) -> None:
    """Warn (UnusedSettingWarning) of settings of translated words that the model has no use for."""
    given, used = values(psq), _USES.get(model, frozenset())
    for leaf in leaves(PsqSettings):
        if given[leaf.name] != leaf.default and leaf.name not in used:
            warnings.warn(
                f"`{leaf.name}` is not used by {model}", UnusedSettingWarning, stacklevel=4
            )


def _check_model(artefact: Artefact, model: ModelRef) -> None:
    built_by = next(entry for entry in artefact.manifest.inputs if entry.kind == "models")
    document_model = model.side("document")
    if document_model.digest == built_by.digest:
        return
    # The document encoder is named only where it is another model.
    its = "" if document_model is model else f", whose documents {document_model.name} encodes"
    raise ArtefactError(
        f"{artefact.name} is an index of another model: its documents were encoded by "
        f"{built_by.name} ({built_by.digest[:12]}), not by {model.name}"
        f"{its} ({document_model.digest[:12]})",
        hint=f"`build_index(model={model.name}, "
        f"collection={artefact.manifest.config['collection']})`",
    )
