"""``db upgrade``, ``db backup`` and ``db check``, on both databases."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bridge.ledger import upkeep
from tests.cli.house import House, daemon, ledger_of, several


@pytest.fixture
def both(tmp_path: Path, database_url: str) -> Iterator[House]:
    made = House(tmp_path, ledger_url=database_url)
    try:
        yield made
    finally:
        made.close()


def sql(house: House, statement: str) -> None:
    with closing(sqlite3.connect(house.folder / "bridge.db")) as connection:
        connection.execute(statement)
        connection.commit()


def complaint(house: House) -> str:
    result = house.command("db", "check")
    assert result.exit_code == 1, result.output
    return str(result.stdout)


def test_upgrade_says_what_it_did(both: House) -> None:
    result = both.command("db", "upgrade")
    assert (result.exit_code, result.stdout[:39]) == (0, "The schema was brought from nothing to ")
    assert both.command("db", "upgrade").stdout == "The schema is this release's already.\n"
    checked = both.command("db", "check")
    assert checked.exit_code == 0
    assert "0 history" in checked.stdout


def test_a_schema_that_is_behind_is_told(both: House) -> None:
    if both.ledger_url.startswith("sqlite"):
        ledger_path = both.folder / "ledger.db"
        ledger_path.touch()
    assert "ill-bridge db upgrade" in complaint(both)


def test_a_newer_schema_is_left_alone_and_worked_with(house: House) -> None:
    several(house, 1)
    sql(house, "update alembic_version set version_num = '9999'")
    assert "of a newer release and was left as it is" in house.command("db", "upgrade").stdout
    assert "of a newer release and was left as it is" in house.command("db", "check").stdout
    assert house.asked("status")["requests"] == {"due": 1}


def test_upgrade_is_refused_beside_a_daemon(house: House) -> None:
    with daemon(house), ledger_of(house):
        result = house.command("db", "upgrade")
    assert result.exit_code == 1
    assert "in use by process" in str(result.exception)


def test_backup_beside_a_daemon_can_be_used_in_its_place(house: House) -> None:
    copy = house.folder / "copy #1.db"
    with daemon(house) as url:
        house.post(url)
        house.settled("in_step")
        result = house.command("db", "backup", str(copy))
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{copy}: {copy.stat().st_size} bytes written.\n"
    assert copy.stat().st_mode & 0o777 == 0o600
    house.change("bridge.db", "copy #1.db")
    assert house.asked("status")["requests"] == {"in_step": 1}
    assert house.command("db", "backup", str(house.folder / "again.db")).exit_code == 0, "of a path with odd signs too"


def test_backup_and_check_of_postgresql(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("a file is copied")
    house = House(tmp_path, ledger_url=database_url)
    try:
        several(house, 1)
        copy = tmp_path / "ledger.dump"
        assert house.command("db", "backup", str(copy)).exit_code == 0
        assert copy.read_bytes().startswith(b"PGDMP")
        assert house.command("db", "check").exit_code == 0
        old = tmp_path / "pg_dump"
        old.write_text("#!/bin/sh\necho 'server version mismatch' >&2\nexit 1\n", encoding="utf-8")
        old.chmod(0o700)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        result = house.command("db", "backup", str(tmp_path / "other.dump"))
        assert "install the client programs of the server's version" in str(result.exception)
        assert not (tmp_path / "other.dump").exists()
        monkeypatch.setenv("PATH", "/nowhere")
        monkeypatch.setattr(upkeep, "POSTGRES", tmp_path / "nowhere")
        result = house.command("db", "backup", str(tmp_path / "other.dump"))
        assert "pg_dump is not on this machine" in str(result.exception)
        for version in ("9", "15", "old"):
            (tmp_path / "pg" / version / "bin").mkdir(parents=True)
            (tmp_path / "pg" / version / "bin" / "pg_dump").write_text(
                f"#!/bin/sh\necho {version} >&2; exit 1\n", encoding="utf-8"
            )
            (tmp_path / "pg" / version / "bin" / "pg_dump").chmod(0o700)
        monkeypatch.setattr(upkeep, "POSTGRES", tmp_path / "pg")
        assert "pg_dump failed: 15" in str(house.command("db", "backup", str(tmp_path / "other.dump")).exception)
    finally:
        house.close()


@pytest.mark.parametrize(("to", "said"), [("bridge.db", "exists already"), ("no/x.db", "There is no folder")])
def test_a_backup_replaces_nothing(house: House, to: str, said: str) -> None:
    result = house.command("db", "backup", str(house.folder / to))
    assert result.exit_code == 1
    assert said in str(result.exception)


def test_a_place_that_cannot_be_written_is_told(house: House) -> None:
    result = house.command("db", "backup", "/proc/ledger.db")
    assert "/proc/ledger.db cannot be written: " in str(result.exception)


@pytest.mark.parametrize("command", [["check"], ["backup", "x.db"]])
def test_a_ledger_that_is_not_there_is_not_made(house: House, command: list[str]) -> None:
    house.change("bridge.db", "other.db")
    result = house.command("db", *command)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"There is no ledger at {house.folder / 'other.db'}")
    assert not (house.folder / "other.db").exists()


def test_a_file_that_is_no_database_is_told(house: House) -> None:
    (house.folder / "bridge.db").write_text("hello " * 1000, encoding="utf-8")
    assert "file is not a database. Stop the daemon" in complaint(house)
    assert "ill-bridge db check" in str(house.command("status").exception)
    result = house.command("db", "backup", str(house.folder / "copy.db"))
    assert "could not be copied" in str(result.exception)
    assert not (house.folder / "copy.db").exists()


def test_damage_within_the_file_is_found(house: House) -> None:
    several(house, 40)
    path = house.folder / "bridge.db"
    sql(house, "pragma wal_checkpoint(truncate)")
    damaged = bytearray(path.read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("select rootpage from sqlite_master where name = 'history_of'").fetchone()
        (size,) = connection.execute("pragma page_size").fetchone()
    start = (page - 1) * size
    damaged[start + 200 : start + size] = bytes(size - 200)
    path.write_bytes(damaged)
    assert "SQLite says: " in complaint(house)


def test_rows_that_belong_to_nothing_or_cannot_be_read_are_found(house: House) -> None:
    several(house, 3)
    sql(house, "insert into history (request_id, at, kind, line, step) values (99, 0, 'x', 'x', '')")
    sql(house, "update request set record = '{P1001' where id = 1")
    sql(house, "update request set state = 'dancing' where id = 2")
    said = complaint(house)
    assert "A row of table history belongs to nothing." in said
    assert "Request R1 (1001) cannot be read: text: Invalid JSON" in said
    assert "Request R2 (1002) cannot be read: ValueError." in said
    assert "{P1001" not in said
    report = json.loads(house.command("db", "check", "--json").stdout)
    assert (report["ok"], len(report["troubles"]), report["rows"]) == (False, 3, {})
