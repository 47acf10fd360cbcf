"""Files that are named by people: never more of one than it may hold, and never waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bridge.configuring import load
from bridge.csvfile import read_csv
from bridge.errors import ConfigurationError
from bridge.files import TooLarge, read_file
from tests.test_settings import model

ENDLESS = Path("/dev/zero")
LARGE = "it is larger than {} MB"


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A pipe that nobody writes into."""
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_a_file_is_read_to_its_last_byte_that_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 10)
    assert read_file(path, 10) == b"x" * 10
    with pytest.raises(TooLarge):
        read_file(path, 9)


def test_a_pipe_is_read_until_its_writer_has_closed_it(pipe: Path) -> None:
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(pipe, os.O_WRONLY)
    os.write(writer, b"abc")
    os.close(writer)
    try:
        assert read_file(pipe, 10) == b"abc"
    finally:
        os.close(reader)


def test_an_endless_configuration_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^/dev/zero: cannot be read \(it is larger than 1 MB\)$"):
        load(ENDLESS, connector_settings=model, source_settings=model)
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * 1_000_001)
    with pytest.raises(ConfigurationError, match=LARGE.format(1)):
        load(large, connector_settings=model, source_settings=model)


def test_nobody_is_waited_for(pipe: Path) -> None:
    assert load(pipe, connector_settings=model, source_settings=model).settings.libraries == {}
    with pytest.raises(ConfigurationError, match="the first line must name the columns"):
        read_csv(pipe, ("a",))


@pytest.mark.parametrize(("path", "said"), [("/dev/zero", LARGE.format(10)), ("/dev", "Is a directory")])
def test_what_is_no_csv_is_told(path: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        read_csv(Path(path), ("a",))


def test_an_endless_secret_and_an_endless_map_are_told_each(tmp_path: Path) -> None:
    path = tmp_path / "bridge.toml"
    path.write_text(
        '[ils.alma]\nconnector = "alma"\n[ils.alma.settings]\nhost = "h"\npassword_file = "/dev/zero"\n'
        '[libraries.main]\nils = "alma"\n[libraries.main.borrowing]\npickup_locations_file = "/dev/zero"\n'
    )
    with pytest.raises(ConfigurationError) as told:
        load(path, connector_settings=model, source_settings=model)
    assert sorted(told.value.problems) == [
        "ils.alma.settings.password_file: the secret's file /dev/zero cannot be read (it is larger than 1 MB)",
        "libraries.main.borrowing.pickup_locations_file: /dev/zero: cannot be read (it is larger than 10 MB)",
    ]
