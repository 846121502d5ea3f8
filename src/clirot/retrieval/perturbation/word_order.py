"""Words that change places with their neighbours.

Words are those of ICU's word breaker, so that languages without spaces have words too. Spaces and
marks stay where they are, and two words with a mark between them stay in their order.
"""

from __future__ import annotations

from clirot.retrieval.perturbation.draws import Draws
from clirot.retrieval.perturbation.perturber import Perturbed
from clirot.retrieval.perturbation.typed_text import is_word


class Reordering:
    """Neighbouring words exchanged.

    Args:
        rate: share of the words that change places; 1: the first with the second, the third with
            the fourth and so on.
        language: of the texts.
    """

    def __init__(self, rate: float, language: str | None) -> None:
        # Of a row of words, going on behind a pair that is exchanged, a share of 2p / (1 + p)
        # changes places where each is exchanged with probability p.
        self._probability = rate / (2 - rate)
        self._language = language

    def perturb(self, text: str, draws: Draws) -> Perturbed:
        """See :class:`Perturber`."""
        from clirot.analysis import pieces

        found = pieces(text, self._language)
        words = [at for at, piece in enumerate(found) if is_word(piece)]
        edits, one = 0, 0
        while one + 1 < len(words):
            here, there = words[one], words[one + 1]
            near = not "".join(found[here + 1 : there]).strip()
            if near and found[here] != found[there] and draws.chance(self._probability):
                found[here], found[there] = found[there], found[here]
                edits += 1
                one += 1
            one += 1
        return Perturbed("".join(found), edits, too_short=len(words) < 2 and self._probability > 0)
