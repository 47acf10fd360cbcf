"""Signatures: what is signed is verified, and nothing else is taken."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr, ValidationError

from bridge.domain.arrival import ArrivalState
from bridge.errors import RefusedInput
from bridge.sources.signing import sign
from bridge.sources.webhook import WebhookSettings, WebhookSource
from tests.sources.messages import LIBRARIES, SECRET, SETTINGS, body

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
SOURCE = WebhookSource("hook", SETTINGS, LIBRARIES)


def headers(signature: str, timestamp: str = STAMP) -> dict[str, str]:
    return {"X-ILL-Bridge-Timestamp": timestamp, "X-ILL-Bridge-Signature": signature}


def test_a_signed_message_is_taken() -> None:
    SOURCE.verify(headers(sign(SECRET, STAMP, body())), body(), NOW)


def test_one_good_signature_among_several_is_enough() -> None:
    SOURCE.verify(headers(f"sha256=00, {sign(SECRET, STAMP, body())}"), body(), NOW)


def test_the_secret_before_is_taken_while_it_is_configured() -> None:
    old = sign("the old secret", STAMP, body())
    with pytest.raises(RefusedInput):
        SOURCE.verify(headers(old), body(), NOW)
    settings = SETTINGS.model_copy(update={"previous_secret": SecretStr("the old secret")})
    WebhookSource("hook", settings, LIBRARIES).verify(headers(old), body(), NOW)


REFUSED = [
    ({}, "not signed"),
    (headers(""), "not signed"),
    (headers("sha256=00"), "does not fit"),
    (headers("äöü"), "does not fit"),
    (headers(sign("another secret", STAMP, body())), "does not fit"),
    (headers(sign(SECRET, STAMP, b"{}")), "does not fit"),
    (headers(sign(SECRET, "now", body()), "now"), "whole seconds"),
    (headers(sign(SECRET, "١٢٣", body()), "١٢٣"), "whole seconds"),
    (headers(sign(SECRET, str(int(STAMP) - 301), body()), str(int(STAMP) - 301)), "too old"),
    (headers(sign(SECRET, str(int(STAMP) + 301), body()), str(int(STAMP) + 301)), "too old or too early"),
]


@pytest.mark.parametrize(("given", "why"), REFUSED)
def test_what_is_not_signed_as_it_should_be_is_refused(given: dict[str, str], why: str) -> None:
    with pytest.raises(RefusedInput, match=why):
        SOURCE.verify(given, body(), NOW)


def test_the_signature_is_over_the_raw_bytes() -> None:
    spaced = body().replace(b": ", b":  ")
    with pytest.raises(RefusedInput):
        SOURCE.verify(headers(sign(SECRET, STAMP, body())), spaced, NOW)


def test_a_kept_message_is_read_again() -> None:
    assert SOURCE.replayed(body().decode()).state is ArrivalState.FOLDED
    assert SOURCE.read(body(status="Teleported")).state is ArrivalState.UNKNOWN_WORD


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValidationError):
        WebhookSettings(service="svc", secret=SecretStr("short"))
