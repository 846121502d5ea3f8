"""The filters in their order, over a stream of any length.

Two passes, because whether a pair is a duplicate is known only when all have been read. The first
tidies and judges batch by batch, and writes the batches and the keys of what is left into a scratch
directory. The second reads them back, adds the verdicts that needed the whole (duplicates, then
corpus scores), and reports. Memory does not grow with the number of pairs, time grows with it.

The order is from cheap to dear, duplicates last: of two equal pairs the first stays, but a pair
that another filter drops is nobody's original.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clirot.bitext.filters.batch import ROWS, Batch, batches
from clirot.bitext.filters.codepoints import categories
from clirot.bitext.filters.config import FilterConfig
from clirot.bitext.filters.duplicates import Duplicates
from clirot.bitext.filters.identification import LETTERS, Identifier
from clirot.bitext.filters.lengths import judge_lengths
from clirot.bitext.filters.normalisation import tidied
from clirot.bitext.filters.overlap import Overlap
from clirot.bitext.filters.reasons import CODE
from clirot.bitext.filters.report import Report
from clirot.bitext.filters.scoring import CorpusScorer
from clirot.bitext.filters.scripts import script_share, scripts_of
from clirot.records import LanguagePair, SentencePair

_LONGEST_ID = 1000
_STORED = 5000  # characters that are stored of a side that is too long


class Chain:
    """Judges the pairs of one source.

    Args:
        config: what is dropped.
        languages: of the two sides.
        scratch: an empty directory for its files, on a disk with room for the source's text.
        overlap: collections whose texts are dropped, already read.
        scorers: scores that need the whole corpus.
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
        scorers: Sequence[CorpusScorer] = (),
        rows: int = ROWS,
    ) -> None:
        self.report = Report()
        self._config = config
        self._scratch = scratch
        self._overlap = overlap
        self._scorers = tuple(scorers)
        self._rows = rows
        self._scripts = self._expected_scripts(languages)
        self._identifiers = self._known_identifiers(languages)
        self._duplicates = (
            None if config.keep_duplicates else Duplicates(scratch, near=config.near_duplicates)
        )
        self.count = 0
        """Pairs read."""
        self._verdicts: NDArray[np.uint8] | None = None

    @property
    def score_names(self) -> tuple[str, ...]:
        """The scores that every batch of :meth:`judged` has."""
        sides = ("src", "tgt")
        names = [f"{side}_script" for side, one in zip(sides, self._scripts, strict=True) if one]
        names += [f"{s}_language" for s, one in zip(sides, self._identifiers, strict=True) if one]
        return (*names, *(scorer.name for scorer in self._scorers))

    def read(self, pairs: Iterable[SentencePair]) -> None:
        """The first pass: read, tidy and judge all pairs, each by itself."""
        with pa.OSFile(str(self._file), "wb") as file:
            writer = None
            for batch in batches(pairs, rows=self._rows):
                self._judge(batch)
                record = _as_record(batch)
                if writer is None:
                    options = pa.ipc.IpcWriteOptions(compression="lz4")
                    writer = pa.ipc.new_stream(file, record.schema, options=options)
                writer.write_batch(record)
                self.count += len(batch)
            if writer is not None:
                writer.close()

    def judged(self) -> Iterator[Batch]:
        """The second pass: the pairs with their final verdicts, kept and dropped, in their order.

        :attr:`report` is complete when this has ended. Use it once.
        """
        if self._duplicates is not None:
            self._verdicts = self._duplicates.verdicts(self.count)
        for scorer in self._scorers:
            scorer.fit(self._kept)
        for batch in self._stored():
            for scorer in self._scorers:
                self._score(scorer, batch)
            self.report.add(batch)
            yield batch

    def first_read(
        self, most: int, *, longest: int, characters: int
    ) -> tuple[list[str], list[str], list[str]]:
        """Source sides, target sides and ids of the first pairs, dropped ones too, in their order.

        To be called between :meth:`read` and :meth:`judged`.

        Args:
            most: pairs.
            longest: characters of a side, which is cut there.
            characters: of all columns together, beyond which no pair is added.
        """
        found: tuple[list[str], list[str], list[str]] = ([], [], [])
        left = characters
        for batch in self._stored():
            for src, tgt, name in zip(batch.src, batch.tgt, batch.id, strict=True):
                row = src[:longest], tgt[:longest], name
                left -= sum(map(len, row))
                if len(found[0]) == most or left < 0:
                    return found
                for column, value in zip(found, row, strict=True):
                    column.append(value)
        return found

    @property
    def _file(self) -> Path:
        return self._scratch / "judged.arrow"

    def _judge(self, batch: Batch) -> None:
        config = self._config
        before = batch.src, batch.tgt
        batch.src, src_damaged = tidied(batch.src)
        batch.tgt, tgt_damaged = tidied(batch.tgt)
        changed = zip(*before, batch.src, batch.tgt, strict=True)
        self.report.tidied += sum(a is not c or b is not d for a, b, c, d in changed)
        # Ids of sources are short, but a file may hold anything.
        batch.id = [tidied_id(one) for one in batch.id]
        # Format characters and spaces alone are nothing to read.
        for side, points in zip(("source", "target"), batch.points, strict=True):
            seen = categories().take(points.array)
            visible = points.count((seen != ord("C")) & (seen != ord("Z")))
            batch.drop(visible == 0, f"empty {side}")
        if not config.keep_control:
            batch.drop(src_damaged | tgt_damaged, "control characters")
        if not config.keep_identical:
            same = [a == b for a, b in zip(batch.src, batch.tgt, strict=True)]
            batch.drop(np.array(same, bool), "identical")
        judge_lengths(batch, config)
        self._judge_scripts(batch)
        self._judge_languages(batch)
        if self._overlap is not None:
            self._overlap.judge(batch)
        if self._duplicates is not None:
            self._duplicates.add(batch)
        for place in np.flatnonzero(batch.verdict == CODE["too long"]).tolist():
            batch.src[place] = batch.src[place][:_STORED]
            batch.tgt[place] = batch.tgt[place][:_STORED]

    def _judge_scripts(self, batch: Batch) -> None:
        for side, points, scripts in zip(("src", "tgt"), batch.points, self._scripts, strict=True):
            if scripts:
                share = script_share(points, scripts)
                batch.scores[f"{side}_script"] = share
                batch.drop(share < self._config.min_script, "script")

    def _judge_languages(self, batch: Batch) -> None:
        texts = (batch.src, batch.tgt)
        sides = zip(("src", "tgt"), texts, batch.points, self._identifiers, strict=True)
        for side, sentences, points, identifier in sides:
            if identifier is not None:
                letters = points.count(categories().take(points.array) == ord("L"))
                asked = (batch.kept & (letters >= LETTERS)).tolist()
                confidence = identifier.confidence(sentences, asked)
                batch.scores[f"{side}_language"] = confidence
                batch.drop(confidence < self._config.min_language, "language")

    def _score(self, scorer: CorpusScorer, batch: Batch) -> None:
        scores = np.full(len(batch), np.nan, np.float32)
        alive = batch.kept
        if alive.any():
            scores[alive] = scorer.score(_those(batch, alive))
        batch.scores[scorer.name] = scores
        if scorer.minimum is not None:
            batch.drop(scores < scorer.minimum, "misaligned")

    def _stored(self) -> Iterator[Batch]:
        """The batches of the first pass with the verdicts on duplicates."""
        if not self.count:
            return
        first = 0
        with pa.OSFile(str(self._file), "rb") as file, pa.ipc.open_stream(file) as reader:
            for record in reader:
                batch = _as_batch(record, first)
                if self._verdicts is not None:
                    found = self._verdicts[first : first + len(batch)]
                    batch.verdict = np.where(batch.verdict > 0, batch.verdict, found)
                yield batch
                first += len(batch)

    def _kept(self) -> Iterator[Batch]:
        for batch in self._stored():
            if batch.kept.any():
                yield _those(batch, batch.kept)

    def _expected_scripts(self, languages: LanguagePair) -> tuple[frozenset[str], frozenset[str]]:
        if not self._config.min_script:
            return frozenset(), frozenset()
        src, tgt = scripts_of(languages.src), scripts_of(languages.tgt)
        for language, scripts in ((languages.src, src), (languages.tgt, tgt)):
            if not scripts:
                self.report.warnings.append(
                    f"which script {language!r} is written in is not known: not checked"
                )
        return src, tgt

    def _known_identifiers(self, languages: LanguagePair) -> list[Identifier | None]:
        if not self._config.min_language:
            return [None, None]
        found: list[Identifier | None] = []
        for language in (languages.src, languages.tgt):
            identifier = Identifier(language)
            if not identifier.supported:
                self.report.warnings.append(
                    f"the language identifier does not know {language!r}: that side not checked"
                )
            found.append(identifier if identifier.supported else None)
        return found


