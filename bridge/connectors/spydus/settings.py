"""Settings of the Spydus connector: those of its SIP2 account, and what is Spydus's own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bridge.connectors.sip2.settings import Sip2Settings


class SpydusSettings(Sip2Settings):
    """How to reach a Spydus by SIP2."""

    due_dates: Literal["advisory", "staff"] = Field(
        default="advisory",
        description="SIP2 sets no due date, except where `due_date` says so. advisory: the history says which date Spydus gave; staff: "
        "staff are asked to change it.",
        examples=["advisory"],
    )
