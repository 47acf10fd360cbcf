"""SirsiDynix Symphony over Symphony Web Services: the connector and its kind for the entry point ``ill_bridge.connectors``."""

from bridge.connectors.base import ConnectorKind
from bridge.connectors.symphony.connector import SymphonyConnector, build, institution
from bridge.connectors.symphony.settings import SymphonySettings

CONNECTOR = ConnectorKind("symphony", SymphonySettings, build, institution)

__all__ = ["CONNECTOR", "SymphonyConnector", "SymphonySettings"]
