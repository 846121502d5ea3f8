"""The bitext that a student is trained on: what was named, what the store has, what is fetched."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from clirot.bitext.chosen import Choice, chosen_bitext
from clirot.bitext.stored import stored_sources
from clirot.distillation.configuration import DistillConfig
from clirot.encoding.overflow import LONGEST_HEAD, head_of
from clirot.errors import BitextWarning, CutTextWarning, UnknownNameError, UsageError
from clirot.records import LanguagePair, ProgressSink
from clirot.store import Store

if TYPE_CHECKING:
    from clirot.bitext import Bitext


def bitexts_of(config: DistillConfig, store: Store, progress: ProgressSink) -> dict[str, Bitext]:
    """Target language -> its bitext; what the store lacks of it is fetched.

    Warns of faults that were found in the bitext when it was fetched, now or before
    (BitextWarning), and of pairs that are longer than is tokenized (CutTextWarning).

    Raises:
        UnknownNameError: there is no such source.
        UsageError: none of the sources that were named has one of the languages.
        InputError: a file cannot be read.
        PartlyDoneError: some of it could not be fetched.
    """
    stored = {pair: stored_sources(store, pair) for pair in config.pairs}
    named = {pair: _available(config, pair, stored) for pair in config.pairs}
    found = {
        pair.tgt: chosen_bitext(_choice(config, pair, named[pair]), store, progress)
        for pair in config.pairs
    }
    for bitext in found.values():
        for fault in bitext.warnings:
            warnings.warn(fault, BitextWarning, stacklevel=2)
    return {language: _with_heads(bitext) for language, bitext in found.items()}


def _with_heads(bitext: Bitext) -> Bitext:
    """The bitext with the beginnings of its longest sentences, and a word about it.

    Only who turns the filter of long pairs off has such sentences. Training reads some hundred
    tokens of each, and would tokenize all of it in every epoch.
    """
    pairs = [
        pair
        if max(len(pair.src), len(pair.tgt)) <= LONGEST_HEAD
        else replace(pair, src=head_of(pair.src), tgt=head_of(pair.tgt))
        for pair in bitext.pairs
    ]
    cut = sum(one is not other for one, other in zip(pairs, bitext.pairs, strict=True))
    if not cut:
        return bitext
    warnings.warn(
        f"{cut:,} of {len(pairs):,} pairs of {bitext.pair} have a side of more than "
        f"{LONGEST_HEAD:,} characters, of which the beginning is used",
        CutTextWarning,
        stacklevel=3,
    )
    return replace(bitext, pairs=pairs)


def _available(
    config: DistillConfig, pair: LanguagePair, stored: Mapping[LanguagePair, Sequence[str]]
) -> list[str]:
    """The sources for a pair: those named for it, and those named for all pairs that have it.

    Where sources are named and none has the pair, that is an error even if the store has other
    bitext of it: by naming sources the person has excluded that.
    """
    from clirot.bitext.catalogue import source_for

    found, missing = [], []
    for source, own in config.sources_of(pair):
        if not own and source not in stored[pair]:
            try:
                source_for(source, pair)
            except UsageError as error:
                elsewhere = any(source in others for others in stored.values())
                if isinstance(error, UnknownNameError) and not elsewhere:
                    raise
                missing.append(source)
                continue
        found.append(source)
    if missing and not found and not config.files_of(pair):
        raise UsageError(
            f"none of the sources that were named has {pair} bitext: {', '.join(missing)}",
            hint=f"name one that has: `sources={pair.tgt}=NAME`, or `files={pair.tgt}=PATH`",
        )
    return found


def _choice(config: DistillConfig, pair: LanguagePair, sources: list[str]) -> Choice:
    """The bitext of one of the languages, and how to say it in a call of ``distill``."""

    def call(kept: Sequence[str]) -> str:
        several = f"{pair.tgt}=" if len(config.pairs) > 1 else ""
        named = [f"sources={several}{one}" for one in kept]
        targets = ",".join(one.tgt for one in config.pairs)
        return f"distill({', '.join([f'src={config.pair.src}', f'tgt={targets}', *named])})"

    return Choice(pair=pair, sources=sources, files=config.files_of(pair), call=call)
