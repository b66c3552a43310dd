"""Tables as an XLSX workbook: the little of the format that plain tables need. Pure.

Text goes into cells as text: no spreadsheet runs it as a formula.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from xml.sax.saxutils import escape, quoteattr

from rfm_common.spreadsheets import harmless

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
EPOCH = date(1899, 12, 30)
"""Day 0 of spreadsheets."""
Value = str | int | float | Decimal | date | None
PLAIN, HEADING, MONTH, SHARE, MONEY = range(5)
"""Styles, by their place in STYLES; a date is a month, a float a share, a Decimal money."""

_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold."""

STYLES = f"""{_HEAD}<styleSheet {_MAIN}>
<numFmts count="3"><numFmt numFmtId="164" formatCode="yyyy\\-mm"/>\
<numFmt numFmtId="165" formatCode="0.0%"/><numFmt numFmtId="166" formatCode="#,##0.00"/></numFmts>
<fonts count="2"><font/><font><b/></font></fonts><fills count="1"><fill/></fills>
<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>
<cellXfs count="5"><xf/><xf fontId="1" applyFont="1"/><xf numFmtId="164" applyNumberFormat="1"/>\
<xf numFmtId="165" applyNumberFormat="1"/><xf numFmtId="166" applyNumberFormat="1"/></cellXfs>
</styleSheet>"""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table; its name has at most 31 characters and none of `[]:*?/\\`."""

    name: str
    headings: Sequence[Value]
    rows: Iterable[Sequence[Value]]


def workbook(sheets: Sequence[Sheet]) -> bytes:
    """The file."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as package:
        for name, text in _parts(sheets):
            package.writestr(name, text)
    return sink.getvalue()


def _parts(sheets: Sequence[Sheet]) -> Iterator[tuple[str, str]]:
    numbers = range(1, len(sheets) + 1)
    yield "[Content_Types].xml", _content_types(numbers)
    yield "_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")])
    yield "xl/workbook.xml", _index(sheets)
    yield (
        "xl/_rels/workbook.xml.rels",
        _relations([*(("worksheet", f"worksheets/sheet{n}.xml") for n in numbers),
                    ("styles", "styles.xml")]),
    )  # fmt: skip
    yield "xl/styles.xml", STYLES
    for number, sheet in enumerate(sheets, start=1):
        yield f"xl/worksheets/sheet{number}.xml", _sheet(sheet)


def _content_types(numbers: Iterable[int]) -> str:
    parts = [("/xl/workbook.xml", "sheet.main"), ("/xl/styles.xml", "styles"),
             *((f"/xl/worksheets/sheet{n}.xml", "worksheet") for n in numbers)]  # fmt: skip
    named = "".join(
        f'<Override PartName="{name}" ContentType="{_TYPE}.{kind}+xml"/>' for name, kind in parts
    )
    return (
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" ContentType='
        f'"application/vnd.openxmlformats-package.relationships+xml"/>{named}</Types>'
    )


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    links = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>'


def _index(sheets: Sequence[Sheet]) -> str:
    names = "".join(
        f'<sheet name={quoteattr(sheet.name)} sheetId="{number}" r:id="rId{number}"/>'
        for number, sheet in enumerate(sheets, start=1)
    )
    return f'{_HEAD}<workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets>{names}</sheets></workbook>'


def _sheet(sheet: Sheet) -> str:
    head = _row(_cell(value, HEADING) for value in sheet.headings)
    body = "".join(_row(map(_cell, row)) for row in sheet.rows)
    frozen = '<pane xSplit="1" ySplit="1" topLeftCell="B2" state="frozen"/>'
    return (
        f'{_HEAD}<worksheet {_MAIN}><sheetViews><sheetView workbookViewId="0">{frozen}</sheetView>'
        f"</sheetViews><sheetData>{head}{body}</sheetData></worksheet>"
    )


def _row(cells: Iterable[str]) -> str:
    return f"<row>{''.join(cells)}</row>"


def _cell(value: Value, style: int | None = None) -> str:
    match value:
        case None:
            return "<c/>"
        case str():
            text = escape(_FORBIDDEN.sub("", harmless(value)))
            return (
                f'<c t="inlineStr" s="{style or PLAIN}">'
                f'<is><t xml:space="preserve">{text}</t></is></c>'
            )
        case date():
            return _number((value - EPOCH).days, style or MONTH)
        case Decimal():
            return _number(value, style or MONEY)
        case float():
            return _number(value, style or SHARE)
        case _:
            return _number(value, style or PLAIN)


def _number(value: float | Decimal, style: int) -> str:
    return f'<c s="{style}"><v>{value}</v></c>'
