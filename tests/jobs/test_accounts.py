"""ILL accounts are asked about once a day, read-only, and what is the matter with them is told."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from structlog.testing import capture_logs

from bridge.connectors.base import Call
from bridge.domain.capabilities import Ability
from bridge.domain.commands import FindPatron, Verb
from bridge.domain.policy import BorrowingPolicy, InSystemBorrowing, InSystemLending, LendingPolicy, LendingRule
from bridge.domain.record import Learned, Outcome, PatronRecord
from bridge.engine.lane import LaneRules, WorkLane
from bridge.errors import IlsError, Rejected, Retry, Unavailable
from bridge.jobs.accounts import AccountJob
from bridge.jobs.gathering import accounts_of
from bridge.ledger import Ledger
from bridge.ledger.model import FOREVER
from bridge.settings import IlsSettings, LibrarySettings, Settings
from tests.engine.pretend import PretendIls
from tests.ledger.sample import NOW, Clock

HOUR = timedelta(hours=1)
LENDING = LendingPolicy(
    accounts={"XYZ": "ILL-XYZ"}, default_account="ILL-OTHERS", rules=(LendingRule(account="ILL-RARE"), LendingRule())
)


class Ils(PretendIls):
    """Knows accounts; ``says`` is what it answers."""

    says: dict[str, date | IlsError | None]

    def find_patron(self, command: FindPatron, call: Call) -> Outcome:
        self.asked.append(command.patron_id)
        said = self.says.get(command.patron_id)
        if isinstance(said, IlsError):
            raise said
        return Outcome(learned=Learned(patron=PatronRecord(command.patron_id, command.patron_id, said)))


@pytest.fixture
def ils() -> Ils:
    made = Ils()
    made.says = {}
    return made


@pytest.fixture
def job(ledger: Ledger, ils: Ils) -> AccountJob:
    return job_of(ledger, ils)


def job_of(ledger: Ledger, ils: Ils, *, stops: bool = False, lending: LendingPolicy = LENDING) -> AccountJob:
    libraries = {"main": LibrarySettings(ils="alma", lending=lending), "other": LibrarySettings(ils="koha")}
    settings = Settings(ils={"alma": IlsSettings(connector="alma")}, libraries=libraries)
    lane = WorkLane("alma", ils, ledger, LaneRules())
    return AccountJob(settings, ledger, {"alma": lane}, stopping=lambda: stops)


def test_the_accounts_a_policy_names() -> None:
    assert accounts_of(LibrarySettings(ils="alma", lending=LENDING)) == {"ILL-XYZ", "ILL-OTHERS", "ILL-RARE"}
    assert accounts_of(LibrarySettings(ils="alma", lending=LendingPolicy(enabled=False, default_account="X"))) == set()


def test_a_pattern_is_no_account_and_an_in_system_loan_has_one_on_either_side() -> None:
    within = InSystemLending(partners={"NORTH": ""})
    lending = LendingPolicy(default_account="ILL-{partner}", in_system=within)
    assert accounts_of(LibrarySettings(ils="alma", lending=lending)) == {"ILL-NORTH"}
    own = BorrowingPolicy(existing_item=True, in_system=InSystemBorrowing(ill_account="ILL-SOUTH"))
    assert accounts_of(LibrarySettings(ils="alma", borrowing=own)) == {"ILL-SOUTH"}


def test_asked_once_a_day_and_kept(ledger: Ledger, clock: Clock, ils: Ils, job: AccountJob) -> None:
    ils.says = {"ILL-XYZ": date(2026, 12, 1), "ILL-RARE": Rejected("The patron may not borrow: blocked.")}
    job.run()
    assert ils.asked == ["ILL-OTHERS", "ILL-RARE", "ILL-XYZ"]
    found = {each.name: (each.expires, each.problem) for each in ledger.accounts.all()}
    assert found == {
        "ILL-OTHERS": (None, ""),
        "ILL-RARE": (None, "The patron may not borrow: blocked."),
        "ILL-XYZ": (date(2026, 12, 1), ""),
    }
    clock.now += 23 * HOUR
    job.run()
    assert len(ils.asked) == 3
    clock.now += HOUR
    job.run()
    assert len(ils.asked) == 6


@pytest.mark.parametrize("problem", [Unavailable("Down."), Retry("Busy.")])
def test_an_ils_that_does_not_answer_is_asked_again_in_an_hour(
    ledger: Ledger, clock: Clock, ils: Ils, job: AccountJob, problem: IlsError
) -> None:
    ils.says = {"ILL-OTHERS": problem}
    with capture_logs() as logs:
        job.run()
    assert ils.asked == ["ILL-OTHERS"], "the others wait"
    assert [line["event"] for line in logs] == ["accounts.not_asked"]
    assert ledger.accounts.all() == ()
    ils.says = {}
    job.run()
    assert ils.asked[1:] == ["ILL-RARE", "ILL-XYZ"]
    clock.now += HOUR
    job.run()
    assert ils.asked[3:] == ["ILL-OTHERS"]


def test_a_closed_or_paused_lane_is_left_alone(ledger: Ledger, ils: Ils, job: AccountJob) -> None:
    ledger.lanes.close("alma", until=NOW + HOUR, why="Down.", cause="unavailable")
    job.run()
    ledger.lanes.open("alma")
    ledger.lanes.hold("alma", until=FOREVER, why="Upgrade.")
    job.run()
    assert ils.asked == []


def test_an_ils_that_cannot_be_asked_is_not(ledger: Ledger) -> None:
    ils = Ils(abilities={Verb.FIND_PATRON: Ability.NO})
    ils.says = {}
    job_of(ledger, ils).run()
    assert ils.asked == []


def test_a_daemon_that_stops_asks_no_more(ledger: Ledger, ils: Ils) -> None:
    job_of(ledger, ils, stops=True).run()
    assert ils.asked == []


def test_many_accounts_are_asked_about_in_portions(ledger: Ledger, ils: Ils) -> None:
    many = LendingPolicy(accounts={str(number): f"A{number:03}" for number in range(60)})
    job = job_of(ledger, ils, lending=many)
    job.run()
    assert len(ils.asked) == 50
    job.run()
    assert len(ils.asked) == 60


def test_a_ledger_that_is_busy_is_told(ledger: Ledger, job: AccountJob) -> None:
    if not ledger.lock.exclusive:
        pytest.skip("PostgreSQL has another word for a table that is missing")
    with ledger.database.write() as connection:
        connection.exec_driver_sql("drop table ill_account")
    with capture_logs() as logs:
        job.run()
    assert [line["event"] for line in logs] == ["ledger.busy"]
