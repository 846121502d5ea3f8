"""Fused runs as further systems of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from clirot.errors import UsageError
from clirot.evaluation.fusion import Fusion, fuse
from clirot.evaluation.inputs import Inputs


def with_fused(inputs: Inputs, written: Sequence[str]) -> tuple[Inputs, frozenset[str]]:
    """The inputs with one system more for each fusion, and the names of those.

    Topic sets are fused one by one, from the systems that were run on them.
    """
    fusions = [Fusion.parse(text) for text in written]
    given = inputs.systems
    if fusions and len(given) < 2:
        raise UsageError("fusion needs at least two runs", hint="name more runs")
    runs = dict(inputs.runs)
    for fusion in fusions:
        if fusion.written in {system for system, _ in runs}:
            raise UsageError(f"two runs are called {fusion.written!r}; one of them is a fusion")
        for topic_set in inputs.judgements:
            here = {
                name: inputs.runs[name, topic_set] for name in given if (name, topic_set) in runs
            }
            if all(name in here for name in fusion.weights or given):
                runs[fusion.written, topic_set] = fuse(here, fusion)
            elif unknown := [name for name in fusion.weights or () if name not in given]:
                fuse(here, replace(fusion, weights={unknown[0]: 1.0}))  # raises, with a near miss
    return replace(inputs, runs=runs), frozenset(fusion.written for fusion in fusions)
