"""Workbooks as Excel and LibreOffice write them, made by hand: cells, formats, sheets."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
DAY, MOMENT, PERCENT, MONEY = 1, 2, 3, 4
"""Formats of cells."""
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><cellXfs count="5"><xf numFmtId="0"/><xf numFmtId="14"/>'
    '<xf numFmtId="22"/><xf numFmtId="10"/><xf numFmtId="4"/></cellXfs></styleSheet>'
)

Cell = str | float | bool | tuple[float, int] | None
"""Text, a number, a truth, or a number with a format."""
Rows = Sequence[Sequence[Cell]]


def column(index: int) -> str:
    name, index = "", index + 1
    while index:
        index, letter = divmod(index - 1, 26)
        name = chr(65 + letter) + name
    return name


def _cell(place: str, value: Cell) -> str:
    if isinstance(value, tuple):
        return f'<c r="{place}" s="{value[1]}"><v>{value[0]!r}</v></c>'
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, str) and value.startswith("="):
        formula, _, cached = value[1:].partition("=")
        return f'<c r="{place}"><f>{escape(formula)}</f><v>{cached}</v></c>'
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f'<c r="{place}"><v>{value!r}</v></c>'


def sheet_xml(rows: Rows, first_row: int = 1, first_column: int = 0, merged: str = "") -> str:
    lines = [
        f'<row r="{number}">'
        + "".join(_cell(f"{column(first_column + at)}{number}", value)
                  for at, value in enumerate(row) if value is not None)
        + "</row>"
        for number, row in enumerate(rows, first_row)
    ]  # fmt: skip
    cells = f'<mergeCells count="1"><mergeCell ref="{merged}"/></mergeCells>' if merged else ""
    return f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(lines)}</sheetData>{cells}</worksheet>'


def xlsx(
    sheets: Mapping[str, Rows | str], *, hidden: Sequence[str] = (), is_1904: bool = False,
    charts: Sequence[str] = (), extra: Mapping[str, bytes] | None = None,
) -> bytes:  # fmt: skip
    """An Excel workbook; a sheet is its rows, or XML of `sheet_xml`."""
    listed, related, members = [], [], {}
    for number, (name, rows) in enumerate(sheets.items(), 1):
        kind = "chartsheet" if name in charts else "worksheet"
        state = ' state="hidden"' if name in hidden else ""
        listed.append(f'<sheet name="{escape(name)}" sheetId="{number}"{state} r:id="r{number}"/>')
        related.append(f'<Relationship Id="r{number}" Type="{RELATIONS}/{kind}"'
                       f' Target="{kind}s/sheet{number}.xml"/>')  # fmt: skip
        xml = rows if isinstance(rows, str) else sheet_xml(rows)
        members[f"xl/{kind}s/sheet{number}.xml"] = xml
    epoch = '<workbookPr date1904="1"/>' if is_1904 else ""
    members |= {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="book"'
        f' Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}">{epoch}'
        f"<sheets>{''.join(listed)}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">'
        f'<Relationship Id="styles" Type="{RELATIONS}/styles" Target="styles.xml"/>'
        f"{''.join(related)}</Relationships>",
        "xl/styles.xml": STYLES,
    }
    return zipped({**members, **(extra or {})})


def ods(sheets: Mapping[str, Rows]) -> bytes:
    """An OpenDocument spreadsheet; numbers with a format are days of ISO text."""

    def cell(value: Cell) -> str:
        if isinstance(value, int | float):
            return f'<table:table-cell office:value-type="float" office:value="{value!r}"/>'
        return (f'<table:table-cell office:value-type="string"><text:p>{escape(str(value or ""))}'
                "</text:p></table:table-cell>")  # fmt: skip

    tables = "".join(
        f'<table:table table:name="{escape(name)}">'
        + "".join("<table:table-row>" + "".join(map(cell, row)) + "</table:table-row>"
                  for row in rows)
        + "</table:table>"
        for name, rows in sheets.items()
    )  # fmt: skip
    urn = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<office:document-content xmlns:office="{urn}:office:1.0" xmlns:table="{urn}:table:1.0"'
        f' xmlns:text="{urn}:text:1.0"><office:body><office:spreadsheet>{tables}'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    mimetype = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = f'<manifest:manifest xmlns:manifest="{urn}:manifest:1.0"/>'
    return zipped({"mimetype": mimetype, "content.xml": content, "META-INF/manifest.xml": manifest})


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()
