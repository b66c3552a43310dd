"""Excel and OpenDocument workbooks. The only user of calamine, in a process of its own."""

import zipfile
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from python_calamine import (
    CalamineError,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from ingest.reading.containers.cells import Writer
from ingest.refusal import RefusedError

MOST_UNPACKED = 512 * 2**20
"""Bytes that the members of a workbook may have together."""
_PASSWORD = "EncryptedPackage".encode("utf-16-le")


def convert(file: BinaryIO, writer: Writer) -> None:
    """Write every sheet that has cells."""
    _check(file)
    try:
        workbook = CalamineWorkbook.from_filelike(file)
        for sheet in workbook.sheets_metadata:
            if sheet.typ == SheetTypeEnum.WorkSheet:
                hidden = sheet.visible != SheetVisibleEnum.Visible
                writer.table(sheet.name, _rows(workbook, sheet.name), hidden=hidden)
    except PasswordError as error:
        raise _protected() from error
    except (CalamineError, OSError, ValueError) as error:
        raise RefusedError(
            "damaged", f"the workbook cannot be read ({error}); save it again, or as CSV"
        ) from error


def _rows(workbook: CalamineWorkbook, name: str) -> Iterator[Sequence[object]]:
    """The rows from the sheet's first on, the columns from its first filled one on."""
    sheet = workbook.get_sheet_by_name(name)
    return iter(sheet.iter_rows()) if sheet.start else iter(())


def _check(file: BinaryIO) -> None:
    """Refuse what would not fit into memory, and what nobody can read without its password."""
    file.seek(0)
    if not zipfile.is_zipfile(file):
        file.seek(0)
        if _PASSWORD in file.read(2**20):
            raise _protected()
    else:
        with zipfile.ZipFile(file) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > MOST_UNPACKED:
            raise RefusedError(
                "file_too_large",
                f"the workbook has {size:,} bytes unpacked, more than {MOST_UNPACKED:,};"
                " save the sheet as CSV",
            )
    file.seek(0)


def _protected() -> RefusedError:
    return RefusedError(
        "encrypted", "the workbook is protected by a password; save it without one, or as CSV"
    )
