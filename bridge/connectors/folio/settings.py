"""Settings of the FOLIO connector."""

from __future__ import annotations

from bridge.connectors.ncip.dialects import FOLIO, Dialect
from bridge.connectors.ncip.settings import NcipBase


class FolioSettings(NcipBase):
    """How to reach a FOLIO through edge-ncip; ``from_agency`` chooses the settings kept in FOLIO (in small letters there)."""

    def basis(self) -> Dialect:
        """FOLIO's NCIP."""
        return FOLIO
