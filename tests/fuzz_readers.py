"""Feed every reader of bitext with what coverage-guided fuzzing makes of small valid files.

Run by ``make fuzz`` (needs atheris, https://github.com/google/atheris, for Linux). A crash is any
exception but a ClirotError, a pair that cannot be stored as UTF-8, 25 seconds for one input, or
2 GB of memory. Prints a line a reader: executions, edges covered in clirot's readers, crashes; a
crash leaves its input in the current directory, named ``crash-READER-...``.

    python tests/fuzz_readers.py [--seconds 30] [READER]...
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import io
import lzma
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bitext_files import WRITERS, as_tsv

_ROWS = [
    ("Hello", "Salaan"),
    ('a "quoted", word & <b> \\ end', "ereyo; dheer\u2028leh"),
    ("", "madhan"),
    ("long " * 20, "dheer " * 20),
]
_MAX_BYTES = 4096

_PO = rb"""# made for the tests
msgid ""
msgstr ""
"Language: ar\n"
"Content-Type: text/plain; charset=ISO-8859-1\n"
"Plural-Forms: nplurals=3; plural=n==1 ? 0 : n%10>=2 && n%10<=4 ? 1 : 2;\n"

#, fuzzy, c-format
#| msgid "old"
msgctxt "menu"
msgid "new \303\251 \x41\t"
msgstr "x"

msgid "%d file"
msgid_plural "%d files"
msgstr[0] "a"
msgstr[1] "b"
msgstr[2] "c"

#~ msgid "gone"
#~ msgstr "x"
"""

_XLIFF = b"""<xliff version="1.2"><file source-language="en" target-language="so"><body><group>
<trans-unit id="1"><source><g id="1">One.</g> <ph id="2">code</ph>Two.</source>
<seg-source><mrk mtype="seg" mid="1">One.</mrk><mrk mtype="seg" mid="2">Two.</mrk></seg-source>
<target><mrk mtype="seg" mid="1">Kow.</mrk> <mrk mtype="seg" mid="2">Laba.</mrk></target>
<alt-trans><source>s</source><target>t</target></alt-trans></trans-unit></group></body></file>
</xliff>"""

_TMX = """<?xml version="1.0" encoding="UTF-16"?><tmx version="1.1"><header/><body><tu tuid="a">
<note>n</note><tuv lang="EN"><seg>a<bpt i="1">b<sub>c</sub></bpt><hi>d</hi>&#233;<![CDATA[<]]></seg>
</tuv><tuv xml:lang="som"><seg>x</seg></tuv></tu></body></tmx>""".encode("utf-16")

_JSONL = b"""{"id": 7, "src": "a\\u00e9\\ud83d\\ude00", "tgt": null, "score": 1e99}
{"tgt": "b", "src": "c", "x": [[{}], true, 12345678901234567890]}
"""


def _zip(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def _zstd(content: bytes) -> bytes:
    import pyarrow as pa

    return bytes(pa.compress(content, "zstd", asbytes=True))


def seeds(reader: str) -> Iterator[bytes]:
    """The valid files that a reader's fuzzing starts from."""
    if reader == "moses":
        yield b"one\ntwo\n\0\0kow\nlaba\n"
        yield "\ufeffone\r\ntwo".encode() + b"\0\0" + "kow\nlaba\n".encode("utf-16")
    elif reader == "compressed":
        text = as_tsv(_ROWS)
        yield from (pack(text) for pack in (gzip.compress, bz2.compress, lzma.compress, _zstd))
        yield gzip.compress(text) * 2
        yield gzip.compress(gzip.compress(text))
    elif reader == "zip":
        yield _zip({"a.en-so.en": b"one\n", "a.en-so.so": b"kow\n", "README": b"r"})
        yield _zip({"../x.tsv": as_tsv(_ROWS)}, zipfile.ZIP_STORED)
        yield _zip({"x.tmx.gz": gzip.compress(WRITERS["tmx"](_ROWS)), "d/": b""})
        yield _zip({"x.po": _PO}, zipfile.ZIP_LZMA)
    else:
        yield WRITERS[reader](_ROWS)
        yield WRITERS[reader](_ROWS[:1])
        more = {"po": [_PO], "xliff": [_XLIFF, WRITERS["xliff2"](_ROWS)], "tmx": [_TMX]}
        more |= {"jsonl": [_JSONL], "csv": [b'en;so;id\r\n"a ""b""";c;\r\n\r\nd;"e\nf";2\r\n']}
        more |= {
            "tsv": [b"en\tid\tso\r\na\t1\tb\n\nc\t2\td", as_tsv(_ROWS).decode().encode("utf-16")]
        }
        yield from more.get(reader, [])


