"""Training touches only the rows of the vocabulary that occur.

The input embeddings are most of a multilingual encoder: 96 of the 118 million parameters of
multilingual-e5-small, for 250,002 subwords of which bitext of one language has some thousands. A
row without a gradient stays as it is (the weight decay is 0), but the gradient, its norm and the
optimiser pass over all rows at every step. So the rows that occur are cut out of the table for as
long as training lasts, and put back at the end.

The result is that of training the whole table. Rows that occur keep their order, and to a sum of
squares the others add zeros, so that the norm by which gradients are clipped is the same too: on a
CPU bit by bit where the width of the embeddings is a multiple of eight, elsewhere up to rounding.

``input_ids`` stay as they are, since XLM-R counts its positions from them.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clirot.distillation.loop import LoopSettings
from clirot.distillation.training.lesson import Lesson
from clirot.distillation.training.reading import prompt_of
from clirot.errors import ClirotError
from clirot.models import Side
from clirot.processes import ALONE, Processes

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

_CHUNK = 1000


def occurring_ids(
    model: MultiVectorEncoder, texts: Sequence[str], *, sides: Sequence[Side]
) -> NDArray[np.int64]:
    """The ids that occur in texts as the encoder reads them, and those of special tokens.

    Args:
        model: the encoder; only its tokenizer runs.
        texts: any texts; how long they may be is the encoder's own limit.
        sides: how they are read, which decides the prompt and the expansion.

    Returns:
        ``(ids,)``, ascending, each once.
    """
    tokenizer: Any = model.tokenizer
    found = [np.array(tokenizer.all_special_ids, dtype=np.int64)]
    for side in sides:
        prompt = prompt_of(model, side)
        for start in range(0, len(texts), _CHUNK):
            out = model.preprocess(list(texts[start : start + _CHUNK]), prompt=prompt, task=side)
            # With padding, and the [MASK] that a query is filled with.
            found.append(np.unique(out["input_ids"].cpu().numpy()))
    return np.unique(np.concatenate(found))


class OccurringRows(nn.Module):
    """Input embeddings of which some rows are parameters, in place of a whole table.

    The other rows can still be looked up, for any text that is encoded in between. They are no
    parameters, and neither saved nor trained.

    Args:
        whole: the table. A subclass of ``nn.Embedding`` keeps what it does with the rows that it
            has looked up, such as scaling them.
        ids: ``(rows,)``, ascending: the ids whose rows are parameters.
        rows: the parameters, one or two groups of rows which together are those of ``ids``; they
            are shared where several tables are tied.
    """

    def __init__(self, whole: nn.Embedding, ids: Tensor, rows: Sequence[nn.Parameter]) -> None:
        super().__init__()
        # In a tuple, a module is none of this one's modules.
        self._whole = (whole,)
        self._ids = ids.cpu()
        self._row = torch.full((whole.num_embeddings,), -1, dtype=torch.long)
        self._row[self._ids] = torch.arange(len(ids))
        self._row = self._row.to(whole.weight.device)
        padding = None if whole.padding_idx is None else int(self._row[whole.padding_idx])
        self.base = _of_rows(whole, rows[0], padding)
        self.added = _of_rows(whole, rows[1], None) if len(rows) > 1 else None

    def __getattr__(self, name: str) -> Any:
        """What architectures ask of their embeddings: the weight and its type, the width."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == "base":
                raise
            return getattr(self.base, name)

    def forward(self, ids: Tensor) -> Tensor:
        """The embedding of each id: ``(..., dim)``.

        Raises:
            ClirotError: in training, of an id that is not among the rows.
        """
        row = self._row[ids]
        absent = row < 0
        some_absent = bool(absent.any())
        if some_absent and self.training and torch.is_grad_enabled():
            raise ClirotError(
                "training has met a subword that the training sentences did not have when they "
                f"were read before (id {int(ids[absent][0])})",
                hint="the student's tokenizer must always cut a text in the same way",
            )
        size = self.base.num_embeddings
        found: Tensor = self.base(row.clamp(0, size - 1))
        if self.added is not None:
            added = self.added((row - size).clamp(min=0))
            found = torch.where((row >= size)[..., None], added, found)
        if some_absent:
            found = torch.where(absent[..., None], self._whole[0](ids).detach(), found)
        return found

    def get_extra_state(self) -> Tensor:
        """The ids of the rows, which are saved with them."""
        return self._ids

    def set_extra_state(self, state: Tensor) -> None:
        """Refuse the rows of other ids.

        Raises:
            ClirotError: what is loaded has other ids.
        """
        if not torch.equal(state.cpu(), self._ids):
            raise ClirotError(
                "the checkpoint has the embeddings of other subwords than occur in training now",
                hint="remove what was interrupted (.NAME.part beside the students), and start anew",
            )

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        """Take along to another device what is neither a parameter nor a buffer."""
        whole: Any = self._whole[0]
        whole._apply(fn, recurse)
        self._row = fn(self._row)
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]


