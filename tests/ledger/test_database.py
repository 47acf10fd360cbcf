"""Opening and migrating: from nothing, by many at once, and what may be written in the columns."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from filelock import FileLock
from sqlalchemy import insert, inspect, literal, select, text
from sqlalchemy.exc import DatabaseError, IntegrityError

from bridge.domain import commands as do
from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.commands import Verb
from bridge.domain.identity import mark_for
from bridge.domain.plan import Step, StepKey
from bridge.errors import ConfigurationError
from bridge.ledger import HistoryLine, Ledger, LedgerBusy, Parked, State, Verdict, schema
from bridge.ledger.database import Database, OneDaemon
from bridge.logging import without_input
from tests.databases import postgres_database, server_url
from tests.ledger.sample import KEY, NOW, arrival, held, take
from tests.patience import PATIENCE

FULL = 2  # sqlite.org/pragma.html#pragma_synchronous
OPEN = """
import sys
from bridge.ledger import Ledger
ledger = Ledger(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
ledger.upgrade()
ledger.lanes.ensure(["alma", "koha"])
ledger.close()
"""
ODD = "a\x00b\ud800c"
SPELLED = "a\\x00b\\ud800c"


def together(url: str, count: int) -> Sequence[tuple[int, str]]:
    """Start so many daemons' beginnings at once on one database; each one's exit code and complaints."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    for each in started:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in started:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    ends = [each.communicate(timeout=PATIENCE) for each in started]
    return [(each.returncode, complaint) for each, (_, complaint) in zip(started, ends, strict=True)]


class TestMigration:
    def test_from_an_empty_database(self, database_url: str) -> None:
        made = Ledger(database_url)
        assert inspect(made.database.engine).get_table_names() == []
        made.upgrade()
        tables = set(inspect(made.database.engine).get_table_names())
        assert tables == {*schema.metadata.tables, "alembic_version"}
        made.close()

    def test_types_and_lengths_are_those_of_the_code(self, ledger: Ledger) -> None:
        with ledger.database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, schema.metadata) == []

    @pytest.mark.postgres
    def test_daemons_that_start_together_migrate_once(self) -> None:
        with postgres_database(server_url()) as url:
            assert together(url, 3) == [(0, "")] * 3
            made = Ledger(url)
            assert [lane.name for lane in made.lanes.all()] == ["alma", "koha"]
            made.close()

    def test_a_lane_that_another_daemon_made_meanwhile_is_no_fault(self, ledger: Ledger) -> None:
        if ledger.lock.exclusive:
            pytest.skip("one writer at a time in a file")
        other = Ledger(ledger.database.url)
        with other.database.write() as connection:
            connection.execute(schema.lane.insert().values(name="koha", why="", cause=""))
            second = threading.Thread(target=ledger.lanes.ensure, args=(["koha", "sierra"],))
            second.start()
            waits_for_the_first(ledger)
        second.join()
        assert [lane.name for lane in ledger.lanes.all()] == ["alma", "koha", "sierra"]
        other.close()


def waits_for_the_first(ledger: Ledger) -> None:
    """Until PostgreSQL says that a transaction waits for a lock."""
    waiting = "select count(*) from pg_locks where not granted"
    for _ in range(10_000):
        with ledger.database.read() as connection:
            if connection.exec_driver_sql(waiting).scalar():
                return
    pytest.fail("nobody waits for a lock")


