"""Innovative Millennium, and Sierra without its REST API: NCIP, and another door for patrons (docs/reference/connectors/millennium.md)."""

import time
from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from bridge.connectors.base import Connector, ConnectorKind, Surroundings
from bridge.connectors.millennium.patronapi import PatronApi
from bridge.connectors.millennium.settings import MillenniumSettings
from bridge.connectors.millennium.sippatrons import SipPatrons
from bridge.connectors.ncip.connector import NcipConnector, institution, utc_now
from bridge.connectors.sip2 import Sip2Client


def connected(
    settings: MillenniumSettings,
    surroundings: Surroundings,
    *,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], datetime] = utc_now,
) -> NcipConnector:
    """The connector, with SIP2 or the Patron API for patrons where one of them is named."""
    zone = ZoneInfo(settings.timezone)

    def today() -> date:
        return now().astimezone(zone).date()

    if settings.sip2 is not None:
        patrons = SipPatrons(Sip2Client(settings.sip2, surroundings, now=now), today)
        return NcipConnector(settings, surroundings, sleep=sleep, now=now, directory=patrons)
    if not settings.patron_api:
        return NcipConnector(settings, surroundings, sleep=sleep, now=now)
    http = surroundings.http(settings.patron_api, settings.rules, sleep)
    return NcipConnector(settings, surroundings, sleep=sleep, now=now, directory=PatronApi(http, today))


def build(settings: BaseModel, surroundings: Surroundings) -> Connector:
    """The connector for these settings (a ``MillenniumSettings``)."""
    return connected(MillenniumSettings.model_validate(settings.model_dump()), surroundings)


CONNECTOR = ConnectorKind("millennium", MillenniumSettings, build, institution=institution)

__all__ = ["CONNECTOR", "MillenniumSettings", "connected"]
