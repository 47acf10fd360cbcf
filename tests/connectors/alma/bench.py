"""The Alma connector, its stand-in over real HTTP, and every exchange checked against the vendor's OpenAPI documents."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import requests

from bridge.connectors.alma import AlmaConnector, AlmaSettings
from bridge.connectors.base import Connector, Surroundings
from bridge.domain import commands as do
from bridge.domain.commands import Verb
from bridge.domain.identity import Mark
from bridge.http import Exchange
from bridge.sandbox.alma import AlmaStandIn
from bridge.sandbox.alma.marc import subfields
from bridge.sandbox.alma.seed import MARKED_SET
from bridge.sandbox.alma.standing import objects
from bridge.sandbox.faults import Fault, Outage
from bridge.sandbox.memory import Call
from bridge.sandbox.server import Server
from tests.contract.bench import Listening, Spoilt, SpyPace

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
WRITE = "POST|PUT|DELETE"
WRITING = frozenset({"POST", "PUT", "DELETE"})
API = "^/almaws"
FAULTS = {
    Spoilt.TIME_OUT: "hang",
    Spoilt.DROPPED: "drop_before",
    Spoilt.SERVER_ERROR: "status",
    Spoilt.NONSENSE: "garbage",
}


def took_effect(call: Call) -> bool:
    """Whether the stand-in did what it was asked, whatever became of its answer."""
    return call.fault.endswith("_after") if call.fault else call.status < 400


def address_of(path: str, query: str) -> str:
    bare = path.split("?", 1)[0]
    return f"http://alma{bare}?{query}" if query else f"http://alma{bare}"


@dataclass(frozen=True)
class Asked:
    """One request as it reached the stand-in."""

    method: str
    address: str
    headers: dict[str, str]
    body: bytes


class Recording:
    """A WSGI application that remembers method, address and content type of what it is asked."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self.asked: list[Asked] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("RAW_URI") or environ["PATH_INFO"]
        if path.startswith("/almaws"):
            headers = {"Accept": environ.get("HTTP_ACCEPT", ""), "Content-Type": environ.get("CONTENT_TYPE", "")}
            headers["Authorization"] = environ.get("HTTP_AUTHORIZATION", "")
            body = environ["wsgi.input"].read()
            environ["wsgi.input"] = io.BytesIO(body)
            method = environ["REQUEST_METHOD"]
            self.asked.append(Asked(method, address_of(path, environ.get("QUERY_STRING", "")), headers, body))
        return self._app(environ, start_response)


