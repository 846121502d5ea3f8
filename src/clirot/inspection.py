"""Look at what transport found: the plan between the tokens of a sentence and its translation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clirot.errors import UsageError
from clirot.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_MOST_WORDS = 12


@dataclass(frozen=True, kw_only=True)
class AlignConfig:
    """Which sentences, by which student."""

    model: str
    """A student in the registry."""
    tgt: str = ""
    """The sentence in the student's language."""
    src: str = ""
    """Its translation in the teacher's language."""
    collection: str | None = None
    """Take a topic of this collection, in the student's language and in English, instead."""
    topic: str | None = None
    """Which topic of the collection; None: the one of most words that fits a terminal."""
    reg: float | None = None
    """Regularisation of the plan; None: what the student was trained with."""
    iterations: int = 100
    """Sinkhorn iterations; more than in training, since one plan costs nothing."""


@dataclass(frozen=True)
class Alignment:
    """A plan and what its rows and columns are."""

    target_tokens: list[str]
    source_tokens: list[str]
    plan: NDArray[np.float64]
    """``(target tokens, source tokens)``; sums to 1."""
    cost: float
    """``<P, C>``, the loss of this pair."""

    @property
    def shares(self) -> NDArray[np.float64]:
        """The plan with each row divided by its mass: where a target token goes."""
        sums = self.plan.sum(axis=1, keepdims=True)
        shares: NDArray[np.float64] = self.plan / sums
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
        UnknownNameError: no such model.
        UsageError: a sentence is empty, or the model is not a student.
    """
    import torch

    from clirot.encoders import load_model
    from clirot.models import resolve
    from clirot.objectives.transport import cosine_cost, transport_plan

    tgt, src = _sentences(config)
    store = store if store is not None else Store()
    ref = resolve(config.model, store)
    trained: dict[str, Any] = {}
    if store.has("models", config.model):
        trained = dict(store.get("models", config.model).manifest.config)
    reg = config.reg if config.reg is not None else float(trained.get("reg", 0.02))
    student, teacher = load_model(ref.path), load_model(ref.side("document").path)
    with torch.inference_mode():
        rows = student.encode_query([tgt])[0].float().cpu()
        columns = teacher.encode_document([src])[0].float().cpu()
    cost = cosine_cost(rows[None], columns[None])
    plan = transport_plan(
        cost,
        torch.full((1, len(rows)), 1 / len(rows)),
        torch.full((1, len(columns)), 1 / len(columns)),
        reg=reg,
        iterations=config.iterations,
    )
    return Alignment(
        target_tokens=_tokens(student, tgt, len(rows)),
        source_tokens=_tokens(teacher, src, len(columns)),
        plan=plan[0].double().numpy(),
        cost=float((plan * cost).sum()),
    )


def _sentences(config: AlignConfig) -> tuple[str, str]:
    """The pair to align: as given, or a topic in both of a collection's languages."""
    if config.collection is None:
        for side, text in (("target", config.tgt), ("source", config.src)):
            if not text.strip():
                raise UsageError(
                    f"the {side} sentence is empty",
                    hint="give two sentences, or a --collection with topics in both languages",
                )
        return config.tgt, config.src
    from clirot.collection import open_collection
    from clirot.registry import unknown_name

    collection = open_collection(config.collection)
    target = {topic.id: topic.text for topic in collection.topics(None)}
    english = {topic.id: topic.text for topic in collection.topics("en")}
    both = [name for name in target if name in english]
    if config.topic is None:
        short = [name for name in both if len(english[name].split()) <= _MOST_WORDS] or both
        chosen = max(short, key=lambda name: len(english[name].split()))
    elif config.topic in both:
        chosen = config.topic
    else:
        raise unknown_name("topic", config.topic, both)
    return target[chosen], english[chosen]


def _tokens(model: Any, text: str, count: int) -> list[str]:
    ids = model.tokenizer([text], truncation=True, max_length=count)["input_ids"][0]
    return [str(token) for token in model.tokenizer.convert_ids_to_tokens(ids)]


def draw(alignment: Alignment, path: str, *, title: str = "") -> None:
    """Write the plan as a heat map, tokens on the axes. The suffix decides the format (png, pdf).

    Darker means that more of the row's token went to the column's; each row sums to 1.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, columns = alignment.plan.shape
    figure = Figure(figsize=(2.2 + 0.34 * columns, 1.8 + 0.28 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    image = axes.imshow(alignment.shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(columns), alignment.source_tokens, rotation=60, ha="left")
    axes.set_yticks(range(rows), alignment.target_tokens)
    axes.tick_params(axis="x", top=True, bottom=False, labeltop=True, labelbottom=False)
    axes.set_xticks([edge - 0.5 for edge in range(1, columns)], minor=True)
    axes.set_yticks([edge - 0.5 for edge in range(1, rows)], minor=True)
    axes.grid(which="minor", color="#dddddd", linewidth=0.5)
    axes.tick_params(which="minor", length=0)
    bar = figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02)
    bar.set_label("share of the row's mass")
    axes.set_xlabel(f"{title}   transport cost {alignment.cost:.3f}".strip())
    figure.savefig(path, dpi=150)
