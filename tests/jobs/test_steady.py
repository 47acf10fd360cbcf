"""A job that the ledger refuses: told once an outage, and tried at every tick."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from bridge.jobs.steady import Steady
from bridge.ledger import LedgerBusy


def test_an_outage_is_told_once_and_the_next_one_again() -> None:
    answers = iter([LedgerBusy("disk full"), LedgerBusy("disk full"), None, LedgerBusy("locked")])
    tried: list[object] = []

    def job() -> None:
        tried.append(None)
        problem = next(answers)
        if problem is not None:
            raise problem

    steady = Steady("orders", job)
    with capture_logs() as logs:
        for _ in range(4):
            steady.run()
    assert len(tried) == 4
    assert [(each["event"], each["job"], each["why"]) for each in logs] == [
        ("ledger.busy", "orders", "disk full"),
        ("ledger.busy", "orders", "locked"),
    ]


def test_a_fault_of_ours_is_not_hidden() -> None:
    def job() -> None:
        raise RuntimeError("ours")

    with pytest.raises(RuntimeError):
        Steady("orders", job).run()
