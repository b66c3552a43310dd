"""Tables of web pages and XML workbooks, as shops save them under names of spreadsheets."""

import pytest

from ingest.refusal import RefusedError
from tests.unit.ingest.reading.containers.reading import HEADER, read

ROWS = [HEADER, ("O1", "C1", "2024-01-10", "5.00"), ("O2", "Müller & Söhne", "2024-01-11", "7.50")]


def table(rows: list[tuple[str, ...]] = ROWS, cell: str = "td") -> str:
    escaped = [[value.replace("&", "&amp;") for value in row] for row in rows]
    return "<table>" + "".join(
        "<tr>" + "".join(f"<{cell}>{value}</{cell}>" for value in row) + "</tr>" for row in escaped
    ) + "</table>"  # fmt: skip


EXPECTED = ["O1,C1,2024-01-10,5.00", "O2,Müller & Söhne,2024-01-11,7.50"]


@pytest.mark.parametrize(
    "content",
    [
        f"<html><body>{table()}</body></html>".encode(),
        f"\ufeff<!DOCTYPE html>\n<HTML><body>{table(cell='TH')}".encode(),
        f'<meta http-equiv="x" content="text/html; charset=iso-8859-1">{table()}'.encode("latin-1"),
        table().encode("cp1252"),
        table().replace("</td>", "").replace("</tr>", "\n").encode(),
        f"<div><table><tr><td>Menu</td></tr></table></div>{table()}".encode(),
        f"<table><tr><td>{table()}</td></tr></table>".encode(),
        table().replace("<td>C1", '<td style="x">\n  <b>C1</b>  ').encode(),
    ],
)
def test_the_table_of_a_web_page(content: bytes) -> None:
    assert read(content).text.splitlines()[1:] == EXPECTED


def test_cells_that_reach_over_others() -> None:
    content = (
        "<table><tr><td colspan=4>Orders</td></tr>"
        + table()[len("<table>") :].replace("<td>C1</td>", "<td rowspan=2>C1</td>", 1)
    ).replace("<td>Müller &amp; Söhne</td>", "")
    assert read(content.encode()).text.splitlines() == [
        "Orders,,,", ",".join(HEADER), "O1,C1,2024-01-10,5.00", "O2,,2024-01-11,7.50",
    ]  # fmt: skip


def test_an_xml_workbook() -> None:
    rows = "".join(
        "<Row>" + "".join(f'<Cell><Data ss:Type="String">{value}</Data></Cell>' for value in row)
        + "</Row>" for row in [HEADER, ("O1", "C1", "2024-01-10T00:00:00.000", "5")]
    )  # fmt: skip
    late = ('<Row ss:Index="5"><Cell><Data>O2</Data></Cell><Cell ss:Index="3"><Data>2024-01-11'
            "</Data></Cell></Row>")  # fmt: skip
    content = (
        '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>'
        '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">'
        f'<Worksheet ss:Name="Orders"><Table>{rows}{late}</Table></Worksheet>'
        '<Worksheet ss:Name="Info"><Table><Row><Cell><Data>x</Data></Cell></Row></Table>'
        "</Worksheet></Workbook>"
    )
    found = read(content.encode())
    assert found.text.splitlines()[1:] == [
        "O1,C1,2024-01-10T00:00:00.000,5",
        "",
        "",
        "O2,,2024-01-11",
    ]
    assert found.ids == ["O1"]
    assert found.rejects["line"].to_list() == [5]
    assert "Read: 'Orders'. Not read: 'Info'." in found.sentences


@pytest.mark.parametrize(
    ("content", "reason", "message"),
    [
        (b"<!doctype html><html><body>Please log in</body></html>", "html", "login"),
        (b"<html><table></table>", "html", "login"),
        (b'<?xml version="1.0"?><orders><order id="1"/></orders>', "xml", "save it as CSV"),
    ],
)
def test_markup_without_a_table_says_what_it_is(content: bytes, reason: str, message: str) -> None:
    with pytest.raises(RefusedError, match=message) as caught:
        read(content)
    assert caught.value.reason == reason


@pytest.mark.parametrize("attribute", ['colspan="999999999"', 'rowspan="999999999"', "colspan=-1"])
def test_absurd_spans_take_no_memory(attribute: str) -> None:
    content = table().replace("<td>O1", f"<td {attribute}>O1")
    with pytest.raises(RefusedError) as caught:
        read(content.replace("order_date", "nothing").replace("2024-01-1", "day ").encode())
    assert caught.value.reason in {"unknown_columns", "missing_column", "too_many_columns"}
