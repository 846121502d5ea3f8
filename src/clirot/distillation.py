"""Distil a student for another language, or several, from an English teacher, out of bitext.

The bitext of each language is split; the teacher encodes its English side once; the student starts
(by vocabulary transplant, or from another encoder), is trained on an objective over tokens, and is
saved as a plain sentence-transformers checkpoint with a model card that says where it came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clirot.errors import ClirotError, LanguageError, PartlyDoneError, UnknownNameError, UsageError
from clirot.languages import parse_language
from clirot.models import KNOWN, STUDENT_SIDES
from clirot.records import LanguagePair, LanguagePairs, ProgressSink, silent
from clirot.store import Artefact, Input, Store

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

    from clirot.acquisition import FetchResult
    from clirot.bitext import Bitext
    from clirot.encoders import TokenEncoder
    from clirot.models import ModelRef, Side
    from clirot.objectives import Objective
    from clirot.training.development import Development, Split
    from clirot.training.epochs import History
    from clirot.training.processes import Processes
    from clirot.training.reporting import Report
    from clirot.training.teacher_tokens import TeacherTokens
    from clirot.training.trainer import Material

TRANSPLANT = "transplant"
UNTRAINED = "none"
_FORMAT = 2  # of the training procedure: a change makes older students outdated


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
    objective: str = "transport"
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
    """Sentence pairs in a step, of all processes together."""
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
    """Pairs of each language held out to choose the epoch on; at most a tenth of its bitext."""
    sampling_temperature: float = 2.0
    """Of several languages, one with ``n`` pairs gets a share of the training in proportion to
    ``n^(1/T)``: 1 is as the bitext has them, larger favours those that have little."""

    reg: float = 0.02
    """Entropic regularisation of the transport plan, in units of the cost (0 to 2)."""
    iterations: int = 20
    """Sinkhorn iterations."""
    marginals: str = "uniform"
    """Mass of a token: ``uniform`` or ``distinct``."""
    unbalanced: float = 0.0
    """Strength of the KL penalty that replaces the plan's marginals, in units of the cost; 0: the
    marginals are met."""
    centring: str = "none"
    """What is taken off the tokens before the plan is sought: ``none``, or the mean of their
    ``sentence``."""
    temperature: float = 0.05
    """What the scores of contrastive and score-kl, and the costs of transport-contrast, are divided
    by."""
    vocabulary: int = 8_000
    """Target-language subwords of a transplant, for each language."""
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


@dataclass(frozen=True)
class DistillResult:
    """A student in the registry."""

    artefact: Artefact
    fresh: bool
    """False where it was there already."""
    tensorboard: Path | None = None
    """Directory of the reports for TensorBoard, where there are any."""

    @property
    def name(self) -> str:
        """Its name in the model registry."""
        return self.artefact.name

    @property
    def development(self) -> list[float]:
        """MAP on the development split: before training, then after every epoch; of several
        languages the mean, in which each counts alike.
        """
        return list(self.artefact.manifest.results["development_map"])

    @property
    def development_by_language(self) -> dict[str, list[float]]:
        """Language -> MAP on its development split: before training, then after every epoch."""
        results, target = self.artefact.manifest.results, self.artefact.manifest.config["tgt"]
        if isinstance(target, str):
            return {target: self.development}
        return dict(results["development_map_by_language"])

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

    Several processes started together (``torchrun``) share each batch out, and must share the
    store; all of them return the student, which only the first writes.

    Raises:
        UnknownNameError: no such model, objective or source.
        UsageError: a setting that the objective cannot have.
        InputError: too little bitext.
        ArtefactError: a student of that name exists and was made otherwise.
    """
    from clirot.training.processes import launched, processes

    store = store if store is not None else Store()
    _, count = launched()
    if config.batch_size < count:
        raise UsageError(
            f"a batch of {config.batch_size} cannot be shared out among {count} processes",
            hint="raise --batch-size, or launch fewer processes",
        )
    with processes() as together:
        if not together.first:
            return _assist(config, store, together)
        result = _distill(config, store, progress, together)
        together.agree(None)  # nothing is left to help with
        return result


