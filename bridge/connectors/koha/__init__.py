"""Koha over REST and SIP2: the connector and its kind for the entry point ``ill_bridge.connectors``."""

from bridge.connectors.base import ConnectorKind
from bridge.connectors.koha.connector import KohaConnector, build, institution
from bridge.connectors.koha.settings import KohaSettings

CONNECTOR = ConnectorKind("koha", KohaSettings, build, institution)

__all__ = ["CONNECTOR", "KohaConnector", "KohaSettings"]
