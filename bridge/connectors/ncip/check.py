"""Does the responder answer, and let us in? What else the policies take for granted cannot be asked over NCIP, and that is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bridge.connectors.ncip import messages as say
from bridge.connectors.ncip.client import NcipClient
from bridge.connectors.ncip.dialects import Sees
from bridge.connectors.ncip.patrons import NCIP, Directory
from bridge.connectors.ncip.settings import NcipBase
from bridge.domain.expect import Expectations, Use
from bridge.domain.finding import Finding, clock_finding, failed, warned, well
from bridge.errors import Rejected, Retry


class NcipCheck:
    """One look at one responder, and at the other door by which patrons are looked up, where there is one."""

    def __init__(self, client: NcipClient, settings: NcipBase, directory: Directory) -> None:
        self._client = client
        self._settings = settings
        self._directory = directory

    def probed(self) -> tuple[Finding, ...]:
        """Asks after a user who need not exist: any answer to that is a good one.

        Where patrons are looked up by another door the responder may not know LookupUser at all: what it says to that is an answer, too.
        Raises ``Unavailable`` and ``CredentialsRejected`` where the ILS cannot be asked at all.
        """
        door = self._directory.door
        found = (self._asked(door, lambda: self._directory.person(self._settings.probe_user)),)
        return found if door == NCIP else (*found, self._asked(NCIP, lambda: self._client.reach(self._question())))

    def _asked(self, door: str, ask: Callable[[], object]) -> Finding:
        try:
            ask()
        except (Rejected, Retry) as refused:
            return failed(door, refused.reason, refused.advice or "See to the agencies of this connector.")
        return well(
            door, "The responder answers." if door == NCIP else f"Patrons are looked up by {door}, which answers."
        )

    def _question(self) -> say.LookupUser:
        return say.LookupUser(self._client.names.user(self._settings.probe_user), self._client.dialect.user_elements)

    def findings(self, expected: Expectations) -> tuple[Finding, ...]:
        """Everything, in the order an operator would set it up."""
        return (*self.probed(), self._clock(), *self._codes(expected), *self._sight())

    def _clock(self) -> Finding:
        return clock_finding("Clock", self._client.clock(self._question()))

    def _codes(self, expected: Expectations) -> Iterator[Finding]:
        unused = (Use.ITEM_TYPE, Use.MATERIAL, Use.TEMPORARY_PLACE, Use.LENDING_PLACE, Use.ARRIVAL_PLACE)
        for each in expected.of(*unused):
            text = f"'{each.code}' has no effect: NCIP names neither types nor places of items; the ILS gives its own."
            yield warned(each.subject, text, f"Leave it out. {each.advice}")
        for each in expected.of(Use.PICKUP_LOCATION):
            yield well(each.subject, f"Whether it is there cannot be asked over NCIP. {each.advice}")

    def _sight(self) -> Iterator[Finding]:
        if self._client.dialect.sees is Sees.NOTHING:
            text = "This responder cannot be asked what became of a step."
            yield well("Looks", f"{text} What may not be done twice is left to staff where its end is unclear.")