def _distill(
    config: DistillConfig, store: Store, progress: ProgressSink, together: Processes
) -> DistillResult:
    from clirot.models import resolve
    from clirot.store.manifest import fingerprint
    from clirot.training.reporting import Report

    name, deciding = config.artefact_name, config.deciding()
    if name in KNOWN:
        raise UsageError(
            f"{name!r} is the name of a known model: a student of that name could not be found",
            hint="choose another --name",
        )
    objective = _objective(config)
    if config.report_to:
        from clirot.training.reporting import check_reporters

        check_reporters(config.report_to)
        if objective is None:
            raise UsageError("there is no training to report on with objective none")
    if config.lora_rank:
        from clirot.training.adapters import check_installed

        check_installed()
    teacher = resolve(config.teacher, store)
    base = None if config.student == TRANSPLANT else resolve(config.student, store)
    bitexts = _bitexts(config, store, progress)
    inputs = (
        *(one for bitext in bitexts.values() for one in bitext.inputs),
        Input(kind="teacher", name=_findable(teacher), digest=teacher.digest),
        *([Input(kind="base", name=_findable(base), digest=base.digest)] if base else []),
    )
    made = store.finished(
        "models", name, config=deciding, inputs=inputs, seed=config.seed, replace=config.replace
    )
    # Beside the students, for it outlives the draft; other settings are another run.
    run = fingerprint("models", deciding, inputs, config.seed)[:8]
    report = Report(name=name, directory=store.home / "reports" / name / run, settings=deciding)
    if made is not None:
        return DistillResult(made, fresh=False, tensorboard=_existing(report.directory))
    with store.draft("models", name, config=deciding, inputs=inputs, seed=config.seed) as draft:
        draft.results = _train(
            config,
            objective,
            bitexts,
            teacher,
            base,
            store,
            draft.path,
            draft.scratch,
            progress,
            together,
            report,
        )
        _write_card(draft.path, config, inputs, draft.results)
    made = store.get("models", name)
    return DistillResult(made, fresh=True, tensorboard=_existing(report.directory))


def _existing(directory: Path) -> Path | None:
    return directory if directory.is_dir() else None


@dataclass(frozen=True, kw_only=True)
class _Assignment:
    """What the first of several processes asks the others to help with."""

    start: Path
    """The student before training."""
    scratch: Path
    sentences: Sequence[str]
    rows: Sequence[int]
    sizes: Sequence[int]
    tokens: Path
    """The teacher's."""


def _assist(config: DistillConfig, store: Store, together: Processes) -> DistillResult:
    """Help the first process train what it trains, if it has to."""
    from clirot.encoders import load_model
    from clirot.training.teacher_tokens import TeacherTokens
    from clirot.training.trainer import Material

    wanted: _Assignment | None = together.agree()
    if wanted is not None:
        if not wanted.start.is_dir():
            raise ClirotError(
                f"this process does not see {wanted.start}, which the first one wrote",
                hint="all processes of a training must share CLIROT_HOME",
            )
        objective = _objective(config)
        assert objective is not None
        material = Material(
            sentences=wanted.sentences,
            rows=wanted.rows,
            sizes=wanted.sizes,
            teacher=TeacherTokens(wanted.tokens),
        )
        model = load_model(wanted.start)
        _fit(config, model, objective, material, {}, wanted.scratch, silent, together, None)
        together.agree()
    return DistillResult(store.get("models", config.artefact_name), fresh=wanted is not None)


def _fit(
    config: DistillConfig,
    model: MultiVectorEncoder,
    objective: Objective,
    material: Material,
    developments: Mapping[str, Development],
    scratch: Path,
    progress: ProgressSink,
    together: Processes,
    report: Report | None,
) -> History:
    """Train the student, as each of several processes does."""
    from clirot.encoders import quiet_libraries
    from clirot.training.adapters import adapted
    from clirot.training.trainer import Recipe, train

    transplanted = config.student == TRANSPLANT
    with quiet_libraries(), adapted(model, rank=config.lora_rank, embeddings=transplanted):
        return train(
            model,
            material,
            objective,
            developments,
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
                sampling_temperature=config.sampling_temperature,
            ),
            sides=STUDENT_SIDES[config.side],
            scratch=scratch,
            progress=progress,
            processes=together,
            report_to=config.report_to,
            report=report,
        )


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


def _bitexts(config: DistillConfig, store: Store, progress: ProgressSink) -> dict[str, Bitext]:
    """Target language -> its bitext."""
    from clirot.bitext import stored_sources

    stored = {pair: stored_sources(store, pair) for pair in config.pairs}
    named = {pair: _available(config, pair, stored) for pair in config.pairs}
    return {pair.tgt: _bitext(config, pair, named[pair], store, progress) for pair in config.pairs}


