"""What was tried and what went wrong, as a table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

FAULTS = ("wrong, exit 0", "traceback", "hang", "left behind", "canary")
"""What must never happen. ``left behind``: something stays that no command shows or removes, or
the same command again does not end with the right result."""


@dataclass
class Tally:
    """The counts of one part of a campaign, and its findings."""

    part: str
    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    number: int = 0
    """Of the case that is being tried."""

    def right(self, count: int = 1) -> None:
        """Count what ended as it must."""
        self.counts["tried"] += count
        self.counts["right"] += count

    def wrong(self, fault: str, said: str) -> None:
        """Count a fault, with what was tried and what happened."""
        assert fault in FAULTS
        self.counts["tried"] += 1
        self.counts[fault] += 1
        again = f"python -m torture --seed {self.seed} --part {self.part} --case {self.number}"
        self.findings.append(f"{fault}: {said}\n    again: {again}")

    def row(self) -> str:
        """Its line of the table."""
        columns = ("tried", "right", *FAULTS)
        return f"{self.part:<12}" + "".join(f"{self.counts[name]:>15,}" for name in columns)


def header() -> str:
    """The head of the table."""
    return f"{'':<12}" + "".join(f"{name:>15}" for name in ("tried", "right", *FAULTS))
