"""Does the responder answer, and let us in? What else the policies take for granted cannot be asked over NCIP, and that is said."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.connectors.ncip import messages as say
from bridge.connectors.ncip.client import NcipClient
from bridge.connectors.ncip.dialects import Sees
from bridge.connectors.ncip.patrons import Directory
from bridge.connectors.ncip.settings import NcipBase
from bridge.domain.expect import Expectations, Use
from bridge.domain.finding import Finding, clock_finding, failed, warned, well
from bridge.errors import Rejected, Retry


class NcipCheck:
    """One look at one responder, through the door by which patrons are looked up."""

    def __init__(self, client: NcipClient, settings: NcipBase, directory: Directory) -> None:
        self._client = client
        self._settings = settings
        self._directory = directory

    def probed(self) -> tuple[Finding, ...]:
        """Asks after a user who need not exist: any answer to that is a good one.

        Raises ``Unavailable`` and ``CredentialsRejected`` where the ILS cannot be asked at all.
        """
        try:
            self._directory.person(self._settings.probe_user)
        except (Rejected, Retry) as refused:
            return (failed("NCIP", refused.reason, refused.advice or "See to the agencies of this connector."),)
        return (well("NCIP", "The responder answers."),)

    def findings(self, expected: Expectations) -> tuple[Finding, ...]:
        """Everything, in the order an operator would set it up."""
        return (*self.probed(), self._clock(), *self._codes(expected), *self._sight())

    def _clock(self) -> Finding:
        question = say.LookupUser(
            self._client.names.user(self._settings.probe_user), self._client.dialect.user_elements
        )
        return clock_finding("Clock", self._client.clock(question))

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
