"""Exports in every shape that a spreadsheet or a report writer gives them."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.sources.sheet import UnreadableFile, decoded, read_lines, read_table, written_rows

TABLE = "Number,Status\n1,Shipped\n2,Received\n"


def values(text: str, delimiter: str = "") -> list[dict[str, str]]:
    return [row.values for row in read_table(text, delimiter).rows if not row.problem]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TABLE.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TABLE.encode(), "cp1252"),
        (codecs.BOM_UTF16_LE + TABLE.encode("utf-16-le"), "utf-8"),
        (codecs.BOM_UTF16_BE + TABLE.encode("utf-16-be"), "utf-8"),
        (codecs.BOM_UTF32_LE + TABLE.encode("utf-32-le"), "utf-8"),
        (TABLE.encode("utf-16-le"), "utf-16-le"),
    ],
)
def test_a_byte_order_mark_says_more_than_the_setting(data: bytes, encoding: str) -> None:
    assert decoded(data, encoding) == TABLE


def test_an_encoding_without_mark_is_the_settings() -> None:
    assert decoded("Müller".encode("cp1252"), "cp1252") == "Müller"


def test_text_of_the_wrong_width_is_told() -> None:
    with pytest.raises(UnreadableFile, match="set encoding"):
        decoded(TABLE.encode("utf-16-le"), "utf-8")
    with pytest.raises(UnreadableFile, match="not utf-16-le"):
        decoded(codecs.BOM_UTF16_LE + TABLE.encode("utf-16-le") + b"x", "utf-8")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_delimiter_and_line_ends_are_seen(delimiter: str, ending: str) -> None:
    text = TABLE.replace(",", delimiter).replace("\n", ending)
    assert values(text) == [{"Number": "1", "Status": "Shipped"}, {"Number": "2", "Status": "Received"}]


def test_a_delimiter_that_is_set_is_taken() -> None:
    assert values("a;b,c\n1;2,3\n", ",") == [{"a;b": "1;2", "c": "3"}]


def test_quoted_cells_hold_delimiters_quotes_and_lines() -> None:
    (row,) = read_table('Number,Title\n1,"One, ""two""\nthree"\n').rows
    assert row.values == {"Number": "1", "Title": 'One, "two"\nthree'}


def test_a_bad_row_stops_no_other() -> None:
    sheet = read_table("Number,Status\n1,Shipped\n2\n3,a,b\n4,Returned\n")
    assert [row.line for row in sheet.rows if row.problem] == [3, 4]
    assert [row.values["Number"] for row in sheet.rows if not row.problem] == ["1", "4"]
    assert "1 cells" in next(row.problem for row in sheet.rows if row.line == 3)


def test_a_quote_that_is_never_closed_swallows_nothing() -> None:
    sheet = read_table('Number,Title\n1,"never closed\n2,Two\n3,Three\n')
    assert [(row.line, bool(row.problem)) for row in sheet.rows] == [(2, True), (3, False), (4, False)]
    assert sheet.rows[0].text == '1,"never closed'


def test_a_row_with_bytes_of_another_encoding_is_bad_alone() -> None:
    text = decoded("Number,Title\n1,Zürich\n2,Bern\n".encode("cp1252"), "utf-8")
    bad, good = read_table(text).rows
    assert "encoding" in bad.problem
    assert good.values == {"Number": "2", "Title": "Bern"}
    assert bad.text.encode() == b"1,Z\\udcfcrich"


def test_empty_cells_at_the_end_of_a_row_are_no_harm() -> None:
    assert values("a,b\n1,2,,\n\n  \n3,4\n") == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


@pytest.mark.parametrize(
    ("text", "why"),
    [("", "empty"), ("\n \n", "empty"), ("a,A \n1,2\n", "two columns"), ('"a,b\n1,2\n', "cannot be read")],
)
def test_a_table_without_usable_columns_is_unreadable(text: str, why: str) -> None:
    with pytest.raises(UnreadableFile, match=why):
        read_table(text)


def test_lines_of_json_each_stand_for_themselves() -> None:
    digits = "9" * 5000
    sheet = read_lines(f'{{"a": 1}}\n\nnonsense\n[1]\n{{"b": {digits}}}\r\n{{"c": "\udcfc"}}')
    assert [(row.line, row.problem.split("(")[0].strip()) for row in sheet.rows] == [
        (1, ""),
        (3, "it is not JSON"),
        (4, "it is no JSON object"),
        (5, ""),
        (6, "it holds bytes that the encoding does not know; set encoding to that of the export"),
    ]
    assert sheet.rows[3].values == {"b": digits}


def test_a_line_nested_too_deeply_is_bad_alone() -> None:
    deep, good = read_lines("[" * 100_000 + '\n{"a": 1}').rows
    assert deep.problem.startswith("it is not JSON")
    assert good.values == {"a": 1}


def test_bad_rows_are_written_so_that_they_can_be_put_back() -> None:
    sheet = read_table("Number;Status;reason\n1;Nonsense;old\n2\n")
    data = written_rows(sheet, [(row, "why") for row in sheet.rows])
    back = read_table(decoded(data, "cp1252"))
    assert back.columns == ("Number", "Status", "reason")
    assert [row.values for row in back.rows] == [
        {"Number": "1", "Status": "Nonsense", "reason": "why"},
        {"Number": "2", "Status": "", "reason": "why"},
    ]


def test_bad_rows_hold_no_formula_and_come_back_as_they_were() -> None:
    sheet = read_table("Number,Title,Days\n1,=1+1,-5\n@x\n")
    data = written_rows(sheet, [(row, "why") for row in sheet.rows])
    assert decoded(data, "cp1252") == "Number,Title,Days,reason\r\n1,'=1+1,-5,why\r\n'@x,,,why\r\n"
    back = read_table(decoded(data, "cp1252"))
    assert [row.values["Number"] for row in back.rows] == ["1", "@x"]
    assert back.rows[0].values["Title"] == "=1+1"


def test_bad_lines_are_written_with_their_reasons() -> None:
    sheet = read_lines('{"a": 1}\nnonsense\n')
    back = read_lines(decoded(written_rows(sheet, [(row, "why") for row in sheet.rows]), "utf-8"))
    assert [row.values for row in back.rows] == [{"a": 1, "reason": "why"}, {"line": "nonsense", "reason": "why"}]


@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_stands_before_it_a_good_row_at_the_end_is_read(head: str, noise: str) -> None:
    """Unless a quote before it is still open in earnest, which a row of the right width closes."""
    plain = noise.replace('"', "").replace("\r", "").replace("\n", "")
    sheet = read_table(f"a,b\n{plain}\n1,2\n", ",")
    assert sheet.rows[-1].values == {"a": "1", "b": "2"}
    read_lines(head)


def test_a_line_of_very_many_columns_is_read_at_once() -> None:
    names = ",".join(f"c{each}" for each in range(60_000))
    assert len(read_table(f"{names}\n").columns) == 60_000
    with pytest.raises(UnreadableFile, match="two columns of the name c7"):
        read_table(f"{names},C7\n")
