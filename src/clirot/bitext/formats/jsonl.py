"""JSON lines: one object on each line, whose fields have the two sides; read as a stream.

``{"src": ..., "tgt": ...}``, ``{"en": ..., "so": ...}``, the nested ``{"translation": {"en": ...,
"so": ...}}`` of many data sets of the Hugging Face Hub, or any fields that the user names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from clirot.bitext.formats.lines import excerpt, numbered_lines
from clirot.bitext.formats.request import Request, missing, nested_names, nested_value
from clirot.errors import InputError
from clirot.json_values import NestedError, json_value
from clirot.records import SentencePair


def read_jsonl(stream: IO[bytes], path: Path, request: Request) -> Iterator[SentencePair]:
    """The objects of a stream; where there is no field of ids, the line number is the id.

    Raises:
        InputError: with the line, where it is not an object, lacks a field or has no text in it.
    """
    fields = request.fields
    for number, line in numbered_lines(stream, path=path, malformed=request.malformed):
        if not line.strip():
            continue
        try:
            row = _parsed(line)
            if fields is None:
                names = list(nested_names(row))
                fields = request.found_in(names)
                if fields is None:
                    message, hint = missing(names, request.pair, None)
                    raise InputError(message, path=path, line=number, hint=hint)
            src, tgt = _text(row, fields.src), _text(row, fields.tgt)
            own = _text(row, fields.id, optional=True) if fields.id else ""
        except _WrongRowError as error:
            request.malformed(InputError(error.what, path=path, line=number, hint=error.hint))
            continue
        yield SentencePair(src, tgt, own.strip() or str(number), number)


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


class _WrongRowError(Exception):
    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


_HINT = "a line is an object; of an array, make lines with: jq -c '.[]'"


def _parsed(line: str) -> dict[str, Any]:
    try:
        # Numbers are kept as they are written, because ids may have any number of digits.
        row = json_value(line, parse_int=_Number, parse_float=_Number)
    except NestedError as error:
        raise _WrongRowError(f"not a sentence pair: its {error}") from error
    except ValueError as error:
        raise _WrongRowError(f"not JSON: {error}: {excerpt(line)}", _HINT) from error
    if not isinstance(row, dict):
        raise _WrongRowError(f"not a JSON object: {excerpt(line)}", _HINT)
    return row


def _text(row: Mapping[str, Any], name: str, *, optional: bool = False) -> str:
    try:
        value = nested_value(row, name)
    except KeyError:
        if optional:
            return ""
        known = ", ".join(repr(key[:40]) for key in list(row)[:12]) or "none"
        raise _WrongRowError(f"no field {name!r}; it has {known}") from None
    if value is None:
        return ""
    if not isinstance(value, str) or (isinstance(value, _Number) and not optional):
        raise _WrongRowError(f"the field {name!r} holds {_KINDS.get(type(value), 'no text')}")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            # JSON can write half of a surrogate pair, which cannot be stored as UTF-8.
            what = f"the field {name!r} holds half a surrogate pair at character {error.start + 1}"
            raise _WrongRowError(what) from error
    return str(value)


_KINDS = {_Number: "a number", list: "a list", dict: "an object", bool: "true or false"}
