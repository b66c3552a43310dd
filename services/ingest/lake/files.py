"""The lake's files: the orders of each import, and whose they are; in a folder or a bucket.

Who calls this holds the lock LOAD, so that nobody else writes or removes a file meanwhile, and
reckons with OSError and PolarsError.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import polars as pl

from rfm_common.lake import FOLDER, order_file
from rfm_common.models import MONEY_DIGITS, MONEY_SCALE

SCHEMA: dict[str, pl.DataType] = {
    "import_id": pl.Int64(), "order_id": pl.String(), "customer_id": pl.String(),
    "order_date": pl.Datetime("us", "UTC"), "order_amount": pl.Decimal(MONEY_DIGITS, MONEY_SCALE),
    "currency": pl.String(), "status": pl.String(), "status_word": pl.String(),
}  # fmt: skip

ROW_GROUP = 250_000
OWNER = "owner.parquet"
"""Beside the folder of orders: one row with the name of the database that writes here."""
WORK = ".writing-"
"""Begins the folder in which a file is put together; one that is left over was cut off."""

_NAME = re.compile(r"import-(\d+)\.parquet$")


class Files(Protocol):
    """The files of one lake, by the number of their import."""

    def check(self) -> None:
        """Raise something when files cannot be written."""

    def workspace(self) -> "tempfile.TemporaryDirectory[str]":
        """A folder of this machine where a file may be put together."""

    def numbers(self) -> set[int]:
        """The imports that have a file with rows, and perhaps some whose file has none."""

    def holds(self, number: int) -> bool:
        """Whether there is a file, with rows or without."""

    def read(self, number: int) -> pl.LazyFrame:
        """The rows of a file that is there."""

    def write(self, number: int, rows: pl.LazyFrame) -> None:
        """Write a file whole, in place of the one that is there; `rows` may come from that."""

    def remove(self, number: int) -> None:
        """Leave nothing of a file's rows."""

    def sweep(self) -> None:
        """Remove what a kill left of files that were being written."""

    def owner(self) -> str | None:
        """The database whose orders these are, if it is said."""

    def own(self, database: str) -> None:
        """Say whose orders these are."""


def files_of(lake: str, data_dir: Path) -> Files:
    """The files of the lake that the setting names."""
    return Folder(lake) if lake.startswith("file:") else Bucket(lake, data_dir)


class Folder:
    """A folder, of this machine or one that several hosts share."""

    def __init__(self, lake: str) -> None:
        self._lake = lake
        self._folder = Path(lake.removeprefix("file://")) / FOLDER

    def check(self) -> None:
        """Make the folder, and a file in it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.workspace().cleanup()

    def workspace(self) -> "tempfile.TemporaryDirectory[str]":
        """Beside the files: what is put together there only needs another name."""
        return tempfile.TemporaryDirectory(prefix=WORK, dir=self._folder)

    def numbers(self) -> set[int]:
        """By their names."""
        return _numbers(path.name for path in self._folder.iterdir())

    def holds(self, number: int) -> bool:
        """By its name."""
        return self._path(number).exists()

    def read(self, number: int) -> pl.LazyFrame:
        """Without reading anything yet."""
        return pl.scan_parquet(self._path(number), glob=False)

    def write(self, number: int, rows: pl.LazyFrame) -> None:
        """By way of a file that has no name yet."""
        self._put(rows, self._path(number))

    def remove(self, number: int) -> None:
        """And the name with it."""
        self._path(number).unlink(missing_ok=True)

    def sweep(self) -> None:
        """With whatever is in it."""
        _sweep(self._folder)

    def owner(self) -> str | None:
        """From the folder above that of the orders."""
        return _first(str(self._owner)) if self._owner.exists() else None

    def own(self, database: str) -> None:
        """There."""
        self._put(_row(database), self._owner)

    def _put(self, rows: pl.LazyFrame, path: Path) -> None:
        """On the disk before it has its name, so that a name means a whole file."""
        with self.workspace() as work:
            whole = Path(work) / "whole"
            rows.sink_parquet(whole, row_group_size=ROW_GROUP)
            _to_disk(whole)
            whole.replace(path)
            _to_disk(path.parent)

    def _path(self, number: int) -> Path:
        return Path(order_file(self._lake, number).removeprefix("file://"))

    @property
    def _owner(self) -> Path:
        return self._folder.with_name(OWNER)


class Bucket:
    """An object store that speaks S3, reached as the usual AWS_* variables say.

    A file appears whole or not at all. Removing one means to replace it by one without rows:
    polars, which does all this, does not delete.
    """

    def __init__(self, lake: str, data_dir: Path) -> None:
        self._lake, self._data_dir = lake.replace("s3a://", "s3://", 1), data_dir

    def check(self) -> None:
        """Write a file that no import has."""
        self.remove(0)

    def workspace(self) -> "tempfile.TemporaryDirectory[str]":
        """In the data folder, which only its owner can read."""
        return tempfile.TemporaryDirectory(prefix=WORK, dir=self._data_dir)

    def numbers(self) -> set[int]:
        """By the rows: a file without any looks as if it were not there."""
        every = f"{self._url(0).rpartition('/')[0]}/import-*.parquet"
        found = pl.scan_parquet(every, include_file_paths="path", schema=SCHEMA)
        return _numbers(found.select(pl.col("path").unique()).collect()["path"])

    def holds(self, number: int) -> bool:
        """By its schema."""
        try:
            pl.read_parquet_schema(self._url(number))
        except FileNotFoundError:
            return False
        return True

    def read(self, number: int) -> pl.LazyFrame:
        """Without reading anything yet."""
        return pl.scan_parquet(self._url(number), glob=False)

    def write(self, number: int, rows: pl.LazyFrame) -> None:
        """By way of this machine: what is read is then read to its end."""
        with self.workspace() as work:
            whole = Path(work) / "whole"
            rows.sink_parquet(whole, row_group_size=ROW_GROUP)
            pl.scan_parquet(whole).sink_parquet(self._url(number), row_group_size=ROW_GROUP)

    def remove(self, number: int) -> None:
        """All but an empty file."""
        pl.LazyFrame(schema=SCHEMA).sink_parquet(self._url(number))

    def sweep(self) -> None:
        """Here; an object that is not whole is not there."""
        _sweep(self._data_dir)

    def owner(self) -> str | None:
        """From the object beside the orders."""
        try:
            return _first(self._owner)
        except FileNotFoundError:
            return None

    def own(self, database: str) -> None:
        """There."""
        _row(database).sink_parquet(self._owner)

    def _url(self, number: int) -> str:
        return order_file(self._lake, number)

    @property
    def _owner(self) -> str:
        return f"{self._lake}/{OWNER}"


def _row(database: str) -> pl.LazyFrame:
    return pl.LazyFrame({"database": [database]})


def _first(file: str) -> str:
    return str(pl.scan_parquet(file, glob=False).collect().item())


def _numbers(names: Iterable[str]) -> set[int]:
    return {int(found[1]) for name in names if (found := _NAME.search(name))}


def _sweep(folder: Path) -> None:
    for path in folder.glob(f"{WORK}*"):
        shutil.rmtree(path, ignore_errors=True)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
