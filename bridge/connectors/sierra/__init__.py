"""Innovative Sierra over its REST API: the connector and its kind for the entry point ``ill_bridge.connectors``."""

from bridge.connectors.base import ConnectorKind
from bridge.connectors.sierra.connector import SierraConnector, build, institution
from bridge.connectors.sierra.settings import SierraSettings

CONNECTOR = ConnectorKind("sierra", SierraSettings, build, institution)

__all__ = ["CONNECTOR", "SierraConnector", "SierraSettings"]