def _available(
    config: DistillConfig, pair: LanguagePair, stored: Mapping[LanguagePair, Sequence[str]]
) -> list[str]:
    """The sources to take for a pair: those named for it, and of those named for all the ones that
    have it.

    Raises:
        UnknownNameError: there is no such source.
        UsageError: sources were named, and none has this language. What the store has would be no
            answer: it is what the person wanted to keep out.
    """
    from clirot.bitext.catalogue import source_for

    found, missing = [], []
    for source, own in config.sources_of(pair):
        if not own and source not in stored[pair]:
            try:
                source_for(source, pair)
            except UnknownNameError:
                if not any(source in others for others in stored.values()):
                    raise
                missing.append(source)
                continue
            except UsageError:
                missing.append(source)
                continue
        found.append(source)
    if missing and not found and not config.files_of(pair):
        raise UsageError(
            f"none of the sources that were named has {pair} bitext: {', '.join(missing)}",
            hint=f"name one that has: --source {pair.tgt}=NAME, or --file {pair.tgt}=PATH",
        )
    return found


def _bitext(
    config: DistillConfig,
    pair: LanguagePair,
    sources: list[str],
    store: Store,
    progress: ProgressSink,
) -> Bitext:
    """The bitext of a pair that was asked for; what of it the store lacks is fetched first.

    With nothing named it is what the store has; an empty store is filled with what the catalogue
    recommends, all of it or an error, for a student made from the half that could be had would
    keep its name for good.
    """
    from clirot.acquisition import FetchConfig, fetch_bitext
    from clirot.bitext import load_bitext, stored_sources

    files = config.files_of(pair)
    stored = stored_sources(store, pair)
    missing = tuple(one for one in sources if one not in stored)
    unfinished = store.home / "bitext" / f".{pair}.recommended"
    recommended = not sources and not files and (not stored or unfinished.exists())
    if recommended:
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        unfinished.touch()
    if missing or files or recommended:
        fetched = fetch_bitext(
            FetchConfig(pair=pair, sources=missing, files=files),
            store=store,
            progress=progress,
        )
        _check_fetched(fetched, config, recommended=recommended)
        unfinished.unlink(missing_ok=True)
        sources += [one for one in fetched.sources if one not in sources]
    return load_bitext(store, pair, sources or stored)


def _check_fetched(fetched: FetchResult, config: DistillConfig, *, recommended: bool) -> None:
    try:
        fetched.check()
    except PartlyDoneError as error:
        if not recommended:
            raise
        several = f"{fetched.pair.tgt}=" if len(config.pairs) > 1 else ""
        named = " ".join(f"--source {several}{one}" for one in fetched.sources)
        targets = ",".join(pair.tgt for pair in config.pairs)
        raise PartlyDoneError(
            error.message,
            hint=f"the same command again tries again; to go on without: clirot distill --src "
            f"{config.pair.src} --tgt {targets} {named}",
        ) from error


