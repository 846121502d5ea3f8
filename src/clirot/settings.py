"""Settings that are said once: a field of a configuration with its meaning, its unit and its range.

A configuration is a frozen dataclass whose fields are made by :func:`setting`, or other
configurations as parts (``plan: PlanSettings = part(PlanSettings)``). Everything else about a
setting follows from its field: :func:`check_ranges` holds a value to its range, :func:`leaves`
lists the settings of a configuration and of its parts, :func:`assembled` makes a configuration from
values by name, and the command line makes its options from the same fields.

The best value of some settings depends on what else was chosen. Their default is made by
:func:`following`: it is one of several values, and :func:`settled` puts the right one in its place
where nobody gave another.

In the text of an error or a warning, a setting stands in backticks, by the name of its field
(:mod:`clirot.errors`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from typing import Any, TypeVar, get_type_hints

from clirot.errors import UsageError
from clirot.registry import unknown_name

T = TypeVar("T")
_KEY = "setting"


class Following(float):
    """A default that follows from a circumstance, such as what a student starts from.

    Until it is settled it is the number of the first circumstance. A number that somebody gave,
    even the same one, is no ``Following`` and stays.
    """

    values: Mapping[str, float]
    """Circumstance -> number."""

    @property
    def described(self) -> str:
        """The values in words: ``transplant 0.02, encoder 0.004``."""
        return ", ".join(f"{name} {value:g}" for name, value in self.values.items())

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (dict(self.values),)


def following(**values: float) -> Any:
    """A default that follows from a circumstance.

    Args:
        values: circumstance -> the number; the first one holds until the setting is settled.
    """
    made = Following(next(iter(values.values())))
    made.values = values
    return made


def _restored(values: Mapping[str, float]) -> Following:
    """For pickle and copy, which know nothing of keyword arguments."""
    found: Following = following(**values)
    return found


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is said of a setting besides its name, its type and its default."""

    meaning: str
    """One or more full sentences, for the help, the documentation and the reader of the code."""
    unit: str = ""
    """Unit of a number, such as ``tokens``; empty where it has none."""
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    """The words that are allowed; empty: any."""
    decides: bool = True
    """Whether the result of the work depends on it; not so for a name or a place."""

    @property
    def range(self) -> str:
        """The range in words: ``from 0 to 4``, ``above 0``; empty where there is none."""
        if self.at_least is not None and self.at_most is not None:
            return f"from {self.at_least:g} to {self.at_most:g}"
        ends = (
            ("at least", self.at_least),
            ("above", self.above),
            ("below", self.below),
            ("at most", self.at_most),
        )
        return " and ".join(f"{word} {end:g}" for word, end in ends if end is not None)

    @property
    def help(self) -> str:
        """Meaning, choices, unit and range, as the help of a command shows them."""
        facts = [one for one in (" | ".join(self.choices), self.unit, self.range) if one]
        return f"{self.meaning} ({'; '.join(facts)})" if facts else self.meaning

    def allows(self, value: float) -> bool:
        """Whether a number is in the range."""
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.above is None or value > self.above)
            and (self.at_most is None or value <= self.at_most)
            and (self.below is None or value < self.below)
        )


def setting(
    default: Any = MISSING, /, meaning: str = "", *, choices: Sequence[str] = (), **facts: Any
) -> Any:
    """A field of a configuration.

    Args:
        default: its default; left out, the value must be given.
        meaning: see :class:`Setting`, as the rest.
        choices: the words that are allowed.
        facts: ``unit``, ``at_least``, ``above``, ``at_most``, ``below``, ``decides``.
    """
    said = Setting(meaning=" ".join(meaning.split()), choices=tuple(choices), **facts)
    return field(default=default, metadata={_KEY: said}, kw_only=True)


def part(configuration: type[T]) -> T:
    """A field that holds another configuration, by default one of its own defaults."""
    return field(default_factory=configuration, kw_only=True)


@dataclass(frozen=True)
class Leaf:
    """A setting of a configuration, or of one of its parts."""

    name: str
    type: Any
    default: Any
    """:data:`dataclasses.MISSING` where the value must be given."""
    said: Setting
    path: tuple[str, ...]
    """The fields that lead to the part which has it; empty: the configuration itself."""


