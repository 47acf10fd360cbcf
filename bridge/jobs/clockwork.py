"""The clockwork where the clock was set back: its jobs wait for moments of the clock before."""

from __future__ import annotations

from apscheduler.schedulers.base import BaseScheduler

from bridge.ledger.ledger import utc_now


def run_now(scheduler: BaseScheduler) -> None:
    """Have every job run at once, and then at its usual distance; none may wait as long as the clock was set back by."""
    for job in scheduler.get_jobs():
        job.modify(next_run_time=utc_now())
