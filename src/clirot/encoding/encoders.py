"""Token encoders: text in, one unit vector per token out.

Every encoder is a sentence-transformers ``MultiVectorEncoder``. A checkpoint that is one already
(ColBERT, PyLate, a student made here) is loaded as it is; a plain encoder (BERT, a pooling sentence
transformer) becomes one by masking padding and normalising its raw token vectors. It gets no
projection: the one that sentence-transformers would add is random until it is trained. Prompts are
those of the checkpoint; where it has none, those of the registry's row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from clirot.cut_texts import AtLeast, CutSink, nobody_told
from clirot.encoding.batching import batch_budget, token_batches, token_lengths
from clirot.encoding.checkpoint_files import check_files, check_json
from clirot.encoding.libraries import quiet_libraries
from clirot.encoding.loading import loading
from clirot.encoding.overflow import head_of, noting_cuts
from clirot.encoding.precision import FLOAT32, computing_in, unit_again
from clirot.encoding.prompts import saved_prompts, use_prompts
from clirot.encoding.text_encoder import check_text_encoder, check_whole
from clirot.encoding.vocabulary import check_tokenizer_files, load_tokenizer
from clirot.errors import ClirotError, InputError
from clirot.known_models import Prompts
from clirot.models import ModelRef, Side
from clirot.records import ProgressSink, Step, silent

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

TokenVectors = NDArray[np.float32]
"""``(tokens, dim)``, rows of unit norm."""

_LONGEST = 300
"""Characters of a library's message that an error shows."""


class TokenEncoder(Protocol):
    """What indexing and searching need of an encoder."""

    name: str
    """The model's name in the registry."""
    digest: str
    """SHA-256 of the model."""
    dim: int
    """Length of a token vector."""

    def encode(
        self,
        texts: Sequence[str],
        *,
        progress: ProgressSink = silent,
        label: str = "encode",
        cut: CutSink = nobody_told,
    ) -> list[TokenVectors]:
        """One ``(tokens, dim)`` float32 matrix of unit rows per text, in the order of ``texts``.

        ``cut`` is told of each text that is longer than the encoder reads.
        """
        ...


class MultiVectorTokenEncoder:
    """A :class:`TokenEncoder` over a sentence-transformers ``MultiVectorEncoder``.

    Args:
        model: the model; put into evaluation mode.
        side: which of the model's two tasks to run.
        name: its name in the registry.
        digest: its digest.
    """

    def __init__(self, model: MultiVectorEncoder, *, side: Side, name: str, digest: str) -> None:
        self.model = model.eval()
        self.side = side
        self.name = name
        self.digest = digest
        self.dtype = FLOAT32
        """What it computes in; see :mod:`clirot.encoding.precision`."""
        self.dim = int(model.encode_query(["a"])[0].shape[1])

    def encode(
        self,
        texts: Sequence[str],
        *,
        progress: ProgressSink = silent,
        label: str = "encode",
        cut: CutSink = nobody_told,
    ) -> list[TokenVectors]:
        """See :meth:`TokenEncoder.encode`."""
        found: list[TokenVectors | None] = [None] * len(texts)
        done = 0
        progress(Step(label, 0, len(texts), unit="texts"))
        for rows in self.encoded(texts, cut=cut):
            for row, matrix in rows:
                found[row] = matrix
            done += len(rows)
            progress(Step(label, done, len(texts), unit="texts"))
        return [matrix for matrix in found if matrix is not None]

    def encoded(
        self, texts: Sequence[str], *, cut: CutSink = nobody_told
    ) -> Iterator[list[tuple[int, TokenVectors]]]:
        """The matrices of :meth:`encode` with the places of their texts, batch by batch as they
        are ready, so that not all need be held.

        Texts of similar length are batched, so that every batch has about the same number of
        tokens. The other texts of its batch change a text's vectors by rounding only. A text that
        occurs several times is encoded once. Of a text of more than a million characters the first
        million is tokenized, if that is more than the encoder reads.
        """
        twins: dict[str, list[int]] = {}
        for row, text in enumerate(texts):
            twins.setdefault(text, []).append(row)
        whole = list(twins)
        heads = [head_of(text) for text in whole]
        model: Any = self.model
        lengths = token_lengths(model.tokenizer, heads, model.max_seq_length)
        again: list[int] = []
        """Texts whose head is not longer than the encoder reads, though it has a million characters
        (of white space, or a word that is one token): they are read whole."""
        budget = batch_budget(model.device.type)
        for batch in chain(token_batches(lengths, budget), ([one] for one in again)):
            found = []
            vectors, cuts = self._batch([heads[one] for one in batch])
            for one, matrix in zip(batch, vectors, strict=True):
                part = len(heads[one]) < len(whole[one])
                if part and heads[one] not in cuts:
                    heads[one] = whole[one]
                    again.append(one)
                    continue
                for row in twins[whole[one]]:
                    found.append((row, matrix))
                    if heads[one] in cuts:
                        tokens, limit = cuts[heads[one]]
                        cut(row, AtLeast(tokens) if part else tokens, limit)
            yield found

    def _batch(self, texts: Sequence[str]) -> tuple[list[TokenVectors], dict[str, tuple[int, int]]]:
        """The vectors of texts, and which of them were cut, as :func:`noting_cuts` notes it."""
        model: Any = self.model
        encode = model.encode_query if self.side == "query" else model.encode_document
        # Of a text that is cut it is said how long it is, not only that there is one.
        with (
            torch.inference_mode(),
            computing_in(self.dtype, model.device.type),
            quiet_libraries(),
            noting_cuts(self.model) as cuts,
        ):
            vectors = encode(texts, batch_size=len(texts), show_progress_bar=False)
        found = [matrix.float().cpu().numpy() for matrix in vectors]
        if self.dtype != FLOAT32:
            found = [unit_again(matrix) for matrix in found]
        return found, cuts


