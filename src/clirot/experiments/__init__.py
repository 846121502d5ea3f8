"""Experiments: a plan file, the cells that it asks for, and the table that answers its question.

A plan names languages, bitext, systems, collections and seeds (``plan``, ``reading``). From it
follow cells (``work``), each a call of a verb with its configuration, which are made one after the
other or in several processes (``running``). The table is an evaluation of their runs (``table``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clirot.experiments.configuration import ExperimentConfig as ExperimentConfig
    from clirot.experiments.experiment import Experiment as Experiment
    from clirot.experiments.experiment import open_experiment as open_experiment

__all__ = ["Experiment", "ExperimentConfig", "open_experiment"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    module = "configuration" if name == "ExperimentConfig" else "experiment"
    if name in __all__:
        return getattr(import_module(f"clirot.experiments.{module}"), name)
    raise AttributeError(f"module 'clirot.experiments' has no attribute {name!r}")
