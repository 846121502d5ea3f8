"""The filters in their order, over a source of any length.

There are two passes, because whether a pair is a duplicate is known only when all pairs have been
read. The first pass normalises each batch, applies the filters that look at one pair, and writes
the batch into a scratch directory. The second pass reads the batches back, drops duplicates and
pairs that are probably no translations, and counts. Memory does not grow with the number of pairs.

Fast filters come first, and duplicates late: a pair is a duplicate only of a pair that the filters
before have kept.

Between the passes the lines of the source are checked for shifts (:func:`line_order`). Before the
first one they may be realigned (:func:`realigned_pairs`). What is found is part of the manifest,
under ``alignment`` and ``realigned``, where lines are counted from 1; what is wrong is also a
warning of the report. How: :mod:`clirot.bitext.alignment`.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clirot.bitext.config import RATIO_FROM, REASONS, FilterConfig
from clirot.bitext.filters.duplicates import Duplicates, Overlap
from clirot.bitext.filters.outcomes import ROWS, Batch, Report, batches
from clirot.bitext.text import (
    LETTERS,
    Identifier,
    categories,
    script_share,
    scripts_of,
    tidied,
)
from clirot.records import LanguagePair, ProgressSink, SentencePair

if TYPE_CHECKING:
    from clirot.bitext.alignment.pair_scores import PairModel

_LONGEST_ID = 1000
_STORED = 5000  # characters that are stored of a side that is too long
_SIDES = ("src", "tgt")
_CHECKED = 200_000  # pairs of a source that are checked for shifts, to bound memory
_CHECKED_CHARACTERS = 64_000_000  # of these pairs, however long their lines


class Chain:
    """Filters the pairs of one source: call :meth:`read`, then :meth:`filtered`.

    Args:
        config: what is dropped.
        languages: of the two sides.
        scratch: an empty directory for its files, on a disk with room for the source's text.
        overlap: collections whose texts are dropped, already read.
        rows: pairs of a batch; the result does not depend on it.

    Raises:
        UsageError: languages are to be identified and the extra ``langid`` is not installed.
    """

    def __init__(
        self,
        config: FilterConfig,
        languages: LanguagePair,
        scratch: Path,
        *,
        overlap: Overlap | None = None,
        rows: int = ROWS,
    ) -> None:
        self.report = Report()
        self.count = 0
        """Pairs read."""
        self._config = config
        self._scratch = scratch
        self._overlap = overlap
        self._rows = rows
        self._scripts: dict[str, frozenset[str]] = {}
        self._identifiers: dict[str, Identifier] = {}
        for side, language in zip(_SIDES, (languages.src, languages.tgt), strict=True):
            self._expect(side, language)
        self._duplicates = (
            None if config.keep_duplicates else Duplicates(scratch, near=config.near_duplicates)
        )
        self._repeated: NDArray[np.uint8] | None = None

    @property
    def score_names(self) -> tuple[str, ...]:
        """The scores that every batch of :meth:`filtered` has."""
        names = [f"{side}_script" for side in self._scripts]
        names += [f"{side}_language" for side in self._identifiers]
        names += ["alignment"] if self._config.min_alignment else []
        return tuple(names)

    def read(self, pairs: Iterable[SentencePair]) -> None:
        """The first pass: normalise all pairs, and filter each by itself."""
        with pa.output_stream(self._file, compression="lz4") as file:
            for batch in batches(pairs, rows=self._rows):
                self._filter(batch)
                pickle.dump(replace(batch), file)  # a copy has no array of characters yet
                self.count += len(batch)

    def filtered(self) -> Iterator[Batch]:
        """The second pass: all pairs in their order, each kept or dropped for good.

        :attr:`report` is complete when this has ended. Use it once.
        """
        if self._duplicates is not None:
            self._repeated = self._duplicates.outcomes(self.count)
        model = self._pair_model() if self._config.min_alignment else None
        for batch in self._stored():
            if model is not None:
                scores = np.full(len(batch), np.nan, np.float32)
                scores[batch.kept] = model.probabilities(*batch.sides(np.flatnonzero(batch.kept)))
                batch.scores["alignment"] = scores
                batch.drop(scores < self._config.min_alignment, "misaligned")
            self.report.add(batch)
            yield batch

    def first_read(self, most: int, *, longest: int, characters: int) -> list[tuple[str, str, str]]:
        """Source side, target side and id of the first pairs, dropped ones too, in their order.

        To be called between :meth:`read` and :meth:`filtered`.

        Args:
            most: pairs.
            longest: characters of a side, which is cut there.
            characters: of everything together; before they are exceeded, the list ends.
        """
        found: list[tuple[str, str, str]] = []
        for batch in self._stored():
            for src, tgt, name in zip(batch.src, batch.tgt, batch.id, strict=True):
                row = src[:longest], tgt[:longest], name
                characters -= sum(map(len, row))
                if len(found) == most or characters < 0:
                    return found
                found.append(row)
        return found

    @property
    def _file(self) -> str:
        return str(self._scratch / "filtered.pickle.lz4")

    def _expect(self, side: str, language: str) -> None:
        """Find out which scripts a side may have, and whether its language can be identified."""
        if self._config.min_script:
            if scripts := scripts_of(language):
                self._scripts[side] = scripts
            else:
                self.report.warnings.append(
                    f"which script {language!r} is written in is not known: not checked"
                )
        if self._config.min_language:
            identifier = Identifier(language)
            if identifier.supported:
                self._identifiers[side] = identifier
            else:
                self.report.warnings.append(
                    f"the language identifier does not know {language!r}: that side not checked"
                )

    def _filter(self, batch: Batch) -> None:
        config = self._config
        before = batch.src, batch.tgt
        batch.src, src_damaged = tidied(batch.src)
        batch.tgt, tgt_damaged = tidied(batch.tgt)
        changed = zip(*before, batch.src, batch.tgt, strict=True)
        self.report.tidied += sum(a != c or b != d for a, b, c, d in changed)
        # Ids of sources are short, but a file may hold anything.
        batch.id = [one[:_LONGEST_ID] for one in tidied(batch.id)[0]]
        # A side that consists of spaces and format characters alone has nothing to read.
        for side, points in zip(("source", "target"), batch.points, strict=True):
            seen = categories().take(points.array)
            visible = points.count((seen != ord("C")) & (seen != ord("Z")))
            batch.drop(visible == 0, f"empty {side}")
        if not config.keep_control:
            batch.drop(src_damaged | tgt_damaged, "control characters")
        if not config.keep_identical:
            same = [a == b for a, b in zip(batch.src, batch.tgt, strict=True)]
            batch.drop(np.array(same, bool), "identical")
        _filter_lengths(batch, config)
        self._filter_languages(batch)
        if self._overlap is not None:
            self._overlap.drop_from(batch)
        if self._duplicates is not None:
            self._duplicates.add(batch)
        for place in np.flatnonzero(batch.outcome == REASONS.index("too long")).tolist():
            batch.src[place] = batch.src[place][:_STORED]
            batch.tgt[place] = batch.tgt[place][:_STORED]

    def _filter_languages(self, batch: Batch) -> None:
        sides = dict(
            zip(_SIDES, zip(batch.points, (batch.src, batch.tgt), strict=True), strict=True)
        )
        for side, scripts in self._scripts.items():
            share = script_share(sides[side][0], scripts)
            batch.scores[f"{side}_script"] = share
            batch.drop(share < self._config.min_script, "script")
        for side, identifier in self._identifiers.items():
            points, texts = sides[side]
            letters = points.count(categories().take(points.array) == ord("L"))
            asked = (batch.kept & (letters >= LETTERS)).tolist()
            confidence = identifier.confidence(texts, asked)
            batch.scores[f"{side}_language"] = confidence
            batch.drop(confidence < self._config.min_language, "language")

    def _stored(self) -> Iterator[Batch]:
        """The batches of the first pass, with duplicates dropped as soon as they are known."""
        first = 0
        with pa.input_stream(self._file, compression="lz4") as file:
            while first < self.count:
                batch: Batch = pickle.load(file)
                if self._repeated is not None:
                    found = self._repeated[first : first + len(batch)]
                    batch.outcome = np.where(batch.kept, found, batch.outcome)
                yield batch
                first += len(batch)

    def _pair_model(self) -> PairModel:
        """A model of the pairs, learnt from some of those that are kept, spread evenly."""
        from clirot.bitext.alignment.pair_scores import SAMPLE, PairModel

        kept = sum(int(batch.kept.sum()) for batch in self._stored())
        stride = max(1, -(-kept // SAMPLE))
        found: tuple[list[str], list[str]] = ([], [])
        seen = 0
        for batch in self._stored():
            places = np.flatnonzero(batch.kept)
            for column, side in zip(
                found, batch.sides(places[-seen % stride :: stride]), strict=True
            ):
                column += side
            seen += len(places)
        return PairModel(*found)


def _filter_lengths(batch: Batch, config: FilterConfig) -> None:
    src, tgt = batch.points
    characters = np.stack([src.lengths, tgt.lengths])
    words = np.stack([points.count(points.array == 0x20) + 1 for points in (src, tgt)])
    short = (characters < config.min_length) | (words < config.min_words)
    batch.drop(short[0] | short[1], "too short")
    limits = (
        (characters, config.max_length, config.max_ratio),
        (words, config.max_words, config.max_word_ratio),
    )
    for sizes, most, _ in limits:
        if most:
            batch.drop(sizes.max(axis=0) > most, "too long")
    for sizes, _, ratio in limits:
        if ratio:
            uneven = sizes.max(axis=0) > ratio * sizes.min(axis=0)
            batch.drop(uneven & (characters.max(axis=0) >= RATIO_FROM), "length ratio")


def realigned_pairs(
    pairs: Iterator[SentencePair], chain: Chain, progress: ProgressSink
) -> tuple[Iterator[SentencePair], dict[str, Any]]:
    """The pairs with every sentence beside its translation, and an entry for the manifest.

    Where no line is shifted, or where realigning is no improvement, the pairs stay as they are; the
    latter is a warning of the report.
    """
    from clirot.bitext.alignment import repair

    before = list(pairs)
    src, tgt = [one.src for one in before], [one.tgt for one in before]
    result = repair(src, tgt, progress=progress)
    if result is None:
        # Where no line is shifted, an unusual pair is more probably a free translation.
        return iter(before), {}
    if result.fault is not None:
        chain.report.warnings.append(f"not realigned, the lines stay as published: {result.fault}")
        return iter(before), {}
    beads = result.beads
    done = {
        "found": str(result.report),
        "pairs": sum(bead.matched for bead in beads),
        "source_alone": sum(not bead.tgt for bead in beads),
        "target_alone": sum(not bead.src for bead in beads),
        "joined": sum(bead.matched and len(bead.src) + len(bead.tgt) > 2 for bead in beads),
    }
    # A pair has the id and the place of its (first) source sentence.
    pairs = (
        SentencePair(here, there, before[bead.src.start].id, before[bead.src.start].place)
        for here, there, bead in result.pairs(src, tgt)
    )
    return pairs, {"realigned": done}


def not_checked(pairs: int) -> dict[str, Any]:
    """The entry of a list of words, whose lines are too short to find a shift by."""
    found = "not checked: a list of words or names"
    entry = {"found": found, "share": None, "pairs": pairs, "sampled": False}
    return {"alignment": {**entry, "shifts": [], "unmatched": []}}


def line_order(chain: Chain, progress: ProgressSink, *, realign: bool) -> dict[str, Any]:
    """How the lines of a source correspond, an entry for the manifest.

    Shifted or unmatched lines are also a warning of the report.
    """
    from clirot.bitext.alignment.lexicon import LOOKED_AT
    from clirot.bitext.alignment.report import FEWEST
    from clirot.bitext.alignment.shifts import find_shifts

    rows = chain.first_read(_CHECKED, longest=LOOKED_AT, characters=_CHECKED_CHARACTERS)
    if len(rows) < FEWEST:
        return {}
    src, tgt, names = zip(*rows, strict=True)
    report = find_shifts(src, tgt, progress=progress)
    if not report.aligned:
        warning = str(report)
        if report.shifts:
            warning += f"; the first begins at {names[report.shifts[0].start]}"
            if not realign:
                warning += " (`fetch_bitext(realign=True)` repairs shifts)"
        chain.report.warnings.append(warning)
    return {
        "alignment": {
            "found": str(report),
            "share": round(report.share, 4),
            "pairs": report.lines,
            "sampled": report.sampled or len(src) < chain.count,
            "shifts": [
                {"from": one.start + 1, "to": one.end, "by": one.offset, "id": names[one.start]}
                for one in report.shifts
            ],
            "unmatched": [{"from": one.start + 1, "to": one.end} for one in report.unmatched],
        }
    }