def _train(
    config: DistillConfig,
    objective: Objective | None,
    bitexts: Mapping[str, Bitext],
    teacher: ModelRef,
    base: ModelRef | None,
    store: Store,
    target: Path,
    scratch: Path,
    progress: ProgressSink,
    together: Processes,
    report: Report,
) -> dict[str, Any]:
    """Make the student's checkpoint in ``target``; returns what was measured."""
    import torch

    from clirot.encoders import MultiVectorTokenEncoder, load_encoder, load_model
    from clirot.students import TransplantConfig, read_whole_queries, transplant, with_dimension
    from clirot.training.batching import draws
    from clirot.training.development import split_together
    from clirot.training.epochs import macro_mean
    from clirot.training.teacher_tokens import teacher_tokens
    from clirot.training.trainer import Material

    torch.manual_seed(config.seed)
    parts = split_together(
        {language: bitext.pairs for language, bitext in bitexts.items()},
        development=config.development,
    )
    sizes = [len(part.train) for part in parts.values()]
    documents = load_encoder(teacher, side="document")
    cache = store.home / "cache"
    sentences = [pair.src for part in parts.values() for pair in part.train]
    rows = list(range(len(sentences)))
    if len(parts) > 1:  # corpora translate the same English into several languages
        place = {sentence: row for row, sentence in enumerate(dict.fromkeys(sentences))}
        rows, sentences = [place[sentence] for sentence in sentences], list(place)
    tokens = teacher_tokens(documents, sentences, cache=cache, progress=progress)
    encoded = {sentence: row for row, sentence in enumerate(sentences)}
    sides = STUDENT_SIDES[config.side]
    developments = {
        language: _development(part, sides, teacher, documents, tokens, encoded)
        for language, part in parts.items()
    }

    start: Mapping[str, float] = {}
    if base is None:
        model = load_model(teacher.path)
        start = transplant(
            model,
            [part.train for part in parts.values()],
            TransplantConfig(
                vocabulary=config.vocabulary,
                same_spelling=config.same_spelling,
                sharpness=config.sharpness,
            ),
            passes=[
                drawn / size
                for drawn, size in zip(
                    draws(sizes, config.sampling_temperature), sizes, strict=True
                )
            ],
        )
    else:
        model = with_dimension(load_model(base.path), documents.dim)
    read_whole_queries(model)
    results: dict[str, Any] = {
        "pairs": sum(len(bitext.pairs) for bitext in bitexts.values()),
        "training_pairs": sum(sizes),
        "development_pairs": sum(len(part.development) for part in parts.values()),
        "duplicates_across_sources": sum(
            sum(bitext.dropped.values()) for bitext in bitexts.values()
        ),
        "start": dict(start),
    }
    if len(parts) > 1:
        drawn_pairs = draws(sizes, config.sampling_temperature)
        results["languages"] = {
            language: {
                "pairs": len(bitexts[language].pairs),
                "training_pairs": len(part.train),
                "development_pairs": len(part.development),
                "set_aside": len(part.aside),
                "drawn_an_epoch": drawn,
            }
            for (language, part), drawn in zip(parts.items(), drawn_pairs, strict=True)
        }
    if objective is None:
        encoder = MultiVectorTokenEncoder(model, side=sides[0], name="student", digest="")
        found = {
            language: task.mean_average_precision(task.student_tokens(encoder))
            for language, task in developments.items()
        }
        by_language = [found]
        results |= {"development_map": [macro_mean(found)], "best_epoch": 0}
    else:
        material = Material(
            sentences=[pair.tgt for part in parts.values() for pair in part.train],
            rows=rows,
            sizes=sizes,
            teacher=tokens,
        )
        if together.count > 1:
            begin = scratch / "start"
            _save(model, begin)
            together.agree(
                _Assignment(
                    start=begin,
                    scratch=scratch,
                    sentences=material.sentences,
                    rows=rows,
                    sizes=sizes,
                    tokens=tokens.directory,
                )
            )
        history = _fit(
            config, model, objective, material, developments, scratch, progress, together, report
        )
        by_language = history.languages
        results |= {
            "development_map": history.development,
            "loss": history.loss,
            "plan": history.figures,
            "loss_curve": history.curve,
            "best_epoch": history.best_epoch,
        }
    if len(parts) > 1:
        results["development_map_by_language"] = {
            language: [one[language] for one in by_language] for language in parts
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
    tokens: TeacherTokens,
    row: Mapping[str, int],
) -> Development:
    """The development task of the first side; what the teacher has encoded (``row``: in which row
    of the tokens) is not encoded again.
    """
    from clirot.encoders import load_encoder
    from clirot.training.development import Development, pool

    held = dict.fromkeys(pair.src for pair in parts.development)
    wanted = pool(parts) if sides[0] == "query" else list(held)
    unseen = [sentence for sentence in wanted if sentence not in row]
    vectors = dict(zip(unseen, documents.encode(unseen), strict=True))
    vectors |= {sentence: tokens[row[sentence]] for sentence in wanted if sentence in row}
    if sides[0] == "query":
        return Development.of(parts, vectors)
    topics = load_encoder(teacher, side="query").encode(list(held))
    return Development.of(parts, vectors, queries=dict(zip(held, topics, strict=True)))


def _write_card(
    target: Path, config: DistillConfig, inputs: tuple[Input, ...], results: Mapping[str, Any]
) -> None:
    from clirot.model_card import model_card

    (target / "README.md").write_text(
        model_card(config.artefact_name, config.pairs, config.deciding(), inputs, results),
        encoding="utf-8",
    )
