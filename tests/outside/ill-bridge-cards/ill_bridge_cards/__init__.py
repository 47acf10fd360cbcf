"""Cards over its REST API: the connector and its kind for the entry point ``ill_bridge.connectors``."""

from bridge.connectors.base import ConnectorKind
from ill_bridge_cards.connector import CardsConnector, build, institution
from ill_bridge_cards.settings import CardsSettings

CONNECTOR = ConnectorKind("cards", CardsSettings, build, institution)

__all__ = ["CONNECTOR", "CardsConnector", "CardsSettings"]
