"""Figures for those who watch: what they count, and that they stay cheap."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event, insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoneFree

from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.change import Condition
from bridge.domain.commands import Verb
from bridge.domain.plan import Step, StepKey
from bridge.ledger import Ledger, LedgerBusy, Parked, State, Verdict, schema
from bridge.ledger.figures import Group, Heard, NotUnderstood
from bridge.ledger.model import FOREVER, NewOrder
from tests.ledger.sample import MINUTE, NOW, STEP, Clock, arrival, held, take

DELETION = Step(StepKey("", "", Verb.DELETE_TEMPORARY_ITEM, 0), STEP.command)


def release(ledger: Ledger, state: State, cause: str = "", *, minutes: float | None = None) -> None:
    mine = held(ledger)
    due_at = ledger.clock() + timedelta(minutes=minutes) if minutes is not None else None
    verdict = Verdict(state, "received", due_at=due_at, parked=Parked("", cause, "", ""))
    ledger.work.release(mine, verdict, version=mine.row.version)


class TestRequests:
    def test_an_empty_ledger(self, ledger: Ledger) -> None:
        seen = ledger.figures.seen()
        assert (seen.groups, seen.sources, seen.kept, seen.deletions, seen.orders) == ((), (), (), {}, {})
        assert (seen.oldest_due("alma"), seen.oldest_due("nowhere")) == (0.0, 0.0)
        assert ledger.figures.first_due() is None

    def test_unfinished_requests_are_grouped_and_finished_ones_left_out(self, ledger: Ledger) -> None:
        for state, cause in (
            (State.CLOSED, ""),
            (State.FORGOTTEN, ""),
            (State.PARKED, "item_type"),
            (State.PARKED, "item_type"),
            (State.STAFF, "staff"),
            (State.IN_STEP, ""),
        ):
            take(ledger, arrival(f"{state}{len(ledger.requests.list())}", number=str(len(ledger.requests.list()))))
            release(ledger, state, cause)
        assert set(ledger.figures.seen().groups) == {
            Group("main", State.PARKED, "item_type", "alma", 2),
            Group("main", State.STAFF, "staff", "alma", 1),
            Group("main", State.IN_STEP, "", "alma", 1),
        }

    def test_conditions_of_the_unfinished(self, ledger: Ledger) -> None:
        for number, (state, status) in enumerate(
            (
                (State.IN_STEP, "received (fee communicated, lost)"),
                (State.STAFF, "received (lost)"),
                (State.IN_STEP, "received"),
                (State.IN_STEP, "received / returned (overdue)"),
                (State.CLOSED, "completed (lost)"),
            )
        ):
            take(ledger, arrival(f"c{number}", number=str(number)))
            claimed = held(ledger)
            ledger.work.release(claimed, Verdict(state, status), version=claimed.row.version)
        expected = {("main", "lost"): 2, ("main", "fee communicated"): 1, ("main", "overdue"): 1}
        assert ledger.figures.conditions() == expected == ledger.figures.seen().conditions
        named = [row.status for row in ledger.requests.list(condition=Condition.LOST)]
        assert sorted(named) == ["completed (lost)", "received (fee communicated, lost)", "received (lost)"]
        assert len(ledger.requests.list(condition=Condition.FEE_COMMUNICATED)) == 1
        assert ledger.requests.list(condition=Condition.FEE_PAID) == ()

    def test_what_is_due_and_since_when(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger, arrival("a", number="1"))
        clock.now += MINUTE
        take(ledger, arrival("b", number="2"))
        clock.now += MINUTE
        release(ledger, State.WAITING, "throttled", minutes=5)
        seen = ledger.figures.seen()
        assert set(seen.groups) == {
            Group("main", State.DUE, "", "alma", 1, 1, NOW + MINUTE),
            Group("main", State.WAITING, "throttled", "alma", 1),
        }
        assert seen.oldest_due("alma") == 60
        assert ledger.figures.first_due() == (2, "alma", NOW + MINUTE)

    def test_what_staff_paused_is_not_backlog(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger)
        clock.now += MINUTE
        ledger.libraries.hold("main", until=NOW + 2 * MINUTE, why="Holidays.")
        assert ledger.figures.seen().oldest_due("alma") == 0
        assert ledger.figures.first_due() is None
        clock.now += MINUTE
        assert ledger.figures.seen().oldest_due("alma") == 120
        ledger.lanes.hold("alma", until=FOREVER, why="Upgrade.")
        assert ledger.figures.seen().oldest_due("alma") == 0
        assert ledger.figures.first_due() is None
        assert sum(group.due for group in ledger.figures.seen().groups) == 1

    def test_deletions_are_counted_as_the_quota_counts_them(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger)
        ledger.work.start(held(ledger), DELETION)
        assert ledger.figures.seen().deletions == {"main": 1} == {"main": ledger.libraries.deletions("main")}
        clock.now += timedelta(minutes=30)
        ledger.libraries.hold("main", until=FOREVER, why="Too many.", cause="delete_quota")
        assert ledger.figures.seen().deletions == {"main": 1}
        ledger.libraries.resume("main")
        assert ledger.figures.seen().deletions == {}
        assert ledger.libraries.deletions("main") == 0

    def test_deletions_of_more_than_an_hour_ago_are_forgotten(self, ledger: Ledger, clock: Clock) -> None:
        take(ledger)
        ledger.work.start(held(ledger), DELETION)
        clock.now += timedelta(minutes=61)
        assert ledger.figures.seen().deletions == {}

    def test_orders_by_kind(self, ledger: Ledger) -> None:
        ledger.orders.give_all([NewOrder("resync", 1), NewOrder("resync", 2), NewOrder("retry", 1)], batch="")
        ledger.orders.answer(ledger.orders.give(NewOrder("skip", 1)), "done", failed=False)
        assert ledger.figures.seen().orders == {"resync": 2, "retry": 1}


class TestSources:
    def test_polls_that_go_well_and_that_do_not(self, ledger: Ledger, clock: Clock) -> None:
        ledger.inbox.polled("feed")
        clock.now += MINUTE
        ledger.inbox.polled("feed", "It does not answer.")
        (found,) = ledger.figures.gates().sources
        assert found == Heard("feed", NOW + MINUTE, NOW, "It does not answer.", None)

    def test_when_each_source_was_heard_last(self, ledger: Ledger, clock: Clock) -> None:
        for source in ("b", "a", "c", "b"):
            ledger.inbox.take(source, (arrival(f"{source}{clock.now}"),), lambda _: "alma")
            clock.now += MINUTE
        ledger.inbox.polled("d")
        heard = {source.name: source.heard_at for source in ledger.figures.seen().sources}
        assert heard == {"a": NOW + MINUTE, "b": NOW + 3 * MINUTE, "c": NOW + 2 * MINUTE, "d": None}

    def test_messages_that_were_not_understood(self, ledger: Ledger) -> None:
        for number, state in enumerate((ArrivalState.MALFORMED, ArrivalState.UNKNOWN_WORD, ArrivalState.UNKNOWN_WORD)):
            take(ledger, Arrival(str(number), "{}", state=state, problem="?"))
        take(ledger)
        assert set(ledger.figures.seen().kept) == {
            NotUnderstood("hook", ArrivalState.MALFORMED, 1),
            NotUnderstood("hook", ArrivalState.UNKNOWN_WORD, 2),
        }


PARTIAL = ("request_figures", "request_conditions", "inbox_kept", "note_open")


class TestCost:
    """What SQLite says it would read (``EXPLAIN QUERY PLAN``)."""

    @pytest.fixture
    def plans(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        if not ledger.database.sqlite:
            pytest.skip("PostgreSQL plans by statistics, which an empty database has not")
        asked: list[tuple[str, object]] = []
        engine = ledger.database.engine

        def told(_c: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
            asked.append((statement, parameters))

        event.listen(engine, "before_cursor_execute", told)
        ledger.figures.seen()
        event.remove(engine, "before_cursor_execute", told)
        with engine.connect() as connection:
            return [
                str(row[3])
                for statement, parameters in asked
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[arg-type]
            ]

    def test_no_look_reads_all_requests_messages_or_steps(self, plans: list[str]) -> None:
        read = [plan for plan in plans if plan.startswith("SCAN")]
        assert "SCAN request USING COVERING INDEX request_figures" in read
        assert "SCAN inbox USING INDEX inbox_kept" in read
        whole = {"SCAN lane", "SCAN library", "SCAN cursor", "SCAN names", "SCAN CONSTANT ROW"}
        for plan in read:
            partial = any(name in plan for name in PARTIAL)
            assert partial or any(plan.startswith(each) for each in whole), plan

    def test_each_source_is_found_by_a_jump(self, plans: list[str]) -> None:
        assert sum("SEARCH inbox USING COVERING INDEX inbox_heard" in plan for plan in plans) >= 2


@pytest.mark.parametrize("doing", ["read", "write"])
@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (NoneFree("QueuePool limit reached"), "no connection to it became free"),
        (OperationalError("select", {}, OSError("disk I/O error")), "disk I/O error"),
    ],
)
def test_a_database_that_refuses_is_told(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, doing: str, failure: Exception, why: str
) -> None:
    told: list[str] = []
    ledger.database.close()  # SQLite keeps the connection that writes
    ledger.database.refused = told.append

    def refuse() -> None:
        raise failure

    monkeypatch.setattr(ledger.database.engine, "connect", refuse)
    with pytest.raises(LedgerBusy, match=why), getattr(ledger.database, doing)():
        pytest.fail("it did not refuse")
    assert told == [doing]


def test_the_release_before_can_still_write_a_source(ledger: Ledger) -> None:
    with ledger.database.write() as connection:
        connection.execute(insert(schema.cursor).values(source="old", position="", problem=""))
    assert [source.name for source in ledger.figures.gates().sources] == ["old"]
