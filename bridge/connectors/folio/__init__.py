"""FOLIO: NCIP through edge-ncip and mod-ncip (koha-wms-spydus.md part D; known limits: docs/reference/connectors/folio.md)."""

from pydantic import BaseModel

from bridge.connectors.base import Connector, ConnectorKind, Surroundings
from bridge.connectors.folio.settings import FolioSettings
from bridge.connectors.ncip.connector import NcipConnector, institution


def build(settings: BaseModel, surroundings: Surroundings) -> Connector:
    """The connector for these settings (a ``FolioSettings``)."""
    return NcipConnector(FolioSettings.model_validate(settings.model_dump()), surroundings)


CONNECTOR = ConnectorKind("folio", FolioSettings, build, institution=institution)

__all__ = ["CONNECTOR", "FolioSettings"]