@contextmanager
def only_rows(
    model: MultiVectorEncoder,
    ids: NDArray[np.int64],
    *,
    new_from: int | None = None,
    frozen: bool = False,
) -> Iterator[None]:
    """Train only some rows of the input embeddings within the block.

    Afterwards the model has its own table again, with the rows as they are then.

    Args:
        model: the student, changed in place.
        ids: ``(rows,)``, ascending: the ids that may occur in training.
        new_from: rows of ids from here on are a parameter of their own, so that they can have a
            learning rate of their own; None: all rows are one parameter.
        frozen: the rows of ids before ``new_from`` stay as they are.
    """
    backbone: Any = model[0]
    table = backbone.auto_model.get_input_embeddings().weight
    holders = _holders(model, table)
    if not holders:
        with _left_alone(table) if frozen else nullcontext():
            yield
        return
    ids = ids[ids < len(table)]  # a tokenizer may have special tokens that the table lacks
    padding = [one.padding_idx for _, _, one in holders if one.padding_idx is not None]
    kept = torch.from_numpy(np.union1d(ids, np.array(padding, dtype=np.int64)))
    begin = int((kept < new_from).sum()) if new_from is not None else len(kept)
    parts = [part for part in (kept[:begin], kept[begin:]) if len(part)]
    rows = [nn.Parameter(table.detach()[part.to(table.device)]) for part in parts]
    for part, row in zip(parts, rows, strict=True):
        stays = frozen and (new_from is None or int(part[0]) < new_from)
        row.requires_grad_(table.requires_grad and not stays)
    for parent, name, whole in holders:
        setattr(parent, name, OccurringRows(whole, kept, rows))
    try:
        yield
    finally:
        for parent, name, whole in holders:
            setattr(parent, name, whole)
        with torch.no_grad():
            for part, trained in zip(parts, rows, strict=True):
                table[part.to(table.device)] = trained.to(table)


@contextmanager
def occurring_rows(
    model: MultiVectorEncoder,
    task: Lesson,
    developments: Mapping[str, Any],
    processes: Processes = ALONE,
) -> Iterator[None]:
    """Train the rows of the input embeddings that occur, alone, within the block.

    They are one parameter unless they have two learning rates.

    Args:
        model: the student, changed in place.
        task: what is trained.
        developments: language -> its development task. Only the first process knows them, and
            reads what occurs.
        processes: those that train together.
    """
    ids = None
    if processes.first:
        found = [
            occurring_ids(model, texts, sides=(side,))
            for side, texts in task.read_as(developments).items()
        ]
        ids = np.unique(np.concatenate(found))
    settings = task.loop
    alike = settings.embedding_learning_rate == settings.added_rate
    with only_rows(
        model,
        processes.agree(ids),
        new_from=None if alike else task.new_from,
        frozen=settings.embedding_learning_rate == 0,
    ):
        yield


@contextmanager
def _left_alone(table: nn.Parameter) -> Iterator[None]:
    """The table without a gradient within the block."""
    before = table.requires_grad
    table.requires_grad_(False)
    try:
        yield
    finally:
        table.requires_grad_(before)


def embedding_rates(model: MultiVectorEncoder, settings: LoopSettings) -> dict[str, float]:
    """Regular expression for the name of each parameter that is trained as input embeddings -> its
    peak learning rate.
    """
    body: Any = model[0].auto_model
    embeddings = body.get_input_embeddings()
    rates = {id(embeddings.weight): settings.embedding_learning_rate}
    if isinstance(embeddings, OccurringRows) and embeddings.added is not None:
        rates[id(embeddings.added.weight)] = settings.added_rate
    return {
        re.escape(name) + "$": rates[id(parameter)]
        for name, parameter in model.named_parameters()
        if id(parameter) in rates and parameter.requires_grad
    }


def _holders(model: nn.Module, table: nn.Parameter) -> list[tuple[nn.Module, str, nn.Embedding]]:
    """Where a table is looked up: the module that has the embedding, under which name.

    Several where tables are tied. None where the table is also used otherwise, as by the head of a
    language model that is tied to it: its rows are then all trained.
    """
    found = []
    for parent in model.modules():
        for name, module in parent._modules.items():
            if module is None or all(one is not table for one in module._parameters.values()):
                continue
            if not isinstance(module, nn.Embedding) or module.weight is not table:
                return []
            found.append((parent, name, module))
    return found


def _of_rows(whole: nn.Embedding, rows: nn.Parameter, padding: int | None) -> nn.Embedding:
    """An embedding like another one, over other rows."""
    found = copy.copy(whole)
    vars(found)["_parameters"] = {**whole._parameters, "weight": rows}
    found.num_embeddings, found.padding_idx = len(rows), padding
    return found
