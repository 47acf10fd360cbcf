"""Where the clock was set back, the clockwork goes on at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from structlog.testing import capture_logs

from bridge.jobs.clockwork import run_now, tell_faults
from tests.patience import PATIENCE


@pytest.fixture
def scheduler() -> Iterator[BackgroundScheduler]:
    made = BackgroundScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1})
    made.start()
    yield made
    made.shutdown()


def test_jobs_that_would_wait_for_an_hour_run_at_once_and_then_as_usual(scheduler: BackgroundScheduler) -> None:
    ran, hour = threading.Event(), timedelta(hours=1)
    by_the_clock_before = datetime.now(UTC) + hour
    scheduler.add_job(ran.set, "interval", seconds=60, id="job", next_run_time=by_the_clock_before)
    run_now(scheduler)
    assert ran.wait(PATIENCE)
    job = scheduler.get_job("job")
    assert job is not None
    assert timedelta(seconds=30) < job.next_run_time - datetime.now(UTC) <= timedelta(seconds=60)


def test_a_job_that_fails_is_told_by_name_and_runs_again(scheduler: BackgroundScheduler) -> None:
    fault, again = KeyError("odd"), threading.Event()
    faults = iter([fault])

    def job() -> None:
        for each in faults:
            raise each
        again.set()

    tell_faults(scheduler)
    with capture_logs() as logs:
        scheduler.add_job(job, "interval", seconds=0.01, id="poll feed")
        assert again.wait(PATIENCE)
    assert logs == [{"event": "job.failed", "log_level": "error", "job": "poll feed", "exc_info": fault}]
