"""Symphony keeps the contract of every connector."""

from tests.contract.less import LessContract
from tests.contract.suite import ConnectorContract


class TestSymphony(ConnectorContract, LessContract):
    """Over real HTTP against the stand-in."""
