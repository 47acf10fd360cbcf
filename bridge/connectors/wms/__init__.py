"""OCLC WorldShare Management Services: NCIP by WSKey, patrons by SCIM (known limits: docs/reference/connectors/wms.md)."""

import time
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from bridge.connectors.base import Connector, ConnectorKind, Surroundings
from bridge.connectors.ncip.bearer import Bearer
from bridge.connectors.ncip.client import NcipClient, transport_of
from bridge.connectors.ncip.connector import NcipConnector, institution, utc_now
from bridge.connectors.wms.scim import ScimDirectory
from bridge.connectors.wms.settings import WmsSettings
from bridge.http import Exchange, Http, Unpaced


def connected(
    settings: WmsSettings,
    surroundings: Surroundings,
    *,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], datetime] = utc_now,
) -> NcipConnector:
    """The connector; a token each for NCIP and for patrons."""

    def http(address: str, *, paced: bool) -> Http:
        pace = surroundings.pace if paced else Unpaced()
        tell = surroundings.tell if paced else _untold
        return Http(address, name=surroundings.ils, pace=pace, tell=tell, rules=settings.rules, sleep=sleep)

    secret = settings.secret.get_secret_value()
    tokens = http(settings.token_url, paced=False)
    ncip = Bearer(tokens, settings.key, secret, settings.ncip_scope, now)
    scim = Bearer(tokens, settings.key, secret, settings.scim_scope, now)
    zone = ZoneInfo(settings.timezone)
    directory = ScimDirectory(
        http(settings.scim_url, paced=True), scim, tokens, settings.timezone, lambda: now().astimezone(zone).date()
    )

    def renewed() -> bool:
        ncip.forget()
        return True

    client = NcipClient(settings, transport_of(settings, surroundings, sleep, ncip.headers), now, renewed)
    return NcipConnector(settings, surroundings, sleep=sleep, now=now, client=client, directory=directory)


def _untold(_: Exchange) -> None:
    """Tokens are none of the library's calls."""


def build(settings: BaseModel, surroundings: Surroundings) -> Connector:
    """The connector for these settings (a ``WmsSettings``)."""
    return connected(WmsSettings.model_validate(settings.model_dump()), surroundings)


CONNECTOR = ConnectorKind("wms", WmsSettings, build, institution=institution)

__all__ = ["CONNECTOR", "WmsSettings", "connected"]
