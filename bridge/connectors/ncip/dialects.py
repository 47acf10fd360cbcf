"""How each ILS speaks NCIP: data only (ncip-sip2.md sections 1.7 and 1.8, millennium.md, koha-wms-spydus.md, symphony.md section 9).

What a table says is what integrations are known to do; where nothing is known, the cautious value stands. Only ``generic`` is the
standard's own: it takes a responder at the standard's word, and who uses it tries what it does and sets the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bridge.connectors.ncip.envelope import Version
from bridge.connectors.ncip.problems import Meaning


class Sees(StrEnum):
    """What a responder can be asked about an item, afterwards: by LookupItem, by a user's lists in LookupUser, or nothing."""

    ITEM = "item"
    USER = "user"
    NOTHING = "nothing"


class Deletes(StrEnum):
    """How a temporary item goes: by DeleteItem, by itself when it is checked in, or by staff."""

    MESSAGE = "message"
    CHECK_IN = "check_in"
    STAFF = "staff"


class Renews(StrEnum):
    """Whether RenewItem is understood, and whether the date asked for is taken."""

    EXACT = "exact"
    POLICY = "policy"
    NO = "no"


@dataclass(frozen=True)
class Dialect:
    """One ILS's NCIP.

    ``*_kind`` are identifier types; ``account_kind`` is that of the libraries things are lent to. ``pickup_in_to_agency``: NCIP 1 has
    no element for it. ``item_agency``: whether an item's agency is named in check-out and check-in. ``answers_barcodes``: the item id
    in an AcceptItemResponse is a barcode, and not a key of the ILS's own. ``barcode_unique``: a second item with a barcode is refused.
    ``check_out_mandated``: a check-out says that it has happened (WMS then takes the date). ``check_in_by_request``: an item is named
    by its request, where a message of ours told of that. ``requests_items``: RequestItem takes an item's barcode, ``requests_by_record``
    where a record's number would stand. ``delete_ends_holds``: holds go with the item. ``names_borrowers``: it is known to show whose an
    item's loan is. ``title_plain``: diacritics are left out.
    ``problems``: types of its own.
    """

    name: str
    version: Version = Version.V2_02
    prefix: str = "ns1"
    content_type: str = "application/xml; charset=utf-8"
    as_http: bool = False
    schemes: Mapping[str, str] = field(default_factory=dict)
    profile: str = ""
    to_system: str = ""
    user_kind: str = ""
    account_kind: str = ""
    item_kind: str = ""
    request_kind: str = ""
    user_elements: tuple[str, ...] = ("Name Information", "User Privilege", "Block Or Trap")
    item_elements: tuple[str, ...] = (
        "Bibliographic Description",
        "Circulation Status",
        "Hold Queue Length",
        "Item Description",
        "Location",
    )
    check_in_elements: tuple[str, ...] = ("Bibliographic Description", "Item Description")
    pickup_in_to_agency: bool = False
    item_agency: bool = True
    action: str = "Hold For Pickup"
    accepts: bool = True
    answers_barcodes: bool = True
    barcode_unique: bool = False
    mark_in_call_number: bool = True
    title_plain: bool = False
    request_type: str = "Hold"
    scope: str = "Item"
    requests_items: bool = False
    requests_by_record: bool = False
    cancels: bool = True
    sees: Sees = Sees.NOTHING
    names_borrowers: bool = False
    check_out_mandated: bool = False
    check_out_exact: bool = False
    check_in_by_request: bool = False
    renews: Renews = Renews.NO
    deletes: Deletes = Deletes.STAFF
    delete_ends_holds: bool = False
    charges: bool = False
    fee_action: str = "Assess"
    fee_kind: str = "Interlibrary Loan Fee"
    problems: Mapping[str, Meaning] = field(default_factory=dict)


_WMS_SCHEMES = {
    "FromSystemId": "http://oclc.org/ncip/schemes/systemid/oclcsystemid.scm",
    "ToSystemId": "http://oclc.org/ncip/schemes/systemid/oclcsystemid.scm",
    "AgencyId": "http://oclc.org/ncip/schemes/agencyid/institutionid.scm",
    "ApplicationProfileType": "http://oclc.org/ncip/schemes/applicationprofiletype/circillapplicationprofiletype.scm",
    "RequestIdentifierType": "http://oclc.org/ncip/schemes/requestidentifiertype/circillrequestidentifiertype.scm",
    "ItemIdentifierType": "http://www.niso.org/ncip/v1_0/imp1/schemes/visibleitemidentifiertype/visibleitemidentifiertype.scm",
    "ItemIdentifierType=ILL Request Id": "http://oclc.org/ncip/schemes/requestidentifiertype/circillrequestidentifiertype.scm",
    "UserIdentifierType": "http://www.niso.org/ncip/v1_0/imp1/schemes/visibleuseridentifiertype/visibleuseridentifiertype.scm",
    "UserIdentifierType=OCLC Institution Symbol": "http://oclc.org/ncip/schemes/userid/oclcids.scm",
    "RequestedActionType": "http://www.niso.org/ncip/v1_0/imp1/schemes/requestedactiontype/requestedactiontype.scm",
    "RequestedActionType=Hold For Fulfillment": "http://www.oclc.org/ncip/schemes/ws-illv1_0requestedactiontype/requestedactiontype.scm",
    "PickupLocation": "http://oclc.org/ncip/schemes/pickuplocation/branchid.scm",
    "FiscalActionType": "http://www.niso.org/ncip/v1_0/imp1/schemes/fiscalactiontype/fiscalactiontype.scm",
    "FiscalTransactionType": "http://www.niso.org/ncip/v1_0/imp1/schemes/fiscaltransactiontype/fiscaltransactiontype.scm",
    "CurrencyCode": "http://www.bsi-global.com/Technical+Information/Publications/_Publications/tig90x.doc",
}
_PLATFORM_SCHEMES = {
    "AgencyId": "http://oclc.org/ncip/schemes/agencyid.scm",
    "ApplicationProfileType": "http://oclc.org/ncip/schemes/application-profile/platform.scm",
}
_V1_USER = ("Name Information", "User Privilege", "Block Or Trap")
"""Not "User Id": SirsiDynix answers that with an error (symphony.md section 9)."""

