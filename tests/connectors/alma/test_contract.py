"""Alma keeps the contract of every connector."""

from tests.contract.suite import ConnectorContract


class TestAlma(ConnectorContract):
    """Over real HTTP against the stand-in; every request is checked against the vendor's OpenAPI documents."""
