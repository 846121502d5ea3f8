"""Translate the topics or the documents of a collection, or topics from a file.

Texts are translated once each, however often they occur, and those that were translated before are
taken from the cache. Rows come out in the order of the input.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from clirot.collection import open_collection
from clirot.collection.topic_source import read_topic_set
from clirot.cut_texts import CutTexts
from clirot.errors import InputError, LanguageError, UnusedSettingWarning, UsageError
from clirot.languages import parse_language
from clirot.records import ProgressSink, Step, silent
from clirot.retrieval.counted_ids import CountedIds
from clirot.retrieval.translation.configuration import TABLE, TranslateConfig
from clirot.retrieval.translation.translator import (
    DecodingSettings,
    Order,
    Rendering,
    Translator,
)
from clirot.settings import leaves, values
from clirot.store import Store
from clirot.text_form import composed

if TYPE_CHECKING:
    from clirot.collection import Collection
    from clirot.retrieval.translation.cache import TranslationCache


@dataclass(frozen=True)
class Translation:
    """A translated topic or document."""

    id: str
    text: str
    """One line; empty where the document has no text, or the translation is empty."""


@dataclass
class Report(CountedIds):
    """What was done. It is complete when the last row has been given out."""

    texts: int = 0
    """Topics or documents."""
    asked: int = 0
    """Texts that the translator was given: those that were different, and not in the cache."""
    without_text: int = 0
    """Documents that have no text, which are not translated."""
    joined: int = 0
    """Texts with line breaks, in whose place there is a space."""
    empty: int = 0
    """Texts whose translation is empty."""
    cut: int = 0
    """Texts whose translation reached the longest that was allowed."""
    shortened: CutTexts = field(default_factory=CutTexts)
    """Texts that are longer than the model reads."""


@dataclass(frozen=True)
class Translations:
    """A translation that is ready to be made: texts and translator were found."""

    translator: Translator
    src: str | None
    """Language of the texts, as it was given or as the collection says; None: not known."""
    tgt: str
    total: int | None
    """How many texts there are; None: not known without reading them all."""
    notes: tuple[str, ...]
    """Remarks that a person should read before anything is done."""
    report: Report
    _on_empty: str = field(repr=False)
    _label: str = field(repr=False)
    _texts: Iterable[tuple[str, str]] = field(repr=False)
    _cache: TranslationCache | None = field(repr=False)

    @property
    def cached(self) -> bool:
        """Whether translations are kept, and taken from there the next time."""
        return self._cache is not None

    def rows(self, progress: ProgressSink = silent) -> Iterator[Translation]:
        """The translations, in the order of the input. They can be had once.

        Raises:
            ClirotError: the translator failed; what it had translated is in the cache.
            InputError: a translation is empty, and that is to be an error.
        """
        rows = iter(self._texts)
        while window := list(islice(rows, self.translator.window)):
            lines = [(identifier, self._line(text)) for identifier, text in window]
            found = self._found([line for _, line in lines], progress)
            for identifier, line in lines:
                self.report.texts += 1
                if not line:
                    self.report.without_text += 1
                    yield Translation(identifier, "")
                else:
                    yield self._row(identifier, line, found[line])

    def _line(self, text: str) -> str:
        """The text on one line."""
        self.report.joined += len(text.strip().splitlines()) > 1
        return " ".join(text.split())

    def _found(self, lines: list[str], progress: ProgressSink) -> dict[str, Rendering]:
        """What becomes of each of the lines."""
        found: dict[str, Rendering] = {}
        missing: list[str] = []
        for line in filter(None, dict.fromkeys(lines)):
            kept = self._cache.get(line) if self._cache is not None else None
            if kept is None:
                missing.append(line)
            else:
                found[line] = kept
        of = self.report.texts + len(lines) - len(missing)
        progress(Step(self._label, of, self.total, unit="texts"))
        for batch in self.translator.translate(missing) if missing else ():
            fresh = {missing[place]: one for place, one in batch.items()}
            if self._cache is not None:
                self._cache.add(fresh)
            found.update(fresh)
            self.report.asked += len(fresh)
            of += len(fresh)
            progress(Step(self._label, of, self.total, unit="texts"))
        return found

    def _row(self, identifier: str, line: str, rendering: Rendering) -> Translation:
        text = " ".join(filter(None, dict.fromkeys(map(composed, rendering.texts))))
        if rendering.cut:
            self.report.count("cut", identifier)
        if rendering.shortened is not None:
            self.report.shortened.add(identifier, *rendering.shortened)
        if not text:
            if self._on_empty == "error":
                raise InputError(
                    f"the translation of {identifier!r} is empty: {line!r}",
                    hint="`on_empty=keep` leaves it empty, `on_empty=source` puts the text itself "
                    "there",
                )
            self.report.count("empty", identifier)
            text = line if self._on_empty == "source" else ""
        return Translation(identifier, text)

    def remarks(self) -> Iterator[str]:
        """What a person should know of the translations, when all have been given out."""
        report = self.report
        of = f"of {report.texts:,}"
        if report.empty:
            instead = ", and the text itself was put there" * (self._on_empty == "source")
            yield f"{report.empty:,} {of} translations are empty{instead}: {report.named('empty')}"
        if report.cut:
            yield (
                f"{report.cut:,} {of} translations were cut at the longest that `max_tokens` "
                f"allows: {report.named('cut')}"
            )
        if report.shortened.count:
            yield report.shortened.remark(report.texts, "texts", self.translator.name)
        if report.joined:
            yield f"{report.joined:,} {of} texts had line breaks; a space stands in their place"
        if report.without_text:
            yield f"{report.without_text:,} {of} documents have no text"


def translate(
    config: TranslateConfig, *, store: Store | None = None, progress: ProgressSink = silent
) -> Translations:
    """Find what is to be translated and what translates it.

    Nothing is translated before :meth:`Translations.rows` is read.

    Raises:
        UnknownNameError: no such model, collection or variant, or the model does not know a
            language; the hint suggests the closest.
        UsageError: the model does not translate, or the languages are one.
        InputError: no topics, a topic without text, or texts that cannot be read.
    """
    from clirot.retrieval.translation.cache import TranslationCache
    from clirot.retrieval.translation.translators import open_translator

    store = store if store is not None else Store()
    texts, total, own, where = _texts(config, store, progress)
    src = config.src or own
    if src is not None and _same(src, config.tgt):
        raise UsageError(
            f"the {where} are in {config.tgt!r} already",
            hint="another language is named with `tgt`; `src` says what the texts are in, where "
            "that is wrong",
        )
    _warn_of_unused(config)
    order = Order(
        model=config.model,
        command=config.command,
        table=config.table,
        timeout=config.timeout,
        src=src,
        tgt=config.tgt,
        decoding=config.decoding,
        store=store,
    )
    translator = open_translator(order)
    identity = translator.identity
    prompt = getattr(translator, "prompt", None)
    unknown = prompt is not None and not prompt.languages_known
    return Translations(
        translator=translator,
        src=src,
        tgt=config.tgt,
        total=total,
        notes=(f"nothing says which languages {translator.name} translates",) if unknown else (),
        report=Report(),
        _on_empty=config.on_empty,
        _label=f"translate {where}",
        _texts=texts,
        _cache=None if identity is None else TranslationCache(store.home, identity),
    )


def _warn_of_unused(config: TranslateConfig) -> None:
    """Warn (UnusedSettingWarning) of settings of models where no model translates."""
    if config.command is None and config.model != TABLE:
        return
    given = values(config.decoding)
    for leaf in leaves(DecodingSettings):
        if given[leaf.name] != leaf.default:
            who = config.command or "a table"
            warnings.warn(
                f"`{leaf.name}` is a model's, and is not used: {who} translates",
                UnusedSettingWarning,
                stacklevel=3,
            )


def _texts(
    config: TranslateConfig, store: Store, progress: ProgressSink
) -> tuple[Iterable[tuple[str, str]], int | None, str | None, str]:
    """Ids and texts, how many, their language, and what they are."""
    if not config.docs:
        found = read_topic_set(config, home=store.home, progress=progress)
        rows = [(topic.id, topic.text) for topic in found.topics]
        return rows, len(rows), found.language, "topics"
    collection = open_collection(
        str(config.collection), config.docs_lang, home=store.home, progress=progress
    )
    documents = _documents(collection)
    return documents, collection.document_count, collection.document_language, "documents"


def _documents(collection: Collection) -> Iterator[tuple[str, str]]:
    for document in collection.documents():
        yield document.id, document.text


def _same(src: str, tgt: str) -> bool:
    """Whether two codes mean one language; a model's own code may be no ISO code."""
    try:
        return parse_language(src) == parse_language(tgt)
    except LanguageError:
        return src == tgt
