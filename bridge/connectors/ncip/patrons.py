"""Patrons and ILL accounts: who they are, what is against them, and their fees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from bridge.connectors.amounts import minor
from bridge.connectors.base import Call
from bridge.connectors.ncip import messages as say
from bridge.connectors.ncip.client import NcipClient
from bridge.connectors.ncip.dates import day_of
from bridge.connectors.ncip.errors import Refused, for_good, not_seen
from bridge.connectors.ncip.problems import Meaning
from bridge.connectors.ncip.reading import Privilege, UserSeen, user_seen
from bridge.connectors.ncip.settings import NcipBase
from bridge.connectors.ncip.sight import Sight, fee_in, reason_of
from bridge.domain import commands as do
from bridge.domain.expect import AccountStanding
from bridge.domain.record import FeeRecord, Learned, Outcome, OutcomeKind, PatronRecord
from bridge.errors import Rejected, Retry

NCIP = "NCIP"
WELL = frozenset({"", "ok", "active", "good", "allowed"})
"""Words by which STATUS says that nothing is against a user; all others are told as the reason."""
ILL = frozenset({"blocked", "barred", "delinquent", "restricted", "expired", "inactive", "suspended"})
"""Words that mean the same wherever they stand."""
UNKNOWN = Rejected(
    "The patron is unknown to the ILS.",
    cause="unknown_patron",
    advice="Correct the patron id in the request at the service.",
)


@dataclass(frozen=True)
class Person:
    """A patron, as far as circulation needs them; ``against``: parts of a sentence."""

    against: tuple[str, ...] = ()
    expires: date | None = None
    group: str = ""


class Directory(Protocol):
    """Where patrons are looked up: by NCIP, or by another door of the same ILS. ``door`` is its name."""

    door: str

    def person(self, identifier: str) -> Person | None:
        """A patron; ``None`` where there is none. Raises as ``Connector`` says."""
        ...

    def account(self, identifier: str) -> AccountStanding:
        """How an ILL account stands. Raises ``Unavailable`` and ``CredentialsRejected``."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


class NcipDirectory:
    """LookupUser."""

    door = NCIP

    def __init__(self, client: NcipClient, today: Callable[[], date]) -> None:
        self._client = client
        self._today = today

    def person(self, identifier: str) -> Person | None:
        """See ``Directory``."""
        return self._found(self._client.names.user(identifier))

    def _found(self, user: say.Id) -> Person | None:
        try:
            body = self._client.ask(say.LookupUser(user, self._client.dialect.user_elements))
        except Refused as refused:
            if refused.meaning is Meaning.UNKNOWN_USER:
                return None
            if refused.meaning is Meaning.USER_BLOCKED:
                return Person(("the ILS does not let them",))
            raise for_good(refused, "refused") from refused
        return person_of(user_seen(body), self._client.zone, self._today())

    def account(self, identifier: str) -> AccountStanding:
        """See ``Directory``."""
        return standing_of(identifier, lambda: self._found(self._client.names.account(identifier)))

    def close(self) -> None:
        """The client is another's."""


def standing_of(account: str, find: Callable[[], Person | None]) -> AccountStanding:
    """How an account stands that is looked up so. Raises what is no news of the account: ``Unavailable``, ``CredentialsRejected``."""
    try:
        found = find()
    except (Rejected, Retry) as problem:
        return AccountStanding(account, problem=problem.reason)
    if found is None:
        return AccountStanding(account, known=False)
    return AccountStanding(account, against=found.against, expires=found.expires, group=found.group)


def person_of(user: UserSeen, zone: str, today: date) -> Person:
    """What a LookupUserResponse says of a user; STATUS and PROFILE are key and value, or the value stands in the key."""
    status = next((each for each in user.privileges if each.kind.casefold() == "status"), None)
    profile = next((each for each in user.privileges if each.kind.casefold() == "profile"), None)
    group = profile.status if profile else next((each.kind for each in user.privileges if not each.status), "")
    until = day_of(status.until, zone) if status else None
    return Person(tuple(_against(user, status, until, today)), until, group)


def _against(user: UserSeen, status: Privilege | None, until: date | None, today: date) -> Iterator[str]:
    words = status.status if status else ""
    if words.casefold() not in WELL:
        yield f"their status is {words}"
    yield from (f"a block stands ({block})" for block in user.blocks if block)
    rest = (each for each in user.privileges if each is not status)
    yield from (f"their privilege {each.kind} is {each.status}" for each in rest if each.status.casefold() in ILL)
    if until is not None and until < today and not words:
        yield f"expired on {until}"


class Patrons:
    """Patrons of one ILS."""

    def __init__(self, client: NcipClient, settings: NcipBase, sight: Sight, directory: Directory) -> None:
        self._client = client
        self._settings = settings
        self._sight = sight
        self._directory = directory

    def find(self, command: do.FindPatron) -> Outcome:
        """Look a patron up; raises ``Rejected`` with every reason why they may not borrow."""
        person = self._directory.person(command.patron_id)
        if person is None:
            raise Rejected(UNKNOWN.reason, cause=UNKNOWN.cause, advice=UNKNOWN.advice)
        if person.against:
            raise Rejected(
                f"The patron may not borrow: {'; '.join(person.against)}.",
                cause="patron_not_entitled",
                advice="See to the patron's record in the ILS.",
            )
        return Outcome(learned=Learned(patron=PatronRecord(command.patron_id, command.patron_id, person.expires)))

    def standing(self, account: str) -> AccountStanding:
        """How an ILL account stands."""
        return self._directory.account(account)

    def charge(self, command: do.ChargeFee, call: Call) -> Outcome:
        """Charge a fee; where it may have been charged before, it is looked for among the patron's."""
        if call.verify:
            listed = self._sight.fees_of(command.patron_id)
            if listed is None:
                raise not_seen("Charging the fee")
            if (found := fee_in(listed, command.target, command.fee_key)) is not None:
                return Outcome(OutcomeKind.ALREADY, Learned(fee=FeeRecord(command.fee_key, found.number, command.fee)))
        try:
            body = self._client.ask(self._fee(command))
        except Refused as refused:
            raise for_good(refused, "by_hand", "Charge the fee by hand in the ILS.") from refused
        number = body.first("FiscalTransactionIdentifierValue")
        return Outcome(learned=Learned(fee=FeeRecord(command.fee_key, number, command.fee)))

    def _fee(self, command: do.ChargeFee) -> say.CreateUserFiscalTransaction:
        dialect, names, target = self._client.dialect, self._client.names, command.target
        currency = command.fee.currency or self._settings.currency
        return say.CreateUserFiscalTransaction(
            user=names.user(command.patron_id),
            minor=minor(command.fee.amount, currency),
            currency=currency,
            request=names.request(target.mark.code),
            item=names.item(target.ids.item or target.barcode),
            action=dialect.fee_action,
            kind=command.fee_type or dialect.fee_kind,
            description=reason_of(target, command.fee_key),
        )
