"""How the connectors are built from settings, and the desk of their stand-in."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from pydantic import ValidationError

from bridge.connectors.base import Surroundings
from bridge.connectors.ncip import NcipSettings
from bridge.connectors.registry import connector_kind
from bridge.domain.commands import Verb
from bridge.http import Unpaced
from tests.connectors.ncip.bench import NcipBench

SETTINGS: dict[str, Any] = {"url": "https://ils.example.org/ncip/", "timezone": "Europe/Berlin", "to_agency": "LIB"}
WSKEY = {"key": "k", "secret": "s", "scim_url": "https://scim.example.org/Users/.search"}


@pytest.mark.parametrize("name", ["ncip", "horizon", "millennium", "wms", "folio"])
def test_each_is_built_from_its_settings(name: str) -> None:
    kind = connector_kind(name)
    settings = kind.settings.model_validate(SETTINGS | (WSKEY if name == "wms" else {}))
    made = kind.build(settings, Surroundings(name, Unpaced(), lambda _: None))
    made.close()
    assert made.capabilities.by_patron
    assert kind.institution is not None
    assert kind.institution(settings) == ("https://ils.example.org/ncip", "lib", "")


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"url": "ftp://x"}, "https"),
        ({"url": "tcp://host"}, "port"),
        ({"timezone": "Mars"}, "time zone"),
        ({"dialect": "klingon"}, "dialect"),
    ],
)
def test_settings_that_cannot_be_right(wrong: dict[str, str], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        NcipSettings.model_validate(SETTINGS | wrong)


def test_what_is_set_goes_before_the_dialect() -> None:
    more = {"dialect": "polaris", "version": "2.01", "cancels": False, "looks": "nothing", "content_type": "text/xml"}
    settings = NcipSettings.model_validate(SETTINGS | more | {"password": "p", "from_system": "US"})
    spoken, envelope = settings.spoken(), settings.envelope()
    assert (spoken.version, spoken.cancels, spoken.sees, spoken.content_type) == ("2.01", False, "nothing", "text/xml")
    assert (envelope.password, envelope.from_system) == ("p", "US")
    assert "password" not in repr(envelope)


def test_the_desk(bench: NcipBench) -> None:
    own = bench.own_barcode
    bench.lend(own, "P1001")
    for what in ("renew", "lose", "found", "check_in"):
        bench.desk(what, barcode=own)
    bench.desk("place_hold", barcode=own, patron="P1001")
    bench.desk("expire_hold", barcode=own)
    bench.desk("block_patron", patron="P1001")
    bench.desk("fix_patron", patron="P1001")
    report = bench.stand_in.report()
    assert not any(report.values())
    url = f"{bench._server.url}/_sandbox/desk"
    for what, order in (
        ("renew", {"barcode": own}),
        ("cancel_hold", {"barcode": own}),
        ("check_in", {"barcode": "NONE"}),
        ("lend", {"barcode": own, "patron": "nobody"}),
    ):
        assert requests.post(f"{url}/{what}", json=order, timeout=10).status_code in {404, 409}
    assert requests.get(f"{bench._server.url}/nowhere", timeout=10).status_code == 404
    assert Verb.CHECK_IN not in bench.connector.capabilities.reasons
