"""The Spydus connector over real sockets against the plainest SIP2 desk there is."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bridge.connectors.base import Connector, Surroundings
from bridge.connectors.spydus import SpydusConnector, SpydusSettings
from bridge.connectors.spydus.settings import LcfSettings
from bridge.domain import commands as do
from bridge.domain.commands import Verb
from bridge.domain.identity import Mark
from bridge.http import Exchange
from bridge.sandbox.faults import Fault, Outage
from bridge.sandbox.lcf import BASE, RECORD, Asked, LcfDoor
from bridge.sandbox.server import Server
from bridge.sandbox.sip2 import Habits, House, SipServer
from bridge.sandbox.sip2.house import Copy, Person
from tests.contract.bench import Listening, Spoilt, SpyPace, circulating

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
WRITES = {"09": "09 check in", "11": "11 check out", "29": "29 renew", "15": "15 hold", "37": "37 fee paid"}
PATH = r"^/sip2/(09|11|15|29|37)$"
BY_HTTP = ("POST", "DELETE")
WRITING = "^(SIP2|POST|DELETE)$"
ANY_WRITE = r"^/(sip2/(09|11|15|29|37)$|lcf/)"
KINDS = {
    Spoilt.TIME_OUT: "hang",
    Spoilt.DROPPED: "drop_before",
    Spoilt.SERVER_ERROR: "drop_before",
    Spoilt.NONSENSE: "garbage",
}


class SpydusBench:
    """See ``ContractBench``."""

    patron = "P1001"
    other_patron = "P1002"
    unknown_patron = "no-such-patron"
    blocked_patron = "P1005"
    account = "ILL-XYZ"
    own_barcode = "39000000000001"
    foreign_barcode = "39000000000003"
    temporary_place = do.Place(location="ILL")
    lending_place = do.Place(location="OUT")
    pickup = "MAIN"
    other_pickup = "BRANCH"
    item_type = "ILL"
    material = ""
    unseen_codes: frozenset[str] = frozenset({"TYPE", "PICKUP", "PLACE"})

    def __init__(self, **settings: object) -> None:
        self.house = House(clock=lambda: NOW, zone=ZoneInfo("Australia/Melbourne"))
        people = (Person("P1001", "Ada"), Person("P1002", "Bela"), Person("P1005", "Edda", blocked="barred"))
        self.house.people = {each.patron_id: each for each in (*people, Person("ILL-XYZ", "Library XYZ"))}
        self.house.copies = {each: Copy(each, "A title") for each in (self.own_barcode, self.foreign_barcode)}
        self.server = SipServer(self.house, self.house.lock, Habits())
        self.pace = SpyPace()
        self.heard = Listening()
        self.clock = NOW
        account = {"login": "sip", "password": "sip-secret", "location": "MAIN", "institution": "MAIN"}
        where = {"host": "127.0.0.1", "port": self.server.port, "timezone": "Australia/Melbourne", "idle_seconds": 3600}
        self.settings = SpydusSettings.model_validate({**account, **where, **settings})
        self.connector: Connector = self._connect()

    def _connect(self) -> SpydusConnector:
        return SpydusConnector(
            self.settings, Surroundings("spydus", self.pace, self.heard.tell), now=lambda: self.clock
        )

    def start(self) -> None:
        self.server.start()
        self._log_in()

    def stop(self) -> None:
        self.connector.close()
        self.server.stop()

    def reconnect(self, read_timeout: float = 30.0) -> None:
        self.connector.close()
        self.settings = self.settings.model_copy(update={"read_timeout": read_timeout})
        self.connector = self._connect()
        self._log_in()

    def _log_in(self) -> None:
        """Unheard, since it comes once a life."""
        before, after = self.pace.before, self.heard.after
        self.pace.before, self.heard.after = (lambda: None), (lambda _: None)
        self.connector.probe()
        self.pace.before, self.heard.after = before, after

    def writes(self) -> Counter[str]:
        heard = (each for each in list(self.server.heard) if each.code in WRITES)
        done = (each for each in heard if (each.fault.endswith("_after") or not each.fault) and each.ok)
        return Counter(f"SIP2 {WRITES[each.code]}" for each in done)

    def changes(self, exchange: Exchange) -> bool:
        return exchange.template in WRITES.values()

    def same_twice(self, name: str, verbs: tuple[Verb, ...] = ()) -> bool:
        return False

    def fault(self, kind: str, path: str, *, times: int = 1, **more: object) -> None:
        body = {"kind": kind, "method": "SIP2", "path": path, "times": times, **more}
        self.server.faults.add(Fault.model_validate(body))

    def spoil(self, way: Spoilt, *, done: bool, skip: int = 0) -> None:
        self.fault(KINDS[way], PATH, done=done, skip=skip)
        if way is Spoilt.NONSENSE:
            self.fault("garbage", "/97$", times=4)

    def outage(self, *, on: bool) -> None:
        self.server.faults.set_outage(Outage(on=on))

    def drop_after_next_write(self) -> None:
        self.fault("drop_after", PATH)

    def drop_before_next_write(self) -> None:
        self.fault("drop_before", PATH)

    def unauthorized(self, *, times: int) -> None:
        self.fault("unauthorized", "/93$", times=times)
        self.connector.close()

    def throttle(self, *, times: int, retry_after: float) -> None:
        self.fault("throttle", "/sip2/", times=times)

    def garbage(self, *, times: int) -> None:
        self.fault("garbage", "/sip2/", times=times * 4)

    def proxy_page(self, *, times: int) -> None:
        self.fault("html", "/sip2/", times=times * 4)

    def server_error(self, words: str, *, times: int) -> None:
        self.fault("drop_before", "/sip2/", times=times)

    def refusal(self, words: str, *, status: int, times: int) -> None:
        self.fault("vendor_error", "/sip2/(?!93)", message=words, times=times)

    def lend(self, barcode: str, patron: str) -> None:
        self.house.lend(patron, barcode, by="desk")

    def check_in(self, barcode: str) -> None:
        self.house.check_in(barcode, "MAIN")

    def relabel(self, barcode: str, new_barcode: str) -> None:
        raise NotImplementedError

    def delete_by_hand(self, barcode: str) -> None:
        raise NotImplementedError

    def move(self, barcode: str, place: do.Place, *, for_good: bool) -> None:
        raise NotImplementedError

    def cancel_hold(self, barcode: str) -> None:
        raise NotImplementedError

    def erase_mark(self, barcode: str) -> None:
        raise NotImplementedError

    def put_back(self, barcode: str, mark: Mark) -> None:
        raise NotImplementedError

    def items_with_barcode(self, barcode: str) -> int:
        return int(barcode in self.house.copies)

    def bibs_with_mark(self, mark: Mark) -> int:
        return 0

    def holds_on(self, barcode: str) -> int:
        return 0

    def loan_of(self, barcode: str) -> str:
        loan = self.house.loans.get(barcode)
        return loan.patron_id if loan else ""

    def due_of(self, barcode: str) -> str:
        loan = self.house.loans.get(barcode)
        return loan.due.date().isoformat() if loan else ""

    def shown(self, barcode: str) -> tuple[str, ...]:
        copy = self.house.copies.get(barcode)
        return (
            (circulating(vars(copy) | {"holds": copy.held_for, "place": (copy.home, copy.pickup, copy.trapped)}),)
            if copy
            else ()
        )

    def note_of(self, barcode: str) -> str:
        return ""

    def write_note(self, barcode: str, note: str) -> None:
        raise NotImplementedError

    def fees_of(self, patron: str) -> int:
        return 0

    def orphans(self) -> int:
        return 0


class LcfBench(SpydusBench):
    """The same house with an LCF interface."""

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self.asked: list[Asked] = []
        self.door = LcfDoor(self.house, self.server.faults, self.asked.append)
        self.web = Server(self.door.app)
        self.waits: list[float] = []
        lcf = {"url": f"{self.web.url}{BASE}", "user": self.door.user, "secret": self.door.secret, "record": RECORD}
        self.settings = self.settings.model_copy(update={"lcf": LcfSettings.model_validate(lcf)})
        self.connector.close()
        self.connector = self._connect()

    def _connect(self) -> SpydusConnector:
        surroundings = Surroundings("spydus", self.pace, self.heard.tell)
        wait = self.waits.append if hasattr(self, "waits") else (lambda _: None)
        return SpydusConnector(self.settings, surroundings, now=lambda: self.clock, sleep=wait)

    def start(self) -> None:
        self.web.start()
        super().start()

    def stop(self) -> None:
        super().stop()
        self.web.stop()

    def reconnect(self, read_timeout: float = 30.0) -> None:
        assert self.settings.lcf is not None
        lcf = self.settings.lcf.model_copy(update={"read_timeout": read_timeout})
        self.settings = self.settings.model_copy(update={"lcf": lcf})
        super().reconnect(read_timeout)

    def writes(self) -> Counter[str]:
        done = (each for each in list(self.asked) if each.method in BY_HTTP and each.route)
        told = (f"{each.method} {each.route}" for each in done if took_effect(each))
        return super().writes() + Counter(told)

    def changes(self, exchange: Exchange) -> bool:
        return exchange.method in BY_HTTP or super().changes(exchange)

    def same_twice(self, name: str, verbs: tuple[Verb, ...] = ()) -> bool:
        return name.startswith("DELETE")

    def spoil(self, way: Spoilt, *, done: bool, skip: int = 0) -> None:
        self.fault(KINDS[way], ANY_WRITE, method=WRITING, done=done, skip=skip)
        if way is Spoilt.NONSENSE:
            self.fault("garbage", "/97$", times=4)

    def drop_after_next_write(self) -> None:
        self.fault("drop_after", ANY_WRITE, method=WRITING)

    def drop_before_next_write(self) -> None:
        self.fault("drop_before", ANY_WRITE, method=WRITING)

    def delete_by_hand(self, barcode: str) -> None:
        self.door.forget(barcode)

    def cancel_hold(self, barcode: str) -> None:
        self.house.copies[barcode].held_for = []

    def move(self, barcode: str, place: do.Place, *, for_good: bool) -> None:
        self.door.texts[barcode]["location-ref"] = f"{self.web.url}{BASE}/locations/{place.location}"

    def erase_mark(self, barcode: str) -> None:
        self.door.texts[barcode]["note-text"] = ""

    def put_back(self, barcode: str, mark: Mark) -> None:
        self.house.copies[barcode] = Copy(barcode, "A title")
        self.door.texts[barcode] = {"note-text": mark.text, "manifestation-ref": RECORD}

    def bibs_with_mark(self, mark: Mark) -> int:
        return sum(mark.code in each["note-text"] for each in list(self.door.texts.values()))

    def holds_on(self, barcode: str) -> int:
        copy = self.house.copies.get(barcode)
        return len(copy.held_for) if copy else 0


def took_effect(asked: Asked) -> bool:
    """Whether the stand-in did what it was asked, whatever became of its answer."""
    return asked.fault.endswith("_after") if asked.fault else asked.status < 400
