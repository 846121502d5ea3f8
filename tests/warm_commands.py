"""``clirot`` as a command of a shell, without three seconds of imports each time.

A process has the libraries loaded and forks a child for each command. The command that a shell
finds is a small client: it gives its arguments, directory, environment and streams to that process,
passes signals on, and ends as the child ends. What imports cost, and whether they work, is tested
by the tests that start ``python -m clirot``.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IMPORTED = """
import torch
torch.set_num_threads(1)
import clirot.cli.search, clirot.retrieval.searching, clirot.collection, clirot.encoding.encoders
import clirot.retrieval.backends, clirot.experiments.experiment, clirot.experiments.table
import clirot.models, clirot.runs, transformers, sentence_transformers.multi_vector_encoder
from clirot.cli import main
import clirot.distillation.student, clirot.distillation.training.trainer
"""
"""What commands import, and what takes most of the time of a short one."""

_SERVER = """
import json, os, signal, socket, sys

def serve(connection):
    said, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    while not said.endswith(b"\\n"):
        said += connection.recv(1 << 20)
    words, folder, environment = json.loads(said)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    connection.sendall(b"%d\\n" % os.getpid())
    sys.argv = words
    code = 1
    try:
        main()
    except SystemExit as ended:
        code = ended.code or 0
    finally:
        sys.stdout.flush()
        connection.sendall(b"%d\\n" % code)
        os._exit(0)

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(64)
print("ready", flush=True)
while True:
    connection, _ = listener.accept()
    if os.fork() == 0:
        listener.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Tests that a shell runs in the background have it ignored, and hand that on.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        serve(connection)
    connection.close()
"""

_CLIENT = """
import json, os, signal, socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect({place!r})
said = json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode() + b"\\n"
socket.send_fds(connection, [said[:1]], [0, 1, 2])
connection.sendall(said[1:])
answers = connection.makefile("rb")
child = int(answers.readline())
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: os.kill(child, number))
os.close(1)  # the reader of a pipe sees its end when the child closes it
code = answers.readline()
sys.exit(int(code) if code else 137)  # without an answer it was killed
"""


@contextmanager
def warm_commands(folder: Path) -> Iterator[Path]:
    """A directory whose ``clirot`` runs in a child of a process that has everything imported."""
    place = folder / "socket"
    process = subprocess.Popen(
        [sys.executable, "-c", IMPORTED + _SERVER, str(place)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        command = folder / "clirot"
        client = textwrap.dedent(_CLIENT.format(place=str(place)))
        # Without the packages that `site` would look through: a client needs none of them.
        command.write_text(f"#!{sys.executable} -SE\n{client}")
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
        yield folder
    finally:
        process.kill()
        process.communicate()
        process.stdout.close()
