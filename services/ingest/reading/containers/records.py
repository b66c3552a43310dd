"""Parquet files and JSON: records with names, written below a header of all names."""

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, BinaryIO

import polars as pl

from ingest.reading.containers.cells import MOST_COLUMNS, Writer
from ingest.reading.containers.kinds import head_of
from ingest.refusal import RefusedError

STEP = 2**20
"""Characters of JSON read at a time."""
LARGEST_VALUE = 64 * 2**20
"""Characters; also of a document that wraps all its records into one."""
AT_ONCE = 50_000
"""Rows of a Parquet file that are in memory at a time."""

_GAP = re.compile(r"[\s,\]]*")
_JSON = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
"""Numbers stay as they are written."""

Record = Mapping[str, Any]


def convert_json(file: BinaryIO, writer: Writer) -> None:
    """Write the objects of JSON lines, or of an array; raises RefusedError for other JSON."""
    names: dict[str, None] = {}
    for record in _records(file):
        names.update(dict.fromkeys(record))
        if len(names) > MOST_COLUMNS:
            raise RefusedError(
                "too_many_columns",
                f"the JSON objects have over {MOST_COLUMNS} names; export fewer fields",
            )
    if not names:
        raise RefusedError("empty_file", "the content is JSON without any object; export it again")
    rows = ([record.get(name) for name in names] for record in _records(file))
    writer.table("", chain([list(names)], rows))


def _records(file: BinaryIO) -> Iterator[Record]:
    """Every object, with `outer.inner` for one within it; what is nested deeper stays JSON."""
    values = _values(file)
    begin = list(islice(values, 2))
    for value in chain(_wrapped(begin, file) or begin, values):
        if not isinstance(value, dict):
            raise RefusedError(
                "json",
                "the content is JSON, but not of objects; export each"
                " row as one, with names and values",
            )
        yield _flat(value)


def _wrapped(begin: Sequence[object], file: BinaryIO) -> list[object] | None:
    """The records of `{"orders": [{...}, ...], ...}`, a file of one object and no list."""
    if len(begin) != 1 or not isinstance(begin[0], dict) or _is_list(file):
        return None
    lists = [one for one in begin[0].values() if isinstance(one, list) and one]
    return lists[0] if len(lists) == 1 and isinstance(lists[0][0], dict) else None


def _is_list(file: BinaryIO) -> bool:
    return head_of(file).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")


def _flat(value: Record) -> Record:
    flat: dict[str, Any] = {}
    for name, one in value.items():
        if isinstance(one, dict):
            flat |= {f"{name}.{inner}": _plain(deeper) for inner, deeper in one.items()}
        else:
            flat[name] = _plain(one)
    return flat


def _plain(value: object) -> object:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value


def _values(file: BinaryIO) -> Iterator[object]:
    """The values one after another: lines, or the elements of an array."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding="utf-8-sig")
    count = 0
    try:
        for value in _Decoder(text).values():
            yield value
            count += 1
    except (ValueError, RecursionError) as error:
        why = getattr(error, "msg", error)
        raise RefusedError(
            "damaged", f"the JSON is damaged after record {count} ({why}); export it again"
        ) from error
    finally:
        text.detach()


@dataclass(slots=True)
class _Decoder:
    """Decodes value by value; one that is cut off by the end of a piece waits for the next."""

    text: io.TextIOWrapper
    rest: str = ""
    at: int = 0

    def values(self) -> Iterator[object]:
        """All of them; raises ValueError for damage, such as an array without its end."""
        self._read_on()
        self.rest = self.rest.lstrip()
        is_open = self.rest.startswith("[")
        self.at = int(is_open)
        while True:
            is_open = not self._pass_gap() and is_open
            if self.at == len(self.rest):
                break
            yield self._value()
        if is_open:
            raise ValueError("the list has no end")

    def _pass_gap(self) -> bool:
        """Go to the next value or the end; whether an array ends on the way."""
        closes = False
        while True:
            start = self.at
            self.at = _GAP.match(self.rest, start).end()  # type: ignore[union-attr] # it always does
            closes = closes or "]" in self.rest[start : self.at]
            if self.at < len(self.rest) or not self._read_on():
                return closes

    def _value(self) -> object:
        while True:
            try:
                value, self.at = _JSON.raw_decode(self.rest, self.at)
            except json.JSONDecodeError:
                if len(self.rest) - self.at > LARGEST_VALUE or not self._read_on():
                    raise
            else:
                return value

    def _read_on(self) -> bool:
        """Read twice as far each time that a value is not complete; whether there was more."""
        kept = self.rest[self.at :]
        piece = self.text.read(max(STEP, len(kept)))
        self.rest, self.at = kept + piece, 0
        return bool(piece)


def convert_parquet(file: BinaryIO, writer: Writer) -> None:
    """Write the rows of a Parquet file; raises RefusedError when it is damaged."""
    file.seek(0)
    try:
        frame = _unnested(pl.scan_parquet(file))
        writer.table("", chain([frame.collect_schema().names()], _rows(frame)))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise RefusedError(
            "damaged", f"the Parquet file is damaged ({error}); write it again"
        ) from error


def _unnested(frame: pl.LazyFrame) -> pl.LazyFrame:
    """With `outer.inner` for each field of a struct."""
    columns = []
    for name, kind in frame.collect_schema().items():
        inner = [field.name for field in kind.fields] if isinstance(kind, pl.Struct) else []
        columns += [pl.col(name).struct.field(one).alias(f"{name}.{one}") for one in inner] or [
            pl.col(name)
        ]
    return frame.select(columns)


def _rows(frame: pl.LazyFrame) -> Iterator[Sequence[object]]:
    total = frame.select(pl.len()).collect().item()
    for start in range(0, total, AT_ONCE):
        for row in frame.slice(start, AT_ONCE).collect().iter_rows():
            yield [_plain(value) for value in row]
