"""The Sierra connector and its stand-in over real HTTP."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from bridge.connectors.base import Connector, Surroundings
from bridge.connectors.sierra import SierraConnector, SierraSettings
from bridge.domain import commands as do
from bridge.domain.identity import Mark
from bridge.sandbox.sierra import SierraStandIn
from bridge.sandbox.sierra.model import VarField
from bridge.sandbox.sierra.seed import Seed, SeedItem
from bridge.sandbox.sierra.standing import objects, standing_of, texts_of
from tests.contract.bench import circulating
from tests.contract.sandboxed import NOW, SandboxedBench

ZONE = "America/Chicago"
API = "^/iii/sierra-api/v6/(?!token)"
WRITES = r"^/iii/sierra-api/v6/(?!token|\w+/query)"
"""Every call but those to log in and to look for something, which go by POST too."""


class SierraBench(SandboxedBench[SierraStandIn]):
    """See ``ContractBench``."""

    api = API
    written = WRITES
    looks = ("/token", "/query")

    patron = "21000000001001"
    other_patron = "P1002"
    unknown_patron = "no-such-patron"
    blocked_patron = "21000000001005"
    account = "ILL-XYZ"
    own_barcode = "39000000000001"
    foreign_barcode = "39000000000003"
    temporary_place = do.Place(location="illtm")
    lending_place = do.Place(location="illx")
    pickup = "main"
    other_pickup = "bran"
    item_type = "50"
    material = ""
    unseen_codes: frozenset[str] = frozenset()

    def __init__(self, **settings: object) -> None:
        super().__init__(SierraStandIn(clock=lambda: NOW))
        self.settings = SierraSettings.model_validate(
            {
                "base_url": f"{self._server.url}/iii/sierra-api",
                "key": self.stand_in.key,
                "secret": self.stand_in.secret,
                "timezone": ZONE,
                "charge_fees": True,
                "fee_location": "main",
                "lost_status": "m",
                "audit_locations": ["illtm"],
                **settings,
            }
        )
        self.connector: Connector = self.connect()

    def reconnect(self, read_timeout: float = 30.0) -> None:
        self.connector.close()
        self.settings = self.settings.model_copy(update={"read_timeout": read_timeout})
        self.connector = self.connect()
        self.log_in()

    def connect(self) -> SierraConnector:
        surroundings = Surroundings("sierra", self.pace, self.heard.tell)
        return SierraConnector(self.settings, surroundings, sleep=self.waits.append, now=lambda: self.clock)

    def log_in(self) -> None:
        """Unheard, so that a log-in is none of the points at which a life may end: they are numbered, and it comes once a life."""
        with self.unheard():
            self.connector.probe()

    def start(self) -> None:
        self._server.start()
        self.log_in()
        self.stand_in.behave(empty_lists="404")

    def stop(self) -> None:
        self.connector.close()
        self._server.stop()

    def objects(self) -> dict[str, list[dict[str, Any]]]:
        with self.stand_in.state.lock:
            return objects(self.stand_in.state)

    def items_with_barcode(self, barcode: str) -> int:
        return len(self.stand_in.state.items_with_barcode(barcode))

    def bibs_with_mark(self, mark: Mark) -> int:
        with self.stand_in.state.lock:
            return sum(mark.code in texts_of(bib) for bib in self.stand_in.state.live_bibs())

    def holds_on(self, barcode: str) -> int:
        state = self.stand_in.state
        numbers = {item.id for item in state.items_with_barcode(barcode)}
        return sum(hold.active and hold.record in numbers for hold in list(state.holds.values()))

    def loan_of(self, barcode: str) -> str:
        state = self.stand_in.state
        loans = [state.open_loan(item.id) for item in state.items_with_barcode(barcode)]
        return next((state.patrons[loan.patron].called for loan in loans if loan is not None), "")

    def due_of(self, barcode: str) -> str:
        loan = self.stand_in.state.open_loan(self.stand_in.state.items_with_barcode(barcode)[0].id)
        assert loan is not None
        return loan.due.astimezone(ZoneInfo(ZONE)).isoformat()

    def shown(self, barcode: str) -> tuple[str, ...]:
        state = self.stand_in.state
        return tuple(circulating(standing_of(state, item)) for item in state.items_with_barcode(barcode))

    def note_of(self, barcode: str) -> str:
        """What the desk sees when it scans the item."""
        items = self.stand_in.state.items_with_barcode(barcode)
        return "; ".join(one.content for item in items for one in item.var_fields if one.tag == "m" and one.content)

    def write_note(self, barcode: str, note: str) -> None:
        self.stand_in.state.items_with_barcode(barcode)[0].var_fields.append(VarField("m", note))

    def move(self, barcode: str, place: do.Place, *, for_good: bool) -> None:
        """Sierra knows one location, so that every move is for good until the next."""
        self.desk("move", barcode=barcode, location=place.location)

    def erase_mark(self, barcode: str) -> None:
        item = self.stand_in.state.items_with_barcode(barcode)[0]
        item.var_fields = [one for one in item.var_fields if one.tag != "x"]

    def put_back(self, barcode: str, mark: Mark) -> None:
        """Staff put back an item that bears our mark; by then Sierra sees all that was made before."""
        for made in self.stand_in.state.items.values():
            made.unseen = 0
        item = SeedItem(barcode=barcode, title="Put back", location="illtm", notes=(mark.text,))
        self.stand_in.plant(Seed(items=[item]))

    def fees_of(self, patron: str) -> int:
        found = self.stand_in.state.find_patron(patron)
        assert found is not None
        return sum(fine.patron == found.id for fine in list(self.stand_in.state.fines.values()))

    def paths(self, method: str = "") -> list[str]:
        """Templates called so far, log-ins left out."""
        calls = self.stand_in.calls()
        return [call.template for call in calls if method in {"", call.method} and not call.path.endswith("/token")]
