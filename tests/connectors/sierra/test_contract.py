"""Sierra keeps the contract of every connector."""

from tests.contract.less import LessContract
from tests.contract.suite import ConnectorContract


class TestSierra(ConnectorContract, LessContract):
    """Over real HTTP against the stand-in."""

    believed = ("lender GET /patrons/{id}/holds",)
