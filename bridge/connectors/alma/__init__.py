"""Ex Libris Alma over its REST API: the connector and its kind for the entry point ``ill_bridge.connectors``."""

from bridge.connectors.alma.connector import AlmaConnector, build, institution
from bridge.connectors.alma.settings import AlmaSettings
from bridge.connectors.alma.webhook import loan_hook
from bridge.connectors.base import ConnectorKind

CONNECTOR = ConnectorKind("alma", AlmaSettings, build, institution, loan_hook)

__all__ = ["CONNECTOR", "AlmaConnector", "AlmaSettings"]