def leaves(configuration: type[Any]) -> Iterator[Leaf]:
    """The settings of a configuration and of its parts, in the order in which they are declared."""
    types = get_type_hints(configuration)
    for one in dataclasses.fields(configuration):
        if _KEY in one.metadata:
            yield Leaf(one.name, types[one.name], one.default, one.metadata[_KEY], ())
        elif dataclasses.is_dataclass(types[one.name]) and one.default_factory is not MISSING:
            for leaf in leaves(types[one.name]):
                yield dataclasses.replace(leaf, path=(one.name, *leaf.path))


def values(configuration: Any) -> dict[str, Any]:
    """The value of every setting of a configuration and of its parts, by name."""
    found = {}
    for leaf in leaves(type(configuration)):
        holder = configuration
        for step in leaf.path:
            holder = getattr(holder, step)
        found[leaf.name] = getattr(holder, leaf.name)
    return found


def settled(configuration: T, circumstance: str) -> T:
    """The configuration with its :class:`Following` defaults replaced, in its parts too.

    Args:
        configuration: any configuration.
        circumstance: which of the values holds.
    """
    changes: dict[str, Any] = {}
    for one in dataclasses.fields(configuration):  # type: ignore[arg-type]
        value = getattr(configuration, one.name)
        if isinstance(value, Following):
            changes[one.name] = value.values[circumstance]
        elif dataclasses.is_dataclass(value) and one.default_factory is not MISSING:
            changes[one.name] = settled(value, circumstance)
    made: T = dataclasses.replace(configuration, **changes)  # type: ignore[type-var]
    return made


def assembled(configuration: type[T], given: Mapping[str, Any], **more: Any) -> T:
    """A configuration with its parts, from values by name.

    Args:
        configuration: what to make.
        given: name of a setting, here or in a part -> its value; what is left out has its default.
        more: fields that are no settings.

    Raises:
        UnknownNameError: there is no such setting.
        UsageError: a value is out of its range, or contradicts another one.
    """
    known = {leaf.name for leaf in leaves(configuration)}
    for name in given:
        if name not in known:
            raise unknown_name("setting", name, known)
    made: T = _assembled(configuration, given, more)
    return made


def _assembled(configuration: Any, given: Mapping[str, Any], more: Mapping[str, Any]) -> Any:
    types, made = get_type_hints(configuration), dict(more)
    for one in dataclasses.fields(configuration):
        if _KEY in one.metadata:
            if one.name in given:
                made[one.name] = given[one.name]
            elif one.name not in made and one.default is MISSING:
                raise UsageError(f"`{one.name}` is needed")
        elif one.name not in made and dataclasses.is_dataclass(types[one.name]):
            made[one.name] = _assembled(types[one.name], given, {})
    return configuration(**made)


def check_ranges(configuration: Any) -> None:
    """Hold the settings of a configuration (not of its parts) to their types, ranges and choices.

    Raises:
        UsageError: a value is of another type than the default, is not finite, or is out of its
            range; the message has the setting in backticks.
        UnknownNameError: a word is not among the choices.
    """
    for one in dataclasses.fields(configuration):
        said: Setting | None = one.metadata.get(_KEY)
        value = getattr(configuration, one.name)
        if said is not None and value is not None:
            _check(f"`{one.name}`", value, one.default, said)


def _check(name: str, value: Any, default: Any, said: Setting) -> None:
    kinds = next((kinds for kind, kinds in _KINDS if isinstance(default, kind)), ())
    if kinds and (not isinstance(value, kinds) or isinstance(value, bool) != (kinds == (bool,))):
        wanted = _WORDS[kinds[0]]
        raise UsageError(f"{name} must be {wanted}, got {value!r} ({type(value).__name__})")
    if said.choices and value not in said.choices:
        raise unknown_name(name, value, said.choices)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    if not abs(value) < float("inf"):
        range_ = f", {said.range}" if said.range else ""
        raise UsageError(f"{name} must be a finite number{range_}, got {value}")
    if not said.allows(value):
        raise UsageError(f"{name} must be {said.range}, got {value}")
    if isinstance(value, int) and value >= _WHOLE_NUMBERS:
        raise UsageError(f"{name} must be below 2^32, got {value}")


_WHOLE_NUMBERS = 2**32
"""No setting means anything beyond it, and seeds of numpy end there."""
_KINDS: tuple[tuple[type, tuple[type, ...]], ...] = (
    (bool, (bool,)),
    (int, (int,)),
    (float, (float, int)),
    (str, (str,)),
)
"""Type of a default -> types that a value may have."""
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
