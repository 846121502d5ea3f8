"""What an evaluation is asked to do. The command line makes its options from these settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clirot.errors import UsageError
from clirot.settings import check_ranges, setting


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """The runs, the judgements, the measures and the comparisons of one evaluation."""

    runs: tuple[str, ...] = setting(
        ("-",),
        """Run files (TREC, JSON; gz too): PATH, NAME=PATH or NAME@SET=PATH, where SET is a language
        or any other name for the topics that the run answers; or names of runs kept by search.
        Runs of one NAME are one system. None, or -: standard input.""",
    )
    collection: str | None = setting(
        None,
        """Collection whose judgements are used: an id or a directory.""",
    )
    qrels: Path | None = setting(None, "File whose judgements are used.")
    labels: Path | None = setting(
        None,
        """File with the labels of documents and topics (id TAB label), for knn-accuracy@5 and
        knn-macro-f1@5; by default those of the collection.""",
    )
    answers: Path | None = setting(
        None,
        """File with the gold answers to the topics (question id TAB answer), for answer@5 and for
        predictions; by default those of the collection.""",
    )
    answers_lang: str | None = setting(
        None,
        """Language of the gold answers, and of the documents where there are several; by default
        that of the documents.""",
    )
    predictions: tuple[str, ...] = setting(
        (),
        """Evaluate what readers answered instead of runs: FILE, NAME=FILE or NAME@SET=FILE, with
        rows of question id TAB answer. Measures: em, answer-f1. Repeatable.""",
    )
    metrics: tuple[str, ...] = setting(
        ("map", "ndcg@10", "recall@100"),
        """A measure as trec_eval, ir_measures or ranx write it: map, ndcg@20, P.5,10, recip_rank.
        Repeatable. Default: map, ndcg@10, recall@100; of predictions em, answer-f1.""",
    )
    rel_level: int = setting(
        1,
        """Relevance from which on a document is relevant. nDCG uses the grades themselves and does
        not change with it, as in trec_eval.""",
        at_least=1,
    )
    leave_out_own: bool = setting(
        False,
        """Leave out of each topic's ranking the document that has the topic's id, where topics are
        documents (ArguAna, Quora), as BEIR's ignore_identical_ids does.""",
    )
    lang: str | None = setting(
        None, "Use only the topics that the collection has in this language."
    )
    docs_lang: str | None = setting(
        None,
        """Language of the documents that were searched, where a directory has documents in several
        with judgements of their own (qrels.LANG.txt). Of runs kept by search it is known.""",
    )
    topic_sets: tuple[str, ...] = setting(
        (), "Evaluate on the topics listed in a file: NAME=FILE. Repeatable."
    )
    baseline: str | None = setting(None, "Test every other run against this one.")
    test: str = setting(
        "randomisation",
        "Paired test: Fisher's randomisation test or Student's t-test.",
        choices=("randomisation", "t"),
    )
    alpha: float = setting(
        0.05, "Significance level, after Holm's correction for all tests.", above=0, below=1
    )
    samples: int = setting(
        20_000,
        """Number of random assignments of signs in the randomisation test, where there are too many
        to try all of them.""",
        at_least=100,
    )
    seed: int = setting(0, "Seed of the randomisation test and the bootstrap.", at_least=0)
    intervals: bool = setting(
        False, "Give bootstrap confidence intervals of the means; differences always have them."
    )
    confidence: float = setting(0.95, "Confidence level of the intervals.", above=0, below=1)
    gaps: tuple[str, ...] = setting(
        (),
        """How much topic set B costs against A: A..B, such as clean..typo or en,fi..so,sw; or how
        much more than another gap: A..B/C..D. With a baseline, also how much each system narrows
        it. Repeatable.""",
    )
    contrasts: tuple[str, ...] = setting(
        (),
        """A signed sum of means, with interval and test: "[RUN@SET] - [RUN@SET] + ...", where [RUN]
        is over all topic sets. Repeatable.""",
    )
    fuse: tuple[str, ...] = setting(
        (),
        """Add a fused run, by any method of ranx: rrf, rrf:k=10, wsum:bm25=0.3,colbert=0.7,
        mnz:norm=zmuv. Repeatable.""",
    )
    tune_fusion: str | None = setting(
        None,
        """Choose the weights and parameters of fusion on these topics, which are then left out of
        the report: a file of topic ids, or the name of a topic set.""",
    )
    tune_measure: str | None = setting(
        None, "Measure that is optimised on these topics; by default the first one of the report."
    )
    expect: tuple[str, ...] = setting(
        (),
        """Fail unless every run reaches a figure: map>=0.45; or one run: colbert:map>=0.45.
        Repeatable.""",
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.predictions:
            self._check_predictions()
        elif not self.runs:
            raise UsageError("no run to evaluate", hint="name a file, or - for standard input")
        if sum(1 for run in self.runs if run.rpartition("=")[2] == "-") > 1:
            raise UsageError("standard input (-) can be only one of the runs")
        if self.lang is not None and self.qrels is not None:
            raise UsageError(
                "`lang` chooses among the topics of a collection, and `qrels` is a file without "
                "languages"
            )
        if self.docs_lang is not None and self.qrels is not None:
            raise UsageError(
                "`docs_lang` chooses among the judgements of a collection, and `qrels` is a file "
                "without languages"
            )
        if self.tune_fusion is not None and not self.fuse:
            raise UsageError("`tune_fusion` needs a fusion to tune", hint="for example `fuse=wsum`")
        if self.tune_measure is not None and self.tune_fusion is None:
            raise UsageError("`tune_measure` needs the topics to tune on: give `tune_fusion`")

    def _check_predictions(self) -> None:
        if self.runs not in ((), ("-",)):
            raise UsageError(
                "`predictions` are evaluated instead of runs, and both were given",
                hint="evaluate them one after the other",
            )
        if self.leave_out_own:
            raise UsageError("`leave_out_own` is about runs, and `predictions` are none")
        if self.fuse:
            raise UsageError("`fuse` fuses runs, and `predictions` are none")
        if self.qrels is not None:
            raise UsageError(
                "`predictions` are held to gold answers, and `qrels` has none",
                hint="give `answers`, or a collection that has them",
            )
