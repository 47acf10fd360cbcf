"""Koha keeps the contract of every connector."""

from tests.contract.less import LessContract
from tests.contract.suite import ConnectorContract


class TestKoha(ConnectorContract, LessContract):
    """Over real HTTP and SIP2 against the stand-in."""
