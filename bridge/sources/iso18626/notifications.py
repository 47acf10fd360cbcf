"""Notes as ISO 18626 notifications: what became of a loan in our ILS, told to the other library in the conversation's own terms.

Source: ISO 18626:2021, 4.9 (reason and action *Notification*), and the schemas of 1.2 and 2021. A supplying agency's message must have a
status, which means nothing beside this reason: RequestReceived is what ReShare writes there.
"""

from __future__ import annotations

from collections.abc import Callable

from bridge.domain.identity import Role
from bridge.domain.masking import vendor_words
from bridge.domain.notes import Note
from bridge.domain.partner_lines import for_partner
from bridge.errors import OutcomeUnknown, Rejected
from bridge.http import Answer, Exchange
from bridge.sources.iso18626.elements import Branch, NoXml, parsed
from bridge.sources.iso18626.message import Agency, Kind
from bridge.sources.iso18626.relay import PeerLine
from bridge.sources.iso18626.settings import Iso18626Settings
from bridge.sources.iso18626.writing import MEDIA_TYPE, child, document, written
from bridge.sources.notes import refuse

STATUS = "RequestReceived"


class IsoChannel:
    """Notifications to peers. The standard has no question for what arrived, so that a try that may have is not made again by itself."""

    def __init__(self, name: str, settings: Iso18626Settings, tell: Callable[[Exchange], None]) -> None:
        self._name = name
        self._settings = settings
        rules = settings.notifications
        self.repeats = rules.repeat_unclear
        others = {peer: each for peer, each in settings.peers.items() if each.url and not each.ours}
        self._lines = {peer: PeerLine(peer, each, rules.timeout, tell) for peer, each in others.items()}

    def has(self, note: Note) -> bool:  # noqa: ARG002 - nobody can be asked
        """Never asked where ``repeats`` is false; else the receiver knows the message again, since it is the very same."""
        return False

    def send(self, note: Note) -> None:
        """Send it to the peer that speaks for the other library, else to the broker."""
        requester, supplier = self._agencies(note)
        other = supplier if note.request.role is Role.BORROWER else requester
        body = notification(note, requester, supplier, self._settings.notifications.version)
        answer = self._lines[self._peer(other)].post(body, MEDIA_TYPE, "[notes]")
        refuse(answer, self._name, repeat_is_known=False)
        _confirmed(answer, self._name)

    def close(self) -> None:
        """Close all connections."""
        for line in self._lines.values():
            line.close()

    def _agencies(self, note: Note) -> tuple[Agency, Agency]:
        """Requesting and supplying agency. Raises ``Rejected`` where one is not known."""
        borrows = note.request.role is Role.BORROWER
        ours = note.request.requester if borrows else self._settings.symbol_of(note.request.library)
        theirs = note.partner if borrows else note.request.requester or note.partner
        if not ours or not theirs:
            raise Rejected(
                f"{self._name}: it is not known who is told of request {note.request.number}, or in whose name."
            )
        us, them = self._agency(ours), self._agency(theirs)
        return (us, them) if borrows else (them, us)

    def _agency(self, symbol: str) -> Agency:
        """A symbol with its type, as it was said; else as the configuration has it."""
        known = (*self._settings.libraries, *(each for peer in self._settings.peers.values() for each in peer.symbols))
        typed = symbol if ":" in symbol else next((each for each in known if each.endswith(f":{symbol}")), symbol)
        type_, _, value = typed.rpartition(":")
        return Agency(type_ or self._settings.notifications.agency_type, "", value)

    def _peer(self, other: Agency) -> str:
        peers = {name: self._settings.peers[name] for name in self._lines}
        own = (name for name, peer in peers.items() if not peer.broker and peer.speaks_for(other))
        found = next(own, "") or next((name for name, peer in peers.items() if peer.broker), "")
        if not found:
            raise Rejected(f"{self._name}: no peer with a url speaks for {other.symbol(with_type=True)}.")
        return found


def notification(note: Note, requester: Agency, supplier: Agency, version: str) -> bytes:
    """The message; the same note is the very same message in every try. Valid by the schema of its version."""
    borrows = note.request.role is Role.BORROWER
    root = document("1.2" if version == "1.2" else "2021-2")
    message = child(root, (Kind.REQUESTING if borrows else Kind.SUPPLYING).value)
    header = child(message, "header")
    for name, agency in (("supplyingAgencyId", supplier), ("requestingAgencyId", requester)):
        made = child(header, name)
        child(made, "agencyIdType", agency.type)
        child(made, "agencyIdValue", agency.value)
    if version == "1.2":
        child(header, "multipleItemRequestId", "")
    child(header, "timestamp", note.at.isoformat())
    child(header, "requestingAgencyRequestId", note.request.number)
    text = f"{for_partner(note.line, note.request.role)} {note.mark}"
    if borrows:
        child(message, "action", "Notification")
        child(message, "note", text)
    else:
        info, state = child(message, "messageInfo"), child(message, "statusInfo")
        child(info, "reasonForMessage", "Notification")
        child(info, "note", text)
        child(state, "status", STATUS)
        child(state, "lastChange", note.at.isoformat())
    return written(root)


def _confirmed(answer: Answer, name: str) -> None:
    """Raises ``Rejected`` for a confirmation that says ERROR, ``OutcomeUnknown`` for what is no confirmation."""
    said = _confirmation(answer)
    status = said.text("confirmationHeader", "messageStatus") if said else ""
    if said is None or status not in {"OK", "ERROR"}:
        raise OutcomeUnknown(f"{name} answered a notification with something that is no confirmation.")
    if status == "ERROR":
        why = ": ".join(
            filter(None, (said.text("errorData", "errorType"), vendor_words(said.text("errorData", "errorValue"))))
        )
        raise Rejected(f"{name} did not take a notification ({why or 'no reason given'}).")


def _confirmation(answer: Answer) -> Branch | None:
    try:
        root = parsed(answer.body)
    except NoXml:
        return None
    return next((each for each in (root, *root.children) if each.name.endswith("Confirmation")), None)