READERS = (
    "tsv",
    "csv",
    "jsonl",
    "tmx",
    "xliff",
    "po",
    "mo",
    "parquet",
    "moses",
    "compressed",
    "zip",
)
"""What is fuzzed: the formats, and the two ways to pack them."""


def target(reader: str, directory: Path) -> Callable[[bytes], int]:
    """A function that reads bytes as a reader would, and returns how many pairs it found.

    It raises for what no user should meet: anything but a ClirotError, or text that is not UTF-8.
    """
    from clirot.bitext.formats.local_file import LocalFile, read_local
    from clirot.errors import ClirotError
    from clirot.records import LanguagePair

    pair = LanguagePair("en", "so")
    path, other = directory / "x.en", directory / "x.so"
    format_ = None if reader in {"zip", "compressed", "moses"} else reader
    both = (path, other) if reader == "moses" else (path,)
    file = LocalFile(paths=both, format=format_)

    def pairs(**more: object) -> list[tuple[str, str]] | None:
        """The pairs, or None where the file is refused."""
        found = []
        try:
            for one in read_local(file, pair, note=lambda note: None, **more):
                for text in (one.src, one.tgt, one.id):
                    text.encode("utf-8")
                assert one.id and one.place > 0
                found.append((one.src, one.tgt))
        except ClirotError as error:
            str(error).encode("utf-8")
            return None
        return found

    def read(data: bytes) -> int:
        if reader == "moses":
            data, _, rest = data.partition(b"\0\0")
            other.write_bytes(rest)
        path.write_bytes(data)
        strict = pairs()
        # With leave to leave out what is broken, a file in which nothing is reads the same.
        lenient = pairs(malformed=lambda error: None)
        assert strict is None or strict == lenient
        return len(strict or ())

    return read


def fuzz(reader: str, arguments: list[str]) -> None:
    """Fuzz one reader in this process, until libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=["clirot.bitext.formats", "zipfile", "gettext"]):
        import clirot.bitext.formats.local_file  # noqa: F401
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        read = target(reader, Path(name))
        atheris.Setup([sys.argv[0], *arguments], lambda data: read(data) and None)
        atheris.Fuzz()


def run(reader: str, seconds: int, kept: Path | None) -> str:
    """Fuzz one reader in a process of its own; its line of the table."""
    with tempfile.TemporaryDirectory() as name:
        corpus = kept / reader if kept is not None else Path(name)
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds(reader)):
            (corpus / f"seed{number}").write_bytes(seed)
        options = [f"-max_total_time={seconds}", f"-max_len={_MAX_BYTES}", "-timeout=25"]
        options += [
            "-rss_limit_mb=2048",
            "-print_final_stats=1",
            f"-artifact_prefix=crash-{reader}-",
        ]
        before = os.times()[2:4]
        done = subprocess.run(
            [sys.executable, __file__, "--one", reader, *options, str(corpus)],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        spent = sum(os.times()[2:4]) - sum(before)  # user and system time of child processes
    log = done.stderr + done.stdout
    covered = re.findall(r"cov: (\d+)", log)
    executed = re.findall(r"number_of_executed_units:\s*(\d+)", log)
    if done.returncode:
        sys.stderr.write(log[-4000:])
    return (
        f"{reader:<12}{int(executed[-1]) if executed else 0:>12,}"
        f"{covered[-1] if covered else '-':>8}{spent:>8.0f}{1 if done.returncode else 0:>9}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("readers", nargs="*", metavar="READER", help=", ".join(READERS))
    parser.add_argument("--seconds", type=int, default=30, help="a reader (30)")
    parser.add_argument("--corpus", type=Path, help="keep what was found here, and start from it")
    options = parser.parse_args()
    print(f"{'reader':<12}{'executions':>12}{'edges':>8}{'CPU s':>8}{'crashes':>9}", flush=True)
    crashes = 0
    for reader in options.readers or READERS:
        line = run(reader, options.seconds, options.corpus)
        crashes += int(line.split()[-1])
        print(line, flush=True)
    return 1 if crashes else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        fuzz(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(main())
