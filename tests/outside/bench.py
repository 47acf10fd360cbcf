"""The Cards connector and its stand-in over real HTTP: what the contract suite asks of a connector's author."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from ill_bridge_cards import CardsConnector, CardsSettings

from bridge.connectors.base import Connector, Surroundings
from bridge.domain import commands as do
from bridge.domain.commands import Verb
from bridge.domain.identity import Mark
from bridge.http import Exchange
from bridge.sandbox.faults import Fault, Outage
from bridge.sandbox.server import Server
from tests.contract.bench import Listening, Spoilt, SpyPace
from tests.outside.stand_in import TOKEN, Cards

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
WRITE = "PUT|DELETE"
FAULTS = {
    Spoilt.TIME_OUT: "hang",
    Spoilt.DROPPED: "drop_before",
    Spoilt.SERVER_ERROR: "status",
    Spoilt.NONSENSE: "garbage",
}


class CardsBench:
    """See ``ContractBench``. What Cards has not (bibs, holds, fees) is none."""

    patron = "C1"
    other_patron = "C2"
    unknown_patron = "no-such-patron"
    blocked_patron = "C3"
    account = "ILL-XYZ"
    own_barcode = "39000000000001"
    foreign_barcode = "39000000000003"
    temporary_place = do.Place(location="ILL")
    lending_place = do.Place(location="OUT")
    pickup = "DESK"
    other_pickup = "BRANCH"
    item_type = "ILL"
    material = ""
    unseen_codes = frozenset({"TYPE", "PICKUP", "PLACE"})

    def __init__(self) -> None:
        patrons = {"C1": False, "C2": False, "C3": True, "ILL-XYZ": False}
        items = dict.fromkeys((self.own_barcode, self.foreign_barcode))
        self.cards = Cards(NOW.date, patrons, dict(items))
        self._server = Server(self.cards.app)
        self.pace = SpyPace()
        self.heard = Listening()
        self.clock = NOW
        self.settings = CardsSettings.model_validate({"base_url": f"{self._server.url}/api", "token": TOKEN})
        self.connector: Connector = self._connect()

    def _connect(self) -> CardsConnector:
        surroundings = Surroundings("cards", self.pace, self.heard.tell)
        return CardsConnector(self.settings, surroundings, sleep=lambda _: None)

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self.connector.close()
        self._server.stop()

    def reconnect(self, read_timeout: float = 30.0) -> None:
        self.connector.close()
        self.settings = self.settings.model_copy(update={"read_timeout": read_timeout})
        self.connector = self._connect()

    def writes(self) -> Counter[str]:
        return Counter(name for name, done in self.cards.writes if done)

    def changes(self, exchange: Exchange) -> bool:
        return exchange.method in {"PUT", "DELETE"}

    def same_twice(self, name: str, verbs: tuple[Verb, ...] = ()) -> bool:
        return True

    def fault(self, kind: str, *, method: str = ".*", times: int = 1, **more: object) -> None:
        body = {"kind": kind, "method": method, "path": "^/api/", "times": times, **more}
        self.cards.faults.add(Fault.model_validate(body))

    def spoil(self, way: Spoilt, *, done: bool, skip: int = 0) -> None:
        status = 500 if way is Spoilt.SERVER_ERROR else None
        self.fault(FAULTS[way], method=WRITE, done=done, skip=skip, status=status)

    def outage(self, *, on: bool) -> None:
        self.cards.faults.set_outage(Outage(on=on))

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

    def proxy_page(self, *, times: int) -> None:
        self.fault("html", times=times)

    def server_error(self, words: str, *, times: int) -> None:
        page = f"<html><body><script>x()</script><p>{words}</p></body></html>"
        self.fault("status", status=500, body=page, content_type="text/html", times=times)

    def refusal(self, words: str, *, status: int, times: int) -> None:
        self.fault("vendor_error", message=words, status=status, times=times)

    def lend(self, barcode: str, patron: str) -> None:
        self.cards.put(barcode, patron, NOW.date() + timedelta(days=28))

    def check_in(self, barcode: str) -> None:
        self.cards.items[barcode] = None

    def relabel(self, barcode: str, new_barcode: str) -> None:
        self.cards.items[new_barcode] = self.cards.items.pop(barcode)

    def delete_by_hand(self, barcode: str) -> None:
        del self.cards.items[barcode]

    def move(self, barcode: str, place: do.Place, *, for_good: bool) -> None:
        raise NotImplementedError

    def cancel_hold(self, barcode: str) -> None:
        raise NotImplementedError

    def erase_mark(self, barcode: str) -> None:
        raise NotImplementedError

    def put_back(self, barcode: str, mark: Mark) -> None:
        raise NotImplementedError

    def items_with_barcode(self, barcode: str) -> int:
        return int(barcode in self.cards.items)

    def bibs_with_mark(self, mark: Mark) -> int:
        return 0

    def holds_on(self, barcode: str) -> int:
        return 0

    def loan_of(self, barcode: str) -> str:
        loan = self.cards.items.get(barcode)
        return loan.card if loan else ""

    def due_of(self, barcode: str) -> str:
        loan = self.cards.items.get(barcode)
        return loan.due.isoformat() if loan else ""

    def shown(self, barcode: str) -> tuple[str, ...]:
        return ()

    def note_of(self, barcode: str) -> str:
        return ""

    def write_note(self, barcode: str, note: str) -> None:
        raise NotImplementedError

    def fees_of(self, patron: str) -> int:
        return 0

    def orphans(self) -> int:
        return 0
