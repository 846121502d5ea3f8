from __future__ import annotations
from collections.abc import Sequence
import numpy as np
from clirot.bitext.alignment.evidence import Judge, posterior_of
from clirot.bitext.alignment.lexicon import Beads

def alignment_scores(src: Sequence[str], tgt: Sequence[str]):
    e = Judge(src, tgt)
    i = np.arange(len(src)); beads = Beads.pairs(i, i)
    r = e.view(src, tgt).log_ratio(beads)
    return (e, r, posterior_of(r, e.prior), None)
