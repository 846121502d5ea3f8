"""What can be set of a distillation, and which settings a student's identity follows from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from clirot.distillation.objectives.settings import ObjectiveSettings
from clirot.errors import LanguageError, UsageError
from clirot.languages import parse_language
from clirot.models import STUDENT_SIDES
from clirot.records import LanguagePair, LanguagePairs
from clirot.settings import assembled, leaves

TRANSPLANT = "transplant"
UNTRAINED = "none"
_LAST_LAYER = -1
_FORMAT = 6  # of the training procedure: a change makes older students outdated
_LATER = (
    "tolerance",
    "solver",
    "special_tokens",
    "teacher_layer",
    "lexical_prior",
    "mask_padding",
    "token_temperature",
)
"""Settings added later, whose defaults change nothing: named where they differ (decision 046)."""
_OF_TRAINING = (
    "epochs",
    "batch_size",
    "accumulate",
    "checkpointing",
    "learning_rate",
    "embedding_learning_rate",
    "warmup",
    "max_tokens",
    "lora_rank",
)
"""Settings that decide nothing where nothing is trained."""


@dataclass(frozen=True, kw_only=True)
class DistillConfig:
    """What to distil, from what, and how."""

    pair: LanguagePair | LanguagePairs
    """The teacher's language and the student's, one or several."""
    teacher: str = "minilm-en"
    """Name of the teacher in the model registry."""
    student: str = TRANSPLANT
    """``transplant``, or the name of the encoder the student starts from."""
    side: str = "query"
    """What the student encodes: ``query`` (topics in the target language over the teacher's
    documents), ``document`` (the teacher's topics over documents in the target language), or
    ``both``."""
    objective: str = "token-contrast+contrastive"
    """Name of the objective, or several with weights (``transport+0.5*contrastive``); ``none``
    registers the student before training."""
    sources: tuple[str, ...] = ()
    """Bitext sources, each for all the languages that it has, or for one: ``so=hornmt``. A language
    that nothing is named for takes all that the store has for it."""
    files: tuple[Path, ...] = ()
    """Local bitext, added to the store. Where there are several languages, each says which it is
    of: ``so=pairs.tsv``."""
    seed: int = 13
    """Decides the order of the batches and every random start."""
    name: str | None = None
    """Name of the student; default the languages (``en-so``, ``en-so+sw``), with the side and the
    objective where they are not the default ones (``en-so.document``, ``en-so.none``)."""
    replace: bool = False
    """Replace a student of that name that was made otherwise."""
    report_to: tuple[str, ...] = ()
    """Programs that training is reported to: ``tensorboard``, ``wandb``, ``trackio``."""

    epochs: int = 3
    """Passes over the bitext."""
    batch_size: int = 32
    """Sentence pairs in a batch, of all processes together."""
    accumulate: int = 1
    """Batches whose gradients are added up before a step, where memory does not hold a larger one.
    Contrastive objectives see the sentences of one batch only, and an epoch's one shorter batch
    weighs as much as the others."""
    checkpointing: bool = False
    """Compute activations again instead of keeping them: less memory, about a third more time."""
    learning_rate: float = 2e-4
    """Peak learning rate of the body."""
    embedding_learning_rate: float = 4e-3
    """Peak learning rate of the input embeddings, most of which are new in a transplant."""
    warmup: float = 0.1
    """Share of the steps over which the learning rates rise; they fall linearly after."""
    max_tokens: int = 256
    """Longest student input in training, in tokens. The teacher reads all of its own, so a student
    that is cut shorter is asked to say in the first half what the teacher says in both."""
    lora_rank: int = 0
    """Rank of low-rank adapters that are trained in place of the body's weights, and merged into
    them at the end; 0 trains the weights themselves. For decoders and other large bodies. The input
    embeddings are then trained in a transplant only."""
    development: int = 500
    """Pairs of each language held out to choose the epoch on; at most a tenth of its bitext."""
    sampling_temperature: float = 2.0
    """Of several languages, one with ``n`` pairs gets a share of the training in proportion to
    ``n^(1/T)``: 1 is as the bitext has them, larger favours those that have little."""

    reg: float = 0.02
    """Entropic regularisation of the transport plan, in units of the cost (0 to 2)."""
    iterations: int = 20
    """Sinkhorn iterations."""
    tolerance: float = 0.0
    """Marginal error (mass, 0 to 4) within which a pair's Sinkhorn iterations stop, ``iterations``
    then being the most it may take; 0: all of them."""
    solver: str = "auto"
    """``auto``, ``sinkhorn``, ``geomloss`` (GeomLoss's solver), or ``exact``: the plan without
    regularisation, much slower."""
    marginals: str = "uniform"
    """Mass of a token: ``uniform``, ``distinct``, ``idf`` (its inverse document frequency in the
    bitext) or ``norm`` (length of the teacher's vector before it was normalised)."""
    special_tokens: str = "keep"
    """Whether [CLS], [SEP] and the tokens of a prompt ``keep`` their mass in the plan, or ``drop``
    it."""
    unbalanced: float = 0.0
    """Strength of the KL penalty that replaces the plan's marginals, in units of the cost; 0: the
    marginals are met."""
    centring: str = "none"
    """What is taken off the tokens before the plan is sought: ``none``, the mean of their
    ``sentence``, that of the teacher's tokens over the bitext (``corpus``), or that and their
    covariance (``whiten``)."""
    teacher_layer: int = _LAST_LAYER
    """Layer whose tokens, on both sides, the plan is sought on; 0: the input embeddings, -1: the
    tokens as they are scored. For a transplant, whose layers are the teacher's."""
    lexical_prior: float = 0.0
    """What a pair of subwords that never translate each other in the bitext costs the plan more
    than a pair that always do, in units of the cost; 0: the plan goes by the vectors alone."""
    mask_padding: int = 0
    """Tokens that sentences are filled up to with [MASK], the student's queries for good and the
    teacher's in training; 0: they are not, but for what a ColBERT fills its queries with."""
    temperature: float = 0.05
    """What the scores of contrastive and score-kl, and the costs of transport-contrast, are divided
    by."""
    token_temperature: float = 0.1
    """What the cosines of token-contrast are divided by."""
    vocabulary: int = 8_000
    """Target-language subwords of a transplant, for each language."""
    same_spelling: float = 3.0
    """Evidence that identical spelling is worth in a transplant, in expected alignments."""
    sharpness: float = 2.0
    """How much a transplant favours likely translations over unlikely ones."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "objective", "".join(self.objective.split()))
        positive = (
            "epochs",
            "batch_size",
            "accumulate",
            "learning_rate",
            "embedding_learning_rate",
            "max_tokens",
            "development",
            "sampling_temperature",
        )
        for name in positive:
            if not 0 < getattr(self, name) < float("inf"):
                raise UsageError(f"{name} must be positive, got {getattr(self, name)}")
        if not 0 <= self.lora_rank <= 1024:
            raise UsageError(f"lora_rank must be between 0 and 1024, got {self.lora_rank}")
        if self.side not in STUDENT_SIDES:
            raise UsageError(f"side must be query, document or both, got {self.side!r}")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"seed must be between 0 and 2^32 - 1, got {self.seed}")
        if self.teacher_layer != _LAST_LAYER and self.student != TRANSPLANT:
            raise UsageError(
                f"teacher_layer {self.teacher_layer}: the layers of {self.student!r} are not those "
                "of the teacher, and its tokens there cannot be compared",
                hint="leave --teacher-layer at -1, or start from a transplant",
            )
        if not 0 <= self.mask_padding <= 1024:
            raise UsageError(f"mask_padding must be between 0 and 1024, got {self.mask_padding}")
        if self.mask_padding and self.side != "query":
            raise UsageError(
                f"mask_padding fills queries, and this student is for side {self.side!r}",
                hint="leave --mask-padding at 0, or distil with --side query",
            )
        if not 0 <= self.warmup < 1:
            raise UsageError(f"warmup is a share of the steps, got {self.warmup}")
        if self.sampling_temperature < 1:
            raise UsageError(
                f"sampling_temperature must be 1 or more, got {self.sampling_temperature}",
                hint="below 1 it would take from the languages that have least",
            )
        languages = [pair.tgt for pair in self.pairs]
        homeless = [path for path in self.files if _for_language(str(path), languages)[0] is None]
        if len(languages) > 1 and homeless:
            raise UsageError(
                f"there are several target languages ({', '.join(languages)}), and the file "
                f"{homeless[0]} does not say which it is of",
                hint=f"--file {languages[0]}={homeless[0]}",
            )

    @property
    def pairs(self) -> tuple[LanguagePair, ...]:
        """The teacher's language with each of the student's."""
        return self.pair.pairs

    def sources_of(self, pair: LanguagePair) -> list[tuple[str, bool]]:
        """The sources named for this pair, or for all of them, and whether for this one alone."""
        return list(self._named(self.sources, pair))

    def files_of(self, pair: LanguagePair) -> tuple[Path, ...]:
        """The files of this pair."""
        return tuple(Path(one) for one, _ in self._named(map(str, self.files), pair))

    def _named(self, values: Iterable[str], pair: LanguagePair) -> Iterator[tuple[str, bool]]:
        languages = [one.tgt for one in self.pairs]
        for value in values:
            language, rest = _for_language(value, languages)
            if language in (None, pair.tgt):
                yield rest, language is not None or len(languages) == 1

    @property
    def artefact_name(self) -> str:
        """The name the student gets."""
        if self.name is not None:
            return self.name
        parts = [self.pair.format()]
        if self.side != DistillConfig.side:
            parts.append(self.side)
        if self.objective != DistillConfig.objective:
            parts.append(self.objective.replace("*", "-"))
        return ".".join(parts)

    def objectives(self) -> ObjectiveSettings:
        """The settings of the objective."""
        names = [leaf.name for leaf in leaves(ObjectiveSettings)]
        return assembled(ObjectiveSettings, {name: getattr(self, name) for name in names})

    def deciding(self) -> dict[str, Any]:
        """The settings that decide the student's weights, besides its inputs and the seed."""
        elsewhere = {
            "pair",
            "sources",
            "files",
            "seed",
            "name",
            "replace",
            "report_to",
            "teacher",
        }
        targets: Any = [pair.tgt for pair in self.pairs]
        if len(targets) == 1:
            (targets,) = targets
            elsewhere.add("sampling_temperature")  # there is nothing to choose from
        settings = {
            one.name: getattr(self, one.name) for one in fields(self) if one.name not in elsewhere
        }
        if self.objective == UNTRAINED:
            for one in _OF_TRAINING:
                del settings[one]
        for later in _LATER:  # students made before there was such a setting are what it was
            if settings.get(later) == getattr(DistillConfig, later):
                del settings[later]
        return {"format": _FORMAT, "src": self.pair.src, "tgt": targets, **settings}


def _for_language(value: str, languages: Sequence[str]) -> tuple[str | None, str]:
    """``so=hornmt`` -> ``so`` and ``hornmt``; what has no language of these before it is whole."""
    written, equals, rest = value.partition("=")
    if equals and rest:
        with suppress(LanguageError):
            language = parse_language(written)
            if language in languages:
                return language, rest
    return None, value
