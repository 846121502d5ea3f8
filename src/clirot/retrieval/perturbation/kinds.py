"""The kinds of perturbation by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from clirot.registry import Registry
from clirot.retrieval.perturbation.configuration import TYPING
from clirot.retrieval.perturbation.diacritics import Unmarking
from clirot.retrieval.perturbation.draws import Draws
from clirot.retrieval.perturbation.letter_case import Lowering
from clirot.retrieval.perturbation.perturber import Perturbed, Perturber
from clirot.retrieval.perturbation.speech import Speech
from clirot.retrieval.perturbation.typing_noise import Typing
from clirot.retrieval.perturbation.word_order import Reordering


class Nothing:
    """Texts as they are."""

    def perturb(self, text: str, draws: Draws) -> Perturbed:
        """See :class:`Perturber`."""
        return Perturbed(text, 0)


def _typing(kind: str) -> Callable[[float, str | None], Perturber]:
    return lambda rate, language: Typing(kind, rate, language)


BY_NAME: Mapping[str, Callable[[float, str | None], Perturber]] = Registry(
    "kind",
    {
        **{kind: _typing(kind) for kind in TYPING},
        "case": Lowering,
        "diacritics": Unmarking,
        "word-order": Reordering,
        "asr": Speech,
        "shuffle": lambda rate, language: Nothing(),  # rows are shuffled, and texts stay
        "none": lambda rate, language: Nothing(),
    },
)
"""Kind -> what makes its perturber of a rate and a language."""
