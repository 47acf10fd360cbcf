"""Symphony keeps the contract of every connector."""

from tests.contract.suite import ConnectorContract


class TestSymphony(ConnectorContract):
    """Over real HTTP against the stand-in."""
