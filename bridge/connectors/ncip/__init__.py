"""NCIP: protocol, dialects, and the connector for any ILS that speaks it; Horizon, Millennium, WMS and FOLIO stand on it."""

from bridge.connectors.base import ConnectorKind
from bridge.connectors.ncip.connector import NcipConnector, build, institution
from bridge.connectors.ncip.settings import NcipSettings

CONNECTOR = ConnectorKind("ncip", NcipSettings, build, institution=institution)

__all__ = ["CONNECTOR", "NcipConnector", "NcipSettings"]