def tidied_id(identifier: str) -> str:
    """An id on one line, of bearable length."""
    if identifier.isascii() and identifier.isprintable() and " " not in identifier:
        return identifier[:_LONGEST_ID]
    (clean,), _ = tidied([identifier])
    return clean[:_LONGEST_ID]


def _those(batch: Batch, which: NDArray[np.bool_]) -> Batch:
    """Some pairs of a batch."""
    places = np.flatnonzero(which).tolist()
    return Batch(
        [batch.src[i] for i in places],
        [batch.tgt[i] for i in places],
        [batch.id[i] for i in places],
        [batch.place[i] for i in places],
        batch.first,
        batch.verdict[which],
        {name: values[which] for name, values in batch.scores.items()},
    )


def _as_record(batch: Batch) -> Any:
    columns: dict[str, Any] = {
        "src": pa.array(batch.src, pa.large_string()),
        "tgt": pa.array(batch.tgt, pa.large_string()),
        "id": pa.array(batch.id, pa.large_string()),
        "place": pa.array(batch.place, pa.int64()),
        "verdict": pa.array(batch.verdict, pa.uint8()),
    }
    columns |= {name: pa.array(values, pa.float32()) for name, values in batch.scores.items()}
    return pa.record_batch(columns)


def _as_batch(record: Any, first: int) -> Batch:
    columns = {name: record.column(name) for name in record.schema.names}
    texts = [columns.pop(name).to_pylist() for name in ("src", "tgt", "id")]
    place = columns.pop("place").to_pylist()
    verdict = columns.pop("verdict").to_numpy(zero_copy_only=False).copy()
    scores = {name: one.to_numpy(zero_copy_only=False) for name, one in columns.items()}
    return Batch(texts[0], texts[1], texts[2], place, first, verdict, scores)
