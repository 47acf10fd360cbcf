"""Civica Spydus over SIP2: the connector and its kind for the entry point ``ill_bridge.connectors``."""

from bridge.connectors.base import ConnectorKind
from bridge.connectors.spydus.connector import SpydusConnector, build, institution
from bridge.connectors.spydus.settings import SpydusSettings

CONNECTOR = ConnectorKind("spydus", SpydusSettings, build, institution)

__all__ = ["CONNECTOR", "SpydusConnector", "SpydusSettings"]
