"""Sierra keeps the contract of every connector."""

from tests.contract.suite import ConnectorContract


class TestSierra(ConnectorContract):
    """Over real HTTP against the stand-in."""