class TestText:
    def test_what_a_database_cannot_hold_is_spelled_out(self, ledger: Ledger) -> None:
        (kept_id,) = take(ledger, Arrival(ODD, ODD, state=ArrivalState.MALFORMED, problem=ODD), cursor=ODD)
        assert take(ledger, Arrival(ODD, ODD, state=ArrivalState.MALFORMED)) == [kept_id], "the key is still known"
        (kept,) = ledger.inbox.kept()
        assert (kept.key, kept.body, kept.problem, ledger.inbox.cursor("hook")) == (SPELLED,) * 4
        ledger.inbox.polled("hook", ODD)
        assert ledger.inbox.sources()[0][2] == SPELLED

    def test_also_in_what_is_told_of_a_request(self, ledger: Ledger) -> None:
        take(ledger)
        mine = held(ledger)
        parked = Parked("goal", "cause", ODD, ODD)
        verdict = Verdict(State.PARKED, "received", parked=parked, lines=(HistoryLine(NOW, "state", ODD),))
        ledger.work.release(mine, verdict, version=mine.row.version)
        row = ledger.requests.one(mine.row.id)
        assert (row.parked.reason, row.parked.advice) == (SPELLED, SPELLED)
        assert ledger.requests.history(mine.row.id)[-1].line == SPELLED
        ledger.lanes.close("alma", until=NOW, why=ODD, cause="unavailable")
        assert ledger.lanes.all()[0].why == SPELLED

    def test_all_other_text_comes_back_as_it_was(self, ledger: Ledger) -> None:
        body = "Ünïcode 𝔘 \\x00 '; drop table inbox; -- %s :name\r\n\t"
        take(ledger, Arrival("odd", body, state=ArrivalState.MALFORMED))
        assert ledger.inbox.kept()[0].body == body

    def test_the_longest_names_a_message_may_hold_fit(self, ledger: Ledger) -> None:
        take(ledger, arrival("k" * 250, number="9" * 200))
        mine = held(ledger)
        longest = max(Verb, key=lambda verb: len(verb.value))
        assert longest is Verb.CREATE_TEMPORARY_ITEM
        target = do.Target(mark_for("test", KEY, "", ""), do.Origin.CREATED)
        step = Step(StepKey("l" * 100, "v" * 100, longest, 999), do.CreateTemporaryItem(target, do.Description()))
        ledger.work.start(mine, step)
        line = HistoryLine(NOW, "step", "Begun.", str(step.key))
        ledger.requests.tell(mine.row.id, (line,))
        assert ledger.requests.history(mine.row.id)[-1] == line
        assert ledger.requests.journal(mine.row.id)[0].key == str(step.key)


class TestOneDaemon:
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path / 'ledger.db'}"

    def test_to_ask_does_not_let_go_of_ones_own(self, url: str) -> None:
        mine, other = OneDaemon(url), OneDaemon(url)
        mine.take()
        assert not mine.free()
        with pytest.raises(LedgerBusy, match=r"in use by process \d+ on "):
            other.take()
        mine.give_back()

    def test_a_command_that_looks_just_then_keeps_no_daemon_from_starting(self, url: str, tmp_path: Path) -> None:
        looking = FileLock(tmp_path / "ledger.db.lock", thread_local=False)
        looking.acquire()
        done = threading.Timer(0.1, looking.release)
        done.start()
        mine = OneDaemon(url)
        mine.take()
        done.join()
        mine.give_back()

    def test_to_look_says_of_nobody_that_he_holds_it(self, url: str, tmp_path: Path) -> None:
        assert OneDaemon(url).free()
        assert not (tmp_path / "ledger.db.owner").exists()

    def test_taken_twice_is_given_back_once(self, url: str) -> None:
        mine, other = OneDaemon(url), OneDaemon(url)
        mine.take()
        mine.take()
        mine.give_back()
        assert other.free()

    def test_another_thread_may_give_it_back(self, url: str) -> None:
        mine, other = OneDaemon(url), OneDaemon(url)
        mine.take()
        thread = threading.Thread(target=mine.give_back)
        thread.start()
        thread.join()
        assert other.free()

    def test_what_a_killed_daemon_left_behind_hinders_nobody(self, url: str, tmp_path: Path) -> None:
        (tmp_path / "ledger.db.owner").write_text("process 1 on elsewhere", encoding="utf-8")
        (tmp_path / "ledger.db.lock").touch()
        mine = OneDaemon(url)
        mine.take()
        assert mine.holder() != "process 1 on elsewhere"
        mine.give_back()
        mine.give_back()


