"""Signed sums of means: how they are written, estimated and tested.

A contrast such as ``[a transport] - [a] - [b transport] + [b]`` answers what no comparison of two
systems does: whether one difference is larger than another. A topic belongs to the *terms* whose
topic sets have it. Topics that belong to the same terms are resampled together and topics that
belong to others independently, so that the translations of a question, which share its id, are one
observation, and two sets without a common topic are two samples.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from clirot.errors import UsageError
from clirot.evaluation import classes
from clirot.evaluation.classes import Piece
from clirot.evaluation.inputs import known_system
from clirot.evaluation.measures import Measure
from clirot.evaluation.result import Contrast, Evaluation
from clirot.evaluation.samples import Sample, Term, pieces, sample, tested
from clirot.evaluation.significance import (
    TESTS,
    bootstrap_test,
    holm,
    interval_of_sum,
    welch_test,
)
from clirot.registry import unknown_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]

_TERM = re.compile(r"\s*([+\-\u2212]?)\s*\[([^\[\]]*)\]")
_EXAMPLE = "write [RUN@SET] - [RUN@SET] + ...; [RUN] is its mean over all topic sets"


@dataclass(frozen=True)
class WrittenContrast:
    """A contrast as it was asked for, before the names in it are looked up."""

    text: str
    terms: tuple[tuple[int, str], ...]
    """(sign, what stands in the brackets)."""

    @classmethod
    def parse(cls, text: str) -> WrittenContrast:
        """Read ``[RUN@SET] - [RUN] + ...``.

        Raises:
            UsageError: it is not written so.
        """
        place = 0
        terms: list[tuple[int, str]] = []
        while place < len(text.rstrip()):
            found = _TERM.match(text, place)
            if found is None or not found[2].strip() or (terms and not found[1]):
                raise UsageError(f"cannot read the contrast {text!r}", hint=_EXAMPLE)
            terms.append((1 if found[1] in ("", "+") else -1, found[2].strip()))
            place = found.end()
        if len(terms) < 2:
            raise UsageError(
                f"the contrast {text!r} has {len(terms)} of the two or more terms that it needs",
                hint=_EXAMPLE,
            )
        return cls(" ".join(text.split()), tuple(terms))

    def resolved(self, evaluation: Evaluation) -> list[Term]:
        """The terms, with their systems and topic sets.

        Raises:
            UnknownNameError: no such run, no such topic set.
            UsageError: a run is not there for a topic set.
        """
        return [self._term(sign, name, evaluation) for sign, name in self.terms]

    def _term(self, sign: int, name: str, evaluation: Evaluation) -> Term:
        system, at, written = name, "", ""
        if name not in evaluation.systems:  # a name may hold the sign @
            system, at, written = name.rpartition("@") if "@" in name else (name, "", "")
        known_system(system, evaluation.systems)
        sets = topic_sets(written, evaluation) if at else tuple(evaluation.topics)
        for one in sets:
            if (system, one) not in evaluation.values:
                raise UsageError(
                    f"contrast {self.text!r}: run {system!r} is not there for the topic set {one!r}"
                )
        return Term(sign, system, sets)


def topic_sets(written: str, evaluation: Evaluation) -> tuple[str, ...]:
    """The topic sets in ``en,fi``.

    Raises:
        UnknownNameError: there is none of that name.
    """
    names = tuple(filter(None, map(str.strip, written.split(","))))
    for name in names or (written,):
        if name not in evaluation.topics:
            raise unknown_name(
                "topic set",
                name,
                filter(None, evaluation.topics),
                more="name topic sets by NAME@SET=PATH or by `topic_sets`",
            )
    return names


def contrasts_of(
    evaluation: Evaluation, written: Sequence[WrittenContrast]
) -> tuple[Contrast, ...]:
    """The contrasts that the configuration asks for, in every measure that is tested."""
    found = []
    for one in written:
        terms = one.resolved(evaluation)
        for measure in tested(evaluation.measures):
            estimate = contrast(evaluation, terms, measure, one.text)
            assert estimate is not None  # `resolved` looked for every run
            found.append(estimate)
    return corrected(found, evaluation)


def contrast(
    evaluation: Evaluation, terms: Sequence[Term], measure: Measure, name: str
) -> Contrast | None:
    """One signed sum in one measure, with interval and test; None where a run lacks a set.

    Where all terms have the same topics, the test is the one that the configuration names, on the
    signed sum of each topic. Otherwise there is nothing to swap or to pair, and the test is the
    studentised bootstrap, or Welch's where the configuration says t.
    """
    if measure.definition.aggregate == "macro_f1":
        return _class_contrast(evaluation, terms, measure, name)
    drawn = [sample(evaluation, term.system, measure, term.sets) for term in terms]
    samples = [one for one in drawn if one is not None]
    if len(samples) < len(terms):
        return None
    parts = strata([term.sign for term in terms], samples)
    config = evaluation.config
    if len(parts) == 1:
        how = config.test
        test = TESTS[how](parts[0], samples=config.samples, seed=config.seed)
    elif config.test == "t":
        how, test = "welch", welch_test(parts)
    else:
        how, test = "bootstrap", bootstrap_test(parts, samples=config.samples, seed=config.seed)
    return Contrast(
        name=name,
        measure=measure,
        difference=float(sum(part.mean() for part in parts)),
        interval=interval_of_sum(parts, confidence=config.confidence, seed=config.seed),
        test=test,
        how=how,
        topics=sum(map(len, parts)),
        samples=len(parts),
    )


def _class_contrast(
    evaluation: Evaluation, terms: Sequence[Term], measure: Measure, name: str
) -> Contrast | None:
    """A signed sum of macro-F1. Where it is the sums of two systems over the same topics, the test
    swaps what they called each topic; otherwise it is the bootstrap's.
    """
    parts = pieces(evaluation, terms, measure)
    if parts is None:
        return None
    config = evaluation.config
    topics = {topic for one in parts for topic in one.topics}
    paired = all(
        topics == {topic for one in term.sets for topic in evaluation.topics[one]} for term in terms
    )
    sides = _sides(parts) if paired else None
    if sides is not None:
        how = "randomisation"
        test = classes.swap_test(*sides, samples=config.samples, seed=config.seed)
    else:
        how = "bootstrap"
        test = classes.bootstrap_test(parts, samples=config.samples, seed=config.seed)
    return Contrast(
        name=name,
        measure=measure,
        difference=classes.total(parts),
        interval=classes.interval(parts, confidence=config.confidence, seed=config.seed),
        test=test,
        how=how,
        topics=len(topics),
        samples=classes.group_count(parts),
    )


def _sides(parts: Sequence[Piece]) -> tuple[list[Piece], list[Piece]] | None:
    """The terms of two systems, where one's are those of the other with opposite signs."""
    systems = list(dict.fromkeys(one.system for one in parts))
    if len(systems) != 2:
        return None
    first, second = (
        {one.topic_set: one for one in parts if one.system == system} for system in systems
    )
    weights = {name: -one.weight for name, one in second.items()}
    if len(first) + len(second) < len(parts) or weights != {
        name: one.weight for name, one in first.items()
    }:
        return None
    return list(first.values()), [second[name]._replace(weight=weights[name]) for name in first]


