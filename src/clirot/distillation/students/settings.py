"""The settings of a vocabulary transplant. This module is light, as commands read it."""

from __future__ import annotations

from dataclasses import dataclass

from clirot.settings import check_ranges, setting


@dataclass(frozen=True, kw_only=True)
class TransplantSettings:
    """How a vocabulary is transplanted."""

    vocabulary: int = setting(
        8_000,
        """Subwords that a transplant learns of each target language; little text gives fewer.""",
        at_least=100,
        at_most=200_000,
    )
    same_spelling: float = setting(
        3.0,
        """How much evidence it is that a subword is spelled like an English one, for keeping the
        English embedding.""",
        unit="expected alignments",
        at_least=0,
    )
    sharpness: float = setting(
        2.0,
        """A translation weighs t(e|f)^sharpness t(f|e). Above 1, likely translations are favoured
        over the many unlikely ones that the alignment spreads its mass on.""",
        above=0,
    )

    def __post_init__(self) -> None:
        check_ranges(self)
