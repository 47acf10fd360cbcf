"""What may come to a door: bytes, texts, JSON and dates that nobody meant, beside what was meant; and how often it is tried.

Each run draws the same few; ``--thorough`` draws many, ``HYPOTHESIS_PROFILE=explore`` many fresh ones.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

FIXTURES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
FEW = 6
MANY = 1000

few = settings(
    max_examples=FEW if settings.default is None or settings.default.derandomize else settings.default.max_examples,
    suppress_health_check=FIXTURES,
)
many = settings(max_examples=MANY, suppress_health_check=FIXTURES)
amounts = pytest.mark.parametrize(
    "amount", [pytest.param(few, id="few"), pytest.param(many, id="many", marks=pytest.mark.thorough)]
)
"""For tests that run their property so many times: ``amount(holds)()``."""

SIGNS = st.characters(codec=None, exclude_categories=())
TEXTS = st.text(
    st.one_of(st.sampled_from("\x00\x07\x1b\x7f\x85\u202e\ufeff\ud800\udfff\U0001f4d5 '\"\\{}<>&%/;="), SIGNS),
    max_size=30,
)
DATES = st.sampled_from(
    [
        "0000-00-00",
        "0001-01-01",
        "0001-01-01T00:00:00+14:00",
        "1969-12-31T23:59:59Z",
        "2026-02-30",
        "2026-02-30T10:00:00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T10:00:00+99:99",
        "2026-11-24T10:00:00+23:59",
        "2026-11-24T10:00:00.999999999Z",
        "2199-12-31T23:59:59-12:00",
        "9999-12-31",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-23:59",
        "+10000-01-01",
        "-0001-01-01",
        "24.11.2026",
        "",
    ]
)
NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from([2**53, 2**63, 2**64, -(2**63), 10**40, 10**4200, 1e308, -1e308, 0.1, -0.0, 253402300800]),
    st.floats(),
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS, DATES)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=8
)
DEEP = (
    st.sampled_from([900, 985, 995, 2000, 100_000])
    .flatmap(lambda depth: st.sampled_from([(b'{"a":' * depth, b"1", b"}" * depth), (b"[" * depth, b"", b"]" * depth)]))
    .map(b"".join)
)
XML = st.sampled_from(
    [
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "'
        + b"c" * 1000
        + b'"><!ENTITY d "'
        + b"&b;" * 1000
        + b'">]><bibs>&d;</bibs>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><bibs><bib><mms_id>&x;</mms_id></bib></bibs>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><bib><mms_id>1</mms_id></bib>',
        b"<bib>" * 3000 + b"</bib>" * 3000,
        b'<?xml version="1.0" encoding="no-such"?><bib/>',
        b"<web_service_result><errorsExist>true</errorsExist><errorList><error><errorCode>&</errorCode>",
        b"<html><body>Bad gateway</body></html>",
        "<?xml version='1.0' encoding='utf-16'?><bib><mms_id>99</mms_id></bib>".encode("utf-16"),
    ]
)


def written(value: Any) -> bytes:
    """As JSON, in the encodings that services use and misuse."""
    return json.dumps(value).encode()


ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-16-le", "utf-32", "cp037"])
RAW = st.one_of(
    st.binary(max_size=200),
    TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")),
    JSON.map(written),
    DEEP,
    XML,
    st.sampled_from(
        [b"", b"\x00", b"\xff\xfe", b"null", b"NaN", b"[1e999]", b"1" * 5000, b'"' + b"x" * 100_000 + b'"']
    ),
)


def seldom(amount: settings) -> settings:
    """A fifth of it, where one try is slow."""
    return settings(amount, max_examples=max(1, amount.max_examples // 5))
