"""Parked requests by cause: does time heal it, what is asked for once it was mended, and when it is tried again by itself. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Mend(StrEnum):
    """The command that goes on once a cause was mended.

    ``retry`` where a request, a setting or somebody's account was wrong: nothing of ours changed in the ILS meanwhile. ``resync`` where
    staff may have seen to the item, its hold or its loan by hand, so that the record has to be read afresh. ``resolve`` where the ILS shows
    nothing to read: the word of those who looked is taken.
    """

    RETRY = "retry"
    RESYNC = "resync"
    RESOLVE = "resolve"


@dataclass(frozen=True)
class Cause:
    """What a cause means. ``heals``: it may pass without anybody correcting the request or a setting. ``advice``: where none was given."""

    mend: Mend
    heals: bool = False
    advice: str = "Find out why"


CANNOT_LOOK = "cannot_look"
"""The end of a step is not known, and the ILS does not show it."""
_POLICY = Cause(Mend.RETRY, advice="Correct the library's policy and restart")
_RESYNC = Cause(Mend.RESYNC)
_ACCOUNT = Cause(Mend.RETRY, heals=True, advice="See to the borrowing library's account in the ILS")
_BUSY = Cause(Mend.RETRY, heals=True, advice="See whether the ILS is well, and ask its support where it stays so")
_ELSEWHERE = Cause(Mend.RESYNC, heals=True, advice="See in the ILS what stands in its way")

CAUSES: Mapping[str, Cause] = {
    "unknown_patron": Cause(Mend.RETRY, heals=True, advice="Correct the patron id in the request"),
    "ambiguous_patron": Cause(Mend.RETRY, heals=True, advice="Merge the patron records, or name another identifier"),
    "patron_not_entitled": Cause(Mend.RETRY, heals=True, advice="See to the patron's record in the ILS"),
    "barcode_taken": Cause(Mend.RETRY, heals=True, advice="Give the request another temporary barcode"),
    "illegal_barcode": Cause(
        Mend.RETRY, advice="Give the request another barcode, or correct barcode_prefix and restart"
    ),
    "unknown_item": Cause(Mend.RETRY, heals=True, advice="Correct the barcode in the request"),
    "item_type": _POLICY,
    "location": _POLICY,
    "pickup_location": Cause(Mend.RETRY, advice="Correct the map of pickup locations and restart"),
    "hold_elsewhere": _ELSEWHERE,
    "not_fillable": _ELSEWHERE,
    "not_requestable": _ELSEWHERE,
    "volume_needed": Cause(Mend.RETRY, advice="Name the volume in the request, or place the hold by hand"),
    CANNOT_LOOK: Cause(Mend.RESOLVE, advice="Look in the ILS whether it was done, else do it there"),
    "by_hand": Cause(Mend.RESOLVE, advice="Do it by hand"),
    "hold_needed": Cause(Mend.RETRY, advice="Switch borrowing.hold on in the library's policy"),
    "patron_needed": Cause(Mend.RESYNC, advice="Do it by hand in the ILS"),
    "unsupported": Cause(Mend.RETRY, advice="Set in the connector's settings what the responder knows"),
    "not_yet_visible": Cause(Mend.RETRY, heals=True, advice="See in the ILS whether the item is there"),
    "sent_already": _BUSY,
    "record_in_use": Cause(Mend.RETRY, heals=True, advice="See who has the record open in the ILS, and close it"),
    "unknown_account": Cause(
        Mend.RETRY, advice="Make the account in the ILS, or correct the map of accounts and restart"
    ),
    "account_not_entitled": _ACCOUNT,
    "account_expired": _ACCOUNT,
    "account_blocked": _ACCOUNT,
    "loan_limit": _ACCOUNT,
    "parallel_loan": _ACCOUNT,
    "desk": Cause(
        Mend.RETRY, advice="Correct the desk in the settings and restart, or let it serve the location in the ILS"
    ),
    "not_loanable": _ELSEWHERE,
    "hold_not_shown": _ELSEWHERE,
    "on_loan": _ELSEWHERE,
    "still_on_loan": _ELSEWHERE,
    "not_charged": Cause(
        Mend.RETRY,
        heals=True,
        advice="Ask the owning library to charge the item to the ILL account, or cancel the request",
    ),
    "charged_over": Cause(
        Mend.RETRY, heals=True, advice="Ask the borrowing library to discharge the patron's charge at its desk"
    ),
    "another_renewed": Cause(Mend.RETRY, advice="See in the ILS when the later loan should be due, and correct it"),
    "left_to_staff": Cause(Mend.RETRY, heals=True, advice="Scan the item at the desk as your practice says"),
    "lost_and_paid": Cause(Mend.RESYNC, advice="Decide what becomes of the fee, and check the item in by hand"),
    "due_date_past": Cause(Mend.RETRY, advice="Name another due date"),
    "not_ours": _RESYNC,
    "item_in_use": _ELSEWHERE,
    "bib_in_use": _ELSEWHERE,
    "not_moved": _ELSEWHERE,
    "refused": _RESYNC,
    "rejected": _RESYNC,
    "audit_set": Cause(Mend.RETRY, advice="Correct audit_set"),
    "throttled": Cause(
        Mend.RETRY, heals=True, advice="Lower calls_per_second and restart, or see what else calls the ILS"
    ),
    "general_error": _BUSY,
    "server_error": Cause(
        Mend.RETRY,
        heals=True,
        advice="The ILS answers others: see there what is odd about the patron, the item or its records",
    ),
    "credentials_rejected": Cause(Mend.RETRY, heals=True, advice="See to our rights in the ILS"),
    "nonsense": _BUSY,
    "retry": _BUSY,
    "daily_threshold": Cause(Mend.RETRY, heals=True, advice="See what else calls the ILS"),
    "outcome_unknown": Cause(Mend.RESYNC, heals=True, advice="See in the ILS what came of it"),
    "unsettled": Cause(Mend.RESYNC, advice="Report this as a fault of the bridge"),
    "not_configured": Cause(Mend.RETRY, advice="Put the library back into the configuration"),
    "unreadable": Cause(Mend.RESYNC, advice="See: ill-bridge db check"),
    "fault": Cause(Mend.RESYNC, advice="Report it with the log's 'worker.failed'"),
    "aged": Cause(
        Mend.RETRY,
        advice="See whether the item is back, and clear by hand what stays; 'forget' ends the request; where it goes on",
    ),
    "staff": Cause(Mend.RESYNC, advice="Do it by hand"),
}
"""What a request can be parked for. A connector of others may have more: they are taken for what only people can mend."""


def cause_of(name: str) -> Cause:
    """What this cause means."""
    return CAUSES.get(name, _RESYNC)


def mended_by(name: str, mend: Mend) -> bool:
    """Whether this command goes on after this cause."""
    return cause_of(name).mend is mend


def advice_for(name: str, advice: str, request: str) -> str:
    """What to do for a request parked for this cause, ending with the command that goes on."""
    cause = cause_of(name)
    return f"{(advice or cause.advice).rstrip(' .')}, then: ill-bridge {cause.mend} {request}."


@dataclass(frozen=True)
class Nights:
    """When parked requests are tried again by themselves: once a day ``at`` this time in ``zone``, for so many days (by library)."""

    at: time = time(2, 30)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    days: Mapping[str, int] = field(default_factory=dict)

    def next_try(self, library: str, cause: str, *, since: datetime, now: datetime) -> datetime | None:
        """When a request parked ``since`` is tried again (UTC); ``None`` where time does not heal it, or it was tried long enough."""
        days = self.days.get(library, 0)
        if not days or not cause_of(cause).heals:
            return None
        found = self._after(now)
        return found if found <= since + timedelta(days=days) else None

    def _after(self, now: datetime) -> datetime:
        today = now.astimezone(self.zone).date()
        coming = (datetime.combine(today + timedelta(days=ahead), self.at, tzinfo=self.zone) for ahead in range(3))
        return next(moment for each in coming if (moment := each.astimezone(UTC)) > now)
