"""The ledger on both databases: durable, once, fenced, and the same schema as its migrations make."""

from __future__ import annotations

import stat
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, text

from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.change import Change, Phase, Stamp
from bridge.domain.identity import Role
from bridge.domain.record import PatronRecord, Record
from bridge.errors import ConfigurationError
from bridge.ledger import (
    HistoryLine,
    LeaseLost,
    Ledger,
    LedgerBusy,
    Parked,
    State,
    Verdict,
    schema,
)
from bridge.ledger.ledger import utc_now
from bridge.ledger.model import NewOrder, StepState
from tests.ledger.sample import KEY, MINUTE, NOW, STEP, Clock, arrival, claim, held, take


class TestSchema:
    def test_migrations_make_what_the_code_expects(self, ledger: Ledger) -> None:
        with ledger.database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": False})
            assert compare_metadata(context, schema.metadata) == []

    def test_upgrading_again_changes_nothing(self, ledger: Ledger) -> None:
        take(ledger)
        ledger.upgrade()
        assert len(ledger.requests.list()) == 1


class TestSqlite:
    def test_the_file_is_the_owners_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "deep" / "ledger.db"
        made = Ledger(f"sqlite:///{path}")
        made.upgrade()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        made.close()

    def test_it_is_durable(self, tmp_path: Path) -> None:
        made = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
        with made.database.engine.connect() as connection:
            assert connection.exec_driver_sql("pragma journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("pragma synchronous").scalar() == 2
            assert connection.exec_driver_sql("pragma foreign_keys").scalar() == 1
        made.close()

    def test_one_daemon_a_file_and_the_second_hears_of_the_first(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'ledger.db'}"
        one, other = Ledger(url), Ledger(url)
        one.lock.take()
        with pytest.raises(LedgerBusy, match=r"process \d+ on "):
            other.lock.take()
        assert not other.lock.free()
        one.lock.give_back()
        assert other.lock.free()
        one.close()
        other.close()

    def test_a_lock_that_says_no_name(self, tmp_path: Path) -> None:
        made = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
        assert made.lock.holder() == "another process"
        made.lock.take()
        (tmp_path / "ledger.db.owner").write_text("", encoding="utf-8")
        assert made.lock.holder() == "another process"
        made.close()

    def test_a_ledger_in_memory_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="must be a file"):
            Ledger("sqlite:///:memory:")

    def test_what_is_no_ledger_is_told(self, tmp_path: Path) -> None:
        made = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
        with pytest.raises(LedgerBusy, match="cannot be read"):
            made.requests.list()
        with pytest.raises(LedgerBusy, match="cannot be written"):
            made.lanes.ensure(["x"])
        made.close()


def test_only_a_file_is_kept_to_one_daemon(database_url: str) -> None:
    one, other = Ledger(database_url), Ledger(database_url)
    one.lock.take()
    assert other.lock.free() is not one.lock.exclusive
    if not one.lock.exclusive:
        other.lock.take()
        assert one.lock.holder() == "another process"
    one.close()
    other.close()


def test_the_clock_is_aware() -> None:
    assert utc_now().tzinfo is UTC