class TestUrl:
    @pytest.mark.parametrize("url", ["", "nonsense", "mysql://u@h/d", "postgresql+psycopg2://u@h/d", "foo://x"])
    def test_what_names_no_database_is_refused(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match=r"ledger\.url"):
            Ledger(url)

    @pytest.mark.parametrize(
        "url",
        [
            "postgresql+psycopg://ill:hush@db.example.org:5433/bridge",
            "postgresql+psycopg://ill@db.example.org:5433/bridge?password=hush",
            "postgresql+psycopg://ill@db.example.org:5433/bridge",
        ],
    )
    def test_logs_see_the_place_alone(self, url: str) -> None:
        made = Ledger(url, password="" if "hush" in url else "hush")
        assert made.database.shown == "postgresql+psycopg://db.example.org:5433/bridge"
        assert "hush" in made.database.url
        assert "hush" not in repr(made.database.engine.url) or "?password" in url
        made.close()

    def test_a_file_needs_no_password(self, tmp_path: Path) -> None:
        made = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", password="hush")
        made.upgrade()
        assert made.database.shown == made.database.url == f"sqlite:///{tmp_path / 'ledger.db'}"
        made.close()

    def test_without_its_driver_postgresql_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(ConfigurationError, match=r"ill-bridge\[postgres\]"):
            Ledger("postgresql+psycopg://ill@db.example.org/bridge")


def test_a_request_is_found_by_whatever_a_person_types(ledger: Ledger) -> None:
    take(ledger, arrival("a", number="R²"))
    assert [row.request.key.number for row in ledger.requests.find("R²")] == ["R²"]
    assert [row.id for row in ledger.requests.find("r1")] == [1]
    assert ledger.requests.find("R" + "9" * 30) == ledger.requests.find("R") == ledger.requests.find("") == ()


def test_an_error_of_the_database_names_no_patron(ledger: Ledger) -> None:
    with pytest.raises(DatabaseError) as told, ledger.database.write() as connection:
        connection.execute(insert(schema.meta).values(name="PATRON-4711", value=None))
    shown = without_input(str(told.value))
    assert "hidden" in shown
    assert "PATRON-4711" not in shown


def test_sqlite_overwrites_what_is_deleted(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    with ledger.database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA secure_delete").scalar() == 1
    ledger.close()


def test_a_connection_in_use_is_closed_when_it_is_given_back(database_url: str) -> None:
    """Else it lies in a pool that nobody empties any more."""
    database = Database(database_url)
    with database.read() as connection:
        driver = connection.connection.dbapi_connection
        database.close()
        assert connection.execute(select(literal(1))).scalar() == 1
    assert driver is not None
    with pytest.raises((psycopg.OperationalError, sqlite3.ProgrammingError), match="closed"):
        driver.cursor().execute("SELECT 1")


def waits_for_the_disk(ledger: Ledger, *, relaxed: bool) -> bool:
    with ledger.database.write(relaxed=relaxed) as connection:
        if ledger.database.sqlite:
            return bool(connection.execute(text("PRAGMA synchronous")).scalar_one() == FULL)
        return bool(connection.execute(text("SHOW synchronous_commit")).scalar_one() == "on")


class TestWriting:
    def test_only_a_relaxed_transaction_does_not_wait_for_the_disk(self, ledger: Ledger) -> None:
        waits = [waits_for_the_disk(ledger, relaxed=relaxed) for relaxed in (False, True, True, False, True)]
        assert waits == [True, False, False, True, False]

    def test_one_that_failed_leaves_nothing_and_the_next_goes_on(self, ledger: Ledger) -> None:
        twice = [{"name": name, "why": "", "cause": ""} for name in ("none", "alma")]
        with pytest.raises(IntegrityError), ledger.database.write(relaxed=True) as connection:
            connection.execute(insert(schema.lane), twice)
        assert waits_for_the_disk(ledger, relaxed=False)
        ledger.lanes.ensure(["koha"])
        assert [lane.name for lane in ledger.lanes.all()] == ["alma", "koha"]

    def test_what_sqlite_has_rolled_back_itself_is_not_rolled_back_twice(self, tmp_path: Path) -> None:
        ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
        ledger.upgrade()
        with pytest.raises(IntegrityError), ledger.database.write() as connection:
            connection.execute(
                text("INSERT OR ROLLBACK INTO lane (name, why, cause) VALUES ('a', '', ''), ('a', '', '')")
            )
        assert ledger.lanes.all() == ()
        ledger.close()
