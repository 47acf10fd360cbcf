"""Every connector over NCIP keeps the contract of all connectors, as far as its responder goes."""

from bridge.domain.commands import Verb
from tests.contract.suite import ConnectorContract


class TestNcip(ConnectorContract):
    """Any responder."""


class TestHorizon(ConnectorContract):
    """NCIP 1, seen by a user's lists only, which name an item by the number that the answer to AcceptItem told."""

    unshown = frozenset({Verb.CREATE_TEMPORARY_ITEM})


class TestMillennium(ConnectorContract):
    """Numbers for problems, and items that go when they are checked in."""


class TestFolio(ConnectorContract):
    """Nothing can be looked up afterwards."""


class TestWms(ConnectorContract):
    """Tokens, patrons by SCIM, requests by their number."""
