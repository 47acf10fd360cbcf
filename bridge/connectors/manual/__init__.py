"""A library without any usable API: the plan is carried out by staff. The kind for the entry point ``ill_bridge.connectors``."""

from bridge.connectors.base import ConnectorKind
from bridge.connectors.manual.connector import ManualConnector, build
from bridge.connectors.manual.settings import ManualSettings

CONNECTOR = ConnectorKind("manual", ManualSettings, build)

__all__ = ["CONNECTOR", "ManualConnector", "ManualSettings"]
