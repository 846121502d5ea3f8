"""The settings of the parts of a distillation: objectives, transplant, training.

An objective takes only the settings that it uses; :func:`clirot.distillation.objectives.objective.
unused` names the others. This module is light, so that a command can show its options quickly.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clirot.distillation.loop import LoopSettings
from clirot.errors import UsageError
from clirot.settings import check_ranges, following, part, setting

LAST_LAYER = -1
"""The ``teacher_layer`` that stands for the tokens as they are scored."""
_SOLVER_LACKS = {"exact": ("unbalanced", "tolerance"), "geomloss": ("tolerance",)}
"""Solver -> settings that it cannot take: linear programming meets the marginals without
iterations, and GeomLoss does not look at the marginal error."""


@dataclass(frozen=True)
class PlanSettings:
    """How the transport plan between the tokens of two sentences is found."""

    reg: float = setting(
        following(transplant=0.02, encoder=0.004),
        """Entropic regularisation of the transport plan. A smaller value gives a sharper plan; a
        blurred plan pulls every student token towards the mean of the sentence.""",
        unit="cosine distance",
        at_least=1e-3,
        at_most=10,
    )
    iterations: int = setting(
        20,
        """Sinkhorn iterations of a plan; with a tolerance, the most that a plan may take. GeomLoss,
        whose updates converge more slowly, gets as many as reach the same marginal error.""",
        at_least=1,
    )
    tolerance: float = setting(
        0.0,
        """Marginal error at which the iterations of a pair stop: the mass by which the rows and
        columns of its plan miss the marginals. 0 runs all iterations.""",
        unit="mass",
        at_least=0,
        at_most=4,
    )
    solver: str = setting(
        "auto",
        """The algorithm that finds the plan. sinkhorn: alternating Sinkhorn updates. geomloss:
        the symmetric updates of GeomLoss. exact: linear programming without regularisation,
        which is slow. auto: geomloss on a GPU where it can do what the other settings ask for,
        sinkhorn everywhere else.""",
        choices=("auto", "sinkhorn", "geomloss", "exact"),
    )
    marginals: str = setting(
        "uniform",
        """Mass of a token in the plan. uniform: every token has the same. distinct: in proportion
        to its mean distance from the other tokens of its sentence. idf: to its inverse document
        frequency in the training bitext. norm: to the length of the teacher's vector before
        normalisation; all student tokens have the same.""",
        choices=("uniform", "distinct", "idf", "norm"),
    )
    special_tokens: str = setting(
        "keep",
        """Whether tokens that stand for no text ([CLS], [SEP], the tokens of a prompt) keep their
        mass in the plan, or drop it on both sides.""",
        choices=("keep", "drop"),
    )
    unbalanced: float = setting(
        0.0,
        """Strength of a KL penalty that replaces the constraint on the marginals. The smaller it
        is, the sooner a token without a counterpart is left out of the plan. 0 keeps the
        constraint.""",
        unit="cosine distance",
        at_least=0,
    )
    centring: str = setting(
        "none",
        """What is subtracted from the tokens before the plan is sought; the loss uses the tokens as
        they are. none: nothing. sentence: the mean of their sentence. corpus: the mean of the
        teacher's tokens over the training bitext. whiten: that mean, and the tokens are also
        divided by the square root of the covariance.""",
        choices=("none", "sentence", "corpus", "whiten"),
    )
    teacher_layer: int = setting(
        LAST_LAYER,
        """Layer whose tokens, on both sides, the plan is sought on: 0 are the input embeddings, -1
        the tokens as they are scored. The loss always uses the tokens as they are scored.""",
        at_least=LAST_LAYER,
    )
    lexical_prior: float = setting(
        0.0,
        """How much more a pair of subwords that never translate each other in the training bitext
        costs the plan than a pair that always do. 0: the costs are those of the vectors alone.""",
        unit="cosine distance",
        at_least=0,
        at_most=10,
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.unbalanced and self.unbalanced < self.reg:
            raise UsageError(
                f"`unbalanced` must be 0 or at least `reg` ({self.reg:g}), below which the plan "
                f"carries hardly any mass; got {self.unbalanced:g}",
            )
        if self.unbalanced and self.tolerance:
            raise UsageError(
                "an unbalanced plan does not meet the marginals, so its iterations cannot stop at "
                f"a marginal error of {self.tolerance:g}",
                hint="set `tolerance` or `unbalanced` to 0",
            )
        for name in _SOLVER_LACKS.get(self.solver, ()):
            if getattr(self, name):
                raise UsageError(
                    f"the {self.solver} solver takes no `{name}`",
                    hint=f"set `{name}` to 0, or take `solver=sinkhorn`",
                )

    def resolved(self, device_type: str) -> str:
        """The solver that is used for tensors on a device, such as ``cpu`` or ``cuda``."""
        if self.solver != "auto":
            return self.solver
        return "geomloss" if device_type == "cuda" and not self.tolerance else "sinkhorn"

    @property
    def idle(self) -> frozenset[str]:
        """The names of the settings that change nothing beside the others."""
        return frozenset({"reg", "iterations"} if self.solver == "exact" else ())

    @property
    def asks_for(self) -> frozenset[str]:
        """What has to be known of the tokens besides their vectors: fields of a ``TokenBatch``."""
        wanted = {
            "ids": self.marginals == "idf" or self.lexical_prior > 0,
            "special": self.special_tokens == "drop",
            "norms": self.marginals == "norm",
            "layer": self.teacher_layer != LAST_LAYER,
        }
        return frozenset(name for name, asked in wanted.items() if asked)


@dataclass(frozen=True)
class ContrastSettings:
    """How sharply a sentence or a token is told apart from the others of a batch."""

    temperature: float = setting(
        following(transplant=0.05, encoder=0.015),
        """What the scores of contrastive and score-kl, and the costs of transport-contrast, are
        divided by. A smaller value attends more to the hardest negatives. Whatever the objective,
        the cross-entropy that tells epochs of like development MAP apart is measured with it.""",
        at_least=1e-4,
        at_most=100,
    )
    token_temperature: float = setting(
        following(transplant=0.1, encoder=0.03),
        """What the cosines of token-contrast are divided by. A smaller value attends more to the
        hardest negatives.""",
        at_least=1e-4,
        at_most=100,
    )

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class ObjectiveSettings:
    """The settings of all objectives."""

    plan: PlanSettings = part(PlanSettings)
    contrast: ContrastSettings = part(ContrastSettings)


@dataclass(frozen=True, kw_only=True)
class TransplantSettings:
    """How a vocabulary is transplanted, or gains subwords."""

    add_subwords: str = setting(
        "auto",
        """Whether a student that starts from an encoder gains subwords of the target language in
        the vocabulary that it has. auto: where that vocabulary breaks the language to pieces or
        does not know it.""",
        choices=("auto", "always", "never"),
    )
    vocabulary: int = setting(
        8_000,
        """Subwords that are learnt of each target language, at most; little text gives fewer.""",
        at_least=100,
        at_most=200_000,
    )
    same_spelling: float = setting(
        3.0,
        """How much evidence it is that a subword is spelled like an English one, for keeping the
        English embedding; in an encoder, that it is made of subwords which the encoder knows, for
        keeping the mean of theirs.""",
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


@dataclass(frozen=True, kw_only=True)
class BridgeSettings:
    """What a student reads in the teacher's language before it sees bitext."""

    bridge_texts: tuple[Path, ...] = setting(
        (),
        """Text in the teacher's language, a sentence a line, on which the student learns the
        teacher's tokens before it sees bitext: for a multilingual student of a teacher that is not.
        Repeat the option for several files.""",
        decides=False,  # an input, recorded with its digest
    )
    bridge_epochs: int = setting(1, "Passes over the text of the bridge.", at_least=1, at_most=1000)

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(LoopSettings):
    """How a student is trained."""

    epochs: int = setting(3, "Passes over the bitext.", at_least=1)
    batch_size: int = setting(
        32,
        """Sentence pairs in a batch. Where several processes train together, they share each batch
        out among themselves.""",
        at_least=1,
    )
    learning_rate: float = setting(
        following(transplant=2e-4, encoder=5e-5), "Peak learning rate of the body.", above=0
    )
    embedding_learning_rate: float = setting(
        following(transplant=4e-3, encoder=5e-5),
        """Peak learning rate of the input embeddings that the student starts with. In an encoder
        that reads the language already, a high rate would undo what they know. 0 leaves them as
        they are.""",
        at_least=0,
    )
    start_share: float = setting(
        following(transplant=0.0, encoder=0.5),
        """Share of the weights before training in the weights that are kept, which are a mean of
        the two. It keeps what an encoder knew of other kinds of text; a transplant knows nothing
        before.""",
        at_least=0,
        below=1,
    )
    max_tokens: int = setting(
        256,
        """Longest input of the student in training; longer sentences are cut. The teacher reads its
        own sentences to the end.""",
        unit="tokens",
        at_least=1,
    )
    lora_rank: int = setting(
        0,
        """Rank of low-rank adapters that are trained in place of the body's weights and merged into
        them at the end, for decoders and other large bodies. With adapters, the input embeddings
        are trained only if the student is a transplant. 0 trains the weights themselves.""",
        at_least=0,
        at_most=1024,
    )
    new_embedding_learning_rate: float = setting(
        4e-3,
        "Peak learning rate of the input embeddings of subwords that were added.",
        above=0,
    )
    development: int = setting(
        500,
        """Sentence pairs of each language that are held out to choose the best epoch on; at most a
        tenth of its bitext.""",
        at_least=1,
    )
    sampling_temperature: float = setting(
        2.0,
        """With several languages, a language with n sentence pairs gets a share of the training in
        proportion to n^(1/T). 1 takes them as the bitext has them; a larger T favours languages
        with little bitext.""",
        at_least=1,
    )
    source_share: float = setting(
        0.0,
        """Sentences in the teacher's language that the student learns to read as the teacher does,
        beside each sentence of the bitext: 0.25 adds one to four. They are sentences of the bitext,
        none of them held out (Reimers and Gurevych train on both languages).""",
        at_least=0,
        at_most=1,
    )

    @property
    def added_rate(self) -> float:
        """Peak learning rate of the embeddings of subwords that were added."""
        return self.new_embedding_learning_rate
