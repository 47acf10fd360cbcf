"""May the bridge do its work in this Symphony, and is everything there that the policies take for granted? Read-only.

``describe`` is the only way to know which fields and actions a site has (symphony.md section 2.6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bridge.connectors.days import day_of
from bridge.connectors.symphony import models as symphony
from bridge.connectors.symphony.client import SymphonyClient
from bridge.connectors.symphony.errors import Missing
from bridge.connectors.symphony.settings import SymphonySettings
from bridge.domain.expect import Expectations, Expected, Use
from bridge.domain.finding import Finding, Level, clock_finding, failed, warned, well
from bridge.errors import CredentialsRejected, Rejected, Retry
from bridge.http import Answer, moment_of

PASSWORD_ENDS = timedelta(days=30)
"""A password that ends within this time is warned about."""


@dataclass(frozen=True)
class Wanted:
    """Fields that a resource or an action must have, and what for."""

    of: str
    fields: tuple[str, ...]
    purpose: str


ITEM = Wanted(
    "/catalog/item",
    (
        "barcode",
        "itemType",
        "library",
        "homeLocation",
        "currentLocation",
        "call",
        "bib",
        "circRecord",
        "transit",
        "fillableHoldList",
    ),
    "looking items up",
)
BIB = Wanted("/catalog/bib", ("bib", "callList", "catalogFormat", "shadowed", "title"), "making temporary bibs")
LOAN = Wanted("/circulation/circRecord", ("patron", "dueDate", "checkOutDate"), "loans")
ALWAYS = (
    Wanted("/user/patron", ("barcode", "standing", "privilegeExpiresDate", "patronStatusInfo"), "looking patrons up"),
    ITEM,
    LOAN,
    Wanted("/circulation/circRecord/checkIn", ("itemBarcode",), "checking in"),
    Wanted(
        "/circulation/holdRecord/placeHold",
        ("itemBarcode", "patron", "holdType", "holdRange", "recallStatus", "pickupLibrary", "comment"),
        "placing holds",
    ),
)
CHECK_OUT = Wanted("/circulation/circRecord/checkOut", ("itemBarcode", "patron", "dueDate"), "checking out")
LENDING = (
    CHECK_OUT,
    Wanted("/circulation/circRecord/renew", ("itemBarcode", "patronBarcode", "dueDate"), "renewing"),
)
SENDING = Wanted("/circulation/transit", ("destinationLibrary", "item", "transitReason"), "sending items to a library")
WHERE = Wanted("/catalog/item", ("currentLibrary",), "whether an item is home")


def probed(client: SymphonyClient, settings: SymphonySettings, today: date) -> tuple[Finding, ...]:
    """The session, and how long its password lasts. Raises ``Unavailable`` and ``CredentialsRejected`` where Symphony cannot be asked."""
    session, _ = client.session()
    return (well("Staff session", "Symphony lets the bridge in."), *_password(session, settings, today))


def _password(session: symphony.LogIn, settings: SymphonySettings, today: date) -> Iterator[Finding]:
    ends = day_of(session.ends, settings.timezone)
    if ends is not None and ends - today <= PASSWORD_ENDS:
        text = f"The password of staff user {settings.login} ends on {ends}."
        yield warned("Password", text, "Give the user a new one in Symphony, and the bridge with it.")


class SymphonyCheck:
    """One look at one Symphony."""

    def __init__(self, client: SymphonyClient, settings: SymphonySettings, now: Callable[[], datetime]) -> None:
        self._client = client
        self._settings = settings
        self._now = now

    def findings(self, expected: Expectations) -> tuple[Finding, ...]:
        """Everything, in the order an operator would set it up."""
        session, answer = self._client.session()
        return (
            well("Staff session", "Symphony lets the bridge in."),
            *_password(session, self._settings, self._now().date()),
            self._clock(answer),
            *self._described(expected),
            *self._own_codes(expected),
            *self._codes(expected),
            *self._places(expected),
        )

    def _clock(self, answer: Answer) -> Finding:
        moment = moment_of(answer)
        return clock_finding("Clock", moment - self._now() if moment else None)

    def _described(self, expected: Expectations) -> Iterator[Finding]:
        wanted = [*ALWAYS, *(LENDING if expected.lends else ())]
        if expected.borrows:
            days = ("fillByDate",) if self._settings.hold_days else ()
            wanted += (
                [BIB, Wanted("/circulation/holdRecord/placeHold", days, "holds that end by themselves")]
                if days
                else [BIB]
            )
        if self._settings.note_code:
            wanted.append(Wanted("/catalog/item", ("customInformation",), "notes to the desk (note_code)"))
        if expected.charges and self._settings.charge_fees:
            wanted.append(Wanted("/circulation/block", ("patron", "amount", "block", "comment"), "fees (charge_fees)"))
        if self._settings.lost_action:
            action = f"/circulation/circRecord/{self._settings.lost_action}"
            wanted.append(Wanted(action, (), "marking loans as lost (lost_action)"))
        within = bool(expected.of(Use.ARRIVAL_PLACE))
        if within:
            wanted += [SENDING, Wanted(self._settings.untransit_path, ("itemBarcode",), "receiving items")]
            wanted += [] if expected.lends else [CHECK_OUT]
        yield from (self._has(each) for each in wanted)
        if within:
            yield self._where()
        if expected.borrows and self._settings.search_index:
            yield self._index(self._settings.search_index)

    def _has(self, wanted: Wanted) -> Finding:
        subject = f"{wanted.of}: {wanted.purpose}"
        try:
            names = self._client.describe(wanted.of).names
        except (Missing, Rejected, Retry, CredentialsRejected) as refused:
            advice = "Ask the vendor whether this site's web services have it, and whether the client id may use it."
            return failed(subject, f"This site does not tell of it. {refused.reason}", advice)
        if wanted.fields and not names:
            return _unread(subject)
        lacking = [name for name in wanted.fields if name not in names]
        if lacking:
            return failed(
                subject,
                f"This site lacks {', '.join(lacking)}.",
                "Ask the vendor for a version of the web services that has it.",
            )
        return well(subject, "This site has all that is needed.")

    def _where(self) -> Finding:
        """In-system loans do without, and tell it."""
        found = self._has(WHERE)
        if found.level is Level.OK:
            return found
        advice = "What is neither charged nor in transit counts as home then: see that items are scanned where they are sent off."
        return warned(found.subject, found.text, advice)

    def _index(self, index: str) -> Finding:
        subject = f"Index {index}"
        try:
            known = {each.name for each in self._client.describe("/catalog/bib").indexes if each.name}
        except (Missing, Rejected, Retry, CredentialsRejected) as refused:
            return failed(subject, refused.reason, "It is named by search_index of this ILS.")
        if not known:
            return _unread(subject)
        if index in known:
            return well(subject, "It is there.")
        return failed(
            subject,
            f"There is no such index; there are: {', '.join(sorted(known))}.",
            "It is named by search_index of this ILS.",
        )

    def _own_codes(self, expected: Expectations) -> Iterator[Finding]:
        """Codes that the ILS's own settings name."""
        settings = self._settings
        yield self._policy("library", settings.library, "Library", "It is named by 'library' of this ILS.")
        if not expected.borrows:
            return
        yield self._policy(
            "catalogFormat", settings.catalog_format, "Catalogue format", "It is named by catalog_format of this ILS."
        )
        yield self._policy(
            "classification", settings.classification, "Classification", "It is named by classification of this ILS."
        )
        yield self._policy("holdRange", settings.hold_range, "Hold range", "It is named by hold_range of this ILS.")
        for code, name in ((settings.note_code, "note_code"), (settings.public_note_code, "public_note_code")):
            if code:
                advice = f"It is named by {name} of this ILS; leave that empty where there are no such notes."
                yield self._policy("itemExtendedInformation", code, "Code of notes", advice)

    def _policy(self, kind: str, code: str, name: str, advice: str) -> Finding:
        found = self._look(kind, code)
        if isinstance(found, str):
            return failed(f"{name} {code}", found, advice)
        return well(f"{name} {code}", f"It is there{_called(found)}.")

    def _look(self, kind: str, code: str) -> symphony.Policy | str:
        """A code's policy, or why it cannot be used."""
        try:
            return self._client.policy(kind, code)
        except Missing:
            return f"There is no '{code}' among Symphony's policies of type {kind}."
        except (Rejected, Retry, CredentialsRejected) as refused:
            return refused.reason

    def _codes(self, expected: Expectations) -> Iterator[Finding]:
        kinds = ((Use.ITEM_TYPE, "itemType"), (Use.PICKUP_LOCATION, "library"), (Use.FEE_TYPE, "block"))
        for use, kind in kinds:
            for each in expected.of(use):
                found = self._look(kind, each.code)
                if isinstance(found, str):
                    yield failed(each.subject, found, each.advice)
                else:
                    yield well(each.subject, f"It is there{_called(found)}.")
        for each in expected.of(Use.MATERIAL):
            yield warned(
                each.subject, "Symphony's temporary items have no material type; it is passed over.", each.advice
            )

    def _places(self, expected: Expectations) -> Iterator[Finding]:
        for each in expected.of(Use.TEMPORARY_PLACE, Use.LENDING_PLACE, Use.ARRIVAL_PLACE):
            yield self._place(each)

    def _place(self, each: Expected) -> Finding:
        place = each.place
        if place.library or each.use is not Use.LENDING_PLACE:
            found = self._look("library", place.library) if place.library else "It names no library."
            if isinstance(found, str):
                return failed(each.subject, found, each.advice)
        if not place.location and each.use is Use.ARRIVAL_PLACE:
            return well(each.subject, "The library is there.")
        location = self._look("location", place.location)
        if isinstance(location, str):
            return failed(each.subject, location, each.advice)
        return self._usable(each, location)

    def _usable(self, each: Expected, location: symphony.Policy) -> Finding:
        """A location of borrowed items must take holds, and should be hidden where that is what hides them."""
        if each.use is not Use.TEMPORARY_PLACE:
            return well(each.subject, f"It is there{_called(location)}.")
        if location.holdable is False and "HOLD_NO_HOLDS_OVRCD" not in self._settings.overrides:
            advice = f"Make the location holdable, or allow the override HOLD_NO_HOLDS_OVRCD in 'overrides' of this ILS. {each.advice}"
            return failed(each.subject, "Symphony takes no holds on items at this location.", advice)
        if self._settings.suppress_by == "location" and location.shadowed is False:
            advice = f"Shadow the location, or set suppress_by to record. {each.advice}"
            return warned(each.subject, "The location is not shadowed, so that the public sees borrowed items.", advice)
        return well(each.subject, f"It is there{_called(location)}.")


def _unread(subject: str) -> Finding:
    """Nobody has published what ``describe`` answers in full: a form that we do not know says neither yes nor no."""
    advice = "Look at its 'describe' by hand, and send it to the makers of the bridge."
    return warned(subject, "What this site tells of it could not be read, so that nothing is known of it.", advice)


def _called(found: symphony.Policy) -> str:
    return f" ({found.description})" if found.description else ""