GENERIC = Dialect(
    "generic",
    requests_items=True,
    sees=Sees.ITEM,
    names_borrowers=True,
    check_out_exact=True,
    renews=Renews.POLICY,
    deletes=Deletes.MESSAGE,
    charges=True,
)
HORIZON = Dialect(
    "horizon",
    version=Version.V1,
    user_elements=_V1_USER,
    pickup_in_to_agency=True,
    answers_barcodes=False,
    sees=Sees.USER,
)
MILLENNIUM = Dialect(
    "millennium",
    version=Version.V2_0,
    content_type="application/xml",
    user_kind="Barcode Id",
    account_kind="Barcode Id",
    item_kind="Barcode Id",
    request_kind="Barcode Id",
    sees=Sees.USER,
)
FOLIO = Dialect(
    "folio",
    version=Version.V2_0,
    user_elements=("Name Information", "User Privilege", "User Id"),
    barcode_unique=True,
    request_type="Page",
    requests_items=True,
    requests_by_record=True,
    deletes=Deletes.MESSAGE,
    delete_ends_holds=True,
    fee_action="charge-default-patron-fee",
    fee_kind="ILL-fee",
)
WMS = Dialect(
    "wms",
    schemes=_WMS_SCHEMES,
    profile="2.00",
    to_system="WMS Circ",
    user_kind="Barcode",
    account_kind="OCLC Institution Symbol",
    item_kind="Barcode",
    request_kind="ILL Request Id",
    item_agency=False,
    action="Hold For Fulfillment",
    check_out_mandated=True,
    check_out_exact=True,
    check_in_by_request=True,
    cancels=False,
)
WMS_PLATFORM = Dialect(
    "wms-platform",
    version=Version.V2_01,
    schemes=_PLATFORM_SCHEMES,
    profile="Version 2011",
    accepts=False,
)
KOHA = Dialect(
    "koha",
    prefix="",
    pickup_in_to_agency=True,
    mark_in_call_number=False,
    request_type="Hold",
    scope="Bibliographic Item",
    cancels=False,
    sees=Sees.ITEM,
    check_out_exact=True,
    renews=Renews.POLICY,
    deletes=Deletes.MESSAGE,
    problems={"resource cannot be provided": Meaning.ON_LOAN},
)
SIERRA = Dialect("sierra", version=Version.V2_0, scope="Title", sees=Sees.USER)
SYMPHONY = Dialect(
    "symphony",
    version=Version.V1,
    user_elements=_V1_USER,
    pickup_in_to_agency=True,
    answers_barcodes=False,
    request_type="Loan",
    scope="Bibliographic Item",
    sees=Sees.USER,
)
ALMA = Dialect("alma", request_type="Loan", scope="Bibliographic Item", sees=Sees.USER)
POLARIS = Dialect("polaris", version=Version.V1, pickup_in_to_agency=True, sees=Sees.USER)
EVERGREEN = Dialect("evergreen", request_type="Loan", scope="Bibliographic Item", cancels=False, sees=Sees.USER)
ALEPH = Dialect(
    "aleph",
    version=Version.V1,
    as_http=True,
    content_type="application/x-www-form-urlencoded",
    pickup_in_to_agency=True,
    sees=Sees.USER,
)
VOYAGER = Dialect("voyager", version=Version.V1, pickup_in_to_agency=True, title_plain=True, sees=Sees.USER)

DIALECTS: Mapping[str, Dialect] = {
    each.name: each
    for each in (
        GENERIC,
        KOHA,
        SIERRA,
        SYMPHONY,
        ALMA,
        POLARIS,
        EVERGREEN,
        ALEPH,
        VOYAGER,
        HORIZON,
        MILLENNIUM,
        FOLIO,
        WMS,
        WMS_PLATFORM,
    )
}
