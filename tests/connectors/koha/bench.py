"""The Koha connector and its stand-in over real HTTP and SIP2."""

from __future__ import annotations

from typing import Any

from bridge.connectors.base import Connector, Surroundings
from bridge.connectors.koha import KohaConnector, KohaSettings
from bridge.domain import commands as do
from bridge.domain.identity import Mark
from bridge.sandbox.koha import KohaStandIn
from bridge.sandbox.koha.seed import SeedItem, add_item
from bridge.sandbox.koha.standing import standing_of
from tests.contract.bench import Spoilt, circulating
from tests.contract.sandboxed import NOW, SandboxedBench

ZONE = "Europe/Berlin"
API = "^/(api/v1/(?!oauth)|sip2/)"
WRITES = r"^/(api/v1/(?!oauth)|sip2/(09|11|15|29|37)$)"
SIP_WRITES = frozenset({"11 check out", "09 check in", "15 hold", "29 renew", "37 fee paid"})


class KohaBench(SandboxedBench[KohaStandIn]):
    """See ``ContractBench``."""

    api = API
    written = WRITES
    write = "POST|PUT|DELETE|SIP2"
    looks = ("/token",)

    patron = "21000000001001"
    other_patron = "P1002"
    unknown_patron = "no-such-patron"
    blocked_patron = "21000000001005"
    account = "ILL-XYZ"
    own_barcode = "39000000000001"
    foreign_barcode = "39000000000003"
    temporary_place = do.Place(library="CPL", location="ILLTEMP")
    lending_place = do.Place(library="CPL", location="ILLOUT")
    pickup = "CPL"
    other_pickup = "MPL"
    item_type = "ILL"
    material = ""
    unseen_codes: frozenset[str] = frozenset()

    def __init__(self, *, sip: bool = True, **settings: object) -> None:
        super().__init__(KohaStandIn(clock=lambda: NOW))
        habits = self.stand_in.sip.habits
        account = {
            "host": "127.0.0.1",
            "port": self.stand_in.sip.port,
            "login": habits.login,
            "password": habits.password,
            "location": "CPL",
            "institution": "CPL",
            "timezone": ZONE,
            "idle_seconds": 3600,
        }
        self.settings = KohaSettings.model_validate(
            {
                "base_url": self._server.url,
                "auth": "basic",
                "user": self.stand_in.user,
                "secret": self.stand_in.password,
                "timezone": ZONE,
                "lost_status": 2,
                "sip2": account if sip else None,
                **settings,
            }
        )
        self.connector: Connector = self.connect()

    def reconnect(self, read_timeout: float = 30.0) -> None:
        self.connector.close()
        sip = self.settings.sip2 and self.settings.sip2.model_copy(update={"read_timeout": read_timeout})
        self.settings = self.settings.model_copy(update={"read_timeout": read_timeout, "sip2": sip})
        self.connector = self.connect()
        self.log_in()

    def spoil(self, way: Spoilt, *, done: bool, skip: int = 0) -> None:
        super().spoil(way, done=done, skip=skip)
        if way is Spoilt.NONSENSE:
            self.fault("garbage", method="SIP2", path="/97$", times=4)

    def connect(self) -> KohaConnector:
        surroundings = Surroundings("koha", self.pace, self.heard.tell)
        return KohaConnector(self.settings, surroundings, sleep=self.waits.append, now=lambda: self.clock)

    def reconnected_without_log_in(self) -> None:
        self.connector.close()
        self.connector = self.connect()

    def log_in(self) -> None:
        """Unheard, so that a log-in is none of the points at which a life may end: they are numbered, and it comes once a life."""
        with self.unheard():
            self.connector.probe()

    def start(self) -> None:
        self._server.start()
        self.stand_in.sip.start()
        self.log_in()

    def stop(self) -> None:
        self.connector.close()
        self.stand_in.sip.stop()
        self._server.stop()

    def is_write(self, method: str, template: str) -> bool:
        return template in SIP_WRITES if method == "SIP2" else super().is_write(method, template)

    def named(self, template: str) -> str:
        return _plain(template)

    def refusal(self, words: str, *, status: int, times: int) -> None:
        self.fault("vendor_error", message=words, status=status, times=times)

    def objects(self) -> dict[str, list[dict[str, Any]]]:
        return self.stand_in.objects()

    def items_with_barcode(self, barcode: str) -> int:
        return sum(item["barcode"] == barcode for item in self.objects()["items"])

    def bibs_with_mark(self, mark: Mark) -> int:
        return sum(any(mark.code in text for text in bib["texts"]) for bib in self.objects()["bibs"])

    def holds_on(self, barcode: str) -> int:
        numbers = {item["id"] for item in self.objects()["items"] if item["barcode"] == barcode}
        return sum(hold["active"] and hold["item"] in numbers for hold in self.objects()["holds"])

    def loan_of(self, barcode: str) -> str:
        return next((item["loan"] or "" for item in self.objects()["items"] if item["barcode"] == barcode), "")

    def due_of(self, barcode: str) -> str:
        state = self.stand_in.state
        item = state.barcoded(barcode)
        loan = state.open_loan(item.id) if item else None
        assert loan is not None
        return loan.due.astimezone(state.zone).isoformat()

    def shown(self, barcode: str) -> tuple[str, ...]:
        item = self.stand_in.state.barcoded(barcode)
        return (circulating(standing_of(self.stand_in.state, item)),) if item else ()

    def note_of(self, barcode: str) -> str:
        """What the desk sees when it scans the item."""
        item = self.stand_in.state.barcoded(barcode)
        return str(item.fields.get("materials_notes") or "") if item else ""

    def write_note(self, barcode: str, note: str) -> None:
        item = self.stand_in.state.barcoded(barcode)
        assert item is not None
        item.fields["materials_notes"] = note

    def move(self, barcode: str, place: do.Place, *, for_good: bool) -> None:
        """Koha knows one shelving location, so that every move is for good until the next."""
        self.desk("move", barcode=barcode, location=place.location)

    def erase_mark(self, barcode: str) -> None:
        item = self.stand_in.state.barcoded(barcode)
        assert item is not None
        item.fields["internal_notes"] = None

    def put_back(self, barcode: str, mark: Mark) -> None:
        """Staff put back an item that bears our mark."""
        seed = SeedItem(barcode=barcode, title="Put back", location="ILLTEMP", internal_notes=mark.text)
        with self.stand_in.state.lock:
            add_item(self.stand_in.state, seed, by="desk")

    def fees_of(self, patron: str) -> int:
        found = self.stand_in.state.named(patron)
        assert found is not None
        return sum(debit.patron == found.id for debit in list(self.stand_in.state.debits.values()))

    def paths(self) -> list[str]:
        """Calls so far, by name; log-ins left out."""
        return [f"{call.method} {_plain(call.template)}" for call in self.stand_in.calls() if not call.transient]


def _plain(template: str) -> str:
    """A route as the connector's exchanges name it."""
    plain = template.removeprefix("/api/v1")
    for name in ("bib_id", "item_id", "patron_id", "hold_id", "loan_id"):
        plain = plain.replace(f"{{{name}}}", "{id}")
    return plain
