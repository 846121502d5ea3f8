"""The verdicts a pair can get: kept, or the first reason there was to drop it."""

from __future__ import annotations

KEPT = "kept"

REASONS = (
    KEPT,
    "empty source",
    "empty target",
    "control characters",
    "identical",
    "too short",
    "too long",
    "length ratio",
    "script",
    "language",
    "overlap",
    "duplicate",
    "near duplicate",
    "misaligned",
)
"""Every verdict, in the order in which the chain asks. A batch holds them by their place here."""

MALFORMED = "malformed"
"""What a row that could not be read is counted as. There is no pair to give a verdict to."""

CODE = {reason: code for code, reason in enumerate(REASONS)}
