"""Writing files so that a crash leaves the old one or the new one, and errors that say what to do.

:func:`written` writes files that a person names. Only what is a file, or will be one, is replaced:
of a symbolic link, the file that it leads to; a pipe or a device is written to as it is.

A :class:`Draft` is an artefact that is being written, in a hidden directory beside its final place.
Beside the artefact ``NAME`` there may be ``.NAME.part`` (the draft), ``.NAME.replaced`` (the old
artefact, between two renames), ``.NAME.removed`` (one that is being removed) and ``.NAME.lock``.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO

from clirot.errors import ArtefactError
from clirot.json_values import json_object_in
from clirot.store.files import MANIFEST

ROLES = ("part", "replaced", "removed", "recommended")
"""What may lie beside an artefact (see above), or mark an unfinished fetch of several."""
_DRAFT = "draft.json"
_TEMPORARY = ".new"
_COPIED = 1 << 30  # bytes that one call of the system copies
_OTHER_HOME = "choose another directory with CLIROT_HOME"
DISK_HINTS = {
    errno.ENOSPC: "the disk is full: free some space and run the same command again; it resumes",
    errno.EDQUOT: "the disk quota is used up: free some and run the same command again; it resumes",
    errno.EFBIG: "files may not grow further here (see ulimit -f)",
    errno.EIO: "the disk fails: see the system's log, and keep a copy of what is still whole",
    errno.EACCES: _OTHER_HOME,
    errno.EROFS: _OTHER_HOME,
}
"""System errors of a disk that is full, fails or may not be written, and what to do about each."""

_IN_THE_WAY = {
    errno.ELOOP: "a symbolic link is in the way: remove it",
    errno.ENOTDIR: "a file is where a directory belongs: move it away",
    errno.EISDIR: "a directory is where a file belongs: move it away",
    errno.EEXIST: "something that is not clirot's is in the way: move it away",
}
_OUTPUT_HINTS = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some",
    errno.EFBIG: DISK_HINTS[errno.EFBIG],
    errno.ENOENT: "make its directory first",
    errno.EEXIST: "its directory is a file",
    errno.ENOTDIR: "its directory is a file",
}


def write_text(path: Path, text: str) -> None:
    """Write a small file so that it is either the old one or the new one, never half of either."""
    temporary = path.with_name(f".{path.name}{_TEMPORARY}")
    clear(temporary)  # an interrupted attempt's; a link that was planted there is not followed
    with temporary.open("x", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file, and flush the copy to disk.

    The system copies it where it can; a file system with shared blocks (XFS, Btrfs) then copies
    nothing until one of the two is written to.
    """
    with source.open("rb") as original, target.open("wb") as copy:
        left = os.fstat(original.fileno()).st_size
        try:
            while left > 0 and hasattr(os, "copy_file_range"):
                done = os.copy_file_range(original.fileno(), copy.fileno(), min(left, _COPIED))
                if not done:
                    break
                left -= done
        except OSError as error:
            if error.errno in DISK_HINTS:
                raise
            # Between two file systems, or one that cannot: the rest is read and written.
        if left:
            place = os.fstat(original.fileno()).st_size - left
            original.seek(place)
            copy.seek(place)
            shutil.copyfileobj(original, copy, 1 << 20)
        copy.flush()
        os.fsync(copy.fileno())


def clear_temporaries(directory: Path) -> None:
    """Remove what an interrupted :func:`write_text` left anywhere below a directory."""
    for path in directory.rglob(f".*{_TEMPORARY}"):
        clear(path)


@contextmanager
def written(*targets: Path, parents: bool = False) -> Iterator[list[BinaryIO]]:
    """Streams that become ``targets`` when the block ends well: all of them or none.

    Args:
        targets: what to write.
        parents: make the directories that are missing.

    Raises:
        ArtefactError: one cannot be written.
        BrokenPipeError: one is a pipe whose reader has gone.
    """
    parts: list[tuple[Path, Path]] = []  # what is written, and the file it becomes
    target = targets[0]
    try:
        with ExitStack() as stack:
            streams: list[BinaryIO] = []
            for target in targets:
                if parents:
                    target.parent.mkdir(parents=True, exist_ok=True)
                path = target
                if _is_file(target):
                    place = Path(os.path.realpath(target))
                    # A name of its own: two commands may write the same file at a time.
                    path = place.with_name(f".{place.name}.{token_hex(4)}.part")
                    parts.append((path, place))
                # Exclusively: whatever has that name already, such as a link, is not written to.
                stream = path.open("wb") if path is target else path.open("xb")
                streams.append(stack.enter_context(stream))
            yield streams
        for part, place in parts:
            part.replace(place)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise output_error(error, target) from error
    finally:
        for part, _ in parts:
            part.unlink(missing_ok=True)


