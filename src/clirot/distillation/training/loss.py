"""An objective as the trainer calls it, in one process or as a part of several.

The trainer's collator cannot carry the teacher's vectors, which are as many as a sentence has
tokens. It carries the places of the sentences as labels, and the loss looks the vectors up.

With several processes, gradients are averaged over them, and so are the losses that are logged. A
mean over sentences is therefore weighted by how many sentences of the batch a process has. What
compares the sentences of a batch is computed over the whole batch by every process; its gradient
there is by the sentences of that process, and is multiplied by the number of processes that it will
be divided by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers.util.distributed import all_gather, all_gather_padded
from torch import Tensor, nn

from clirot.distillation.objectives.objective import Objective, terms_of, transports
from clirot.distillation.objectives.tokens import TokenBatch
from clirot.distillation.training.development import check_finite
from clirot.distillation.training.material import Material
from clirot.distillation.training.processes import ALONE, Processes
from clirot.models import Side

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

_Loss = Callable[[TokenBatch, Side], Tensor]


class TokenLoss(nn.Module):
    """The loss of a batch: an objective between the student's tokens and the teacher's.

    Args:
        model: the student; the trainer replaces this attribute by its wrapped model.
        objective: what to minimise.
        material: where the teacher's tokens are looked up.
        sides: how the student reads its sentences.
        processes: those that train together.
        read: makes tokens of what a forward pass gave; None: with their vectors alone.
    """

    def __init__(
        self,
        model: MultiVectorEncoder,
        objective: Objective,
        material: Material,
        sides: Sequence[Side],
        processes: Processes = ALONE,
        *,
        read: Callable[[dict[str, Any], Side], TokenBatch] | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self._read = read if read is not None else _vectors_alone
        self._objective = objective
        self._material = material
        self._sides = sides
        self._processes = processes

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """The batch's loss, the mean over the sides; ``labels`` are places in the material."""
        loss = self._shared_loss(labels) if self._processes.count > 1 else self._own_loss(labels)
        losses = []
        for side, features in zip(self._sides, sentence_features, strict=True):
            out = self.model(features, task=side)
            student = self._read(out, side)
            check_finite(student.vectors)
            losses.append(loss(student, side))
        return torch.stack(losses).mean()

    def _own_loss(self, labels: Tensor) -> _Loss:
        places = labels.tolist()
        teacher = self._material.translations(places, labels.device)
        return lambda student, side: self._objective.loss(
            self._material.numbered(student, places), teacher, side
        )

    def _shared_loss(self, labels: Tensor) -> _Loss:
        """The loss of a batch of which this process has a part; see the module's docstring."""
        everywhere = all_gather(labels)  # in the order of the processes
        count, total = self._processes.count, int((everywhere >= 0).sum())
        here = labels >= 0
        weight = count * int(here.sum()) / total
        own = self._material.translations(labels[here].tolist(), labels.device) if weight else None
        terms = terms_of(self._objective)
        asked_for = frozenset[str]().union(
            *(one.plan.asks_for for one in transports(self._objective) if one.in_batch)
        )

        def loss(student: TokenBatch, side: Side) -> Tensor:
            # A process without a sentence takes part all the same: the others wait for it.
            found = 0 * student.vectors.sum()
            if own is not None:
                part = student.rows(here.nonzero().flatten().tolist())
                for scale, one in terms:
                    if not one.in_batch:
                        found = found + weight * scale * one.loss(part, own, side)
            if any(one.in_batch for _, one in terms):
                places = everywhere[everywhere >= 0].tolist()
                real = (everywhere >= 0).nonzero().flatten().tolist()
                whole = _gathered(student, asked_for).rows(real)
                whole = self._material.numbered(whole, places)
                teacher = self._material.translations(places, labels.device)
                for scale, one in terms:
                    if one.in_batch:
                        value = scale * one.loss(whole, teacher, side)
                        found = found + count * value - ((count - 1) * value).detach()
            return found

        return loss


def _vectors_alone(out: dict[str, Any], _: Side) -> TokenBatch:
    return TokenBatch(out["token_embeddings"], out["attention_mask"].bool())


def _gathered(tokens: TokenBatch, names: frozenset[str]) -> TokenBatch:
    """The batch of all processes: vectors and the fields in ``names``. Only what is of this process
    has a gradient.
    """
    vectors, mask = all_gather_padded(tokens.vectors.float(), tokens.mask.to(torch.uint8))
    rest: dict[str, Tensor] = {}
    for name in sorted(names):  # in the same order in every process
        part: Tensor | None = getattr(tokens, name)
        if part is None:
            continue
        # The library pads vectors, ``(batch, tokens, width)``; a bool travels as a byte.
        wide = part.to(torch.uint8) if part.dtype == torch.bool else part
        wide = wide if wide.dim() == 3 else wide[:, :, None]
        gathered, _ = all_gather_padded(wide.contiguous(), tokens.mask.to(torch.uint8))
        rest[name] = gathered.reshape(*gathered.shape[:2], *part.shape[2:]).to(part.dtype)
    return TokenBatch(vectors, mask.bool(), **rest)