class TestInbox:
    def test_a_message_is_kept_once_and_folded_once(self, ledger: Ledger) -> None:
        first, again = take(ledger), take(ledger)
        assert first == again
        (row,) = ledger.requests.list()
        assert (row.version, row.state, row.due_at) == (1, State.DUE, NOW)
        assert [line.line for line in ledger.requests.history(row.id)] == ["The service says 'received'."]

    def test_the_same_message_from_many_threads_is_kept_once(self, ledger: Ledger) -> None:
        got: list[int] = []
        threads = [threading.Thread(target=lambda: got.extend(take(ledger))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 8
        assert len(set(got)) == 1
        assert ledger.requests.list()[0].version == 1

    def test_many_messages_of_one_new_request_meet_in_it(self, ledger: Ledger) -> None:
        threads = [threading.Thread(target=take, args=(ledger, arrival(f"e{each}"))) for each in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (row,) = ledger.requests.list()
        assert row.version == 8

    def test_the_cursor_moves_with_its_changes_or_not_at_all(self, ledger: Ledger) -> None:
        take(ledger, cursor="10:00")
        assert ledger.inbox.cursor("hook") == "10:00"

        def no_lane(_: str) -> str:
            raise KeyError

        with pytest.raises(KeyError):
            ledger.inbox.take("hook", (arrival("e2"), arrival("e3", number="2")), no_lane, cursor="11:00")
        assert ledger.inbox.cursor("hook") == "10:00"
        assert len(ledger.inbox.kept([1, 2, 3])) == 1
        take(ledger, arrival("e2"), cursor="11:00")
        assert ledger.inbox.cursor("hook") == "11:00"

    def test_what_is_not_understood_is_kept_and_taken_again(self, ledger: Ledger) -> None:
        odd = Arrival("e9", '{"status": "Teleported"}', state=ArrivalState.UNKNOWN_WORD, problem="unknown word")
        (inbox_id,) = take(ledger, odd)
        (kept,) = ledger.inbox.kept()
        assert (kept.id, kept.body, kept.problem, kept.received_at) == (inbox_id, odd.body, "unknown word", NOW)
        assert ledger.inbox.replay(inbox_id, odd, lambda _: "alma") == ()
        (request_id,) = ledger.inbox.replay(inbox_id, arrival("e9"), lambda _: "alma")
        assert ledger.requests.one(request_id).request.key == KEY
        assert ledger.inbox.kept() == ()

    def test_a_notification_makes_no_request_and_is_told_of_one_that_is_there(self, ledger: Ledger) -> None:
        (told,) = arrival("n1").changes
        said = Arrival("n1", "{}", (replace(told, notification=True),))
        (receipt,) = ledger.inbox.take("hook", [said], lambda _: "alma")
        assert (receipt.requests, ledger.requests.list()) == ((), ())
        take(ledger)
        (row,) = ledger.requests.list()
        assert ledger.inbox.replay(receipt.inbox_id, said, lambda _: "alma") == (row.id,)
        assert len(ledger.requests.history(row.id)) == 2

    def test_silence_and_speech_of_a_source_are_news_once(self, ledger: Ledger) -> None:
        assert ledger.inbox.polled("feed", "Nobody there.")
        assert not ledger.inbox.polled("feed", "Nobody there.")
        assert ledger.inbox.polled("feed")
        assert not ledger.inbox.polled("feed")
        assert ledger.inbox.cursor("feed") is None
        assert ledger.inbox.sources() == (("feed", NOW, "", 0),)

    def test_late_old_news_is_told_and_changes_nothing(self, ledger: Ledger) -> None:
        take(ledger)
        early = Change("e0", KEY, Stamp(0, NOW - MINUTE, 2, "e0"), word="shipped", phase=Phase.SHIPPED)
        take(ledger, Arrival("e0", "{}", (early,)))
        before = ledger.requests.one(1).request
        take(ledger, Arrival("e00", "{}", (replace(early, key="e00", stamp=early.stamp),)))
        assert ledger.requests.one(1).request == before
        assert ledger.requests.history(1)[-1].line.endswith("nothing changed.")


class TestWork:
    def test_a_claim_holds_the_request(self, ledger: Ledger) -> None:
        take(ledger)
        assert claim(ledger) is not None
        assert claim(ledger) is None

    def test_a_lease_that_ran_out_can_be_taken_over_and_the_fence_holds(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger)
        sleeper = held(ledger)
        clock.now += MINUTE
        other = held(ledger)
        assert other.fence == sleeper.fence + 1
        for attempt in (
            lambda: ledger.work.start(sleeper, STEP),
            lambda: ledger.work.keep(sleeper, Record()),
            lambda: ledger.work.finish(sleeper, STEP, StepState.DONE, Record(), ()),
            lambda: ledger.work.extend(sleeper, lease=MINUTE),
            lambda: ledger.work.refreshed(sleeper),
            lambda: ledger.work.release(sleeper, Verdict(State.IN_STEP, ""), version=1),
        ):
            with pytest.raises(LeaseLost):
                attempt()
        ledger.work.extend(other, lease=10 * MINUTE)
        clock.now += MINUTE
        assert claim(ledger) is None

    def test_caps_and_closed_lanes(self, ledger: Ledger) -> None:
        take(ledger, arrival("a", number="1"), arrival("b", number="2"), arrival("c", number="3"))
        assert claim(ledger, cap=2) is not None
        assert claim(ledger, cap=2) is not None
        assert claim(ledger, cap=2) is None
        assert ledger.lanes.close("alma", until=NOW + MINUTE, why="down", cause="unavailable")
        assert not ledger.lanes.close("alma", until=NOW + MINUTE, why="down", cause="unavailable")
        assert claim(ledger, cap=9) is None
        assert ledger.lanes.open("alma")
        assert not ledger.lanes.open("alma")
        assert claim(ledger, cap=9) is not None

    def test_both_sides_of_a_conversation_are_worked_one_after_the_other(self, ledger: Ledger) -> None:
        take(ledger, arrival("a"), arrival("b", role=Role.LENDER))
        first = held(ledger)
        assert claim(ledger) is None
        ledger.work.release(first, Verdict(State.IN_STEP, ""), version=first.row.version)
        assert claim(ledger) is not None

    def test_live_changes_go_before_backlog(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger, arrival("a", number="1"))
        first = held(ledger)
        ledger.work.release(first, Verdict(State.DUE, "", NOW, backlog=True), version=first.row.version)
        clock.now += MINUTE
        take(ledger, arrival("b", number="2"))
        assert held(ledger).row.request.key.number == "2"

    def test_many_workers_never_hold_the_same_request(self, ledger: Ledger) -> None:
        take(ledger, *(arrival(f"e{each}", number=str(each)) for each in range(20)))
        got: list[int] = []

        def work() -> None:
            while (mine := claim(ledger, cap=99)) is not None:
                got.append(mine.row.id)

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        work()  # a row that another worker had locked may have been passed over once
        assert sorted(got) == list(range(1, 21))

    def test_the_journal_of_a_step(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger)
        mine = held(ledger)
        ledger.work.start(mine, STEP)
        pending = ledger.requests.one(1).pending
        assert pending is not None
        assert (pending.step, pending.state) == (STEP, StepState.STARTED)
        clock.now += MINUTE / 2
        record = Record(patron=PatronRecord("p", "id"))
        line = HistoryLine(clock.now, "step", "No answer.", str(STEP.key))
        ledger.work.finish(mine, STEP, StepState.UNKNOWN, Record(), (line,))
        unknown = ledger.requests.one(1).pending
        assert unknown is not None
        assert unknown.state is StepState.UNKNOWN
        ledger.work.verified(mine, unknown, record, ())
        assert ledger.requests.one(1).pending is None
        ledger.work.start(mine, STEP)
        ledger.work.finish(mine, STEP, StepState.DONE, record, ())
        (entry,) = ledger.requests.journal(1)
        assert (entry.key, entry.state, entry.attempts, entry.finished_at) == (
            str(STEP.key),
            StepState.DONE,
            2,
            clock.now,
        )
        assert ledger.requests.one(1).record == record
        assert ledger.requests.history(1)[-1].line == "No answer."

    def test_a_release_says_why_and_when(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger)
        mine = held(ledger)
        parked = Parked("goal", "cause", "reason", "advice")
        verdict = Verdict(State.WAITING, "received", NOW + MINUTE, attempts=3, parked=parked)
        assert ledger.work.release(mine, verdict, version=mine.row.version) is State.WAITING
        row = ledger.requests.one(1)
        assert (row.status, row.attempts, row.parked, row.due_at) == ("received", 3, parked, NOW + MINUTE)
        assert claim(ledger) is None
        assert ledger.work.due_lanes() == (("alma", NOW + MINUTE),)
        clock.now += MINUTE
        assert claim(ledger) is not None

    def test_news_since_the_claim_makes_it_due_again(self, ledger: Ledger) -> None:
        take(ledger)
        mine = held(ledger)
        take(ledger, arrival("e2", phase=Phase.RETURNED))
        assert ledger.work.release(mine, Verdict(State.IN_STEP, ""), version=mine.row.version) is State.DUE
        assert ledger.work.due_lanes() == (("alma", NOW),)

    def test_one_request_can_be_claimed_whatever_its_state(self, ledger: Ledger) -> None:
        take(ledger)
        mine = held(ledger)
        assert ledger.work.claim_one(1, owner="me", lease=MINUTE) is None
        ledger.work.release(mine, Verdict(State.CLOSED, ""), version=mine.row.version)
        again = ledger.work.claim_one(1, owner="me", lease=MINUTE)
        assert again is not None
        assert ledger.work.free_all() == 1
        assert ledger.work.claim_one(9, owner="me", lease=MINUTE) is None


class TestLooking:
    def test_requests_by_state_library_and_name(self, ledger: Ledger) -> None:
        take(ledger, arrival("a", number="1"), arrival("b", number="R1"))
        assert [row.name for row in ledger.requests.list()] == ["R2", "R1"]
        assert len(ledger.requests.list(state=State.DUE, library="main")) == 2
        assert ledger.requests.list(state=State.PARKED) == ledger.requests.list(library="moon") == ()
        assert [row.id for row in ledger.requests.find("R1")] == [1, 2]
        assert [row.id for row in ledger.requests.find("1")] == [1]
        assert ledger.requests.find("Rx") == ()
        assert ledger.requests.counts() == {State.DUE: 2}

    def test_lanes(self, ledger: Ledger) -> None:
        ledger.lanes.ensure(["alma", "koha"])
        ledger.lanes.remaining("koha", 99)
        assert [(lane.name, lane.calls_remaining) for lane in ledger.lanes.all()] == [("alma", None), ("koha", 99)]

    def test_orders(self, ledger: Ledger) -> None:
        order = ledger.orders.give(NewOrder("resync", 1, "{}", "ada"))
        assert [each.id for each in ledger.orders.open()] == [order]
        ledger.orders.answer(order, "Done.", failed=True)
        assert ledger.orders.open() == ()
        answered = ledger.orders.one(order)
        assert (answered.answer, answered.failed, answered.done_at, answered.given_by) == ("Done.", True, NOW, "ada")

    def test_moments_come_back_to_the_microsecond(self, ledger: Ledger) -> None:
        moment = datetime(2026, 11, 24, 9, 0, 0, 123457, tzinfo=UTC)
        with ledger.database.write() as connection:
            connection.execute(insert(schema.cursor).values(source="x", position="", polled_at=moment))
        assert ledger.inbox.sources()[0][1] == moment


def test_a_dropped_connection_is_told(ledger: Ledger) -> None:
    if ledger.lock.exclusive:
        pytest.skip("a file has no connection to drop")
    with ledger.database.read() as connection:
        others = text(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid != pg_backend_pid()"
        )
        connection.execute(others)
    assert ledger.requests.list() == (), "the next one is made anew"