def _is_file(target: Path) -> bool:
    """Whether it is a file, or nothing is there yet: nothing else may be replaced."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return True
    if stat.S_ISDIR(mode):  # before anything is written
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    return stat.S_ISREG(mode)


def output_error(error: OSError, target: Path | str) -> ArtefactError:
    """The error for a file that a person named and that cannot be written."""
    hint = _OUTPUT_HINTS.get(error.errno or 0)
    return ArtefactError(f"cannot write {target}: {error.strerror or error}", hint=hint)


def disk_error(error: OSError, target: Path) -> ArtefactError:
    """The error for a file of the store that cannot be written."""
    hint = (DISK_HINTS | _IN_THE_WAY).get(error.errno or 0)
    place = error.filename or target
    return ArtefactError(f"cannot write {place}: {error.strerror or error}", hint=hint)


@contextmanager
def disk_in_words(target: Path) -> Iterator[None]:
    """Turn the errors of a full, failing or forbidden disk, and of what is in the way, into words;
    other errors pass unchanged.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None and "requested and" in str(error):
            # NumPy could not write all of an array. It names no reason; there is but one.
            error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if error.errno not in DISK_HINTS | _IN_THE_WAY:
            raise
        raise disk_error(error, target) from error


def clear(path: Path) -> None:
    """Remove a file, a link, or a directory with everything in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def flush_tree(directory: Path) -> None:
    """Write everything below a directory from the system's memory to the disk."""
    for path in directory.rglob("*"):
        if path.is_dir():
            flush_directory(path)
        else:
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
    flush_directory(directory)


def flush_directory(directory: Path) -> None:
    """Write the names in a directory to the disk, so that a rename outlives a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@dataclass
class Draft:
    """An artefact being written. Write its files below :attr:`path`, and set :attr:`results`."""

    path: Path
    scratch: Path
    """For files that must not become part of the artefact, such as checkpoints."""
    resumed: bool
    """Whether an earlier, interrupted attempt at exactly this artefact left files here."""
    resumable: bool = True
    """False: what a failed attempt wrote is removed, because the next cannot use it."""
    results: dict[str, Any] = field(default_factory=dict)


def sibling(target: Path, role: str) -> Path:
    """The hidden path beside an artefact for one of the roles above, such as ``part``."""
    return target.with_name(f".{target.name}.{role}")


def between_renames(target: Path) -> bool:
    """Whether the old artefact was moved aside and the new one is not in its place yet."""
    return (sibling(target, "replaced") / MANIFEST).is_file() and not os.path.lexists(target)


def mark_draft(part: Path, wanted: str) -> None:
    """Record what ``part`` is a draft of. From here on it can be resumed."""
    record = {"fingerprint": wanted, "seal": _seal(wanted)}
    write_text(part / _DRAFT, json.dumps(record) + "\n")


def _seal(wanted: str) -> str:
    """What tells a record that was changed from that of another draft."""
    return hashlib.sha256(wanted.encode()).hexdigest()


def draft_fingerprint(part: Path) -> str | None:
    """The fingerprint of what ``part`` is a draft of; None: it cannot be resumed.

    A link is no draft: what it leads to is not ours to go on with.
    """
    if part.is_symlink() or any(one.is_symlink() for one in _places(part)):
        return None
    try:
        record = json_object_in(part / _DRAFT)
        found = str(record["fingerprint"])
        return found if record["seal"] == _seal(found) else None
    except (OSError, ValueError, KeyError):
        return None


def discard_draft(part: Path) -> None:
    """Remove a draft. Its record goes first, so that half of a draft never looks resumable."""
    if not part.is_symlink() and part.is_dir():
        (part / _DRAFT).unlink(missing_ok=True)
    clear(part)


def open_draft(part: Path, wanted: str, *, continued: bool) -> Draft:
    """The draft in ``part``: that of an interrupted attempt at the same, or a new one.

    Args:
        part: its directory.
        wanted: the fingerprint of what is to be made.
        continued: whether the files of an interrupted attempt are kept, and not its scratch only.
    """
    content, scratch = _places(part)
    resumed = draft_fingerprint(part) == wanted
    if resumed:
        clear_temporaries(part)
        if not continued:
            clear(content)  # a killed attempt's files would be digested with this one's
    else:
        discard_draft(part)
        part.mkdir(parents=True)
    content.mkdir(exist_ok=True)
    scratch.mkdir(exist_ok=True)
    if not resumed:
        mark_draft(part, wanted)
    return Draft(path=content, scratch=scratch, resumed=resumed)


def _places(part: Path) -> tuple[Path, Path]:
    return part / "content", part / "scratch"


def swap_in(content: Path, target: Path) -> None:
    """Rename ``content`` to ``target``.

    A directory cannot be replaced in one step, so an old one is moved aside first. Where the
    process dies between the two steps, the store moves it back.
    """
    replaced = sibling(target, "replaced")
    clear(replaced)
    if os.path.lexists(target):
        target.rename(replaced)
    content.rename(target)
    flush_directory(target.parent)
    clear(replaced)
