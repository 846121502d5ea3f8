"""All filters over a handful of pairs, for tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from clirot.bitext import FilterConfig
from clirot.bitext.config import REASONS
from clirot.bitext.filters.chain import Chain
from clirot.bitext.filters.outcomes import ROWS, Batch, Report
from clirot.records import LanguagePair, SentencePair

EN_SO = LanguagePair("en", "so")


def filtered(
    pairs: Iterable[SentencePair],
    config: FilterConfig | None = None,
    languages: LanguagePair = EN_SO,
    *,
    rows: int = ROWS,
    **more: object,
) -> tuple[list[tuple[SentencePair, str]], Report]:
    """Every pair with its outcome, in order, and the report."""
    with tempfile.TemporaryDirectory() as scratch:
        chain = Chain(config or FilterConfig(), languages, Path(scratch), rows=rows, **more)  # type: ignore[arg-type]
        chain.read(pairs)
        found = [one for batch in chain.filtered() for one in _rows(batch)]
    return found, chain.report


def kept(pairs: Iterable[SentencePair], **config: object) -> list[SentencePair]:
    """The pairs that are kept, in order, whatever the languages and lengths."""
    anything = {"max_length": 0, "max_ratio": 0.0, "min_script": 0.0, **config}
    found, _ = filtered(pairs, FilterConfig(**anything))  # type: ignore[arg-type]
    return [pair for pair, outcome in found if outcome == "kept"]


def _rows(batch: Batch) -> list[tuple[SentencePair, str]]:
    columns = zip(batch.src, batch.tgt, batch.id, batch.place, strict=True)
    outcomes = [REASONS[code] for code in batch.outcome.tolist()]
    return [(SentencePair(*row), outcome) for row, outcome in zip(columns, outcomes, strict=True)]
