"""The calls of one borrowed loan from a bare ``requests`` session, in the order in which the bridge makes them.

As a process of its own: ``python -m bench.bare URL --n 40 --workers 4 [--until hold]``; it prints wall and CPU seconds, and the
milliseconds each loan's hold took, as JSON. Nothing is checked but the status, nothing is remembered, nothing is repeated: the least a
script can do.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from bench.standin import KEY

JSON = {"Authorization": f"apikey {KEY}", "Accept": "application/json", "Content-Type": "application/json"}
XML = {"Authorization": f"apikey {KEY}", "Accept": "application/xml", "Content-Type": "application/xml"}
BIB = (
    "<?xml version='1.0' encoding='UTF-8'?>\n<bib><suppress_from_publishing>true</suppress_from_publishing><record>"
    '<leader>00000nam a2200000 i 4500</leader><controlfield tag="008">000000s        xx            000 0 und d</controlfield>'
    '<datafield ind1=" " ind2=" " tag="035"><subfield code="a">(ILLB)BARE-{number}</subfield></datafield>'
    '<datafield ind1="1" ind2=" " tag="100"><subfield code="a">Le Guin, Ursula K.</subfield></datafield>'
    '<datafield ind1="1" ind2="0" tag="245"><subfield code="a">The Left Hand of Darkness</subfield></datafield>'
    '<datafield ind1=" " ind2=" " tag="500"><subfield code="a">Temporary record of an interlibrary loan. {mark}</subfield></datafield>'
    "</record></bib>"
)
HOLDING = (
    "<?xml version='1.0' encoding='UTF-8'?>\n<holding><suppress_from_publishing>true</suppress_from_publishing><record>"
    '<leader>00000nx  a22000001n 4500</leader><controlfield tag="008">0000000p    8   4001uueng0000000</controlfield>'
    '<datafield ind1="0" ind2=" " tag="852"><subfield code="b">RS</subfield><subfield code="c">ILLTEMP</subfield>'
    '<subfield code="h">ILL</subfield></datafield></record></holding>'
)


@dataclass(frozen=True)
class Spent:
    """What a run took; ``holds`` in milliseconds, each from its first call to the hold's answer, the patron's look-up not included."""

    wall: float
    cpu: float
    holds: tuple[float, ...]


class BareLoan:
    """One loan; ids are taken from the answers."""

    def __init__(self, session: requests.Session, url: str, number: str) -> None:
        self._session = session
        self._base = f"{url}/almaws/v1"
        self._number = number
        self._mark = f"BARE-{number} demo/main/borrower/sandbox/DEMO/{number}/-/-"
        self._item = ""
        self._hold = ""

    def requested(self) -> None:
        """The patron is looked up."""
        self._called("GET", "/users/P1001", JSON)

    def received(self) -> float:
        """Barcode looked up, bib, holding and item made, hold placed; answers the milliseconds."""
        began = time.perf_counter()
        self._called("GET", "/items", JSON, {"item_barcode": f"ILL-{self._number}"}, expect=400)
        made = self._called("POST", "/bibs", XML, body=BIB.format(number=self._number, mark=self._mark).encode())
        mms_id = _between(made.text, "mms_id")
        made = self._called("POST", f"/bibs/{mms_id}/holdings", XML, body=HOLDING.encode())
        holding_id = _between(made.text, "holding_id")
        item = {
            "holding_data": {"holding_id": holding_id},
            "item_data": {
                "barcode": f"ILL-{self._number}",
                "internal_note_3": self._mark,
                "physical_material_type": {"value": "BOOK"},
                "policy": {"value": "ILL"},
            },
        }
        path = f"/bibs/{mms_id}/holdings/{holding_id}/items"
        pid = self._called("POST", path, JSON, body=_json(item)).json()["item_data"]["pid"]
        self._item = f"{path}/{pid}"
        hold = {
            "request_type": "HOLD",
            "comment": self._mark,
            "pickup_location_type": "LIBRARY",
            "pickup_location_library": "MAIN",
        }
        placed = self._called("POST", "/users/P1001/requests", JSON, {"item_pid": pid}, body=_json(hold))
        self._hold = placed.json()["request_id"]
        return (time.perf_counter() - began) * 1000

    def renewed(self) -> None:
        """Is it on loan? It is not."""
        self._called("GET", f"{self._item}/loans", JSON).json()

    def returned(self) -> None:
        """Scanned in, hold withdrawn, item deleted with holding and bib."""
        scan = {"op": "scan", "library": "RS", "circ_desk": "RSDESK", "register_in_house_use": "false"}
        self._called("POST", self._item, JSON, scan).json()
        away = {"reason": "CannotBeFulfilled", "notify_user": "false"}
        self._called("DELETE", f"/users/P1001/requests/{self._hold}", JSON, away, expect=204)
        self._called(
            "DELETE", self._item, JSON, {"override": "true", "holdings": "delete", "bib": "delete"}, expect=204
        )

    def _called(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        params: dict[str, str] | None = None,
        *,
        body: bytes | None = None,
        expect: int = 200,
    ) -> requests.Response:
        answer = self._session.request(
            method, self._base + path, params=params, data=body, headers=headers, timeout=(5, 30)
        )
        if answer.status_code != expect:
            raise RuntimeError(f"{method} {path}: HTTP {answer.status_code}, not {expect}: {answer.text[:300]}")
        return answer


def _between(text: str, name: str) -> str:
    return text.partition(f"<{name}>")[2].partition(f"</{name}>")[0]


def _json(value: Any) -> bytes:  # noqa: ANN401 - a body
    return json.dumps(value).encode()


def played(session: requests.Session, url: str, number: str, *, until: str) -> float:
    """One loan, to its end or to its hold; answers the milliseconds until the hold stood."""
    loan = BareLoan(session, url, number)
    loan.requested()
    took = loan.received()
    if until == "end":
        loan.renewed()
        loan.returned()
    return took


def run(url: str, *, n: int, workers: int, until: str, prefix: str = "B") -> Spent:
    """So many loans, so many at a time, each worker with a session of its own."""
    numbers = iter([f"{prefix}{number}" for number in range(n)])

    def work(_worker: int) -> list[float]:
        with requests.Session() as session:
            session.trust_env = False
            session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=1))
            return [played(session, url, number, until=until) for number in numbers]

    began, used = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(workers) as pool:
        holds = [took for each in pool.map(work, range(workers)) for took in each]
    return Spent(time.perf_counter() - began, time.process_time() - used, tuple(holds))


def main() -> int:
    """Play the loans and print what they took."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("url")
    arguments.add_argument("--n", type=int, default=40)
    arguments.add_argument("--workers", type=int, default=4)
    arguments.add_argument("--until", choices=("hold", "end"), default="end")
    given = arguments.parse_args()
    spent = run(given.url, n=given.n, workers=given.workers, until=given.until, prefix=f"B{os.getpid()}-")
    print(json.dumps(asdict(spent)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
