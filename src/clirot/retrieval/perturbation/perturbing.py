"""Perturb the topics of a collection or a file, or the target side of bitext.

Each text is perturbed alike whatever stands beside it: the draws of a topic are seeded by the
seed, its id and the kind, and those of a row of bitext by its two sides. Rows come out in the order
of the input.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from clirot.bitext.formats.local_file import LocalFile, read_local
from clirot.collection.topic_source import read_topic_set
from clirot.languages import parse_language
from clirot.records import LanguagePair, ProgressSink, Step, Topic, silent
from clirot.retrieval.perturbation.configuration import NONE, SHUFFLE, PerturbConfig
from clirot.retrieval.perturbation.draws import Draws
from clirot.retrieval.perturbation.perturber import Perturber
from clirot.store import Store

_UNKNOWN = "und"  # the code of a language that is not known
_EVERY = 1000  # texts between two reports of progress


@dataclass
class Report:
    """What was done. It is complete when the last row has been given out."""

    texts: int = 0
    """Topics, or rows of bitext."""
    changed: int = 0
    """Texts that are another one now."""
    edits: int = 0
    """Changes that were made: errors, words, or rows of bitext that exchanged their sides."""
    too_short: int = 0
    """Texts in which fewer changes were made than were to be, for want of room."""
    numbers: int = 0
    """Words with numbers that could not be spelled out."""
    kept_own: int = 0
    """Rows of bitext that were to get another target side, and have the same text all the same."""

    @property
    def unchanged(self) -> int:
        """Texts that came out as they went in."""
        return self.texts - self.changed

    @property
    def edits_per_text(self) -> float:
        """Mean number of changes; 0 where there are no texts."""
        return self.edits / self.texts if self.texts else 0.0


@dataclass(frozen=True)
class Perturbation:
    """A perturbation that is ready to be made: texts and kind were found."""

    kind: str
    language: str | None
    """Language of the texts, normalised; None: nothing says it."""
    total: int | None
    """How many texts there are; None: not known without reading them all."""
    notes: tuple[str, ...]
    """Remarks that a person should read before anything is done."""
    report: Report
    _perturber: Perturber = field(repr=False)
    _seed: int = field(repr=False)
    _rate: float = field(repr=False)
    _rows: Iterable[tuple[str, ...]] = field(repr=False)

    def rows(self, progress: ProgressSink = silent) -> Iterator[tuple[str, ...]]:
        """The rows, in the order of the input: id and text, or source, target and, where the row
        has one of its own, id. They can be had once.

        Raises:
            InputError: the bitext is malformed.
        """
        if self.kind == SHUFFLE:
            yield from self._shuffled()
            return
        for number, (first, text, *more) in enumerate(self._rows, start=1):
            names = (first,) if self.total is not None else (first, text)
            yield first, self._perturbed(text, Draws(self._seed, self.kind, *names)), *more
            if number % _EVERY == 0:
                progress(Step("perturb", number, self.total, unit="texts"))

    def _perturbed(self, text: str, draws: Draws) -> str:
        made = self._perturber.perturb(text, draws)
        self.report.texts += 1
        self.report.changed += made.text != text
        self.report.edits += made.edits
        self.report.too_short += made.too_short
        self.report.numbers += made.left
        return made.text

    def _shuffled(self) -> Iterator[tuple[str, ...]]:
        """Which sides rows exchange depends on all of them, so that all are held in memory."""
        from clirot.retrieval.perturbation.shuffled_rows import shuffled

        rows = list(self._rows)
        targets = [row[1] for row in rows]
        found, self.report.kept_own = shuffled(targets, self._rate, Draws(self._seed, self.kind))
        for (src, tgt, *more), other in zip(rows, found, strict=True):
            self.report.texts += 1
            self.report.changed += other != tgt
            self.report.edits += other != tgt
            yield src, other, *more

    def remarks(self) -> Iterator[str]:
        """What a person should know of the rows, when all have been given out."""
        report = self.report
        of = f"of {report.texts:,}"
        if report.too_short:
            yield f"{report.too_short:,} {of} texts are too short for all changes that were drawn"
        if report.numbers:
            yield (
                f"{report.numbers:,} words with a number are as they were: there are no rules to "
                f"spell numbers out in {self.language!r}"
            )
        if report.kept_own:
            yield (
                f"{report.kept_own:,} {of} rows kept their own target side, because most of those "
                "that were chosen have the same"
            )


def perturb(
    config: PerturbConfig, *, store: Store | None = None, progress: ProgressSink = silent
) -> Perturbation:
    """Find what is to be perturbed, and what does it.

    Nothing is perturbed before :meth:`Perturbation.rows` is read.

    Raises:
        UnknownNameError: no such collection or variant.
        UsageError: the kind needs a keyboard, and none is known for the language.
        InputError: no topics, a topic without text, or texts that cannot be read.
    """
    from clirot.retrieval.perturbation.kinds import BY_NAME

    language = parse_language(config.lang) if config.lang is not None else None
    rows: Iterable[tuple[str, ...]]
    total: int | None = None
    if config.bitext is not None:
        rows = islice(_bitext(config.bitext, language), 0, None, config.every)
    else:
        home = (store if store is not None else Store()).home
        found = read_topic_set(config, home=home, progress=progress)
        rows = [_row(topic) for topic in found.topics]
        language, total = found.language, len(found.topics)
    asked = language is None and config.kind not in ("swap", "drop", SHUFFLE, NONE)
    notes = ("nothing says what language the topics are in; English is assumed",) if asked else ()
    return Perturbation(
        kind=config.kind,
        language=language,
        total=total,
        notes=notes,
        report=Report(),
        _perturber=BY_NAME[config.kind](config.rate, language),
        _seed=config.seed,
        _rate=config.rate,
        _rows=rows,
    )


def _row(topic: Topic) -> tuple[str, str]:
    return topic.id, " ".join(topic.text.split())


def _bitext(named: str, language: str | None) -> Iterator[tuple[str, ...]]:
    """Source, target and, where a row has one of its own, id; each on one line."""
    pair = LanguagePair("en" if language != "en" else _UNKNOWN, language or _UNKNOWN)
    for one in read_local(LocalFile.parse(named), pair):
        own = (one.id,) if one.id not in ("", str(one.place)) else ()
        yield tuple(" ".join(text.split()) for text in (one.src, one.tgt, *own))
