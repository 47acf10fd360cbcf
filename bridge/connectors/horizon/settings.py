"""Settings of the Horizon connector."""

from __future__ import annotations

from bridge.connectors.ncip.dialects import HORIZON, Dialect
from bridge.connectors.ncip.settings import NcipBase


class HorizonSettings(NcipBase):
    """How to reach a Horizon's NCIP 1 responder."""

    def basis(self) -> Dialect:
        """Horizon's NCIP."""
        return HORIZON