def load_encoder(ref: ModelRef, *, side: Side, dtype: str = FLOAT32) -> MultiVectorTokenEncoder:
    """The encoder of one side of a model, on the GPU where there is one.

    Args:
        ref: from :func:`clirot.models.resolve`. A student's document side is its teacher.
        side: ``"query"`` or ``"document"``.
        dtype: what it computes in, ``"float32"`` or ``"bfloat16"``.

    Raises:
        InputError: the directory is not a checkpoint that can be loaded.
        ArtefactError: another process has replaced the model while it was loaded.
    """
    chosen = ref.side(side)
    model = load_model(chosen.path, prompts=chosen.prompts)
    chosen.check_unreplaced()
    encoder = MultiVectorTokenEncoder(model, side=side, name=chosen.name, digest=chosen.digest)
    encoder.dtype = dtype
    return encoder


def load_model(
    path: Path, *, device: str | None = None, prompts: Prompts | None = None
) -> MultiVectorEncoder:
    """Load a checkpoint directory as a ``MultiVectorEncoder``, in float32.

    Weights that were saved in half precision are converted to float32. In half precision small
    training steps would be rounded away, and token vectors would depend on their batch.

    Args:
        path: the directory.
        device: as torch names it; None: the GPU where there is one.
        prompts: what texts are read with, from :attr:`clirot.models.ModelRef.prompts`.

    Raises:
        InputError: it is not a checkpoint, its weights are not safetensors, or not those that the
            architecture needs, or not numbers, its tokenizer is missing or does not fit, it is not
            a text encoder, or its prompts contradict those that are given.
    """
    check_files(path)
    check_tokenizer_files(path)
    with loading(path) as loaded:
        from sentence_transformers import MultiVectorEncoder

        try:
            if _is_multi_vector(path):
                model = MultiVectorEncoder(
                    str(path),
                    device=device,
                    local_files_only=True,
                    model_kwargs={"use_safetensors": True},
                )
            else:
                model = _from_plain_encoder(path, device)
            model = model.float().eval()
            check_text_encoder(model, path)
            check_whole(model, loaded, path)
            use_prompts(model, prompts, path)
            tried: Any = model.encode_query(["a", "a b"])
        except ClirotError:
            raise
        except Exception as error:  # of every kind, depending on the architecture
            raise _explained(error, path) from error
    if not all(torch.isfinite(one).all() for one in tried):
        raise InputError(
            "the token vectors are not numbers: weights are infinite or not numbers",
            path=path,
            hint="take a checkpoint from before its training diverged",
        )
    return model


def _explained(error: Exception, path: Path) -> InputError:
    """The error for a checkpoint that cannot be loaded.

    sentence-transformers passes over the reason where a configuration or a tokenizer cannot be
    read, and says what followed from it; so both are read once more, by themselves.
    """

    def failure(cause: Exception) -> InputError:
        return InputError(
            f"cannot be loaded as an encoder: {' '.join(str(cause).split())[:_LONGEST]}",
            path=path,
            hint="a sentence-transformers or transformers checkpoint with safetensors weights",
        )

    try:
        check_json(path)
        load_tokenizer(path, failure)
    except InputError as reason:
        return reason
    return failure(error)


def save_model(model: MultiVectorEncoder, target: Path) -> None:
    """Write a model as a checkpoint directory.

    A fast tokenizer remembers how its last call cut and padded, and would save that. A run that was
    resumed after its last step made other calls than an uninterrupted one.
    """
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is not None:
        backend.no_truncation()
        backend.no_padding()
    with quiet_libraries():
        model.save_pretrained(str(target), create_model_card=False)


def _from_plain_encoder(path: Path, device: str | None) -> MultiVectorEncoder:
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    backbone = Transformer.load(
        str(path), local_files_only=True, model_kwargs={"use_safetensors": True}
    )
    return MultiVectorEncoder(
        modules=[backbone, MultiVectorMask(), Normalize(module_input_name="token_embeddings")],
        device=device,
        prompts=saved_prompts(path),
    )


def _is_multi_vector(path: Path) -> bool:
    """Whether a checkpoint says it is a late-interaction model (native, PyLate or Stanford).

    Raises:
        InputError: it says so, and does not say of which modules it is made. The library would give
            it a projection with random weights.
    """
    own = path / "config_sentence_transformers.json"
    if own.is_file():
        settings = json.loads(own.read_text(encoding="utf-8"))
        # The first versions of PyLate wrote the prefixes, but no type.
        early = "model_type" not in settings and "query_prefix" in settings
        if early or settings.get("model_type") in {"MultiVectorEncoder", "ColBERT"}:
            if not (path / "modules.json").is_file():
                raise InputError(
                    "a late-interaction model without modules.json, which tells its projection",
                    path=path,
                    hint="copy or download the checkpoint again, with all its files",
                )
            return True
    config = path / "config.json"
    if config.is_file():
        names = json.loads(config.read_text(encoding="utf-8")).get("architectures") or []
        return "HF_ColBERT" in names
    return False