class AlmaBench:
    """See ``ContractBench``."""

    patron = "21000000001001"
    other_patron = "P1002"
    unknown_patron = "no-such-patron"
    blocked_patron = "P1005"
    account = "ILL-XYZ"
    own_barcode = "39000000000001"
    foreign_barcode = "39000000000003"
    temporary_place = do.Place("RS", "ILLTEMP", "RSDESK")
    lending_place = do.Place("RS", "ILLOUT")
    pickup = "MAIN"
    other_pickup = "BRANCH"
    item_type = "ILL"
    material = "BOOK"
    unseen_codes: frozenset[str] = frozenset()

    def __init__(self, **settings: object) -> None:
        self.stand_in = AlmaStandIn(clock=lambda: NOW)
        self.recording = Recording(self.stand_in.app)
        self._server = Server(self.recording)
        self.pace = SpyPace()
        self.heard = Listening()
        self.waits: list[float] = []
        self.clock = NOW
        self.settings = AlmaSettings.model_validate(
            {
                "host": self._server.url,
                "api_key": self.stand_in.key,
                "timezone": "Europe/Berlin",
                "lending_library": "RS",
                "lending_desk": "RSDESK",
                "fee_owner": "MAIN",
                "audit_set": MARKED_SET,
                **settings,
            }
        )
        self.connector: Connector = self.connect()

    def reconnect(self, read_timeout: float = 30.0) -> None:
        self.connector.close()
        self.settings = self.settings.model_copy(update={"read_timeout": read_timeout})
        self.connector = self.connect()

    def connect(self) -> AlmaConnector:
        surroundings = Surroundings("alma", self.pace, self.heard.tell)
        return AlmaConnector(self.settings, surroundings, sleep=self.waits.append, now=lambda: self.clock)

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self.connector.close()
        self._server.stop()

    def fault(self, kind: str, *, method: str = ".*", path: str = API, times: int = 1, **more: object) -> None:
        body = {"kind": kind, "method": method, "path": path, "times": times, **more}
        self.stand_in.faults.add(Fault.model_validate(body))

    def outage(self, *, on: bool) -> None:
        self.stand_in.faults.set_outage(Outage(on=on))

    def writes(self) -> Counter[str]:
        calls = (call for call in self.stand_in.calls() if call.method in WRITING)
        return Counter(f"{call.method} {call.template}" for call in calls if took_effect(call))

    def changes(self, exchange: Exchange) -> bool:
        return exchange.method in WRITING

    def same_twice(self, name: str, verbs: tuple[Verb, ...] = ()) -> bool:
        """A scan-in of what is not on loan changes nothing the second time."""
        return name.startswith(("PUT", "DELETE")) or Verb.RECEIVE_TRANSIT in verbs

    def spoil(self, way: Spoilt, *, done: bool, skip: int = 0) -> None:
        self.fault(FAULTS[way], method=WRITE, done=done, skip=skip, status=500 if way is Spoilt.SERVER_ERROR else None)

    def drop_after_next_write(self) -> None:
        self.fault("drop_after", method=WRITE)

    def drop_before_next_write(self) -> None:
        self.fault("drop_before", method=WRITE)

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
        self.fault("vendor_error", code="999999", message=words, status=status, times=times)

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
        self.desk("move", barcode=barcode, library=place.library, location=place.location, temporary=not for_good)

    def cancel_hold(self, barcode: str) -> None:
        self.desk("cancel_hold", barcode=barcode)

    def erase_mark(self, barcode: str) -> None:
        self.desk("erase_mark", barcode=barcode)

    def put_back(self, barcode: str, mark: Mark) -> None:
        note = f"Temporary record of an interlibrary loan. {mark.text}"
        borne = {"network_number": f"(ILLB){mark.code}", "note": note, "mark": mark.text}
        place = {"library": self.temporary_place.library, "location": self.temporary_place.location}
        self.desk("catalogue", barcode=barcode, title="Put back", **borne, **place)

    def objects(self) -> dict[str, list[dict[str, Any]]]:
        with self.stand_in.state.lock:
            return objects(self.stand_in.state)

    def items(self, barcode: str) -> list[dict[str, Any]]:
        return [item for item in self.objects()["items"] if item["barcode"] == barcode]

    def items_with_barcode(self, barcode: str) -> int:
        return len(self.stand_in.state.items_with_barcode(barcode))

    def bibs_with_mark(self, mark: Mark) -> int:
        bibs = list(self.stand_in.state.bibs.values())
        return sum(any(mark.code in number for number in subfields(bib.record, "035", "a")) for bib in bibs)

    def holds_on(self, barcode: str) -> int:
        pids = {item.pid for item in self.stand_in.state.items_with_barcode(barcode)}
        return sum(hold.active and hold.pid in pids for hold in list(self.stand_in.state.requests.values()))

    def loan_of(self, barcode: str) -> str:
        state = self.stand_in.state
        loans = [state.open_loan(item.pid) for item in state.items_with_barcode(barcode)]
        return next((loan.user for loan in loans if loan is not None), "")

    def due_of(self, barcode: str) -> str:
        """The day in the library's zone, which the stand-in keeps as an instant in UTC."""
        state = self.stand_in.state
        loan = state.open_loan(state.items_with_barcode(barcode)[0].pid)
        assert loan is not None
        return loan.due.astimezone(ZoneInfo("Europe/Berlin")).isoformat()

    def note_of(self, barcode: str) -> str:
        """What the desk sees when it scans the item; empty where there is none."""
        items = self.stand_in.state.items_with_barcode(barcode)
        return items[0].fields.get("fulfillment_note", "") if items else ""

    def write_note(self, barcode: str, note: str) -> None:
        self.stand_in.state.items_with_barcode(barcode)[0].fields["fulfillment_note"] = note

    def fees_of(self, patron: str) -> int:
        user = self.stand_in.state.find_user(patron)
        assert user is not None
        return sum(fee.user == user.primary_id for fee in list(self.stand_in.state.fees.values()))

    def orphans(self) -> int:
        return len(self.stand_in.report()["orphans"])

    def told(self, template: str, method: str = "") -> list[Exchange]:
        return [
            each
            for each in self.heard.exchanges
            if re.fullmatch(template, each.template) and method in {"", each.method}
        ]


def without_ids(target: do.Target) -> do.Target:
    return replace(target, ids=do.VendorIds())
