"""What a person names to be written: what is replaced, what is written to, what is left alone."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from clirot.errors import ArtefactError
from clirot.store import written


def write(text: bytes, *targets: Path, parents: bool = False) -> None:
    with written(*targets, parents=parents) as streams:
        for stream in streams:
            stream.write(text)


def test_a_file_is_replaced_when_it_is_whole(tmp_path):
    target = tmp_path / "out.txt"
    target.write_bytes(b"old")
    with written(target) as (stream,):
        stream.write(b"new")
        stream.flush()
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"

    def half() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError

    with pytest.raises(RuntimeError), written(target) as (stream,):
        stream.writelines(half())
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    file, link, dangling = (tmp_path / name for name in ("there/file", "link", "dangling"))
    file.write_bytes(b"old")
    another_name = tmp_path / "another-name"
    os.link(file, another_name)
    link.symlink_to("there/file")
    dangling.symlink_to("there/none")
    write(b"new", link, dangling)
    assert link.is_symlink() and dangling.is_symlink()
    assert file.read_bytes() == (tmp_path / "there" / "none").read_bytes() == b"new"
    assert another_name.read_bytes() == b"old"  # replaced in one step, not written over


def test_a_pipe_is_written_to_and_stays(tmp_path):
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for target in (pipe, link):
        arrived: list[bytes] = []
        reader = threading.Thread(target=lambda found=arrived: found.append(pipe.read_bytes()))
        reader.start()
        write(b"text", target)
        reader.join()
        assert arrived == [b"text"]
    assert pipe.is_fifo() and link.is_symlink()


def test_a_pipe_whose_reader_has_gone_says_so(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    def reader_leaves() -> bytes:
        os.close(reader)
        return b"text"

    with pytest.raises(BrokenPipeError), written(pipe) as (stream,):
        stream.write(reader_leaves())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_full_device_is_an_error_in_words_and_stays(tmp_path):
    """A node of our own: code that replaced its output would take /dev/full from the machine."""
    full = tmp_path / "full"
    try:
        os.mknod(full, 0o666 | 0o020000, os.makedev(1, 7))
        full.open("wb").close()
    except PermissionError:
        pytest.skip("devices may not be made here")
    with pytest.raises(ArtefactError, match=r"cannot write .*full: No space left") as caught:
        write(b"text", full)
    assert "free some space" in (caught.value.hint or "")
    assert full.is_char_device()


def test_all_or_none_and_the_path_in_the_message_is_the_one_that_was_given(tmp_path):
    (tmp_path / "b").mkdir()
    with pytest.raises(ArtefactError, match=r"cannot write .*/b: Is a directory"):
        write(b"text", tmp_path / "a", tmp_path / "b")
    with pytest.raises(ArtefactError, match=r"cannot write .*/none/c: No such file") as caught:
        write(b"text", tmp_path / "none" / "c")
    assert caught.value.hint == "make its directory first"
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(ArtefactError, match=r"cannot write .*/loop: "):
        write(b"text", loop)
    assert {path.name for path in tmp_path.iterdir()} == {"b", "loop"}
    write(b"text", tmp_path / "none" / "c", parents=True)
    assert (tmp_path / "none" / "c").read_bytes() == b"text"


def test_two_commands_write_the_same_file_at_a_time(tmp_path: Path) -> None:
    """The one that ends last has written it; neither disturbs the other, and nothing is left."""
    out = tmp_path / "out.tsv"
    with written(out) as (one,):
        one.write(b"one, and longer\n")
        with written(out) as (two,):
            two.write(b"two\n")
        assert out.read_bytes() == b"two\n"
        one.write(b"its end\n")
    assert out.read_bytes() == b"one, and longer\nits end\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out.tsv"]
