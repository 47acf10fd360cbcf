"""A SIP2 server beside the responder, for patrons: Innovative's second door (millennium.md section 3)."""

from dataclasses import dataclass, field

from bridge.sandbox.memory import Call
from bridge.sandbox.ncip.app import NcipStandIn
from bridge.sandbox.ncip.state import State
from bridge.sandbox.sip2 import Habits, House, SipServer
from bridge.sandbox.sip2.desk import PatronSeen
from bridge.sandbox.sip2.server import Heard

SUPPORTS = "YYYNYYYYYNNNNNYN"


@dataclass
class PatronDoor(House):
    """Patrons as the responder has them; it knows no item, and tells no expiry."""

    state: State = field(default_factory=State)

    def patron(self, patron_id: str) -> PatronSeen | None:
        """A patron by any identifier."""
        found = self.state.find_patron(patron_id)
        if found is None:
            return None
        denied = found.status != "OK" or found.expires < self.state.clock().date()
        words = (
            "There are unresolved issues with your account.  Please see a staff member for assistance."
            if denied
            else ""
        )
        return PatronSeen(found.barcode, found.name, denied, words=words)


def sip_server(stand_in: NcipStandIn, *, port: int = 0) -> SipServer:
    """The SIP2 server of this stand-in (start it); what it hears counts among the stand-in's calls."""
    state = stand_in.state

    def heard(told: Heard) -> None:
        status, transient = 200 if told.ok else 409, told.code in {"93", "97"} or bool(told.fault)
        call = Call(
            "SIP2", told.code, f"/sip2/{told.code}", (), status, "", transient, 1, told.fault or None, state.monotonic()
        )
        with state.lock:
            state.calls.append(call)

    desk = PatronDoor(clock=state.clock, lock=state.lock, state=state)
    habits = Habits(supports=SUPPORTS, tells_unknown=False)
    return SipServer(desk, state.lock, habits, stand_in.faults, heard, port=port)
