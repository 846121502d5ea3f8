"""Bitext made ready to train on: split, its English encoded, a development task a language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clirot.distillation.configuration import DistillConfig
from clirot.models import STUDENT_SIDES
from clirot.records import ProgressSink

if TYPE_CHECKING:
    from clirot.bitext import Bitext
    from clirot.distillation.objectives.objective import Objective
    from clirot.distillation.objectives.tokens import SentenceTokens
    from clirot.distillation.training.development import Development, Split
    from clirot.distillation.training.material import Material
    from clirot.distillation.training.teacher_tokens import Reading, TeacherTokens
    from clirot.encoding.encoders import MultiVectorTokenEncoder, TokenEncoder
    from clirot.models import ModelRef, Side


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a student is trained and measured on."""

    parts: Mapping[str, Split]
    """Language -> its bitext."""
    material: Material
    english: Sequence[str]
    """The sentence of every row of the teacher's tokens."""
    documents: MultiVectorTokenEncoder
    """The teacher, reading documents."""
    reading: Reading
    """How it is read where more than its vectors is wanted."""
    developments: Mapping[str, Development]
    """Language -> its held-out task."""


def prepare(
    config: DistillConfig,
    objective: Objective | None,
    bitexts: Mapping[str, Bitext],
    teacher: ModelRef,
    *,
    cache: Path,
    progress: ProgressSink,
) -> Prepared:
    """Split the bitext and encode its English.

    Args:
        config: the settings.
        objective: what is trained on; its plan says what to read off the teacher.
        bitexts: language -> its bitext.
        teacher: who encodes the English.
        cache: directory for caches.
        progress: told of sentences encoded.

    Raises:
        InputError: too little bitext.
        UsageError: the teacher has no such layer, or cannot be filled with ``[MASK]``.
    """
    from clirot.distillation.training.development import split_together
    from clirot.distillation.training.diagnostics import plan_of
    from clirot.distillation.training.material import Material
    from clirot.distillation.training.reading import reading_of
    from clirot.distillation.training.teacher_tokens import teacher_tokens
    from clirot.encoding.encoders import load_encoder

    parts = split_together(
        {language: bitext.pairs for language, bitext in bitexts.items()},
        development=config.development,
    )
    documents = load_encoder(teacher, side="document")
    english = [pair.src for part in parts.values() for pair in part.train]
    # Once each: corpora translate the same English into several languages, and objectives know the
    # copies of a sentence by its row.
    place = {sentence: row for row, sentence in enumerate(dict.fromkeys(english))}
    rows, english = [place[sentence] for sentence in english], list(place)
    plan = plan_of(objective).plan if objective is not None else None
    reading = reading_of(
        documents,
        layer=plan.teacher_layer if plan is not None and "layer" in plan.asks_for else None,
        mask_padding=config.mask_padding,
    )
    more = config.mask_padding > 0 or (plan is not None and bool(plan.asks_for))
    tokens = teacher_tokens(reading if more else documents, english, cache=cache, progress=progress)
    # Filled with masks they are not what the teacher makes of documents.
    encoded = {} if config.mask_padding else place
    sides = STUDENT_SIDES[config.side]
    return Prepared(
        parts=parts,
        material=Material(
            sentences=[pair.tgt for part in parts.values() for pair in part.train],
            rows=rows,
            sizes=[len(part.train) for part in parts.values()],
            teacher=tokens,
        ),
        english=english,
        documents=documents,
        reading=reading,
        developments={
            language: _development(part, sides, teacher, documents, tokens, encoded)
            for language, part in parts.items()
        },
    )


def _development(
    parts: Split,
    sides: Sequence[Side],
    teacher: ModelRef,
    documents: TokenEncoder,
    tokens: TeacherTokens,
    row: Mapping[str, int],
) -> Development:
    """The development task of the first side; what the teacher has encoded (``row``: in which row
    of the tokens) is not encoded again.
    """
    from clirot.distillation.training.development import Development, pool
    from clirot.encoding.encoders import load_encoder

    held = dict.fromkeys(pair.src for pair in parts.development)
    wanted = pool(parts) if sides[0] == "query" else list(held)
    unseen = [sentence for sentence in wanted if sentence not in row]
    vectors = dict(zip(unseen, documents.encode(unseen), strict=True))
    vectors |= {sentence: tokens[row[sentence]] for sentence in wanted if sentence in row}
    if sides[0] == "query":
        return Development.of(parts, vectors)
    topics = load_encoder(teacher, side="query").encode(list(held))
    return Development.of(parts, vectors, queries=dict(zip(held, topics, strict=True)))


def watched_translations(
    config: DistillConfig, prepared: Prepared
) -> dict[str, list[SentenceTokens]]:
    """Language -> the teacher's tokens of the held-out pairs whose plans are watched, read as in
    training.
    """
    from clirot.distillation.training.development import Development
    from clirot.distillation.training.diagnostics import PAIRS

    found: dict[str, list[SentenceTokens]] = {}
    for language, task in prepared.developments.items():
        texts = Development.pair_translations(prepared.parts[language], task.side)[:PAIRS]
        tokens = [one for batch in prepared.reading.read(texts) for one in batch]
        if not config.mask_padding:
            # Encoded already; the vectors of two batches differ by rounding.
            known = zip(tokens, task.translations, strict=False)
            tokens = [one._replace(vectors=vectors) for one, vectors in known]
        found[language] = tokens
    return found
