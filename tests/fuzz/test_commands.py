"""The command line: whatever is named, given or handed in as a file, a command ends with an answer, never with a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import Result

from bridge import logging
from bridge.errors import BridgeError
from bridge.ledger import Ledger
from tests.cli.house import House
from tests.databases import migrate
from tests.fuzz.nonsense import RAW, TEXTS, amounts, seldom
from tests.ledger.sample import arrival

ARGUMENTS = TEXTS.map(lambda text: text.encode("utf-8", "replace").decode().replace("\x00", ""))
"""What a shell can hand over; what is no UTF-8 is tried with a process of its own."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    ledger = Ledger(migrate(made.ledger_url))
    ledger.inbox.take("hook", [arrival()], lambda _: "alma")
    ledger.close()
    yield made
    made.close()
    logging.configure(console=False)


def sane(result: Result) -> None:
    """A command that did not go well says why; an exception is one of ours, which ``main`` tells in a line."""
    assert result.exit_code in {0, 1, 2}, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit | BridgeError), result.exc_info


@amounts
def test_any_name_is_looked_for(house: House, amount: settings) -> None:
    @given(
        st.sampled_from(["show", "forget", "retry", "resync", "resolve", "skip", "adopt", "resume", "export"]),
        ARGUMENTS,
    )
    def holds(command: str, name: str) -> None:
        note = ["--note", "why"] if command in {"forget", "skip"} else []
        sane(house.command(command, *note, "--", name))

    seldom(amount)(holds)()


@amounts
def test_a_list_of_anything_is_refused_in_words(house: House, tmp_path: Path, amount: settings) -> None:
    path = tmp_path / "loans.csv"

    @given(
        st.one_of(
            RAW, RAW.map(lambda raw: b"request,barcode\n" + raw), RAW.map(lambda raw: b"request;barcode\nR1;" + raw)
        )
    )
    def holds(raw: bytes) -> None:
        path.write_bytes(raw)
        sane(house.command("adopt", "--from", str(path), "--dry-run"))

    seldom(amount)(holds)()


DATES = ("0001-01-01", "0000-01-01", "9999-12-31", "2026-02-30", "10000-01-01", "")


@pytest.mark.parametrize(
    "command",
    [("set", "R1", "--due"), ("pause", "main", "--until"), ("export", "--since"), ("export", "--until")],
    ids=" ".join,
)
def test_a_date_that_never_was_is_refused_in_words(house: House, command: tuple[str, ...]) -> None:
    for date in DATES:
        sane(house.command(*command, date))
    sane(house.command("show", "R1", "--json"))


@amounts
def test_any_correction_is_taken_or_refused(house: House, amount: settings) -> None:
    @given(st.sampled_from(["--barcode", "--patron", "--pickup", "--volume", "--note"]), ARGUMENTS)
    def holds(option: str, value: str) -> None:
        sane(house.command("set", "R1", "--barcode=B1", f"{option}={value}"))

    seldom(amount)(holds)()
    sane(house.command("status"))


@pytest.mark.parametrize("number", [2**31, 2**63 - 1, 2**63, -(2**63), 10**40])
def test_a_number_of_any_size_is_looked_for_or_refused(house: House, number: int) -> None:
    for command in (("replay", "--"), ("check", "--offline", "--expires-within"), ("show",), ("resync", "--")):
        sane(house.command(*command, str(number)))


@pytest.mark.parametrize("argument", [b"\xff"])
def test_an_argument_that_is_no_utf_8_is_refused(house: House, argument: bytes) -> None:
    ended = subprocess.run(
        [os.fsencode(sys.executable), b"-m", b"bridge", b"show", argument, b"--config", os.fsencode(house.config)],
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 2
    assert b"is not UTF-8" in ended.stderr
    assert b"Traceback" not in ended.stderr
