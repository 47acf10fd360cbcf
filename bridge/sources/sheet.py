"""Exports as files hold them: CSV and JSON Lines in whatever encoding, row by row; one bad row never hides the others. Pure."""

from __future__ import annotations

import codecs
import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

from bridge.domain.cells import cell, text_of

LONGEST_NUMBER = 100
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte-order marks (unicode.org, UTF BOM FAQ); that of UTF-32 begins like that of UTF-16."""
DELIMITERS = (",", ";", "\t", "|")
SHOWN = 2000
"""Signs of a bad line that are kept."""


class UnreadableFile(ValueError):
    """A file of which no row can be read; the text says why, in one sentence."""


@dataclass(frozen=True)
class SheetRow:
    """A row: where it begins (the first line is 1), its values (columns or JSON), or else its text and why it is bad."""

    line: int
    values: Any = None
    text: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Sheet:
    """A table: its columns (none in JSON Lines), what parts them, and its rows."""

    columns: tuple[str, ...]
    delimiter: str
    rows: tuple[SheetRow, ...]


def decoded(data: bytes, encoding: str) -> str:
    """The text; a byte-order mark says more than ``encoding``. Bytes that cannot be read are half surrogates. Raises ``UnreadableFile``."""
    mark, named = next(((mark, name) for mark, name in MARKS if data.startswith(mark)), (b"", encoding))
    try:
        text = data[len(mark) :].decode(named, errors="surrogateescape")
    except UnicodeDecodeError as wrong:  # an odd byte at the end of UTF-16
        raise UnreadableFile(f"It is not {named} ({wrong.reason} at byte {wrong.start}).") from wrong
    if "\0" in text[:1000]:
        raise UnreadableFile(f"It holds zero bytes, so it is not {named}; set encoding, for example to utf-16-le.")
    return text


def read_table(text: str, delimiter: str = "") -> Sheet:
    """A CSV file with a line of column names (RFC 4180); without a delimiter the one that parts those names. Raises ``UnreadableFile``."""
    lines = list(StringIO(text, newline=""))
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise UnreadableFile("It is empty: not even the names of its columns are there.")
    parted = delimiter or max(DELIMITERS, key=lines[first].count)
    columns, following = _columns(lines, first, parted)
    return Sheet(columns, parted, tuple(_rows(lines, following, columns, parted)))


def _columns(lines: Sequence[str], first: int, delimiter: str) -> tuple[tuple[str, ...], int]:
    try:
        cells, following = _record(lines, first, delimiter)
    except csv.Error as wrong:
        raise UnreadableFile(f"The names of its columns cannot be read ({wrong}).") from wrong
    columns = tuple(cell.strip() for cell in cells)
    times = Counter(" ".join(name.casefold().split()) for name in columns)
    twice = sorted(name for name, count in times.items() if name and count > 1)
    if twice:
        raise UnreadableFile(f"It has two columns of the name {', '.join(twice)}.")
    return columns, following


def _record(lines: Sequence[str], start: int, delimiter: str) -> tuple[list[str], int]:
    """The cells of the record that begins at a line, and the line after it. Raises ``csv.Error``."""
    reader = csv.reader((lines[number] for number in range(start, len(lines))), delimiter=delimiter, strict=True)
    cells = next(reader)
    return cells, start + reader.line_num


def _rows(lines: Sequence[str], start: int, columns: Sequence[str], delimiter: str) -> Iterator[SheetRow]:
    """Where a record cannot be read, only its first line is bad: a quote that is never closed must not swallow what follows."""
    while start < len(lines):
        line, text = start + 1, lines[start].rstrip("\r\n")
        if not text.strip():
            start += 1
            continue
        try:
            cells, following = _record(lines, start, delimiter)
            problem = _odd(cells, columns)
        except csv.Error as wrong:
            cells, following, problem = [], start + 1, f"it cannot be read ({wrong})"
        if problem:
            yield SheetRow(line, text=_shown(text), problem=problem)
            start += 1
            continue
        ours = REASON in columns
        yield SheetRow(line, dict(zip(columns, map(text_of, cells) if ours else cells, strict=False)))
        start = following


def _odd(cells: Sequence[str], columns: Sequence[str]) -> str:
    if any(cells[len(columns) :]) or len(cells) < len(columns):
        return f"it has {len(cells)} cells, and there are {len(columns)} columns"
    return _broken("".join(cells))


def _broken(text: str) -> str:
    broken = any("\udc80" <= sign <= "\udcff" for sign in text)
    return "it holds bytes that the encoding does not know; set encoding to that of the export" if broken else ""


def _shown(text: str) -> str:
    """Text that can be stored: bytes that could not be read are spelled out."""
    return text[:SHOWN].encode("utf-8", errors="backslashreplace").decode()


def read_lines(text: str) -> Sheet:
    """A JSON Lines file (jsonlines.org): one object a line."""
    lines = ((number, line.strip()) for number, line in enumerate(text.split("\n"), 1))
    return Sheet((), "", tuple(_object(number, line) for number, line in lines if line))


def _object(number: int, line: str) -> SheetRow:
    if problem := _broken(line):
        return SheetRow(number, text=_shown(line), problem=problem)
    try:
        found = json.loads(line, parse_int=_number)
    except (ValueError, RecursionError) as wrong:
        return SheetRow(number, text=_shown(line), problem=f"it is not JSON ({wrong})"[:300])
    if not isinstance(found, dict):
        return SheetRow(number, text=_shown(line), problem="it is no JSON object")
    return SheetRow(number, found, text=line)


def _number(digits: str) -> int | str:
    return int(digits) if len(digits) < LONGEST_NUMBER else digits


def written_rows(sheet: Sheet, bad: Sequence[tuple[SheetRow, str]]) -> bytes:
    """Bad rows with their reasons as a file that can be corrected and put back: UTF-8, a table with one column more, whose
    text is no formula in a spreadsheet.
    """
    if not sheet.columns:
        return "".join(f"{_noted(row, why)}\n" for row, why in bad).encode("utf-8", errors="backslashreplace")
    into = StringIO(newline="")
    writer = csv.writer(into, delimiter=sheet.delimiter)
    columns = [name for name in sheet.columns if name != REASON]
    writer.writerow([*columns, REASON])
    for row, why in bad:
        cells = [row.values.get(name, "") for name in columns] if row.values else _torn(row, sheet, len(columns))
        writer.writerow([cell(str(each)) for each in (*cells, why)])
    return codecs.BOM_UTF8 + into.getvalue().encode("utf-8", errors="backslashreplace")


REASON = "reason"


def _torn(row: SheetRow, sheet: Sheet, width: int) -> list[str]:
    """A line that could not be parted, as far as it can be, so that no cell is lost."""
    cells = row.text.split(sheet.delimiter)
    kept = [*cells[: width - 1], sheet.delimiter.join(cells[width - 1 :])]
    return [*kept, *[""] * (width - len(kept))]


def _noted(row: SheetRow, why: str) -> str:
    if isinstance(row.values, dict):
        return json.dumps({**row.values, REASON: why}, ensure_ascii=False)
    return json.dumps({"line": row.text, REASON: why}, ensure_ascii=False)
