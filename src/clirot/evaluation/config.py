"""What an evaluation is asked to do. Standard library only: the command line reads this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from clirot.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """The runs, the judgements, the measures and the comparisons of one evaluation."""

    runs: tuple[str, ...] = ("-",)
    """Each ``PATH``, ``NAME=PATH`` or ``NAME@SET=PATH``; ``-`` is standard input, and what is no
    file may be the name of a run in the store. ``SET`` is a language or any other name for the
    topics the run answers: runs of one NAME are one system."""
    collection: str | None = None
    """Judgements from a collection: an ir_datasets id, clirot's own id, or a directory."""
    qrels: Path | None = None
    """Judgements from a file instead."""
    metrics: tuple[str, ...] = ("map", "ndcg@10", "recall@100")
    """Measures, as ranx, ir_measures or trec_eval spell them."""
    rel_level: int = 1
    """The relevance from which on a document counts as relevant (trec_eval -l). nDCG, which uses
    the grades themselves, does not change with it, as in trec_eval."""
    lang: str | None = None
    """Topics of this language of the collection only."""
    topic_sets: Mapping[str, Path] = field(default_factory=dict)
    """Name -> file of topic ids (first column): each run is evaluated on each set of its topics."""
    baseline: str | None = None
    """The system all others are tested against."""
    test: str = "randomisation"
    """``randomisation`` (Fisher's, paired) or ``t`` (Student's, paired)."""
    alpha: float = 0.05
    """Significance level, after Holm's correction over all tests of the evaluation."""
    samples: int = 20_000
    """Labellings that the randomisation test counts where there are too many for all."""
    intervals: bool = False
    """Whether to give bootstrap intervals of the means; differences always have them."""
    confidence: float = 0.95
    """Confidence level of the intervals."""
    seed: int = 0
    """Of the randomisation test and the bootstrap."""
    fuse: tuple[str, ...] = ()
    """Fused runs to add: ``rrf``, ``rrf:k=10``, ``sum``, ``sum:bm25=0.3,colbert=0.7``."""
    gaps: tuple[str, ...] = ()
    """Topic sets to set against each other: ``clean..typo``, ``en,fi..so,sw``."""
    expect: tuple[str, ...] = ()
    """Figures to check: ``map>=0.45`` (every system), ``colbert:map>=0.45`` (that one)."""

    def __post_init__(self) -> None:
        if not self.runs:
            raise UsageError("no run to evaluate", hint="name a file, or - for standard input")
        if sum(1 for run in self.runs if run.rpartition("=")[2] == "-") > 1:
            raise UsageError("standard input (-) can be only one of the runs")
        if self.lang is not None and self.qrels is not None:
            raise UsageError("a language chooses among a collection's topics; --qrels has none")
        if self.rel_level < 1:
            raise UsageError(f"relevance level {self.rel_level}: it starts at 1")
        if not 0 < self.alpha < 1:
            raise UsageError(f"significance level {self.alpha}: it lies between 0 and 1")
        if not 0 < self.confidence < 1:
            raise UsageError(
                f"confidence level {self.confidence}: it lies between 0 and 1, such as 0.95"
            )
        if self.samples < 100:
            raise UsageError(f"{self.samples} samples are too few for a test: take 100 or more")
        if self.seed < 0:
            raise UsageError(f"seed {self.seed}: it is 0 or more")
