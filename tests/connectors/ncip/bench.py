"""Connectors over NCIP and their stand-ins over real HTTP: one bench, told apart by what the responder speaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import requests

from bridge.connectors.base import Connector, Surroundings
from bridge.connectors.folio import FolioSettings
from bridge.connectors.horizon import HorizonSettings
from bridge.connectors.millennium import MillenniumSettings
from bridge.connectors.millennium import connected as millennium
from bridge.connectors.ncip import NcipConnector, NcipSettings
from bridge.connectors.ncip.settings import NcipBase
from bridge.connectors.wms import WmsSettings
from bridge.connectors.wms import connected as wms
from bridge.domain import commands as do
from bridge.domain.commands import Verb
from bridge.domain.identity import Mark
from bridge.http import Exchange
from bridge.sandbox.faults import Fault, Outage
from bridge.sandbox.memory import Call
from bridge.sandbox.ncip import NcipStandIn
from bridge.sandbox.ncip.standing import standing_of
from bridge.sandbox.server import Server
from tests.contract.bench import Listening, Spoilt, SpyPace, circulating

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ZONE = "America/Chicago"
LOOKS = ("LookupUser", "LookupItem", "Users/.search", "dump")
WRITES = "^/ncip/(?!Lookup|other)"
ASKED = "^/(ncip|scim|PATRONAPI)"
FAULTS = {
    Spoilt.TIME_OUT: "hang",
    Spoilt.DROPPED: "drop_before",
    Spoilt.SERVER_ERROR: "status",
    Spoilt.NONSENSE: "garbage",
}
BLIND = frozenset({"AcceptItem", "CheckOutItem", "CheckInItem", "DeleteItem", "CancelRequestItem"})
"""What a dialect that cannot look sends again: it is the same done twice there."""


def took_effect(call: Call) -> bool:
    """Whether the stand-in did what it was asked, whatever became of its answer: a refusal comes with HTTP 200."""
    done = call.fault.endswith("_after") if call.fault else call.status < 400
    return done and not call.code


class NcipBench:
    """See ``ContractBench``."""

    speaks = "generic"
    patron = "21000000001001"
    other_patron = "21000000001002"
    unknown_patron = "no-such-patron"
    blocked_patron = "21000000001005"
    account = "ILL-XYZ"
    own_barcode = "39000000000001"
    foreign_barcode = "39000000000003"
    temporary_place = do.Place()
    lending_place = do.Place()
    pickup = "MAIN"
    other_pickup = "BRANCH"
    item_type = ""
    material = ""
    unseen_codes = frozenset({"TYPE", "PICKUP", "PLACE"})
    tokens = False
    blind = False

    def __init__(self, **settings: object) -> None:
        self.stand_in = NcipStandIn(self.speaks, clock=lambda: NOW, tokens=self.tokens, api_key="sesame")
        self._server = Server(self.stand_in.app)
        self.pace = SpyPace()
        self.heard = Listening()
        self.waits: list[float] = []
        self.clock = NOW
        self.settings = self.configured({**self._common(), **self.more(self._server.url), **settings})
        self.connector: Connector = self.connect()

    def _common(self) -> dict[str, object]:
        return {
            "url": f"{self._server.url}/ncip",
            "api_key": "sesame",
            "timezone": ZONE,
            "from_agency": "ILL",
            "to_agency": "LIB",
        }

    def more(self, url: str) -> dict[str, object]:
        """Settings of this kind."""
        return {"charge_fees": True}

    def configured(self, settings: dict[str, Any]) -> NcipBase:
        """The settings of this kind."""
        return NcipSettings.model_validate(settings)

    def build(
        self, surroundings: Surroundings, sleep: Callable[[float], None], now: Callable[[], datetime]
    ) -> Connector:
        """The connector of this kind."""
        return NcipConnector(self.settings, surroundings, sleep=sleep, now=now)

    def connect(self) -> Connector:
        surroundings = Surroundings("ncip", self.pace, self.heard.tell)
        return self.build(surroundings, self.waits.append, lambda: self.clock)

    def reconnect(self, read_timeout: float = 30.0) -> None:
        self.connector.close()
        self.settings = self.settings.model_copy(update={"read_timeout": read_timeout})
        self.connector = self.connect()

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self.connector.close()
        self._server.stop()

    def writes(self) -> Counter[str]:
        calls = (call for call in self.stand_in.calls() if self._writes(call.template))
        return Counter(f"POST {call.template.rpartition('/')[2]}" for call in calls if took_effect(call))

    @staticmethod
    def _writes(template: str) -> bool:
        return template.startswith("/ncip/") and not template.endswith((*LOOKS, "/other"))

    def changes(self, exchange: Exchange) -> bool:
        return exchange.template not in LOOKS and exchange.template not in {"token", "/{barcode}/dump"}

    def same_twice(self, name: str, verbs: tuple[Verb, ...] = ()) -> bool:
        message = name.partition(" ")[2]
        return message in {"CheckInItem", "DeleteItem", "CancelRequestItem"} or (self.blind and message in BLIND)

    def spoil(self, way: Spoilt, *, done: bool, skip: int = 0) -> None:
        status = 500 if way is Spoilt.SERVER_ERROR else None
        self.fault(FAULTS[way], path=WRITES, done=done, skip=skip, status=status)

    def fault(self, kind: str, *, path: str = ASKED, times: int = 1, **more: object) -> None:
        self.stand_in.faults.add(Fault.model_validate({"kind": kind, "path": path, "times": times, **more}))

    def outage(self, *, on: bool) -> None:
        self.stand_in.faults.set_outage(Outage(on=on))

    def drop_after_next_write(self) -> None:
        self.fault("drop_after", path=WRITES)

    def drop_before_next_write(self) -> None:
        self.fault("drop_before", path=WRITES)

    def unauthorized(self, *, times: int) -> None:
        self.fault("unauthorized", times=times)

    def throttle(self, *, times: int, retry_after: float) -> None:
        self.fault("throttle", times=times, retry_after=round(retry_after))

    def garbage(self, *, times: int) -> None:
        self.fault("garbage", times=times)

    def server_error(self, words: str, *, times: int) -> None:
        page = f"<html><head><title>500</title></head><body><script>x()</script><p>{words}</p></body></html>"
        self.fault("status", status=500, body=page, content_type="text/html", times=times)

    def refusal(self, words: str, *, status: int, times: int) -> None:
        self.fault("vendor_error", code="9999", message=words, status=status, times=times)

    def proxy_page(self, *, times: int) -> None:
        self.fault("html", times=times)

    def desk(self, what: str, **order: object) -> None:
        answer = requests.post(f"{self._server.url}/_sandbox/desk/{what}", json=order, timeout=10)
        assert answer.ok, answer.text

    def lend(self, barcode: str, patron: str) -> None:
        self.desk("lend", barcode=barcode, patron=patron)

    def check_in(self, barcode: str) -> None:
        self.desk("check_in", barcode=barcode)

    def relabel(self, barcode: str, new_barcode: str) -> None:
        self.desk("relabel", barcode=barcode, new_barcode=new_barcode)

    def delete_by_hand(self, barcode: str) -> None:
        self.desk("delete", barcode=barcode)

    def move(self, barcode: str, place: do.Place, *, for_good: bool) -> None:
        """NCIP shows no place."""

    def cancel_hold(self, barcode: str) -> None:
        self.desk("cancel_hold", barcode=barcode)

    def erase_mark(self, barcode: str) -> None:
        self.stand_in.state.items_with_barcode(barcode)[0].call_number = "PZ 1"

    def put_back(self, barcode: str, mark: Mark) -> None:
        self.stand_in.state.add_item(barcode, by="seed", call=mark.text)

    def items_with_barcode(self, barcode: str) -> int:
        return len(self.stand_in.state.items_with_barcode(barcode))

    def bibs_with_mark(self, mark: Mark) -> int:
        return sum(mark.code in text for item in list(self.stand_in.state.live_items()) for text in item.texts[:1])

    def holds_on(self, barcode: str) -> int:
        state = self.stand_in.state
        return sum(len(state.active_holds(item)) for item in state.items_with_barcode(barcode))

    def loan_of(self, barcode: str) -> str:
        state = self.stand_in.state
        loans = (state.open_loan(item) for item in state.items_with_barcode(barcode))
        return next((loan.patron for loan in loans if loan is not None), "")

    def due_of(self, barcode: str) -> str:
        loan = self.stand_in.state.open_loan(self.stand_in.state.items_with_barcode(barcode)[0])
        assert loan is not None
        return loan.due.astimezone(ZoneInfo(ZONE)).isoformat()

    def shown(self, barcode: str) -> tuple[str, ...]:
        state = self.stand_in.state
        return tuple(circulating(standing_of(state, item)) for item in state.items_with_barcode(barcode))

    def note_of(self, barcode: str) -> str:
        """NCIP writes none."""
        return ""

    def write_note(self, barcode: str, note: str) -> None:
        """NCIP shows none."""

    def fees_of(self, patron: str) -> int:
        found = self.stand_in.state.find_patron(patron)
        assert found is not None
        return sum(fee.patron == found.barcode for fee in list(self.stand_in.state.fees))

    def orphans(self) -> int:
        return len(self.stand_in.report()["orphans"])

    def sent(self) -> list[str]:
        """The messages that were sent, log-ins left out."""
        return [call.template.rpartition("/")[2] for call in self.stand_in.calls() if call.template != "/token"]


class HorizonBench(NcipBench):
    """Horizon, at a site where the lists of LookupUser were seen."""

    speaks = "horizon"

    def more(self, url: str) -> dict[str, object]:
        return {"looks": "user"}

    def configured(self, settings: dict[str, Any]) -> NcipBase:
        return HorizonSettings.model_validate(settings)


class MillenniumBench(NcipBench):
    """Millennium, at such a site."""

    speaks = "millennium"

    def more(self, url: str) -> dict[str, object]:
        return {"looks": "user"}

    def configured(self, settings: dict[str, Any]) -> NcipBase:
        return MillenniumSettings.model_validate(settings)

    def build(
        self, surroundings: Surroundings, sleep: Callable[[float], None], now: Callable[[], datetime]
    ) -> Connector:
        assert isinstance(self.settings, MillenniumSettings)
        return millennium(self.settings, surroundings, sleep=sleep, now=now)


class FolioBench(NcipBench):
    """FOLIO."""

    speaks = "folio"
    blind = True

    def more(self, url: str) -> dict[str, object]:
        return {}

    def configured(self, settings: dict[str, Any]) -> NcipBase:
        return FolioSettings.model_validate(settings)


class WmsBench(NcipBench):
    """WMS."""

    speaks = "wms"
    blind = True
    tokens = True

    def more(self, url: str) -> dict[str, object]:
        return {
            "key": NcipStandIn.client,
            "secret": NcipStandIn.client_secret,
            "token_url": f"{url}/token",
            "scim_url": f"{url}/scim/v2/Users/.search",
        }

    def configured(self, settings: dict[str, Any]) -> NcipBase:
        return WmsSettings.model_validate(settings)

    def build(
        self, surroundings: Surroundings, sleep: Callable[[float], None], now: Callable[[], datetime]
    ) -> Connector:
        assert isinstance(self.settings, WmsSettings)
        return wms(self.settings, surroundings, sleep=sleep, now=now)
