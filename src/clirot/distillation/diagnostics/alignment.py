"""The transport plan of one sentence pair, by a student and its teacher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from clirot.distillation.settings import PlanSettings
from clirot.errors import UsageError
from clirot.settings import setting
from clirot.store import Store
from clirot.text_form import composed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import MultiVectorEncoder

    from clirot.distillation.objectives.tokens import SentenceTokens

_PLAN = (
    "reg",
    "solver",
    "marginals",
    "special_tokens",
    "unbalanced",
    "centring",
    "teacher_layer",
)
"""The settings of the plan that are taken from the student. A lexical prior needs the training
bitext, which is not read here."""
_NEEDS_BITEXT = ("idf", "corpus", "whiten")
"""Values of these settings that need the training bitext too: the default replaces them."""
_LEFT_OUT = 0.01  # of the mass of the heaviest token
_MOST_WORDS = 12


@dataclass(frozen=True, kw_only=True)
class AlignConfig:
    """Which sentences to align, and by which student."""

    model: str = setting(
        meaning="""The student, such as en-so. A model that is not a student encodes both
        sentences."""
    )
    tgt: str = setting("", "The sentence in the student's language.")
    src: str = setting("", "Its translation in the teacher's language.")
    collection: str | None = setting(
        None,
        """Align a topic of this collection (such as cldr/so), in the student's language and in the
        teacher's, instead of two sentences.""",
    )
    lang: str | None = setting(
        None,
        """Language of the topic. Default: the student's, or the only one that the collection has
        beside English.""",
    )
    topic: str | None = setting(
        None, "Which topic of the collection. Default: the longest that fits a terminal."
    )
    reg: float | None = setting(
        None, "Entropic regularisation of the plan. Default: as the student was trained."
    )
    iterations: int = setting(
        100,
        """Sinkhorn iterations; more than in training, because a single plan takes no time.""",
    )

    def __post_init__(self) -> None:
        if self.collection is None:
            if self.topic is not None or self.lang is not None:
                raise UsageError(
                    "a topic or a language was named, but no collection to take a topic from",
                    hint="name the collection with `collection`",
                )
            for side, text in (("target", self.tgt), ("source", self.src)):
                if not text.strip():
                    raise UsageError(
                        f"the {side} sentence is empty",
                        hint="give two sentences, or a `collection` with topics in both languages",
                    )
        elif self.tgt or self.src:
            raise UsageError(
                "both sentences and a collection were given", hint="give one or the other"
            )


@dataclass(frozen=True)
class Alignment:
    """A plan, and the tokens that its rows and columns stand for."""

    target_tokens: list[str]
    source_tokens: list[str]
    plan: NDArray[np.float64]
    """``(target tokens, source tokens)``. It sums to 1 up to the solver's marginal error."""
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

    from clirot.distillation.objectives.tokens import TokenBatch
    from clirot.distillation.objectives.transport import Transport
    from clirot.encoding.encoders import load_model
    from clirot.models import resolve

    store = store if store is not None else Store()
    ref = resolve(config.model, store)
    trained: dict[str, Any] = {}
    if ref.origin == "made":
        trained = dict(store.get("models", config.model).manifest.config)
    settings = _plan_settings(config, trained)
    objective = Transport(plan=settings)
    tgt, src = _sentences(config, store, trained)
    other = ref.teacher.side("document") if ref.teacher is not None else ref
    student, teacher = (load_model(one.path, prompts=one.prompts) for one in (ref, other))
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


def _plan_settings(config: AlignConfig, trained: Mapping[str, Any]) -> PlanSettings:
    """The settings of the student's training; what the user asked for replaces them."""
    own = {name: trained[name] for name in _PLAN if name in trained}
    own = {name: value for name, value in own.items() if value not in _NEEDS_BITEXT}
    if config.reg is not None:
        own["reg"] = config.reg
    return PlanSettings(**own, iterations=config.iterations)


def _sentences(config: AlignConfig, store: Store, trained: dict[str, Any]) -> tuple[str, str]:
    """The pair to align: as given, or a topic in both of a collection's languages."""
    if config.collection is None:
        return composed(config.tgt), composed(config.src)
    from clirot.collection import open_collection
    from clirot.models import is_student, trained_languages
    from clirot.registry import unknown_name

    collection = open_collection(config.collection, home=store.home)
    lang = config.lang
    if lang is None and collection.language is None:  # unlike cldr/so, a directory names none
        own = trained_languages(trained).tgts if is_student(trained) else ()
        # A student of several languages: only where the collection has just one of them.
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
    """The vectors of the tokens that are scored, and the tokens as text.

    A ColBERT model drops punctuation from documents and adds markers, so only the model knows which
    tokens are scored.
    """
    from clirot.distillation.training.reading import TokenReader

    with TokenReader(model, layer=layer) as reader:
        ((found,),) = reader.read([text], side=side)
    assert found.ids is not None
    return found, [str(one) for one in model.tokenizer.convert_ids_to_tokens(found.ids.tolist())]
