"""The Symphony connector and its stand-in over real HTTP."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from bridge.connectors.base import Connector, Surroundings
from bridge.connectors.symphony import SymphonyConnector, SymphonySettings
from bridge.domain import commands as do
from bridge.domain.identity import Mark
from bridge.sandbox.symphony import SymphonyStandIn
from bridge.sandbox.symphony.model import Custom
from bridge.sandbox.symphony.seed import Seed, SeedItem
from bridge.sandbox.symphony.standing import objects, standing_of, texts_of_bib
from tests.contract.bench import circulating
from tests.contract.sandboxed import NOW, SandboxedBench

ZONE = "America/New_York"
API = "^/symws/(?!user/staff/login)"
LOG_IN = "/user/staff/login"
LOST = "markLost"
"""An action that no real Symphony is known to have; the stand-in has it where a switch says so."""


class SymphonyBench(SandboxedBench[SymphonyStandIn]):
    """See ``ContractBench``."""

    api = API
    written = API
    looks = (LOG_IN,)

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
        super().__init__(SymphonyStandIn(clock=lambda: NOW, zone=ZONE))
        self.stand_in.behave(lost_action=LOST, account_transits=False)
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

    def connect(self) -> SymphonyConnector:
        surroundings = Surroundings("symphony", self.pace, self.heard.tell)
        return SymphonyConnector(self.settings, surroundings, sleep=self.waits.append, now=lambda: self.clock)

    def log_in(self) -> None:
        """Unheard, with the key of the ILL account: points at which a life may end are numbered, and these come once a life."""
        with self.unheard():
            self.connector.probe()
            self.connector.accounts((self.account, self.sister_account))

    def serve(self) -> None:
        """The stand-in answers; nobody logs in."""
        self._server.start()

    def start(self) -> None:
        self.serve()
        self.log_in()

    def stop(self) -> None:
        self.connector.close()
        self._server.stop()

    def lend(self, barcode: str, patron: str) -> None:
        self.desk("lend", barcode=barcode, patron=patron)
        if patron == self.sister_account:
            self.desk("send", barcode=barcode, library=self.sister_library)

    def objects(self) -> dict[str, list[dict[str, Any]]]:
        with self.stand_in.state.lock:
            return objects(self.stand_in.state)

    def items_with_barcode(self, barcode: str) -> int:
        return len(self.stand_in.state.items_with_barcode(barcode))

    def bibs_with_mark(self, mark: Mark) -> int:
        state = self.stand_in.state
        with state.lock:
            return sum(any(mark.code in text for text in texts_of_bib(state, bib)) for bib in state.bibs.values())

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

    def shown(self, barcode: str) -> tuple[str, ...]:
        state = self.stand_in.state
        return tuple(circulating(standing_of(state, item)) for item in state.items_with_barcode(barcode))

    def note_of(self, barcode: str) -> str:
        """What the desk sees when it scans the item."""
        items = self.stand_in.state.items_with_barcode(barcode)
        return "; ".join(one.data for item in items for one in item.custom if one.code == "CIRCNOTE" and one.data)

    def write_note(self, barcode: str, note: str) -> None:
        self.stand_in.state.items_with_barcode(barcode)[0].custom.append(Custom("CIRCNOTE", note))

    def move(self, barcode: str, place: do.Place, *, for_good: bool) -> None:
        """The desk gives another home location, so that every move is for good until the next."""
        self.desk("move", barcode=barcode, location=place.location, library=place.library)

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

    def paths(self, method: str = "") -> list[str]:
        """Templates called so far, log-ins left out."""
        calls = self.stand_in.calls()
        return [
            call.template.removeprefix("/symws")
            for call in calls
            if method in {"", call.method} and not call.template.endswith(LOG_IN)
        ]
