"""The Alma connector, its stand-in over real HTTP, and every exchange checked against the vendor's OpenAPI documents."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from bridge.connectors.alma import AlmaConnector, AlmaSettings
from bridge.connectors.base import Connector, Surroundings
from bridge.domain import commands as do
from bridge.domain.commands import Verb
from bridge.domain.identity import Mark
from bridge.http import Exchange
from bridge.sandbox.alma import AlmaStandIn
from bridge.sandbox.alma.marc import subfields
from bridge.sandbox.alma.seed import MARKED_SET
from bridge.sandbox.alma.standing import objects, standing_of
from tests.contract.bench import circulating
from tests.contract.sandboxed import NOW, SandboxedBench

API = "^/almaws"


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


class AlmaBench(SandboxedBench[AlmaStandIn]):
    """See ``ContractBench``."""

    api = API
    written = API
    strange_code = "999999"

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
        stand_in = AlmaStandIn(clock=lambda: NOW)
        self.recording = Recording(stand_in.app)
        super().__init__(stand_in, self.recording)
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

    def same_twice(self, name: str, verbs: tuple[Verb, ...] = ()) -> bool:
        """A scan-in of what is not on loan changes nothing the second time."""
        return name.startswith(("PUT", "DELETE")) or Verb.RECEIVE_TRANSIT in verbs

    def move(self, barcode: str, place: do.Place, *, for_good: bool) -> None:
        self.desk("move", barcode=barcode, library=place.library, location=place.location, temporary=not for_good)

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

    def shown(self, barcode: str) -> tuple[str, ...]:
        state = self.stand_in.state
        return tuple(circulating(standing_of(state, item)) for item in state.items_with_barcode(barcode))

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

    def told(self, template: str, method: str = "") -> list[Exchange]:
        return [
            each
            for each in self.heard.exchanges
            if re.fullmatch(template, each.template) and method in {"", each.method}
        ]


def without_ids(target: do.Target) -> do.Target:
    return replace(target, ids=do.VendorIds())
