"""Tables of every token against every token of a batch, in bounded memory.

Contrasts compare all tokens of a batch: in batches of 512 sentences of 64 tokens that is a table of
4 GB, and autograd keeps several of its size until the backward pass.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

BLOCK_ENTRIES = 2**25
"""Entries of a table made at once: 128 MB of float32, more than 64 pairs of 80 tokens need."""


def in_blocks(reduce: Callable[..., Tensor], *queries: Tensor, row_entries: int) -> Tensor:
    """``reduce(*queries)``, made a block of queries at a time where the whole would be too large.

    The backward pass makes each block again rather than keep it.

    Args:
        reduce: from queries, ``(n, ...)`` each, to ``(n, ...)``, every row by itself; what else it
            takes is bound to it, and gets its gradient.
        queries: tensors of equal length.
        row_entries: how many entries the table inside ``reduce`` has for a query.
    """
    rows = max(1, BLOCK_ENTRIES // row_entries)
    if len(queries[0]) <= rows:
        return reduce(*queries)
    return torch.cat(
        [
            checkpoint(reduce, *block, use_reentrant=False, preserve_rng_state=False)
            for block in zip(*(torch.split(one, rows) for one in queries), strict=True)
        ]
    )
