"""Distil a student for another language from an English teacher, out of bitext.

The bitext is split; the teacher encodes its English side once; the student starts (by vocabulary
transplant, or from another encoder), is trained on an objective over tokens, and is saved as a
plain sentence-transformers checkpoint with a model card that says where it came from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clirot.errors import PartlyDoneError, UsageError
from clirot.models import KNOWN, STUDENT_SIDES
from clirot.records import LanguagePair, ProgressSink, silent
from clirot.store import Artefact, Input, Store

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

    from clirot.acquisition import FetchResult
    from clirot.bitext import Bitext
    from clirot.encoders import TokenEncoder
    from clirot.models import ModelRef, Side
    from clirot.objectives import Objective, SentenceTokens
    from clirot.training.development import Development, Split
    from clirot.training.teacher_tokens import Reading, TeacherTokens

TRANSPLANT = "transplant"
UNTRAINED = "none"
_LAST_LAYER = -1
_FORMAT = 3  # of the training procedure: a change makes older students outdated
_LATER = (
    "tolerance",
    "solver",
    "special_tokens",
    "teacher_layer",
    "lexical_prior",
    "mask_padding",
)
"""Settings added since the format, whose defaults change nothing: named only where they differ."""


@dataclass(frozen=True, kw_only=True)
class DistillConfig:
    """What to distil, from what, and how."""

    pair: LanguagePair
    """The teacher's language and the student's."""
    teacher: str = "minilm-en"
    """Name of the teacher in the model registry."""
    student: str = TRANSPLANT
    """``transplant``, or the name of the encoder the student starts from."""
    side: str = "query"
    """What the student encodes: ``query`` (topics in the target language over the teacher's
    documents), ``document`` (the teacher's topics over documents in the target language), or
    ``both``."""
    objective: str = "transport"
    """Name of the objective, or several with weights (``transport+0.5*contrastive``); ``none``
    registers the student before training."""
    sources: tuple[str, ...] = ()
    """Bitext sources; with neither sources nor files, all that the store has for the pair."""
    files: tuple[Path, ...] = ()
    """Local bitext, added to the store."""
    seed: int = 13
    """Decides the order of the batches and every random start."""
    name: str | None = None
    """Name of the student; default the pair (``en-so``), with the side and the objective where
    they are not the default ones (``en-so.document``, ``en-so.none``)."""
    replace: bool = False
    """Replace a student of that name that was made otherwise."""

    epochs: int = 3
    """Passes over the bitext."""
    batch_size: int = 32
    """Sentence pairs in a step."""
    accumulate: int = 1
    """Batches whose gradients are added up before a step, where memory does not hold a larger one.
    Contrastive objectives see the sentences of one batch only."""
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
    """Pairs held out to choose the epoch on; at most a tenth of the bitext."""

    reg: float = 0.02
    """Entropic regularisation of the transport plan, in units of the cost (0 to 2)."""
    iterations: int = 20
    """Sinkhorn iterations."""
    tolerance: float = 0.0
    """Marginal error (mass, 0 to 4) within which a pair's Sinkhorn iterations stop, ``iterations``
    then being the most it may take; 0: all of them."""
    solver: str = "sinkhorn"
    """``sinkhorn``, ``geomloss`` (GeomLoss's solver), or ``exact``: the plan without
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
    vocabulary: int = 8_000
    """Target-language subwords of a transplant."""
    same_spelling: float = 3.0
    """Evidence that identical spelling is worth in a transplant, in expected alignments."""
    sharpness: float = 2.0
    """How much a transplant favours likely translations over unlikely ones."""

    def __post_init__(self) -> None:
        positive = (
            "epochs",
            "batch_size",
            "accumulate",
            "learning_rate",
            "embedding_learning_rate",
            "max_tokens",
            "development",
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

    @property
    def artefact_name(self) -> str:
        """The name the student gets."""
        if self.name is not None:
            return self.name
        parts = [self.pair.format()]
        if self.side != DistillConfig.side:
            parts.append(self.side)
        if self.objective != DistillConfig.objective:
            parts.append(self.objective.replace("*", "-").replace(" ", ""))
        return ".".join(parts)

    def deciding(self) -> dict[str, Any]:
        """The settings that decide the student's weights, besides its inputs and the seed."""
        elsewhere = {
            "pair",
            "sources",
            "files",
            "seed",
            "name",
            "replace",
            "teacher",
        }
        settings = {
            one.name: getattr(self, one.name) for one in fields(self) if one.name not in elsewhere
        }
        for later in _LATER:  # students made before there was such a setting are what it was
            if settings[later] == getattr(DistillConfig, later):
                del settings[later]
        return {"format": _FORMAT, "src": self.pair.src, "tgt": self.pair.tgt, **settings}


@dataclass(frozen=True)
class DistillResult:
    """A student in the registry."""

    artefact: Artefact
    fresh: bool
    """False where it was there already."""

    @property
    def name(self) -> str:
        """Its name in the model registry."""
        return self.artefact.name

    @property
    def development(self) -> list[float]:
        """MAP on the development split: before training, then after every epoch."""
        return list(self.artefact.manifest.results["development_map"])

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights were kept; 0 is the student before training."""
        return int(self.artefact.manifest.results["best_epoch"])


def distill(
    config: DistillConfig, *, store: Store | None = None, progress: ProgressSink = silent
) -> DistillResult:
    """Make the student, or find it made.

    Fetches the catalogue's recommended bitext first if the store has nothing for the pair and
    neither sources nor files are given. An interrupted call resumes from its last checkpoint; the
    same configuration, bitext and seed give the same weights on the same machine.

    Raises:
        UnknownNameError: no such model, objective or source.
        UsageError: a setting that the objective cannot have.
        InputError: too little bitext.
        ArtefactError: a student of that name exists and was made otherwise.
    """
    from clirot.models import resolve

    store = store if store is not None else Store()
    name, deciding = config.artefact_name, config.deciding()
    if name in KNOWN:
        raise UsageError(
            f"{name!r} is the name of a known model: a student of that name could not be found",
            hint="choose another --name",
        )
    objective = _objective(config)
    if config.lora_rank:
        from clirot.training.adapters import check_installed

        check_installed()
    teacher = resolve(config.teacher, store)
    base = None if config.student == TRANSPLANT else resolve(config.student, store)
    bitext = _bitext(config, store, progress)
    inputs = (
        *bitext.inputs,
        Input(kind="teacher", name=_findable(teacher), digest=teacher.digest),
        *([Input(kind="base", name=_findable(base), digest=base.digest)] if base else []),
    )
    made = store.finished(
        "models", name, config=deciding, inputs=inputs, seed=config.seed, replace=config.replace
    )
    if made is not None:
        return DistillResult(made, fresh=False)
    with store.draft("models", name, config=deciding, inputs=inputs, seed=config.seed) as draft:
        draft.results = _train(
            config, objective, bitext, teacher, base, store, draft.path, draft.scratch, progress
        )
        _write_card(draft.path, config, inputs, draft.results)
    return DistillResult(store.get("models", name), fresh=True)


def _findable(ref: ModelRef) -> str:
    """The name by which a model is found again later, from whatever directory."""
    return str(ref.path) if ref.origin == "path" else ref.name


def _objective(config: DistillConfig) -> Objective | None:
    """What to train on; None: nothing."""
    if config.objective == UNTRAINED:
        return None
    from clirot.objectives import objective_of

    objective = objective_of(config.objective, config.deciding())
    if objective.in_batch and config.batch_size == 1:
        raise UsageError(
            f"objective {config.objective!r} compares the sentences of a batch, and batches of 1 "
            "have nothing to compare",
            hint="raise --batch-size",
        )
    return objective


def _bitext(config: DistillConfig, store: Store, progress: ProgressSink) -> Bitext:
    """The bitext that was asked for; what of it the store lacks is fetched first.

    With nothing named it is what the store has; an empty store is filled with what the catalogue
    recommends, all of it or an error, for a student made from the half that could be had would
    keep its name for good.
    """
    from clirot.acquisition import FetchConfig, fetch_bitext
    from clirot.bitext import load_bitext, stored_sources

    sources = list(config.sources)
    stored = stored_sources(store, config.pair)
    missing = tuple(dict.fromkeys(one for one in sources if one not in stored))
    unfinished = store.home / "bitext" / f".{config.pair}.recommended"
    recommended = not sources and not config.files and (not stored or unfinished.exists())
    if recommended:
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        unfinished.touch()
    if missing or config.files or recommended:
        fetched = fetch_bitext(
            FetchConfig(pair=config.pair, sources=missing, files=config.files),
            store=store,
            progress=progress,
        )
        _check_fetched(fetched, config, recommended=recommended)
        unfinished.unlink(missing_ok=True)
        # An open name ("opus:Tatoeba") is in the store under the name of what it turned out to be.
        settled = dict(zip(missing, fetched.sources, strict=False))
        sources = [settled.get(one, one) for one in sources]
        sources += [one for one in fetched.sources if one not in sources]
    return load_bitext(store, config.pair, sources or stored)


def _check_fetched(fetched: FetchResult, config: DistillConfig, *, recommended: bool) -> None:
    try:
        fetched.check()
    except PartlyDoneError as error:
        if not recommended:
            raise
        named = " ".join(f"--source {one}" for one in fetched.sources)
        raise PartlyDoneError(
            error.message,
            hint=f"the same command again tries again; to go on without: clirot distill --src "
            f"{config.pair.src} --tgt {config.pair.tgt} {named}",
        ) from error


def _train(
    config: DistillConfig,
    objective: Objective | None,
    bitext: Bitext,
    teacher: ModelRef,
    base: ModelRef | None,
    store: Store,
    target: Path,
    scratch: Path,
    progress: ProgressSink,
) -> dict[str, Any]:
    """Make the student's checkpoint in ``target``; returns what was measured."""
    import torch

    from clirot.encoders import (
        MultiVectorTokenEncoder,
        load_encoder,
        load_model,
        quiet_libraries,
    )
    from clirot.objectives import informed
    from clirot.students import (
        TransplantConfig,
        fill_with_masks,
        read_whole_queries,
        transplant,
        with_dimension,
    )
    from clirot.training.adapters import adapted
    from clirot.training.corpus_statistics import corpus_statistics
    from clirot.training.development import split
    from clirot.training.diagnostics import plan_of
    from clirot.training.reading import reading_of
    from clirot.training.teacher_tokens import teacher_tokens
    from clirot.training.trainer import Recipe, train

    torch.manual_seed(config.seed)
    parts = split(bitext.pairs, development=config.development)
    documents = load_encoder(teacher, side="document")
    cache = store.home / "cache"
    sentences = [pair.src for pair in parts.train]
    plan = plan_of(objective) if objective is not None else None
    reading = reading_of(
        documents,
        layer=plan.teacher_layer if plan is not None and "layer" in plan.asks_for else None,
        mask_padding=config.mask_padding,
    )
    more = config.mask_padding > 0 or (plan is not None and bool(plan.asks_for))
    tokens = teacher_tokens(
        reading if more else documents, sentences, cache=cache, progress=progress
    )
    sides = STUDENT_SIDES[config.side]
    encoded = tokens if config.mask_padding == 0 else None
    development = _development(parts, sides, teacher, documents, encoded)

    start: Mapping[str, float] = {}
    if base is None:
        model = load_model(teacher.path)
        start = transplant(
            model,
            parts.train,
            TransplantConfig(
                vocabulary=config.vocabulary,
                same_spelling=config.same_spelling,
                sharpness=config.sharpness,
            ),
        )
    else:
        model = with_dimension(load_model(base.path), documents.dim)
    read_whole_queries(model)
    if config.mask_padding:
        fill_with_masks(model, config.mask_padding)
    results: dict[str, Any] = {
        "pairs": len(bitext.pairs),
        "training_pairs": len(parts.train),
        "development_pairs": len(parts.development),
        "duplicates_across_sources": sum(bitext.dropped.values()),
        "start": dict(start),
    }
    if objective is None:
        encoder = MultiVectorTokenEncoder(model, side=sides[0], name="student", digest="")
        vectors = development.student_tokens(encoder)
        results |= {
            "development_map": [development.mean_average_precision(vectors)],
            "best_epoch": 0,
        }
    else:
        targets = [pair.tgt for pair in parts.train]
        corpus = corpus_statistics(
            plan_of(objective),
            model,
            targets,
            side=sides[0],
            teacher=tokens,
            teacher_tokenizer=documents.model.tokenizer,
            translations=sentences,
        )
        with quiet_libraries(), adapted(model, rank=config.lora_rank, embeddings=base is None):
            history = train(
                model,
                targets,
                tokens,
                informed(objective, corpus),
                development,
                Recipe(
                    epochs=config.epochs,
                    batch_size=config.batch_size,
                    accumulate=config.accumulate,
                    checkpointing=config.checkpointing,
                    learning_rate=config.learning_rate,
                    embedding_learning_rate=config.embedding_learning_rate,
                    warmup=config.warmup,
                    max_tokens=config.max_tokens,
                    seed=config.seed,
                ),
                sides=sides,
                translations=_translations(parts, development, reading, config),
                scratch=scratch,
                progress=progress,
            )
        results |= {
            "development_map": history.development,
            "loss": history.loss,
            "plan": history.figures,
            "loss_curve": history.curve,
            "best_epoch": history.best_epoch,
        }
    _save(model, target)
    return results


def _save(model: MultiVectorEncoder, target: Path) -> None:
    """Write the checkpoint.

    A fast tokenizer remembers how its last call cut and padded, and would save that: a run resumed
    after its last step made other calls than an uninterrupted one.
    """
    from clirot.encoders import quiet_libraries

    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is not None:
        backend.no_truncation()
        backend.no_padding()
    with quiet_libraries():
        model.save_pretrained(str(target), create_model_card=False)


def _development(
    parts: Split,
    sides: Sequence[Side],
    teacher: ModelRef,
    documents: TokenEncoder,
    tokens: TeacherTokens | None,
) -> Development:
    """The development task of the first side; what the teacher has encoded is not encoded again.

    ``tokens`` is None where the training sentences were not read as documents are.
    """
    from clirot.encoders import load_encoder
    from clirot.training.development import Development, pool

    row = {}
    if tokens is not None:
        row = {pair.src: place for place, pair in enumerate(parts.train)}
    held = dict.fromkeys(pair.src for pair in parts.development)
    wanted = pool(parts) if sides[0] == "query" else list(held)
    unseen = [sentence for sentence in wanted if sentence not in row]
    vectors = dict(zip(unseen, documents.encode(unseen), strict=True))
    if tokens is not None:
        vectors |= {sentence: tokens[row[sentence]] for sentence in wanted if sentence in row}
    if sides[0] == "query":
        return Development.of(parts, vectors)
    topics = load_encoder(teacher, side="query").encode(list(held))
    return Development.of(parts, vectors, queries=dict(zip(held, topics, strict=True)))


def _translations(
    parts: Split, development: Development, reading: Reading, config: DistillConfig
) -> list[SentenceTokens]:
    """The teacher's tokens of the held-out pairs whose plans are watched, read as in training."""
    from clirot.training.development import Development
    from clirot.training.diagnostics import PAIRS

    texts = Development.pair_translations(parts, development.side)[:PAIRS]
    found = [one for batch in reading.read(texts) for one in batch]
    if config.mask_padding:
        return found
    # Encoded already; the vectors of two batches differ by rounding.
    known = zip(found, development.translations, strict=False)
    return [one._replace(vectors=vectors) for one, vectors in known]


def _write_card(
    target: Path, config: DistillConfig, inputs: tuple[Input, ...], results: Mapping[str, Any]
) -> None:
    from clirot.model_card import model_card

    (target / "README.md").write_text(
        model_card(config.artefact_name, config.pair, config.deciding(), inputs, results),
        encoding="utf-8",
    )
