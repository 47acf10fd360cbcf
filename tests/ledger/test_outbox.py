"""Notes to services: with the line of the history or not at all, in order, one sender at a time, and without what may name anybody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest

from bridge.domain.arrival import Arrival
from bridge.domain.change import Change, Edits, Phase, Stamp
from bridge.domain.notes import STOPPED, NoteKind, note_kind
from bridge.engine import verdicts
from bridge.ledger import HistoryLine, Ledger
from bridge.ledger.outbox import KeptNote, NoteRule
from tests.ledger.sample import KEY, NOW, Clock, arrival, take

PATIENCE = timedelta(minutes=10)
RULE = NoteRule("hook", KEY.service, frozenset({NoteKind.STEP, NoteKind.STOP}), frozenset({KEY.library}))


@pytest.fixture
def telling(ledger: Ledger) -> Ledger:
    ledger.notes.tell([RULE])
    take(ledger)
    return ledger


@pytest.fixture
def other(migrated_url: str, clock: Clock) -> Iterator[Ledger]:
    """Another daemon on the same ledger."""
    made = Ledger(migrated_url, clock=clock)
    made.notes.tell([RULE])
    yield made
    made.close()


def say(ledger: Ledger, *lines: str, kind: str = "step") -> None:
    (request,) = ledger.requests.list()
    ledger.requests.tell(request.id, [HistoryLine(ledger.clock(), kind, line) for line in lines])


def taken(ledger: Ledger) -> KeptNote | None:
    return ledger.notes.take("hook", patience=PATIENCE)


def line(kept: KeptNote | None) -> str:
    assert kept is not None
    assert kept.note is not None
    return kept.note.line


def test_nobody_is_told_unless_a_rule_says_so(ledger: Ledger) -> None:
    take(ledger)
    say(ledger, "A step.")
    assert ledger.notes.unsent() == ()


def test_a_line_is_told_with_its_request(telling: Ledger) -> None:
    say(telling, "Item 1 was made.")
    kept = taken(telling)
    assert kept is not None
    assert kept.note is not None
    assert kept.note.request == KEY
    assert kept.note.short_id.startswith("R")
    assert kept.note.text.startswith("Item 1 was made. [ill-bridge ")
    assert (kept.tries, kept.unsure) == (0, False)


@pytest.mark.parametrize(
    "rule",
    [
        NoteRule("hook", "other service", RULE.kinds, RULE.libraries),
        NoteRule("hook", KEY.service, RULE.kinds, frozenset({"another library"})),
        NoteRule("hook", KEY.service, frozenset({NoteKind.STAFF}), RULE.libraries),
    ],
)
def test_only_what_the_rule_names_is_told(ledger: Ledger, rule: NoteRule) -> None:
    ledger.notes.tell([rule])
    take(ledger)
    say(ledger, "A step.")
    assert ledger.notes.unsent() == ()


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("step", "Done.", NoteKind.STEP),
        ("state", "Parked. The patron is not known.", NoteKind.STOP),
        ("state", "Staff are asked: look.", NoteKind.STOP),
        ("state", "The ILS agrees.", NoteKind.STATE),
        ("staff", "Set right by ann.", NoteKind.STAFF),
        ("change", "The service says 'Shipped'.", None),
        ("audit", "Audit: the item is gone.", None),
    ],
)
def test_what_a_line_tells(kind: str, text: str, told: NoteKind | None) -> None:
    assert note_kind(kind, text) is told


def test_lines_that_stop_begin_as_the_engine_writes_them() -> None:
    assert set(STOPPED) == set(verdicts._STOPPED.values())


def test_neither_line_nor_note_without_the_other(telling: Ledger) -> None:
    (request,) = telling.requests.list()
    before = telling.requests.history(request.id)
    with suppress(RuntimeError), telling.database.write() as connection:
        from bridge.ledger.inbox import add_history

        add_history(connection, request.id, [HistoryLine(NOW, "step", "Never.")])
        raise RuntimeError
    assert telling.requests.history(request.id) == before
    assert telling.notes.unsent() == ()


def test_notes_of_one_request_are_sent_in_their_order(telling: Ledger, clock: Clock) -> None:
    say(telling, "First.", "Second.")
    first = taken(telling)
    assert line(first) == "First."
    assert taken(telling) is None, "the second waits for the first"
    assert first is not None
    telling.notes.put_off(first, until=clock.now + PATIENCE, problem="away", unsure=False)
    assert taken(telling) is None
    clock.now += PATIENCE
    again = taken(telling)
    assert again is not None
    assert (line(again), again.tries, again.problem, again.unsure) == ("First.", 1, "away", False)
    telling.notes.sent(again)
    assert line(taken(telling)) == "Second."


def test_another_request_does_not_wait(telling: Ledger) -> None:
    say(telling, "First.")
    take(telling, arrival("e2", number="2"))
    two = telling.requests.list()[0]
    telling.requests.tell(two.id, [HistoryLine(NOW, "step", "Of the second.")])
    assert line(taken(telling)) == "First."
    assert line(taken(telling)) == "Of the second."


def test_one_of_two_daemons_sends_it(telling: Ledger, other: Ledger, clock: Clock) -> None:
    say(telling, "A step.")
    assert taken(telling) is not None
    assert taken(other) is None
    clock.now += PATIENCE
    late = taken(other)
    assert late is not None
    assert late.unsure, "the first daemon may have sent it before it died"


def test_the_other_daemon_keeps_notes_too(telling: Ledger, other: Ledger) -> None:
    say(other, "From there.")
    assert line(taken(telling)) == "From there."


def test_a_try_of_unknown_end_is_remembered_as_one(telling: Ledger, clock: Clock) -> None:
    say(telling, "A step.")
    first = taken(telling)
    assert first is not None
    telling.notes.put_off(first, until=clock.now, problem="no answer", unsure=True)
    second = taken(telling)
    assert second is not None
    assert second.unsure


def test_dropped_and_tried_again(telling: Ledger) -> None:
    say(telling, "First.", "Second.")
    first = taken(telling)
    assert first is not None
    telling.notes.drop(first, "refused")
    second = taken(telling)
    assert line(second) == "Second."
    assert second is not None
    telling.notes.sent(second)
    (waiting,) = telling.notes.waiting()
    assert (waiting.waiting, waiting.given_up, waiting.problem) == (0, 1, "refused")
    assert telling.notes.unsent()[0].dropped
    assert telling.notes.retry("hook") == 1
    (waiting,) = telling.notes.waiting()
    assert (waiting.waiting, waiting.given_up, waiting.oldest) == (1, 0, telling.clock())
    telling.notes.take("hook", patience=timedelta(0))
    telling.notes.sent(first)
    assert telling.notes.waiting() == ()


def test_a_patron_who_stands_in_a_line_after_all_is_hidden(ledger: Ledger) -> None:
    ledger.notes.tell([RULE])
    edits = Edits(patron_id="P-4711")
    told = Change("e1", KEY, Stamp(0, NOW), word="received", phase=Phase.RECEIVED, edits=edits)
    take(ledger, Arrival("e1", "{}", (told,)))
    say(ledger, "The hold for P-4711 failed. Alma says: Ann Smith is blocked (code 7).", "Done. Note: ask Ann")
    kept = taken(ledger)
    assert line(kept) == "The hold for … failed. Alma says: … (code 7)."
    assert kept is not None
    ledger.notes.sent(kept)
    assert line(taken(ledger)) == "Done. Note: …"


def test_what_was_told_long_ago_is_forgotten(telling: Ledger, clock: Clock) -> None:
    say(telling, "First.", "Second.")
    first = taken(telling)
    assert first is not None
    telling.notes.sent(first)
    telling.notes.forget(clock.now)
    clock.now += timedelta(days=40)
    telling.notes.forget(clock.now)
    assert [line(each) for each in telling.notes.unsent()] == ["Second."]
    with telling.database.read() as connection:
        assert connection.exec_driver_sql("select count(*) from note").scalar() == 1


def test_a_request_that_cannot_be_read_tells_nothing(telling: Ledger) -> None:
    say(telling, "A step.")
    with telling.database.write() as connection:
        connection.exec_driver_sql("update request set document = '{}'")
    kept = taken(telling)
    assert kept is not None
    assert kept.note is None
