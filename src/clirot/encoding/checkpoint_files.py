"""The files of a checkpoint, looked at before any library reads them.

Whoever clones a repository without Git LFS has small text files in the place of weights; a copy
that broke off has half of them; one of several shards may be missing. Libraries tell these apart
badly or not at all. Here only headers are read, so the size of the weights does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clirot.errors import InputError, first_line
from clirot.json_values import json_object, json_value

_POINTER = b"version https://git-lfs.github.com/spec/"
_WEIGHTS = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_PARTS = "model-*-of-*.safetensors"
_ADAPTER = "adapter_config.json"
_STANFORD = "linear.weight"
_LENGTH_BYTES = 8
_AGAIN = "copy or download the checkpoint again"


def check_files(path: Path) -> None:
    """Refuse a checkpoint whose files are not all there, or not whole.

    Args:
        path: its directory. Directories of sentence-transformers modules are looked at too.

    Raises:
        InputError: a file is a pointer of Git LFS or a link that leads nowhere, weights are cut
            off, damaged or whole numbers, a shard, their index or a module is missing, or it is an
            adapter, which is no model without another one.
    """
    folders = [path, *_modules(path)]
    for folder in folders:
        for file in sorted(folder.iterdir()):
            if file.is_symlink() and not file.exists():
                raise InputError(
                    f"a symbolic link to {file.readlink()}, which is not there",
                    path=file,
                    hint=_AGAIN + ", with the files that its links lead to",
                )
            if file.is_file():
                _check_pointer(file)
    if (path / _ADAPTER).is_file():
        raise InputError(
            "an adapter (PEFT), whose model lies elsewhere, so that its digest would not say what "
            "was loaded",
            path=path / _ADAPTER,
            hint="merge it into its model with peft's merge_and_unload, save that with its "
            "tokenizer, and give the new directory",
        )
    names = {name for folder in folders for name in _weights(folder)}
    if _is_stanford(path) and names and _STANFORD not in names:
        raise InputError(
            f"a ColBERT in Stanford's format without its projection {_STANFORD!r}",
            path=path / _WEIGHTS,
            hint="save the checkpoint anew, with the projection beside the weights of BERT",
        )


def check_json(path: Path) -> None:
    """Refuse a checkpoint with a file of JSON that cannot be read.

    Raises:
        InputError: it is cut off or damaged.
    """
    for file in sorted(path.glob("*.json")):
        _json(file)


def _modules(path: Path) -> Iterator[Path]:
    """The directories of the modules of a sentence transformer."""
    listed = _json(path / "modules.json") or []
    for module in listed:
        name = module.get("path") if isinstance(module, dict) else None
        if not name:
            continue
        folder = path / name
        # Modules without weights (Normalize, masks) may have no file, and Git keeps no empty
        # directory; what needs a configuration says so when it is loaded.
        if folder.is_dir():
            yield folder
        elif str(module.get("type", "")).endswith("Dense"):
            raise InputError(
                f"the module {name!r} (a projection) is not there",
                path=path / "modules.json",
                hint=_AGAIN,
            )


def _check_pointer(file: Path) -> None:
    with file.open("rb") as stream:
        start = stream.read(len(_POINTER))
    if start == _POINTER:
        raise InputError(
            "a pointer of Git LFS, not the file itself",
            path=file,
            hint="run `git lfs pull` in the repository that it is from, or download the file",
        )


def _weights(folder: Path) -> Iterator[str]:
    """The names of the tensors in a directory's weights.

    As transformers does: one file where there is one, else the shards of an index.
    """
    if (folder / _WEIGHTS).is_file():
        yield from tensor_names(folder / _WEIGHTS)
        return
    index = _json(folder / _INDEX)
    if index is None:
        parts = sorted(folder.glob(_PARTS))
        if parts:
            raise InputError(
                f"{_INDEX} is not there, which says what the {len(parts)} files of weights hold: "
                f"{parts[0].name}",
                path=folder,
                hint=_AGAIN,
            )
        return
    places = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(places, dict):
        raise InputError("not an index of weights: no weight_map", path=folder / _INDEX)
    shards = sorted({str(shard) for shard in places.values()})
    missing = [shard for shard in shards if not (folder / shard).is_file()]
    if missing:
        raise InputError(
            f"{len(missing)} of the {len(shards)} files of weights that it names are not there: "
            f"{missing[0]}",
            path=folder / _INDEX,
            hint=_AGAIN,
        )
    for shard in shards:
        held = tensor_names(folder / shard)
        lacking = sorted(
            name for name, where in places.items() if where == shard and name not in held
        )
        if lacking:
            raise InputError(
                f"{len(lacking)} weights are not in it, although {_INDEX} says so: {lacking[0]}",
                path=folder / shard,
                hint=_AGAIN,
            )
        yield from held


def tensor_names(file: Path) -> set[str]:
    """The names of the tensors in a file of safetensors.

    Raises:
        InputError: it is cut off, damaged or something else, or its weights are whole numbers.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as opened:
            names: list[str] = opened.keys()
            found = {name: str(opened.get_slice(name).get_dtype()) for name in names}
    except SafetensorError as error:
        size, wanted = file.stat().st_size, _stated_size(file)
        if wanted is not None and size < wanted:
            what = f"cut off: it has {size:,} of {wanted:,} bytes"
        else:
            what = f"cut off or damaged, or not safetensors data ({first_line(error)})"
        raise InputError(what, path=file, hint=_AGAIN) from error
    except OSError as error:
        raise InputError(error.strerror or str(error), path=file) from error
    _check_types(found, file)
    return set(found)


def _check_types(types: dict[str, str], file: Path) -> None:
    """Refuse weights that were made whole numbers, which libraries take for what they were before.

    Where config.json says how they were made, the library that did it reads them, or is asked for.

    Raises:
        InputError: one is a whole number.
    """
    whole = sorted(
        name
        for name, kind in types.items()
        if kind[0] in "IU" and name.endswith((".weight", ".bias"))
    )
    config = _json(file.parent / "config.json")
    if whole and not (isinstance(config, dict) and config.get("quantization_config")):
        raise InputError(
            f"{len(whole)} weights are whole numbers (quantised), and nothing says what they stand "
            f"for: {whole[0]} is {types[whole[0]]}",
            path=file,
            hint="take the checkpoint from before it was quantised",
        )


def _stated_size(file: Path) -> int | None:
    """The size in bytes that a header of safetensors speaks of; None: it has no whole header."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
        if not 0 < length < file.stat().st_size - _LENGTH_BYTES + 1:
            return None
        try:
            header = json_object(stream.read(length))
            ends = [one["data_offsets"][1] for key, one in header.items() if key != "__metadata__"]
            return _LENGTH_BYTES + length + int(max(ends, default=0))
        except (ValueError, TypeError, KeyError, IndexError):
            return None


def _is_stanford(path: Path) -> bool:
    try:
        config = _json(path / "config.json")
    except InputError:
        return False  # whoever needs it says what is wrong
    named = config.get("architectures") if isinstance(config, dict) else None
    return "HF_ColBERT" in (named or [])


def _json(path: Path) -> Any:
    """What a JSON file holds; None: there is no such file.

    Raises:
        InputError: it is not JSON.
    """
    if not path.is_file():
        return None
    try:
        return json_value(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"not JSON: {first_line(error)}", path=path, hint=_AGAIN) from error
