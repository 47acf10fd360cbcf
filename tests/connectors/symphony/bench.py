"""The Symphony connector and its stand-in over real HTTP."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import requests

from bridge.connectors.base import Connector, Surroundings
from bridge.connectors.symphony import SymphonyConnector, SymphonySettings
from bridge.domain import commands as do
from bridge.domain.commands import Verb
from bridge.domain.identity import Mark
from bridge.http import Exchange
from bridge.sandbox.faults import Fault, Outage
from bridge.sandbox.memory import Call
from bridge.sandbox.server import Server
from bridge.sandbox.symphony import SymphonyStandIn
from bridge.sandbox.symphony.model import Custom
from bridge.sandbox.symphony.seed import Seed, SeedItem
from bridge.sandbox.symphony.standing import objects
from tests.contract.bench import Listening, Spoilt, SpyPace

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ZONE = "America/New_York"
API = "^/symws/(?!user/staff/login)"
WRITE = "POST|PUT|DELETE"
WRITING = frozenset({"POST", "PUT", "DELETE"})
FAULTS = {
    Spoilt.TIME_OUT: "hang",
    Spoilt.DROPPED: "drop_before",
    Spoilt.SERVER_ERROR: "status",
    Spoilt.NONSENSE: "garbage",
}
LOG_IN = "/user/staff/login"
LOST = "markLost"
"""An action that no real Symphony is known to have; the stand-in has it where a switch says so."""


def took_effect(call: Call) -> bool:
    """Whether the stand-in did what it was asked, whatever became of its answer."""
    return call.fault.endswith("_after") if call.fault else call.status < 400


class SymphonyBench:
    """See ``ContractBench``."""

    patron = "21000000001001"
    other_patron = "P1002"
    unknown_patron = "no-such-patron"
    blocked_patron = "21000000001005"
    account = "ILL-ABC"
    sister_account = "DISTRICT-SOUTHILL"
    sister_library = "SOUTH"
    own_barcode = "39000000000001"
    foreign_barcode = "39000000000003"
    temporary_place = do.Place("MAIN", "ILL")
    lending_place = do.Place("MAIN", "ILL-LENT")
    pickup = "MAIN"
    other_pickup = "BRANCH"
    item_type = "ILL"
    material = ""
    unseen_codes: frozenset[str] = frozenset()

    def __init__(self, **settings: object) -> None:
        self.stand_in = SymphonyStandIn(clock=lambda: NOW, zone=ZONE)
        self.stand_in.behave(lost_action=LOST, account_transits=False)
        self._server = Server(self.stand_in.app)
        self.pace = SpyPace()
        self.heard = Listening()
        self.waits: list[float] = []
        self.clock = NOW
        self.settings = SymphonySettings.model_validate(
            {
                "base_url": f"{self._server.url}/symws",
                "client_id": self.stand_in.client_id,
                "login": self.stand_in.login,
                "password": self.stand_in.password,
                "library": "MAIN",
                "timezone": ZONE,
                "charge_fees": True,
                "fee_reason": "ILLFEE",
                "lost_action": LOST,
                **settings,
            }
        )
        self.connector: Connector = self.connect()

    def reconnect(self, read_timeout: float = 30.0) -> None:
        self.connector.close()
        self.settings = self.settings.model_copy(update={"read_timeout": read_timeout})
        self.connector = self.connect()
        self.log_in()

    def writes(self) -> Counter[str]:
        calls = (
            call for call in self.stand_in.calls() if call.method in WRITING and not call.template.endswith(LOG_IN)
        )
        return Counter(f"{call.method} {call.template}" for call in calls if took_effect(call))

    def changes(self, exchange: Exchange) -> bool:
        return exchange.method in WRITING and exchange.template != LOG_IN

    def same_twice(self, name: str, verbs: tuple[Verb, ...] = ()) -> bool:
        return name.startswith(("PUT", "DELETE"))

    def spoil(self, way: Spoilt, *, done: bool, skip: int = 0) -> None:
        status = 500 if way is Spoilt.SERVER_ERROR else None
        self.fault(FAULTS[way], method=WRITE, path=API, done=done, skip=skip, status=status)

    def connect(self) -> SymphonyConnector:
        surroundings = Surroundings("symphony", self.pace, self.heard.tell)
        return SymphonyConnector(self.settings, surroundings, sleep=self.waits.append, now=lambda: self.clock)

    def log_in(self) -> None:
        """Unheard, with the key of the ILL account: points at which a life may end are numbered, and these come once a life."""
        before, after = self.pace.before, self.heard.after
        self.pace.before, self.heard.after = (lambda: None), (lambda _: None)
        self.connector.probe()
        self.connector.accounts((self.account, self.sister_account))
        self.pace.before, self.heard.after = before, after

    def start(self) -> None:
        self._server.start()
        self.log_in()

    def stop(self) -> None:
        self.connector.close()
        self._server.stop()

    def fault(self, kind: str, *, method: str = ".*", path: str = API, times: int = 1, **more: object) -> None:
        body = {"kind": kind, "method": method, "path": path, "times": times, **more}
        self.stand_in.faults.add(Fault.model_validate(body))

    def outage(self, *, on: bool) -> None:
        self.stand_in.faults.set_outage(Outage(on=on))

    def drop_after_next_write(self) -> None:
        self.fault("drop_after", method=WRITE, path=API)

    def drop_before_next_write(self) -> None:
        self.fault("drop_before", method=WRITE, path=API)

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
        if patron == self.sister_account:
            self.desk("send", barcode=barcode, library=self.sister_library)

    def check_in(self, barcode: str) -> None:
        self.desk("check_in", barcode=barcode)

    def relabel(self, barcode: str, new_barcode: str) -> None:
        self.desk("relabel", barcode=barcode, new_barcode=new_barcode)

    def delete_by_hand(self, barcode: str) -> None:
        self.desk("delete", barcode=barcode)

    def objects(self) -> dict[str, list[dict[str, Any]]]:
        with self.stand_in.state.lock:
            return objects(self.stand_in.state)

    def items_with_barcode(self, barcode: str) -> int:
        return len(self.stand_in.state.items_with_barcode(barcode))

    def bibs_with_mark(self, mark: Mark) -> int:
        return sum(any(mark.code in text for text in bib["texts"]) for bib in self.objects()["bibs"])

    def holds_on(self, barcode: str) -> int:
        state = self.stand_in.state
        keys = {item.key for item in state.items_with_barcode(barcode)}
        return sum(hold.active and hold.item in keys for hold in list(state.holds.values()))

    def loan_of(self, barcode: str) -> str:
        state = self.stand_in.state
        """Everybody an item is charged to, the first charge first."""
        loans = [loan for item in state.items_with_barcode(barcode) for loan in state.charges_of(item.key)]
        return "+".join(state.patrons[loan.patron].called for loan in loans)

    def due_of(self, barcode: str) -> str:
        loan = self.stand_in.state.open_loan(self.stand_in.state.items_with_barcode(barcode)[0].key)
        assert loan is not None
        return loan.due.astimezone(ZoneInfo(ZONE)).isoformat()

    def note_of(self, barcode: str) -> str:
        """What the desk sees when it scans the item."""
        items = self.stand_in.state.items_with_barcode(barcode)
        return "; ".join(one.data for item in items for one in item.custom if one.code == "CIRCNOTE" and one.data)

    def write_note(self, barcode: str, note: str) -> None:
        self.stand_in.state.items_with_barcode(barcode)[0].custom.append(Custom("CIRCNOTE", note))

    def move(self, barcode: str, place: do.Place, *, for_good: bool) -> None:
        """The desk gives another home location, so that every move is for good until the next."""
        self.desk("move", barcode=barcode, location=place.location, library=place.library)

    def cancel_hold(self, barcode: str) -> None:
        self.desk("cancel_hold", barcode=barcode)

    def erase_mark(self, barcode: str) -> None:
        """Staff cleaned the bib up."""
        bib = self.stand_in.state.bibs[self.stand_in.state.items_with_barcode(barcode)[0].bib]
        bib.marc = {**bib.marc, "fields": [one for one in bib.marc["fields"] if one["tag"] not in {"035", "910"}]}

    def put_back(self, barcode: str, mark: Mark) -> None:
        """Staff put back an item that bears our mark; by then all that was made before is indexed."""
        state = self.stand_in.state
        for made in state.bibs.values():
            made.unseen = 0
        self.stand_in.plant(Seed(items=[SeedItem(barcode=barcode, title="Put back", location="ILL")]))
        bib = state.bibs[state.items_with_barcode(barcode)[0].bib]
        parts = (("a", "ILLB"), ("b", mark.code.removeprefix("ILLB-")), ("c", mark.text))
        field = {"tag": "910", "inds": "  ", "subfields": [{"code": code, "data": data} for code, data in parts]}
        bib.marc = {**bib.marc, "fields": [*bib.marc["fields"], field]}

    def fees_of(self, patron: str) -> int:
        found = self.stand_in.state.find_patron(patron)
        assert found is not None
        return sum(bill.patron == found.key for bill in list(self.stand_in.state.bills.values()))

    def orphans(self) -> int:
        return len(self.stand_in.report()["orphans"])

    def paths(self, method: str = "") -> list[str]:
        """Templates called so far, log-ins left out."""
        calls = self.stand_in.calls()
        return [
            call.template.removeprefix("/symws")
            for call in calls
            if method in {"", call.method} and not call.template.endswith(LOG_IN)
        ]
