"""The fusion methods of ranx, and how a fusion is written.

A fusion is a method with its settings, such as ``rrf``, ``rrf:k=10``,
``wsum:bm25=0.3,colbert=0.7`` or ``mnz:norm=zmuv,bm25,colbert``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clirot.errors import UsageError
from clirot.registry import Registry, closest, unknown_name

NORMS = ("min-max", "min-max-inverted", "max", "sum", "zmuv", "rank", "borda")
"""The normalisations of ranx."""


@dataclass(frozen=True)
class Parameter:
    """A number that a fusion method takes."""

    default: float | None = None
    """None where ranx has none, so that it must be given or chosen on training topics."""
    least: float = 0.0
    most: float = 1e6
    """Where the method's formula means something, both ends included."""


@dataclass(frozen=True)
class Method:
    """What a fusion method of ranx takes."""

    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    """Name -> its default and range."""
    scores: bool = False
    """Whether it adds up scores, which are normalised first; otherwise it looks at ranks only."""
    weighted: bool = False
    """Whether runs have weights; 1 unless given."""
    trained: bool = False
    """Whether it learns from training topics how likely each run is right at each rank."""


METHODS: Registry[Method] = Registry(
    "fusion",
    {
        **dict.fromkeys(("anz", "max", "med", "min", "mnz", "sum"), Method(scores=True)),
        **dict.fromkeys(("mixed", "wmnz", "wsum"), Method(scores=True, weighted=True)),
        **dict.fromkeys(("bordafuse", "condorcet", "isr", "log_isr"), Method()),
        **dict.fromkeys(("w_bordafuse", "w_condorcet"), Method(weighted=True)),
        **dict.fromkeys(
            ("bayesfuse", "mapfuse", "posfuse", "probfuse", "segfuse", "slidefuse"),
            Method(trained=True),
        ),
        "gmnz": Method({"gamma": Parameter()}, scores=True),
        "logn_isr": Method({"sigma": Parameter(0.01, least=1e-6)}),
        "rbc": Method({"phi": Parameter(least=0.01, most=0.99)}),
        "rrf": Method({"k": Parameter(60)}),
    },
)
"""The methods of ranx, by its names. ``comb_mnz`` is read as ``mnz``, and so on."""


@dataclass(frozen=True)
class Fusion:
    """How runs are fused."""

    written: str
    method: str
    norm: str | None
    """The normalisation of scores; None where the method looks at ranks."""
    parameters: Mapping[str, float]
    members: tuple[str, ...]
    """The systems that are fused; none named: all."""
    weights: Mapping[str, float]
    """System -> weight, where one was given."""
    learned: Mapping[str, Any] = field(default_factory=dict)
    """What was chosen on training topics, as ranx takes it."""

    @classmethod
    def parse(cls, text: str) -> Fusion:
        """Read a fusion.

        Raises:
            UnknownNameError: there is no such method or normalisation.
            UsageError: a setting cannot be read, or the method has no such setting.
        """
        written = text.strip()
        name, _, rest = written.partition(":")
        name = name.removeprefix("comb_").replace("weighted_", "w_")
        method = METHODS[name]
        norm = "min-max" if method.scores else None
        parameters, weights = dict[str, float](), dict[str, float]()
        members: list[str] = []
        for part in filter(None, map(str.strip, rest.split(","))):
            key, equals, value = part.rpartition("=")
            if equals and key == "norm":
                if not method.scores:
                    raise UsageError(
                        f"fusion {text!r}: {name} looks at ranks, so that there is nothing to "
                        "normalise",
                        hint="leave the norm out",
                    )
                if value not in NORMS:
                    raise unknown_name("normalisation", value, NORMS)
                norm = value
            elif equals and key in method.parameters:
                parameters[key] = _number(value, part, text)
                facts = method.parameters[key]
                if not facts.least <= parameters[key] <= facts.most:
                    raise UsageError(
                        f"fusion {text!r}: {key} must be from {facts.least:g} to {facts.most:g}, "
                        f"got {value}"
                    )
            elif (key or value) in members:
                raise UsageError(f"cannot read {part!r} in the fusion {text!r}: it is there twice")
            elif equals:
                if not method.weighted:
                    raise _no_such_setting(key, name, text)
                members.append(key)
                weights[key] = _number(value, part, text)
            else:
                members.append(value)
        if weights and not any(weights.values()):
            raise UsageError(f"fusion {text!r}: all weights are 0")
        return cls(written, name, norm, parameters, tuple(members), weights)

    @property
    def open(self) -> bool:
        """Whether it has weights or parameters, and none of them was given."""
        method = METHODS[self.method]
        takes = method.trained or method.weighted or method.parameters
        return bool(takes) and not self.weights and not self.parameters

    def settings(self, systems: Sequence[str]) -> dict[str, Any]:
        """The settings for ranx, for these systems in this order.

        Raises:
            UsageError: one is missing.
        """
        if self.learned:
            return dict(self.learned)
        method = METHODS[self.method]
        if method.trained:
            raise UsageError(
                f"fusion {self.method} learns from training topics, and there are none",
                hint="name them by `tune_fusion`",
            )
        settings: dict[str, Any] = {
            name: self.parameters.get(name, facts.default)
            for name, facts in method.parameters.items()
        }
        for name, value in settings.items():
            if value is None:
                raise UsageError(
                    f"fusion {self.method} needs {name}",
                    hint=f"write {self.method}:{name}=0.5, or choose it on training topics "
                    "with `tune_fusion`",
                )
        if method.weighted:
            settings["weights"] = [self.weights.get(system, 1.0) for system in systems]
        return settings


def _no_such_setting(key: str, method: str, text: str) -> UsageError:
    """What to say of ``key=number`` in a fusion whose method has neither weights nor that name."""
    known = ["norm"] if METHODS[method].scores else []
    known += METHODS[method].parameters
    if near := closest(key, known):
        return UsageError(
            f"fusion {text!r}: {method} has no setting {key!r}", hint=f"did you mean {near!r}?"
        )
    weighted = sorted(one for one, facts in METHODS.items() if facts.weighted)
    return UsageError(
        f"fusion {text!r}: {method} has no weights, so {key!r} cannot have one",
        hint=f"with weights: {', '.join(weighted)}",
    )


def _number(value: str, part: str, text: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise UsageError(
            f"cannot read {part!r} in the fusion {text!r}",
            hint="write rrf:k=60, or wsum:RUN=WEIGHT,RUN=WEIGHT; numbers are not negative",
        )
    return number
