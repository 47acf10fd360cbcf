"""How one responder wants its messages wrapped: version, header, prefix, schemes (ncip-sip2.md sections 1.2 and 1.8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

NAMESPACE = "http://www.niso.org/2008/ncip"
_V1_SCHEME = "http://www.niso.org/ncip/v1_0/imp1/schemes/{0}/{0}.scm"
AGENCY_SCHEME = "http://www.niso.org/ncip/v1_0/schemes/agency.scm"
V1_DOCTYPE = (
    '<!DOCTYPE NCIPMessage PUBLIC "-//NISO//NCIP DTD Version 1//EN" '
    '"http://www.niso.org/ncip/v1_0/imp1/dtd/ncip_v1_0.dtd">'
)


class Version(StrEnum):
    """Versions that are spoken."""

    V1 = "1.0"
    V2_0 = "2.0"
    V2_01 = "2.01"
    V2_02 = "2.02"


VERSION_NAMES = {
    Version.V1: "http://www.niso.org/ncip/v1_0/imp1/dtd/ncip_v1_0.dtd",
    Version.V2_0: "http://www.niso.org/schemas/ncip/v2_0/ncip_v2_0.xsd",
    Version.V2_01: "http://www.niso.org/schemas/ncip/v2_01/ncip_v2_01.xsd",
    Version.V2_02: "http://www.niso.org/schemas/ncip/v2_02/ncip_v2_02.xsd",
}


@dataclass(frozen=True)
class Envelope:
    """What stands around every message to one responder.

    ``prefix``: empty for the default namespace (Koha looks for the bare name NCIPMessage). ``schemes``: element, or ``element=value`` →
    scheme; NCIP 1 has one for every coded value, 2.x only those named here (WMS wants them). ``password`` goes into
    ``FromAgencyAuthentication`` and never into a log.
    """

    version: Version = Version.V2_02
    from_agency: str = ""
    to_agency: str = ""
    from_system: str = ""
    to_system: str = ""
    profile: str = ""
    password: str = field(default="", repr=False)
    prefix: str = "ns1"
    schemes: Mapping[str, str] = field(default_factory=dict)
    agency_scheme: str = ""

    @property
    def first(self) -> bool:
        """Whether this is NCIP 1."""
        return self.version is Version.V1

    def scheme(self, element: str, value: str) -> str:
        """The scheme of a coded value; empty where none is sent."""
        named = self.schemes.get(f"{element}={value}") or self.schemes.get(element, "")
        if element == "AgencyId":
            return named or self.agency_scheme or (AGENCY_SCHEME if self.first else "")
        return named or (_V1_SCHEME.format(element.lower()) if self.first else "")
