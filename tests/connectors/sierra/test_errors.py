"""What Sierra's refusals mean: of code 132 the text decides (sierra.md, sections 3 and 6)."""

from __future__ import annotations

import json

import pytest

from bridge.connectors.sierra.errors import (
    AgainstPatron,
    AlreadyThere,
    Missing,
    NotAvailable,
    NotYetVisible,
    SentAlready,
    error_of,
    nonsense,
)
from bridge.errors import CredentialsRejected, IlsError, OutcomeUnknown, Rejected, Retry, Unavailable
from bridge.http import Answer


def refused(code: int, status: int, text: str = "", specific: int = 0) -> Answer:
    told = {"code": code, "specificCode": specific, "httpStatus": status, "name": "Name", "description": text}
    return Answer(status, json.dumps(told).encode())


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("XCirc error : This record is not available", NotAvailable),
        ("XCirc error : There is a problem with your library record.  Please see a librarian.", AgainstPatron),
        ("XCirc error : You may not make requests. Please consult a librarian", AgainstPatron),
        ("XCirc error : Request denied - already on hold for or checked out to you.", AlreadyThere),
        ("XCirc error : Bib record cannot be loaded", NotYetVisible),
        ("XCirc error : Your request has already been sent.", SentAlready),
        ("XCirc error : Item is not checked out", Missing),
        ("XCirc error : Record is in use", Rejected),
        ("XCirc error : something else", Rejected),
    ],
)
def test_a_refusal_of_circulation_is_never_an_outage(text: str, kind: type[IlsError]) -> None:
    for repeatable in (True, False):
        error = error_of("place the hold", refused(132, 500, text, 2), repeatable=repeatable)
        assert type(error) is kind
        assert error.code == "132/2"
        assert " ".join(text.split()) in error.reason


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (107, 404, Missing),
        (113, 401, CredentialsRejected),
        (123, 401, CredentialsRejected),
        (116, 403, CredentialsRejected),
        (117, 503, Unavailable),
        (108, 400, Rejected),
        (133, 409, Rejected),
        (111, 500, Unavailable),
        (999, 502, Unavailable),
    ],
)
def test_codes_have_their_consequence(code: int, status: int, kind: type[IlsError]) -> None:
    error = error_of("read the item", refused(code, status, "told"), repeatable=True)
    assert type(error) is kind
    assert "told" in error.reason


def test_an_internal_error_after_a_write_is_an_unknown_outcome() -> None:
    assert type(error_of("create the bib", refused(111, 500), repeatable=False)) is OutcomeUnknown


@pytest.mark.parametrize(
    ("status", "repeatable", "kind"),
    [
        (503, True, Unavailable),
        (500, False, OutcomeUnknown),
        (401, True, CredentialsRejected),
        (404, True, Unavailable),
        (418, True, Rejected),
    ],
)
def test_what_is_not_sierras_own_word(status: int, repeatable: bool, kind: type[IlsError]) -> None:
    error = error_of("list the holds", Answer(status, b"<html>proxy</html>"), repeatable=repeatable)
    assert type(error) is kind
    assert "not in Sierra's own words" in error.reason


VOLUMES = [
    {"id": 1, "location": {"name": "Main"}, "callNumber": "PZ 1", "status": {"display": "AVAILABLE"}},
    {"id": "http://sierra.example/v6/items/22"},
]


@pytest.mark.parametrize(
    ("details", "told"),
    [
        ({"itemsAsVolumes": VOLUMES}, "A volume must be chosen: PZ 1 Main AVAILABLE; item 22."),
        ({"itemsAsVolumes": "none"}, "A volume must be chosen."),
        ([], "A volume must be chosen."),
        (None, "A volume must be chosen."),
    ],
)
def test_where_a_volume_must_be_chosen_the_volumes_are_told(details: object, told: str) -> None:
    body = json.dumps({"code": 156, "httpStatus": 500, "name": "Volume", "details": details}).encode()
    error = error_of("place the hold", Answer(500, body), repeatable=False)
    assert isinstance(error, Rejected)
    assert (error.cause, error.code) == ("volume_needed", "156")
    assert error.reason.endswith(told)


def test_signs_that_a_site_spells_out_are_read() -> None:
    assert "Bücherei" in error_of("x", refused(132, 500, "B{u00FC}cherei"), repeatable=True).reason


def test_nonsense_is_no_success() -> None:
    assert type(nonsense("x", Answer(200, b"?"), repeatable=True)) is Retry
    assert type(nonsense("x", Answer(200, b"?"), repeatable=False)) is OutcomeUnknown
