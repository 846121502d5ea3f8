"""Writers of every format that clirot reads: what the tests and the fuzzer start from."""

from __future__ import annotations

import csv
import io
import json
import struct
from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

Rows = Sequence[tuple[str, str]]


def as_tsv(rows: Rows) -> bytes:
    return "".join(f"{src}\t{tgt}\n" for src, tgt in rows).encode()


def as_csv(rows: Rows) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["n", "english", "somali"])
    writer.writerows([n, src, tgt] for n, (src, tgt) in enumerate(rows))
    return out.getvalue().encode()


def as_jsonl(rows: Rows) -> bytes:
    lines = (json.dumps({"translation": {"so": tgt, "en": src}}) for src, tgt in rows)
    return "".join(line + "\n" for line in lines).encode()


def as_tmx(rows: Rows) -> bytes:
    units = "\n".join(
        f'<tu><tuv xml:lang="en-US"><seg>{escape(src)}</seg></tuv>'
        f'<tuv xml:lang="so"><seg>{escape(tgt)}</seg></tuv></tu>'
        for src, tgt in rows
    )
    head = '<?xml version="1.0"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n<tmx version="1.4">'
    return f'{head}<header srclang="en"/>\n<body>\n{units}\n</body></tmx>\n'.encode()


def as_xliff(rows: Rows) -> bytes:
    units = "\n".join(
        f'<trans-unit id="{n}"><source>{escape(src)}</source>'
        f'<target state="final">{escape(tgt)}</target></trans-unit>'
        for n, (src, tgt) in enumerate(rows)
    )
    return (
        '<?xml version="1.0"?>\n<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">'
        f'<file source-language="en" target-language="so"><body>\n{units}\n</body></file></xliff>'
    ).encode()


def as_xliff2(rows: Rows) -> bytes:
    units = "\n".join(
        f'<unit id="{n}"><segment><source>{escape(src)}</source>'
        f"<target>{escape(tgt)}</target></segment></unit>"
        for n, (src, tgt) in enumerate(rows)
    )
    return (
        '<xliff version="2.0" xmlns="urn:oasis:names:tc:xliff:document:2.0" '
        f'srcLang="en" trgLang="so"><file id="f">\n{units}\n</file></xliff>'
    ).encode()


_HEADER = "Language: so\nContent-Type: text/plain; charset=UTF-8\n"


def quoted(text: str) -> str:
    """A string of PO, cut over two lines where it is long."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    escaped = escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return (
        f'"{escaped}"'
        if len(escaped) < 60 or "\\" in escaped
        else (f'""\n"{escaped[:50]}"\n"{escaped[50:]}"')
    )


def as_po(rows: Rows) -> bytes:
    entries = (
        f"#: a.c:{n}\nmsgid {quoted(src)}\nmsgstr {quoted(tgt)}\n"
        for n, (src, tgt) in enumerate(rows)
    )
    head = f'msgid ""\nmsgstr {quoted(_HEADER)}\n\n'
    return (head + "\n".join(entries)).encode()


def as_mo(rows: Rows) -> bytes:
    entries = [(b"", _HEADER.encode()), *((src.encode(), tgt.encode()) for src, tgt in rows)]
    strings = bytearray()
    tables: tuple[bytearray, bytearray] = (bytearray(), bytearray())
    start = 28 + 16 * len(entries)
    for entry in entries:
        for table, string in zip(tables, entry, strict=True):
            table += struct.pack("<2I", len(string), start + len(strings))
            strings += string + b"\0"
    size = len(entries)
    head = struct.pack("<7I", 0x950412DE, 0, size, 28, 28 + 8 * size, 0, 28 + 16 * size)
    return head + bytes(tables[0] + tables[1] + strings)


def as_parquet(rows: Rows) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(
        pa.table(
            {
                "n": list(range(len(rows))),
                "en": [one for one, _ in rows],
                "so": [two for _, two in rows],
            }
        ),
        out,
    )
    return out.getvalue()


WRITERS: dict[str, Callable[[Rows], bytes]] = {
    "tsv": as_tsv,
    "csv": as_csv,
    "jsonl": as_jsonl,
    "tmx": as_tmx,
    "xliff": as_xliff,
    "xliff2": as_xliff2,
    "po": as_po,
    "mo": as_mo,
    "parquet": as_parquet,
}
"""Format -> the bytes of a file that holds English and Somali rows."""
