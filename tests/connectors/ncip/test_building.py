"""What is sent: against the schema of its version, and in NCIP 1's own shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache

import pytest
from lxml import etree

from bridge.connectors.ncip import messages as say
from bridge.connectors.ncip.building import build
from bridge.connectors.ncip.dates import last_minute
from bridge.connectors.ncip.dialects import WMS
from bridge.connectors.ncip.envelope import Envelope, Version
from tests.reference import REFERENCE, needs_reference

USER = say.Id("P1", "LIB", "Barcode Id")
ITEM = say.Id("ILL-1", "LIB", "Barcode Id")
REQUEST = say.Id("ILLB-0123456789abcdef", "ILL")
DUE = last_minute(date(2027, 1, 15), "America/Chicago")
WORK = say.Work("Salt & <silver>\x00", "Čapek, K.", "9780441478125", "ILLB-0123456789abcdef")
MESSAGES: tuple[say.Message, ...] = (
    say.LookupUser(USER, ("Name Information", "User Privilege"), lists=True, account=True),
    say.LookupUser(say.Id("P1")),
    say.LookupItem(ITEM, ("Circulation Status", "Item Description"), people=True),
    say.AcceptItem(REQUEST, "Hold For Pickup", ITEM, USER, WORK, "MAIN", DUE, DUE),
    say.AcceptItem(REQUEST, "Hold For Pickup", ITEM),
    say.CheckOutItem(USER, ITEM, REQUEST, DUE, DUE),
    say.CheckInItem(ITEM, ("Bibliographic Description",), DUE),
    say.RenewItem(USER, ITEM, DUE),
    say.RequestItem(USER, REQUEST, "Hold", "Item", ITEM, pickup="MAIN"),
    say.RequestItem(USER, REQUEST, "Page", "Item", bib="in00001", bib_code="SYSNUMBER"),
    say.RequestItem(USER, REQUEST, "Hold", "Title", bib="5", bib_agency="LIB"),
    say.CancelRequestItem(USER, REQUEST, ITEM, "Hold", "Item"),
    say.CancelRequestItem(USER, None, ITEM, "Hold"),
    say.DeleteItem(ITEM),
    say.CreateUserFiscalTransaction(USER, 350, "EUR", REQUEST, ITEM, "Assess", "Interlibrary Loan Fee", "x", DUE),
    say.CreateUserFiscalTransaction(USER, 350, "EUR", REQUEST, ITEM, "Assess", "Interlibrary Loan Fee"),
)
NAMES = [f"{say.name_of(message)}-{number}" for number, message in enumerate(MESSAGES)]
PLAIN = Envelope(from_agency="ILL", to_agency="LIB", password="secret", profile="X")
FILES = {Version.V2_0: "ncip_v2_0.xsd", Version.V2_01: "ncip_v2_01.xsd", Version.V2_02: "ncip_v2_02.xsd"}


@cache
def schema(version: Version) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(REFERENCE / "ncip-sip2" / "xsd" / FILES[version]))


def envelopes() -> Iterator[Envelope]:
    for version in FILES:
        yield replace(PLAIN, version=version)
    yield replace(PLAIN, prefix="")
    yield Envelope(version=Version.V2_0)
    yield replace(PLAIN, schemes=WMS.schemes, from_system="us", to_system="WMS Circ")


@needs_reference
@pytest.mark.parametrize("message", MESSAGES, ids=NAMES)
def test_everything_sent_is_valid_by_the_schema_of_its_version(message: say.Message) -> None:
    for envelope in envelopes():
        document = etree.fromstring(build(message, envelope))
        found = schema(envelope.version)
        assert found.validate(document), (envelope, found.error_log)


def test_signs_that_xml_has_no_place_for_are_left_out_and_the_rest_is_escaped() -> None:
    document = etree.fromstring(build(MESSAGES[3], PLAIN))
    assert document.findtext(".//{*}Title") == "Salt & <silver>"
    assert document.findtext(".//{*}Author") == "Čapek, K."


def test_koha_wants_the_bare_name() -> None:
    sent = build(MESSAGES[0], replace(PLAIN, prefix=""))
    assert b"<NCIPMessage " in sent
    assert b"ncip:version=" in sent


def test_schemes_go_by_element_and_value() -> None:
    envelope = replace(PLAIN, schemes=WMS.schemes)
    document = etree.fromstring(build(say.CheckInItem(say.Id("7", kind="ILL Request Id")), envelope))
    (kind,) = document.iter("{*}ItemIdentifierType")
    assert kind.get("{http://www.niso.org/2008/ncip}Scheme", "").endswith("circillrequestidentifiertype.scm")
    barcode = etree.fromstring(build(say.CheckInItem(say.Id("7", kind="Barcode")), envelope))
    assert b"visibleitemidentifiertype" in etree.tostring(barcode)


def test_without_agencies_there_is_no_header() -> None:
    assert b"InitiationHeader" not in build(MESSAGES[0], Envelope())


@pytest.mark.parametrize("message", MESSAGES, ids=NAMES)
def test_ncip_1_has_its_own_names(message: say.Message) -> None:
    """No schema of version 1 is at hand: its shape is that of the requests other integrations send (koha-ncip-server, reshare-ncip1)."""
    sent = build(message, replace(PLAIN, version=Version.V1))
    assert b'"http://www.niso.org/ncip/v1_0/imp1/dtd/ncip_v1_0.dtd">' in sent
    document = etree.fromstring(sent)
    names = {etree.QName(each).localname for each in document.iter()}
    assert document.tag == "NCIPMessage"
    assert {"UniqueAgencyId", "Scheme", "Value"} <= names
    assert not names & {"UserId", "ItemId", "RequestId", "AgencyId", "PickupLocation", "ItemIdentifierType"}
    for agency in document.iter("UniqueAgencyId", "UserElementType", "RequestedActionType"):
        assert [child.tag for child in agency] == ["Scheme", "Value"]
        assert agency.findtext("Scheme", "").startswith("http://www.niso.org/ncip/v1_0/")


@needs_reference
def test_ncip_1_is_built_as_the_server_tests_of_others_have_it() -> None:
    """Element by element as in ByWater's own request, whatever the schemes."""
    theirs = etree.parse(REFERENCE / "ncip-sip2" / "koha-ncip-server" / "v1-CheckOutItem.xml").getroot()
    ours = etree.fromstring(
        build(
            say.CheckOutItem(say.Id("u", "KOHA"), say.Id("i", "KOHA"), say.Id("1234567", "KOHA"), DUE),
            Envelope(Version.V1, from_agency="KOHA", to_agency="KOHA"),
        )
    )
    assert [each.tag for each in ours.iter()] == [each.tag for each in theirs.iter()]
