"""The transport plan of one sentence pair, by a student and its teacher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from clirot.errors import UsageError
from clirot.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import MultiVectorEncoder

    from clirot.distillation.objectives.tokens import SentenceTokens

_SETTINGS: dict[str, tuple[str, ...] | None] = {
    "marginals": ("uniform", "distinct", "norm"),
    "centring": ("none", "sentence"),
    "unbalanced": None,
    "special_tokens": None,
    "solver": None,
    "teacher_layer": None,
}
"""Settings of the plan that a student's own are taken for, and which values: those that one
sentence pair is enough for. What needs the training bitext (idf, the mean or the covariance of a
corpus, a lexical prior) is left at its default."""
_LEFT_OUT = 0.01  # of the mass of the heaviest token
_MOST_WORDS = 12


@dataclass(frozen=True, kw_only=True)
class AlignConfig:
    """Which sentences, by which student."""

    model: str
    """A student in the registry. A model that is no student stands on both sides."""
    tgt: str = ""
    """The sentence in the student's language."""
    src: str = ""
    """Its translation in the teacher's language."""
    collection: str | None = None
    """Take a topic of this collection, in the student's language and in the teacher's, instead."""
    lang: str | None = None
    """Language of the topics; None: the student's, or the only one there is beside English."""
    topic: str | None = None
    """Which topic of the collection; None: the one of most words that fits a terminal."""
    reg: float | None = None
    """Regularisation of the plan; None: what the student was trained with."""
    iterations: int = 100
    """Sinkhorn iterations; more than in training, since one plan costs nothing."""

    def __post_init__(self) -> None:
        if self.collection is None:
            if self.topic is not None or self.lang is not None:
                raise UsageError(
                    "a topic or a language was named, but no collection to take a topic from",
                    hint="name it with --collection",
                )
            for side, text in (("target", self.tgt), ("source", self.src)):
                if not text.strip():
                    raise UsageError(
                        f"the {side} sentence is empty",
                        hint="give two sentences, or a --collection with topics in both languages",
                    )
        elif self.tgt or self.src:
            raise UsageError(
                "both sentences and a collection were given", hint="give one or the other"
            )


@dataclass(frozen=True)
class Alignment:
    """A plan and what its rows and columns are."""

    target_tokens: list[str]
    source_tokens: list[str]
    plan: NDArray[np.float64]
    """``(target tokens, source tokens)``; sums to 1 as nearly as the solver has converged."""
    cost: float
    """``<P, C>``, the loss of this pair."""

    @property
    def shares(self) -> NDArray[np.float64]:
        """The plan with each row divided by its mass: where a target token goes.

        An unbalanced plan leaves tokens out: their rows are zero.
        """
        import numpy as np

        sums = self.plan.sum(axis=1, keepdims=True)
        left_out = sums < _LEFT_OUT * sums.max(initial=0)
        shares: NDArray[np.float64] = np.where(left_out, 0, self.plan / np.where(sums, sums, 1))
        return shares

    @property
    def links(self) -> list[tuple[str, str, float]]:
        """Each target token, the source token that takes most of it, and that share."""
        shares = self.shares
        best = shares.argmax(axis=1)
        return [
            (token, self.source_tokens[column], float(shares[row, column]))
            for row, (token, column) in enumerate(zip(self.target_tokens, best, strict=True))
        ]


def align(config: AlignConfig, *, store: Store | None = None) -> Alignment:
    """Encode a sentence pair by student and teacher and transport one onto the other.

    Raises:
        UnknownNameError: no such model, collection or topic.
        UsageError: no topic of the collection is there in both languages; ``reg`` or
            ``iterations`` out of range.
    """
    import torch

    from clirot.distillation.objectives.settings import PlanSettings
    from clirot.distillation.objectives.tokens import TokenBatch
    from clirot.distillation.objectives.transport import Transport
    from clirot.encoding.encoders import load_model
    from clirot.models import resolve

    store = store if store is not None else Store()
    ref = resolve(config.model, store)
    trained: dict[str, Any] = {}
    if ref.origin == "made":
        trained = dict(store.get("models", config.model).manifest.config)
    settings = PlanSettings(
        reg=config.reg if config.reg is not None else float(trained.get("reg", 0.02)),
        iterations=config.iterations,
        **{
            name: trained[name]
            for name, known in _SETTINGS.items()
            if name in trained and (known is None or trained[name] in known)
        },
    )
    objective = Transport(plan=settings)
    tgt, src = _sentences(config, store, trained)
    other = ref.teacher.side("document") if ref.teacher is not None else ref
    student, teacher = load_model(ref.path), load_model(other.path)
    with torch.inference_mode():
        layer = settings.teacher_layer if "layer" in settings.asks_for else None
        target, target_tokens = _encode(student, tgt, ref.encodes[0], layer)
        source, source_tokens = _encode(teacher, src, "document", layer)
        sides = [TokenBatch.padded([one]) for one in (target, source)]
        plan, cost = objective.plan_and_cost(*sides)
    return Alignment(
        target_tokens=target_tokens,
        source_tokens=source_tokens,
        plan=plan[0].double().numpy(),
        cost=float((plan * cost).sum()),
    )


def _sentences(config: AlignConfig, store: Store, trained: dict[str, Any]) -> tuple[str, str]:
    """The pair to align: as given, or a topic in both of a collection's languages."""
    if config.collection is None:
        return config.tgt, config.src
    from clirot.collection import open_collection
    from clirot.models import trained_languages
    from clirot.registry import unknown_name

    collection = open_collection(config.collection, home=store.home)
    lang = config.lang
    if lang is None and collection.language is None:  # unlike cldr/so, a directory names none
        own = trained_languages(trained).tgts if trained else ()
        # A student of several languages has one in mind only where the collection has one of them.
        there = [one for one in own if one in collection.languages]
        others = [one for one in collection.languages if one != "en"]
        candidates = own if len(own) == 1 else there or others
        lang = candidates[0] if len(candidates) == 1 else None
    target = {topic.id: topic.text for topic in collection.topics(lang)}
    english = {topic.id: topic.text for topic in collection.topics(trained.get("src", "en"))}
    both = [name for name, text in target.items() if text.strip() and english.get(name, "").strip()]
    if not both:
        raise UsageError(
            f"no topic of {collection.id} is there in both languages",
            hint="give two sentences instead",
        )
    if config.topic is None:
        short = [name for name in both if len(english[name].split()) <= _MOST_WORDS] or both
        chosen = max(short, key=lambda name: len(english[name].split()))
    elif config.topic in both:
        chosen = config.topic
    else:
        raise unknown_name("topic", config.topic, both)
    return target[chosen], english[chosen]


def _encode(
    model: MultiVectorEncoder, text: str, side: Literal["query", "document"], layer: int | None
) -> tuple[SentenceTokens, list[str]]:
    """The tokens that are scored, and what they are.

    A ColBERT model drops punctuation from documents and adds markers: the model's own mask says
    which tokens are left.
    """
    from clirot.distillation.training.reading import TokenReader

    with TokenReader(model, layer=layer) as reader:
        ((found,),) = reader.read([text], side=side)
    assert found.ids is not None
    return found, [str(one) for one in model.tokenizer.convert_ids_to_tokens(found.ids.tolist())]
