"""Daemons on one ledger tell that they live."""

from __future__ import annotations

from datetime import timedelta

from bridge.ledger import Ledger
from bridge.ledger.presence import AHEAD, SILENT
from tests.ledger.sample import Clock


def test_a_daemon_lives_until_it_stops_or_falls_silent(ledger: Ledger, clock: Clock) -> None:
    assert not ledger.presence.lives()
    ledger.presence.tell("host:1")
    ledger.presence.tell("host:1")
    ledger.presence.tell("host:2")
    assert ledger.presence.lives()
    ledger.presence.withdraw("host:1")
    assert ledger.presence.lives(), "the other one does"
    clock.now += SILENT - timedelta(seconds=1)
    assert ledger.presence.lives()
    clock.now += timedelta(seconds=1)
    assert not ledger.presence.lives()
    ledger.presence.tell("host:2")
    assert ledger.presence.lives()


def test_a_word_by_a_clock_that_was_set_back_since_is_none(ledger: Ledger, clock: Clock) -> None:
    ledger.presence.tell("host:1")
    clock.now -= AHEAD - timedelta(seconds=1)
    assert ledger.presence.lives(), "clocks of two machines differ"
    clock.now -= timedelta(seconds=1)
    assert not ledger.presence.lives()


def test_who_works_is_told_by_the_file_or_by_the_daemons(ledger: Ledger) -> None:
    assert not ledger.daemon_runs()
    if ledger.lock.exclusive:
        ledger.lock.take()
    else:
        ledger.presence.tell("host:1")
    assert ledger.daemon_runs()
