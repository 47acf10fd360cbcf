"""CSV that staff keep in a spreadsheet: by the names of their columns, comma, semicolon or tab between, every problem with its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bridge.errors import ConfigurationError
from bridge.files import MEGABYTE, read_file

MOST = 10 * MEGABYTE
"""Bytes of a file; one with all partners or loans of a large consortium has a hundredth."""


@dataclass(frozen=True)
class CsvLine:
    """One line of a file; ``cells`` holds the named columns, trimmed, empty where the line has none."""

    number: int
    cells: Mapping[str, str]


def read_csv(path: Path, columns: Sequence[str], *, optional: Sequence[str] = ()) -> tuple[CsvLine, ...]:
    """The lines of a UTF-8 file whose first line names its columns, in any order and case; empty lines are left out.

    Raises ``ConfigurationError`` for a file that cannot be read, is larger than ``MOST`` or lacks one of ``columns``.
    """
    try:
        return _lines(path, _text(read_file(path, MOST)), columns, optional)
    except (OSError, ValueError, csv.Error) as failure:
        why = failure.strerror if isinstance(failure, OSError) else "it must be CSV in UTF-8"
        raise ConfigurationError((f"{path}: cannot be read ({why})",)) from failure


def _text(data: bytes) -> str:
    return io.StringIO(data.decode("utf-8-sig"), newline=None).getvalue()


def _lines(path: Path, text: str, columns: Sequence[str], optional: Sequence[str]) -> tuple[CsvLine, ...]:
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    names = {(name or "").strip().casefold(): name for name in reader.fieldnames or ()}
    if not set(columns) <= set(names):
        named = " and ".join(columns) + (f" (and may name {', '.join(optional)})" if optional else "")
        raise ConfigurationError((f"{path}: the first line must name the columns {named}",))
    wanted = [name for name in (*columns, *optional) if name in names]
    lines = ((reader.line_num, {name: (row.get(names[name]) or "").strip() for name in wanted}) for row in reader)
    blank = dict.fromkeys(optional, "")
    return tuple(CsvLine(number, blank | cells) for number, cells in lines if any(cells.values()))
