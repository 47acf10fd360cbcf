"""Situations that alerts and digests are made of in tests."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from bridge.alerts.facts import AccountFact, Facts, LaneFact, PastTrouble, SourceFact, StopFact
from bridge.alerts.model import Kind
from bridge.alerts.settings import AlertSettings, DigestSettings
from bridge.domain.attention import IllAccount, KeptGroup, ParkedGroup, ParkedRequest, QuietRequest
from bridge.domain.notes import NotesStanding

NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SINCE = NOW - timedelta(days=1)
RULES = AlertSettings(digest=DigestSettings(timezone="Europe/Berlin"))


def parked(number: int, reason: str = "Alma does not know the item policy. [tracking id E{number}]") -> ParkedRequest:
    advice = f"Correct item_type. Then: ill-bridge resync R{number}."
    return ParkedRequest(f"R{number}", f"10{number}", reason.format(number=number), advice, NOW - HOUR)


def group(count: int = 3, **more: object) -> ParkedGroup:
    known: dict[str, object] = {
        "library": "main",
        "staff": False,
        "cause": "item_type",
        "count": count,
        "fresh": count,
        "latest": NOW - HOUR,
        "newest": tuple(parked(number) for number in range(1, min(count, 20) + 1)),
    }
    return ParkedGroup(**{**known, **more})  # type: ignore[arg-type]


CLOSED = LaneFact("alma", NOW - 2 * HOUR, "Alma cannot be reached.", "unavailable", libraries=("main",))
REFUSED = LaneFact("alma", NOW - MINUTE, "Alma does not accept the API key.", "credentials_rejected", credentials=True)
FAILING = SourceFact("changes", "Source changes does not answer.")
SILENT = SourceFact("hook", last=NOW - 30 * HOUR, usual=(41, 38, 44, 40))
STOPPED = StopFact("main", "50 temporary items were deleted within an hour.", quota=True)
HELD = StopFact("branch", "Paused by ann: move.", quota=False)
KEPT = KeptGroup("hook", 3, 1, NOW - HOUR)
UNTOLD = NotesStanding("hook", 4, NOW - 2 * HOUR, 2, NOW - HOUR, "hook did not take a note (HTTP 403).")
EXPIRING = AccountFact(IllAccount("alma", "ILL-XYZ", date(2026, 12, 10)), ("main",))
EXPIRED = AccountFact(IllAccount("alma", "ILL-ABC", problem="The patron may not borrow: expired."), ("main", "branch"))
FINE = AccountFact(IllAccount("alma", "ILL-DEF", date(2027, 12, 10)), ("main",))
QUIET = QuietRequest("R9", "109", "main", "shipped", "in_step", NOW - timedelta(days=130))
PAST = PastTrouble(Kind.LANE_CLOSED, "alma", SINCE - HOUR, SINCE + HOUR)
EVERYTHING = Facts(
    NOW,
    lanes=(CLOSED, LaneFact("koha", held_why="Paused by ann."), LaneFact("sierra")),
    sources=(FAILING, SILENT, SourceFact("calm", last=NOW)),
    stops=(STOPPED, HELD),
    parked=(
        group(),
        group(
            2, staff=True, cause="staff", newest=(parked(7, "Delete item ILL-7 by hand."), parked(8, "Waive the fee."))
        ),
    ),
    kept=(KEPT,),
    notes=(UNTOLD, NotesStanding("calm", 1, NOW - MINUTE)),
    accounts=(EXPIRING, EXPIRED, FINE),
    quiet=(QUIET,),
    past=(PAST,),
    age_limits={"main": 120},
)
