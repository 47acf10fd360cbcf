"""CSV files of staff: comma or semicolon, columns in any order, every problem with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.csvfile import read_csv
from bridge.errors import ConfigurationError


def written(folder: Path, text: str) -> Path:
    path = folder / "list.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "service,ils\nMain library,MAIN\n",
        "\ufeffILS;Service\r\nMAIN; Main library \r\n;\r\n",
        'remark,ils,service\n"a, b",MAIN,Main library\n',
    ],
)
def test_columns_are_found_by_name(tmp_path: Path, text: str) -> None:
    (line,) = read_csv(written(tmp_path, text), ("service", "ils"))
    assert (line.number, dict(line.cells)) == (2, {"service": "Main library", "ils": "MAIN"})


def test_an_optional_column_may_be_left_out(tmp_path: Path) -> None:
    (line,) = read_csv(written(tmp_path, "request\nR1\n"), ("request",), optional=("volume",))
    assert dict(line.cells) == {"request": "R1", "volume": ""}


def test_a_short_line_has_empty_cells(tmp_path: Path) -> None:
    (line,) = read_csv(written(tmp_path, "a,b\n1\n"), ("a", "b"))
    assert dict(line.cells) == {"a": "1", "b": ""}


@pytest.mark.parametrize(("text", "said"), [("x,y\n1,2\n", "columns service and ils"), ("", "columns service and ils")])
def test_a_missing_column_is_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        read_csv(written(tmp_path, text), ("service", "ils"))


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        read_csv(tmp_path / "none.csv", ("a",))
    path = tmp_path / "latin.csv"
    path.write_bytes(b"a\n\xe4\n")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_csv(path, ("a",))
