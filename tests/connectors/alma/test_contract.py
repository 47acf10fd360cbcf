"""Alma keeps the contract of every connector."""

from tests.contract.less import LessContract
from tests.contract.suite import ConnectorContract


class TestAlma(ConnectorContract, LessContract):
    """Over real HTTP against the stand-in; every request is checked against the vendor's OpenAPI documents."""

    believed = ("borrower GET /bibs/{mms_id}/holdings/{holding_id}/items/{item_id}/loans",)
