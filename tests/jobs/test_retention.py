"""Patrons and titles of finished requests are removed once a day, everywhere, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import String, Text, event, select, update
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs

from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.change import Condition, Phase
from bridge.domain.identity import Role
from bridge.domain.record import Existence, HoldState
from bridge.errors import Rejected
from bridge.jobs.retention import BITE, Gone, Retention, RetentionJob, latest_due
from bridge.ledger import Ledger, State, Verdict, schema
from bridge.ledger.model import NewOrder
from bridge.settings import PrivacySettings
from tests.databases import migrate
from tests.engine.pretend import Stage

RULES = PrivacySettings()
PATRON = "PATRON-4711"
TITLE = "The Left Hand of Darkness"
AUTHOR = "Le Guin, Ursula"
NOTED = "Mrs Miller"
PERSON = (PATRON, TITLE, AUTHOR, NOTED, "9780441478125")
TEXTS = {
    "erased": {
        "request": {"title", "document", "record", "pending", "parked_reason", "parked_advice"},
        "step": {"command", "problem"},
        "history": {"line"},
        "inbox": {"body", "problem"},
        "staff_order": {"options", "answer"},
    },
    "forgotten after a while, and without identifiers from the first": {
        "alert": {"subject", "document"},
        "notice": {"key", "document", "problem"},
        "audit_finding": {"sentence", "repair", "advice"},
        "note": {"problem"},
    },
    "of no person": {
        "request": {
            *("library", "service", "role", "requester", "number", "conversation", "lane", "state", "status"),
            *("owner", "parked_goal", "parked_cause"),
        },
        "step": {"key", "verb", "state"},
        "history": {"kind", "step"},
        "inbox": {"source", "key", "state"},
        "cursor": {"source", "position", "problem"},
        "lane": {"name", "why", "cause", "held_why"},
        "library": {"name", "held_why", "held_cause"},
        "meta": {"name", "value"},
        "staff_order": {"kind", "given_by", "batch"},
        "alert": {"kind", "library", "cause"},
        "notice": {"channel", "audience", "kind"},
        "ill_account": {"lane", "name", "expires", "problem"},
        "audit_finding": {"subject", "library", "lane", "kind", "barcode"},
        "audit_list": {"lane", "following", "problem"},
        "loan_watch": {"barcode", "item", "lane"},
        "note": {"key", "kind", "source"},
    },
}


@pytest.fixture
def stage(migrated_url: str) -> Iterator[Stage]:
    made = Stage(migrated_url)
    yield made
    made.close()


@pytest.fixture
def in_a_file(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(migrate(f"sqlite:///{tmp_path / 'ledger.db'}"))
    yield made
    made.close()


def run(ledger: Ledger, rules: PrivacySettings = RULES, **more: Any) -> Gone:
    return Retention(rules, ledger, **{"rest": lambda _: None, **more}).run()


def everything(ledger: Ledger) -> str:
    with ledger.database.read() as connection:
        tables = schema.metadata.tables.values()
        return "\n".join(str([tuple(row) for row in connection.execute(select(table))]) for table in tables)


def a_loan(stage: Stage, number: str = "1", *, end: Phase = Phase.COMPLETED) -> int:
    """A whole loan, with a hold that was refused first in words that name the patron."""
    told: dict[str, Any] = {"number": number, "patron_id": PATRON, "title": TITLE, "author": AUTHOR}
    stage.ils.fails.append(("place_hold", Rejected(f"Refused. Pretend says: {PATRON} owes for {TITLE} (code 7)")))
    request = stage.tell(Phase.RECEIVED, isbn="9780441478125", **told)
    stage.settle()
    assert stage.row(request).state is State.PARKED
    for phase in (Phase.RECEIVED, Phase.RETURNED, end):
        stage.tell(phase, **told)
        stage.settle()
    assert stage.row(request).state is State.CLOSED
    return request


def with_bodies(ledger: Ledger) -> None:
    """Messages as they came in, and orders and a note of staff."""
    with ledger.database.write() as connection:
        connection.execute(update(schema.inbox).values(body=f'{{"patron": "{PATRON}", "title": "{TITLE}"}}'))
        connection.execute(update(schema.request).values(title=TITLE))
    held = ledger.work.claim_one(1, owner="test", lease=timedelta(minutes=1))
    assert held is not None
    ledger.requests.tell(1, [replace(ledger.requests.history(1)[0], kind="staff", line=f"Tried. Note: {NOTED}")])
    ledger.work.release(held, Verdict(held.row.state, held.row.status), version=held.row.version)
    order = ledger.orders.give(NewOrder("set", 1, f'{{"note": "{NOTED}", "fields": {{"patron_id": "{PATRON}"}}}}'))
    ledger.orders.answer(order, f'{{"lines": ["{PATRON}"]}}')


class TestEverywhere:
    def test_every_place_that_holds_text_was_thought_of(self) -> None:
        """A new column is added here, and to what is erased where it may name a patron or a title."""
        known = {name: set[str]() for name in schema.metadata.tables}
        for places in TEXTS.values():
            for table, columns in places.items():
                known[table] |= columns
        there = {
            name: {column.name for column in table.columns if isinstance(_plain(column.type), String | Text)}
            for name, table in schema.metadata.tables.items()
        }
        assert known == there

    def test_nothing_of_the_person_is_left_and_the_story_is(self, stage: Stage) -> None:
        a_loan(stage)
        with_bodies(stage.ledger)
        before = stage.row()
        lines = stage.history()
        assert [each for each in PERSON if each not in everything(stage.ledger)] == []
        stage.clock.advance(days=31)
        gone = run(stage.ledger)
        assert gone == Gone(requests=1, messages=4, orders=1)
        left = everything(stage.ledger)
        assert [each for each in PERSON if each in left] == []
        after = stage.row()
        assert (after.state, after.status, after.request.key) == (before.state, before.status, before.request.key)
        (item,), (item_before,) = after.record.items, before.record.items
        assert (item.existence, item.hold and item.hold.state) == (Existence.DELETED, HoldState.CANCELLED)
        assert (item.ids, item.counts, item.barcode) == (item_before.ids, item_before.counts, item_before.barcode)
        assert len(stage.history()) == len(lines) + 1
        assert "Place hold did not succeed: Refused. Pretend says: … (code 7)" in stage.history()
        assert stage.history()[-1].startswith("The patron and the title were removed")
        assert [step.verb for step in stage.ledger.requests.journal(1)]

    def test_it_has_left_the_file_too(self, in_a_file: Stage) -> None:
        stage = in_a_file
        for number in range(1, 8):
            a_loan(stage, str(number))
        with_bodies(stage.ledger)
        stage.clock.advance(days=31)
        job = RetentionJob(RULES, stage.ledger, Retention(RULES, stage.ledger, rest=lambda _: None))
        with stage.ledger.database.read() as reading:
            reading.execute(select(schema.request.c.id)).all()
            job.run()
            assert any(PATRON.encode() in file for file in _files(stage)), "somebody still reads what was"
        job.run()
        assert [each for each in PERSON for file in _files(stage) if each.encode() in file] == []

    def test_a_lender_keeps_the_accounts_of_libraries(self, stage: Stage) -> None:
        for phase in (Phase.SHIPPED, Phase.COMPLETED):
            stage.tell(phase, role=Role.LENDER, patron_id=PATRON, title=TITLE)
            stage.settle()
        stage.clock.advance(days=31)
        assert run(stage.ledger).requests == 1
        left = everything(stage.ledger)
        assert PATRON not in left
        assert TITLE not in left
        (item,) = stage.row().record.items
        assert [loan.account for loan in item.loans] == ["PARTNER"]


class TestWhich:
    def test_only_what_is_finished_for_long_enough(self, stage: Stage) -> None:
        a_loan(stage)
        stage.tell(Phase.RECEIVED, number="open", patron_id=PATRON)
        stage.settle()
        stage.clock.advance(days=29)
        assert run(stage.ledger).requests == 0
        stage.clock.advance(days=2)
        assert run(stage.ledger).requests == 1
        (open_one,) = stage.ledger.requests.find("open")
        assert open_one.record.patron is not None
        assert run(stage.ledger) == Gone()

    def test_what_is_owed_keeps_it_longer(self, stage: Stage) -> None:
        a_loan(stage)
        stage.tell(None, raised=(Condition.FEE_COMMUNICATED,), patron_id=PATRON)
        stage.settle()
        stage.clock.advance(days=300)
        assert run(stage.ledger) == Gone(messages=5, stay={"a fee is open": 1})
        assert run(stage.ledger, RULES.model_copy(update={"unsettled_days": 0})).requests == 0
        stage.clock.advance(days=66)
        assert run(stage.ledger).requests == 1

    def test_forgotten_ones_go_too_and_after_news_again(self, stage: Stage) -> None:
        request = stage.tell(Phase.RECEIVED, patron_id=PATRON, title=TITLE)
        held = stage.ledger.work.claim_one(request, owner="test", lease=timedelta(minutes=1))
        assert held is not None
        stage.ledger.work.release(held, Verdict(State.FORGOTTEN, "received"), version=held.row.version)
        stage.clock.advance(days=31)
        assert run(stage.ledger).requests == 1
        stage.tell(Phase.RETURNED, patron_id=PATRON)
        assert stage.row().state is State.FORGOTTEN
        assert run(stage.ledger).requests == 0
        stage.clock.advance(days=31)
        assert run(stage.ledger).requests == 1
        assert PATRON not in everything(stage.ledger)

    def test_a_pending_step_keeps_its_shape(self, stage: Stage) -> None:
        """Forgotten while nobody knew how the step had ended: should it be taken up again, it is looked up first."""
        request = stage.tell(Phase.RECEIVED, patron_id=PATRON)

        def cut(what: str) -> None:
            if what == "hold made":
                raise KeyboardInterrupt

        stage.ils.passing = cut
        with pytest.raises(KeyboardInterrupt):
            stage.settle()
        stage.ils.passing = lambda _: None
        stage.restart()
        held = stage.ledger.work.claim_one(request, owner="test", lease=timedelta(minutes=1))
        assert held is not None
        assert held.row.pending is not None
        stage.ledger.work.release(held, Verdict(State.FORGOTTEN, "received"), version=held.row.version)
        stage.clock.advance(days=31)
        assert run(stage.ledger).stay == {"how its last step ended is not known": 1}
        stage.clock.advance(days=366)
        assert run(stage.ledger).requests == 1
        pending = stage.row().pending
        assert pending is not None
        assert pending.step.key == held.row.pending.step.key
        assert PATRON not in everything(stage.ledger)

    def test_one_in_work_and_one_that_changed_are_left_alone(self, stage: Stage) -> None:
        a_loan(stage)
        stage.clock.advance(days=31)
        privacy = stage.ledger.privacy
        look = privacy.finished(stage.clock(), limit=BITE)
        held = stage.ledger.work.claim_one(1, owner="test", lease=timedelta(minutes=1))
        assert privacy.finished(stage.clock(), limit=BITE).found == ()
        assert privacy.erase(look.found, "gone") == ()
        assert held is not None
        stage.ledger.work.release(held, Verdict(State.CLOSED, "completed"), version=held.row.version)
        assert privacy.erase(look.found, "gone") == (), "its fence moved on"
        assert run(stage.ledger).requests == 1, "its end is still the day it was first closed"

    def test_one_that_cannot_be_read_is_told_and_stops_nothing(self, stage: Stage) -> None:
        a_loan(stage, "1")
        a_loan(stage, "2")
        with stage.ledger.database.write() as connection:
            connection.execute(update(schema.request).where(schema.request.c.id == 1).values(document="{"))
        stage.clock.advance(days=31)
        rules, ledger = RULES, stage.ledger
        with capture_logs() as told:
            RetentionJob(rules, ledger, Retention(rules, ledger, rest=lambda _: None)).run()
        assert [(line["event"], line["requests"]) for line in told] == [
            ("retention.done", 1),
            ("retention.unreadable", 1),
        ]

    def test_requests_of_an_older_release_get_their_date(self, stage: Stage) -> None:
        a_loan(stage)
        with stage.ledger.database.write() as connection:
            connection.execute(update(schema.request).values(settled_at=None))
        stage.clock.advance(days=31)
        assert Retention(RULES, stage.ledger).foreseen() == Gone(requests=1, messages=4)
        assert run(stage.ledger).requests == 1

    def test_asked_for_while_open_it_goes_when_it_ends(self, stage: Stage) -> None:
        request = stage.tell(Phase.RECEIVED, patron_id=PATRON)
        stage.settle()
        stage.ledger.privacy.want_erased([request])
        never = PrivacySettings(request_days=0, message_days=0, kept_message_days=0)
        assert run(stage.ledger, never) == Gone()
        for phase in (Phase.RETURNED, Phase.COMPLETED):
            stage.tell(phase, patron_id=PATRON)
            stage.settle()
        assert run(stage.ledger, never).requests == 1
        assert stage.history()[-1].endswith("as was asked for or due while the request was open.")
        assert run(stage.ledger, never) == Gone()


class TestLater:
    def test_late_news_of_a_purged_request_makes_nothing_again(self, stage: Stage) -> None:
        a_loan(stage)
        stage.clock.advance(days=31)
        run(stage.ledger)
        stage.ils.asked.clear()
        stage.tell(Phase.COMPLETED, patron_id=PATRON, title=TITLE)
        stage.settle()
        assert (stage.row().state, stage.ils.asked) == (State.CLOSED, [])
        stage.clock.advance(days=31)
        assert run(stage.ledger).requests == 1
        assert PATRON not in everything(stage.ledger)

    def test_reopened_by_the_service_it_has_its_patron_from_the_news(self, stage: Stage) -> None:
        request = stage.tell(Phase.CANCELLED, patron_id=PATRON)
        stage.settle()
        stage.clock.advance(days=31)
        assert run(stage.ledger).requests == 1
        stage.tell(Phase.RECEIVED, patron_id="PATRON-2")
        stage.settle()
        row = stage.row(request)
        assert row.record.patron is not None
        assert (row.state, row.record.patron.asked) == (State.IN_STEP, "PATRON-2")
        assert len(stage.ils.items) == 2


class TestMessages:
    def test_bodies_go_sooner_and_what_was_not_understood_later(self, stage: Stage) -> None:
        stage.tell(Phase.RECEIVED, patron_id=PATRON)
        odd = Arrival("odd", f"who is {PATRON}?", state=ArrivalState.UNKNOWN_WORD, problem="The word is not known.")
        stage.ledger.inbox.take("hook", (odd,), lambda _: "pretend")
        stage.clock.advance(days=8)
        assert run(stage.ledger) == Gone(messages=1)
        assert [kept.key for kept in stage.ledger.inbox.kept()] == ["odd"]
        assert stage.ledger.inbox.sources()[0][3] == 2, "the messages themselves stay, so that repeats are known"
        stage.clock.advance(days=83)
        assert run(stage.ledger) == Gone(kept_messages=1)
        assert stage.ledger.inbox.kept() == ()

    @pytest.mark.parametrize(("of_messages", "of_requests", "days"), [(0, 30, 30), (40, 30, 30), (7, 0, 7)])
    def test_a_body_never_outlives_its_request(
        self, stage: Stage, of_messages: int, of_requests: int, days: int
    ) -> None:
        stage.tell(Phase.RECEIVED, patron_id=PATRON)
        rules = PrivacySettings(message_days=of_messages, request_days=of_requests)
        stage.clock.advance(days=days)
        assert run(stage.ledger, rules).messages == 0
        stage.clock.advance(seconds=1)
        assert run(stage.ledger, rules).messages == 1


class TestInBites:
    @staticmethod
    def many(stage: Stage, count: int) -> None:
        """So many finished requests, made from one."""
        a_loan(stage)
        columns = [column for column in schema.request.columns if column.name not in {"id", "number"}]
        with stage.ledger.database.write() as connection:
            (found,) = connection.execute(select(*columns)).all()
            rows = [{**found._mapping, "number": f"n{each}"} for each in range(count - 1)]
            connection.execute(schema.request.insert(), rows)

    def test_each_is_short_and_leaves_time_to_others(self, stage: Stage) -> None:
        self.many(stage, 2 * BITE + 1)
        stage.clock.advance(days=31)
        rests: list[float] = []
        rewritten: list[int] = []
        counted = _counting(stage.ledger, rewritten)
        assert run(stage.ledger, rest=rests.append).requests == 2 * BITE + 1
        counted()
        assert max(rewritten) <= BITE
        assert len(rests) >= 3
        assert min(rests) > 0

    def test_stopped_or_killed_it_goes_on_at_the_next_start(self, stage: Stage) -> None:
        self.many(stage, 2 * BITE)
        stage.clock.advance(days=31)
        stops: list[bool] = []
        retention = Retention(RULES, stage.ledger, stopping=lambda: bool(stops), rest=lambda _: stops.append(True))
        RetentionJob(RULES, stage.ledger, retention).run()
        assert stage.ledger.privacy.last_run() is None
        for _ in range(2):
            stops.clear()
            RetentionJob(RULES, stage.ledger, retention).run()
        stage.close()
        again = Ledger(stage.url, clock=stage.clock)
        RetentionJob(RULES, again, Retention(RULES, again, rest=lambda _: None)).run()
        assert PATRON not in everything(again)
        assert again.privacy.last_run() is not None
        again.close()
        stage.ledger = Ledger(stage.url, clock=stage.clock)

    def test_a_kill_within_a_bite_leaves_whole_requests(self, stage: Stage) -> None:
        self.many(stage, 3)
        stage.clock.advance(days=31)

        def cut(*_: object) -> None:
            raise KeyboardInterrupt

        event.listen(stage.ledger.database.engine, "commit", cut)
        with pytest.raises(KeyboardInterrupt):
            run(stage.ledger)
        event.remove(stage.ledger.database.engine, "commit", cut)
        stage.ledger.close()
        stage.ledger = Ledger(stage.url, clock=stage.clock)
        assert PATRON in everything(stage.ledger)
        assert run(stage.ledger).requests == 3
        assert PATRON not in everything(stage.ledger)

    def test_the_index_leads_to_what_is_to_go(self, in_a_file: Stage) -> None:
        stage = in_a_file
        plans: list[str] = []

        def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            if (statement.startswith("SELECT") and "FROM request" in statement) or "FROM inbox" in statement:
                rows = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
                plans.append(" ".join(row[3] for row in rows))

        event.listen(stage.ledger.database.engine, "before_cursor_execute", explain)
        Retention(RULES, stage.ledger).foreseen()
        stage.ledger.privacy.drop_bodies(stage.clock())
        event.remove(stage.ledger.database.engine, "before_cursor_execute", explain)
        assert plans
        assert [plan for plan in plans if "INDEX" not in plan] == []
        assert any("request_purge" in plan for plan in plans)
        assert any("request_erase" in plan for plan in plans)
        assert any("inbox_bodies" in plan for plan in plans)


class TestWhen:
    @pytest.mark.parametrize(
        ("now", "due"),
        [
            (datetime(2026, 11, 24, 2, 29, tzinfo=UTC), datetime(2026, 11, 24, 1, 30, tzinfo=UTC)),
            (datetime(2026, 11, 24, 1, 29, tzinfo=UTC), datetime(2026, 11, 23, 1, 30, tzinfo=UTC)),
            (datetime(2026, 7, 1, 0, 30, tzinfo=UTC), datetime(2026, 7, 1, 0, 30, tzinfo=UTC)),
        ],
    )
    def test_in_the_night_of_the_zone(self, now: datetime, due: datetime) -> None:
        assert latest_due(PrivacySettings(timezone="Europe/Berlin"), now) == due

    def test_once_a_day_and_at_the_start_where_it_was_missed(self, stage: Stage) -> None:
        job = RetentionJob(RULES, stage.ledger, Retention(RULES, stage.ledger, rest=lambda _: None))

        def runs() -> int:
            with capture_logs() as told:
                job.run()
            return len(told)

        assert [runs(), runs()] == [1, 0]
        stage.clock.advance(hours=17)
        assert runs() == 0
        stage.clock.advance(hours=1)
        assert [runs(), runs()] == [1, 0]
        stage.clock.advance(days=3)
        assert [runs(), runs()] == [1, 0]

    @pytest.mark.parametrize("wrong", [{"timezone": "Mars"}, {"at": "02:30+01:00"}, {"request_days": -1}])
    def test_settings_that_make_no_sense(self, wrong: dict[str, object]) -> None:
        with pytest.raises(ValueError, match=r"Mars|without a zone|greater than"):
            PrivacySettings.model_validate(wrong)


def _plain(kind: Any) -> Any:
    return getattr(kind, "impl", kind)


def _files(stage: Stage) -> list[bytes]:
    path = Path(make_url(stage.url).database or "")
    return [file.read_bytes() for file in path.parent.iterdir() if file.name.startswith(path.name)]


def _counting(ledger: Ledger, rewritten: list[int]) -> Callable[[], None]:
    """How many requests each transaction rewrites."""
    now = [0]

    def statement(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        now[0] += text.startswith("UPDATE request SET title")

    def commit(_connection: Any) -> None:
        rewritten.append(now[0])
        now[0] = 0

    engine = ledger.database.engine
    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", commit)

    def end() -> None:
        event.remove(engine, "before_cursor_execute", statement)
        event.remove(engine, "commit", commit)

    return end
