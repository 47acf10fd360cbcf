"""SirsiDynix Horizon: NCIP 1 (symphony.md sections 9 and 11; known limits: docs/reference/connectors/horizon.md)."""

from pydantic import BaseModel

from bridge.connectors.base import Connector, ConnectorKind, Surroundings
from bridge.connectors.horizon.settings import HorizonSettings
from bridge.connectors.ncip.connector import NcipConnector, institution


def build(settings: BaseModel, surroundings: Surroundings) -> Connector:
    """The connector for these settings (a ``HorizonSettings``)."""
    return NcipConnector(HorizonSettings.model_validate(settings.model_dump()), surroundings)


CONNECTOR = ConnectorKind("horizon", HorizonSettings, build, institution=institution)

__all__ = ["CONNECTOR", "HorizonSettings"]
