"""Koha keeps the contract of every connector."""

from tests.contract.suite import ConnectorContract


class TestKoha(ConnectorContract):
    """Over real HTTP and SIP2 against the stand-in."""
