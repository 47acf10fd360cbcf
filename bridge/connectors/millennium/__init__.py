"""Innovative Millennium, and Sierra without its REST API: NCIP Responder and Patron API (docs/reference/connectors/millennium.md)."""

import time
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from bridge.connectors.base import Connector, ConnectorKind, Surroundings
from bridge.connectors.millennium.patronapi import PatronApi
from bridge.connectors.millennium.settings import MillenniumSettings
from bridge.connectors.ncip.connector import NcipConnector, institution, utc_now
from bridge.http import Http


def connected(
    settings: MillenniumSettings,
    surroundings: Surroundings,
    *,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], datetime] = utc_now,
) -> NcipConnector:
    """The connector, with the Patron API where one is named."""
    if not settings.patron_api:
        return NcipConnector(settings, surroundings, sleep=sleep, now=now)
    http = Http(
        settings.patron_api,
        name=surroundings.ils,
        pace=surroundings.pace,
        tell=surroundings.tell,
        rules=settings.rules,
        sleep=sleep,
    )
    zone = ZoneInfo(settings.timezone)
    directory = PatronApi(http, lambda: now().astimezone(zone).date())
    return NcipConnector(settings, surroundings, sleep=sleep, now=now, directory=directory)


def build(settings: BaseModel, surroundings: Surroundings) -> Connector:
    """The connector for these settings (a ``MillenniumSettings``)."""
    return connected(MillenniumSettings.model_validate(settings.model_dump()), surroundings)


CONNECTOR = ConnectorKind("millennium", MillenniumSettings, build, institution=institution)

__all__ = ["CONNECTOR", "MillenniumSettings", "connected"]
