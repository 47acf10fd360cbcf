"""The clockwork where things go wrong: the clock is set back, or the bridge itself fails in a job."""

from __future__ import annotations

import structlog
from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.schedulers.base import BaseScheduler

from bridge.ledger.ledger import utc_now

log = structlog.get_logger(__name__)


def run_now(scheduler: BaseScheduler) -> None:
    """Have every job run at once, and then at its usual distance; none may wait as long as the clock was set back by: they wait for
    moments of the clock before.
    """
    for job in scheduler.get_jobs():
        job.modify(next_run_time=utc_now())


def tell_faults(scheduler: BaseScheduler) -> None:
    """From now on, tell which job the bridge itself failed in. The scheduler keeps that from the others, and runs it again at its time."""
    scheduler.add_listener(_tell, EVENT_JOB_ERROR)


def _tell(event: JobExecutionEvent) -> None:
    log.error("job.failed", job=event.job_id, exc_info=event.exception)
