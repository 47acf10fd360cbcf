"""What benches have in common whose stand-in is one of ``bridge.sandbox`` over HTTP: faults on order, the desk, what was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import requests

from bridge.domain.commands import Verb
from bridge.http import Exchange
from bridge.sandbox.faults import Fault, Outage
from bridge.sandbox.memory import Call
from bridge.sandbox.server import Server
from bridge.sandbox.standin import StandIn
from tests.contract.bench import Listening, Spoilt, SpyPace

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

S = TypeVar("S", bound=StandIn[Any])
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
WRITING = frozenset({"POST", "PUT", "DELETE"})
FAULTS = {
    Spoilt.TIME_OUT: "hang",
    Spoilt.DROPPED: "drop_before",
    Spoilt.SERVER_ERROR: "status",
    Spoilt.NONSENSE: "garbage",
}


def took_effect(call: Call) -> bool:
    """Whether the stand-in did what it was asked, whatever became of its answer."""
    return call.fault.endswith("_after") if call.fault else call.status < 400


class SandboxedBench(Generic[S]):
    """See ``ContractBench``. ``api`` and ``written`` are the paths of all calls and of those that write, ``write`` the latter's methods.

    ``looks`` ends what goes by POST and writes nothing; ``strange_code`` is one that no table of the connector knows.
    """

    api: ClassVar[str]
    written: ClassVar[str]
    write: ClassVar[str] = "POST|PUT|DELETE"
    looks: ClassVar[tuple[str, ...]] = ()
    strange_code: ClassVar[str] = "9999"

    def __init__(self, stand_in: S, app: WSGIApplication | None = None) -> None:
        self.stand_in = stand_in
        self._server = Server(app or stand_in.app)
        self.pace = SpyPace()
        self.heard = Listening()
        self.waits: list[float] = []
        self.clock = NOW

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """Within it, calls are none of the points at which a life may end: they are numbered, and what comes once a life must not count."""
        before, after = self.pace.before, self.heard.after
        self.pace.before, self.heard.after = (lambda: None), (lambda _: None)
        try:
            yield
        finally:
            self.pace.before, self.heard.after = before, after

    def named(self, template: str) -> str:
        """A route as the connector's exchanges name it."""
        return template

    def is_write(self, method: str, template: str) -> bool:
        """Whether a call by this name changes something."""
        return method in WRITING and not template.endswith(self.looks)

    def writes(self) -> Counter[str]:
        calls = (call for call in self.stand_in.calls() if self.is_write(call.method, call.template))
        return Counter(f"{call.method} {self.named(call.template)}" for call in calls if took_effect(call))

    def changes(self, exchange: Exchange) -> bool:
        return self.is_write(exchange.method, exchange.template)

    def same_twice(self, name: str, verbs: tuple[Verb, ...] = ()) -> bool:
        return name.startswith(("PUT", "DELETE"))

    def spoil(self, way: Spoilt, *, done: bool, skip: int = 0) -> None:
        status = 500 if way is Spoilt.SERVER_ERROR else None
        self.fault(FAULTS[way], method=self.write, path=self.written, done=done, skip=skip, status=status)

    def fault(self, kind: str, *, method: str = ".*", path: str = "", times: int = 1, **more: object) -> None:
        body = {"kind": kind, "method": method, "path": path or self.api, "times": times, **more}
        self.stand_in.faults.add(Fault.model_validate(body))

    def show_less(self) -> None:
        self.fault("less")

    def outage(self, *, on: bool) -> None:
        self.stand_in.faults.set_outage(Outage(on=on))

    def drop_after_next_write(self) -> None:
        self.fault("drop_after", method=self.write, path=self.written)

    def drop_before_next_write(self) -> None:
        self.fault("drop_before", method=self.write, path=self.written)

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
        self.fault("vendor_error", code=self.strange_code, message=words, status=status, times=times)

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

    def cancel_hold(self, barcode: str) -> None:
        self.desk("cancel_hold", barcode=barcode)

    def orphans(self) -> int:
        return len(self.stand_in.report()["orphans"])