def strata(signs: Sequence[int], samples: Sequence[Sample]) -> list[Values]:
    """The samples of a signed sum: arrays by topic, the sum of whose means is the sum.

    Args:
        signs: of each term.
        samples: the values of each term.

    Returns:
        One array for each group of topics that belong to the same terms, in the order of the terms.
    """
    terms_of: dict[str, list[int]] = {}
    for number, one in enumerate(samples):
        for topic in one.topics:
            terms_of.setdefault(topic, []).append(number)
    groups: dict[tuple[int, ...], list[str]] = {}
    for topic, numbers in terms_of.items():
        groups.setdefault(tuple(numbers), []).append(topic)
    values = [dict(zip(one.topics, one.values.tolist(), strict=True)) for one in samples]
    parts: list[Values] = []
    for belonging, topics in groups.items():
        part = np.zeros(len(topics))
        for number in belonging:
            share = len(topics) / len(samples[number].topics)
            part += signs[number] * share * np.array([values[number][one] for one in topics])
        parts.append(part)
    return parts


def corrected(found: Sequence[Contrast], evaluation: Evaluation) -> tuple[Contrast, ...]:
    """The contrasts of one kind as a family for Holm's correction."""
    alpha = evaluation.config.alpha
    adjusted = holm([one.test.p for one in found])
    return tuple(
        replace(one, p_adjusted=p, significant=p < alpha)
        for one, p in zip(found, adjusted, strict=True)
    )
