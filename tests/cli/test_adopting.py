"""``adopt``: what staff made by hand in a stand-in Alma is taken over, and nothing is made."""

from __future__ import annotations

import json

import pytest
import requests
from typer.testing import CliRunner

from bridge.cli.main import app
from tests.cli.house import House, several, take_all

LENDING = """
[libraries.main.lending]
accounts = { ABC = "LIB-ABC" }
"""


@pytest.fixture(autouse=True)
def observed(house: House) -> None:
    house.change('mode = "live"', 'mode = "observe"')


def made_by_hand(house: House, *items: dict[str, str]) -> None:
    answer = requests.post(f"{house.server.url}/_sandbox/seed", json={"items": list(items)}, timeout=10)
    assert answer.ok, answer.text


def at_its_place(barcode: str) -> dict[str, str]:
    return {"barcode": barcode, "title": "By hand", "library": "RS", "location": "ILLTEMP"}


def desk(house: House, what: str, **order: str) -> None:
    answer = requests.post(f"{house.server.url}/_sandbox/desk/{what}", json=order, timeout=10)
    assert answer.ok, answer.text


def written(house: House) -> list[str]:
    return [f"{call.method} {call.path}" for call in house.alma.calls() if call.method != "GET"]


def watch(house: House, count: int) -> None:
    several(house, count)
    assert house.command("resync", "--all", "--yes").exit_code == 0


def test_what_was_only_observed_is_taken_over(house: House) -> None:
    watch(house, 2)
    made_by_hand(house, at_its_place("ILL-1001"))
    dry = house.command("adopt", "--dry-run")
    assert dry.exit_code == 1
    assert dry.stdout.splitlines() == [
        "R1: Item ILL-1001 would be taken over as staff made it.",
        "R2: There is no item ILL-1002 in the ILS.",
    ]
    assert not house.row("1001").record.items  # type: ignore[union-attr]
    done = house.command("adopt", "R1")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("R1: Item ILL-1001 was taken over as staff had made it.\n")
    again = house.command("adopt", "R1")
    assert (again.exit_code, again.stdout) == (0, "R1: Item ILL-1001 is in the record already.\n")
    assert written(house) == []


def test_live_goes_on_with_what_was_taken_over(house: House) -> None:
    watch(house, 1)
    made_by_hand(house, at_its_place("ILL-1001"))
    assert house.command("adopt").exit_code == 0
    house.change('mode = "observe"', 'mode = "live"')
    assert house.command("resync", "R1").exit_code == 0
    assert written(house) == []
    take_all(house, [{"id": "back", "time": "2026-11-25T10:00:00Z", "status": "Returned"}])
    result = house.command("resync", "1001")
    assert "made by staff: delete it by hand" in result.stdout
    assert not [call for call in written(house) if call.startswith("DELETE")]


def test_a_lent_item_must_be_on_loan_to_the_partner(house: House) -> None:
    house.write(LENDING)
    house.change('mode = "live"', 'mode = "observe"')
    requests.post(
        f"{house.server.url}/_sandbox/seed", json={"patrons": [{"primary_id": "LIB-ABC"}]}, timeout=10
    ).raise_for_status()
    made_by_hand(house, {"barcode": "OWN-1", "title": "Ours"})
    lent = {"role": "lender", "status": "Shipped", "item": {"barcode": "OWN-1"}, "partner": "ABC"}
    take_all(house, [{"id": "l", **lent}])
    house.command("resync", "R1")
    result = house.command("adopt", "R1")
    assert (result.exit_code, result.stdout) == (
        1,
        "R1: Item OWN-1 is not on loan to the borrowing library's account.\n",
    )
    desk(house, "lend", barcode="OWN-1", patron="LIB-ABC")
    result = house.command("adopt", "R1")
    assert result.exit_code == 0, result.output
    assert house.row().record.item("", "").open_loan.account == "LIB-ABC"  # type: ignore[union-attr]
    assert written(house) == []


class TestFile:
    def file(self, house: House, text: str, encoding: str = "utf-8") -> str:
        path = house.folder / "loans.csv"
        path.write_bytes(text.encode(encoding))
        return str(path)

    def test_a_file_names_barcodes(self, house: House) -> None:
        watch(house, 2)
        made_by_hand(house, {"barcode": "HAND-1", "title": "Elsewhere"}, at_its_place("HAND-2"))
        desk(house, "lend", barcode="HAND-2", patron="P1002")
        path = self.file(house, "\ufeffRequest;Barcode;Volume\r\n1001;HAND-1;\r\nR2;HAND-2;\r\n")
        result = house.command("adopt", "--from", path, "--json")
        first, second = json.loads(result.stdout)
        assert result.exit_code == 1
        assert first["lines"][0] == "Item HAND-1 was taken over as staff had made it."
        assert second["lines"] == ["Item HAND-2 is on loan to somebody else than the request's patron."]
        assert written(house) == []

    def test_volumes_are_named(self, house: House) -> None:
        take_all(house, [{"id": each, "volume": each} for each in ("1", "2")])
        house.command("resync", "R1")
        made_by_hand(house, at_its_place("A"), at_its_place("B"))
        result = house.command("adopt", "--from", self.file(house, "request,barcode\n1001,A\n"))
        assert result.stdout == "R1: One barcode for several volumes: name one of 1, 2.\n"
        path = self.file(house, "request\tbarcode\tvolume\n1001\tA\t1\n1001\tB\t2\n1001\tC\t3\n")
        result = house.command("adopt", "--from", path, "--json")
        one, two, three = json.loads(result.stdout)
        assert (one["volume"], one["lines"][0]) == ("1", "Item A was taken over as staff had made it.")
        assert (two["volume"], two["ok"]) == ("2", True)
        assert three["lines"] == ["The request has no volume '3'."]

    def test_everything_wrong_with_it_is_told_and_nothing_done(self, house: House) -> None:
        several(house, 1)
        take_all(
            house,
            [
                {
                    "id": "b",
                    "role": "lender",
                    "status": "Requested",
                    "item": {"barcode": "X"},
                    "request": {"number": "1001", "requester": "ABC"},
                }
            ],
        )
        path = self.file(house, "request,barcode\nR1,\nR9,A\n1001,B\nR1,C\nR1,D\n")
        result = house.command("adopt", "--from", path)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.splitlines() == [
            f"{path}, line 2: a line needs a request and a barcode.",
            f"{path}, line 3: R9: there is no such request.",
            f"{path}, line 4: 1001 names several: R1, R2; choose one.",
            f"{path}: R1 stands in several lines.",
        ]
        assert house.alma.calls() == []

    def test_a_file_that_is_none(self, house: House) -> None:
        for path in ("nowhere.csv", self.file(house, "request,barcode\nä,1\n", "latin-1"), self.file(house, "a,b\n")):
            result = house.command("adopt", "--from", path)
            assert (result.exit_code, result.stdout) == (2, "")
            assert str(path) in result.stderr


def test_nothing_to_adopt_is_told(house: House) -> None:
    assert house.command("adopt").stdout == "No request matches.\n"
    assert house.command("adopt", "--library", "nope").exit_code == 2
    assert house.command("adopt", "R1").exit_code == 1
    assert house.command("adopt", "R1", "--library", "main").exit_code == 2
    assert house.command("adopt", "--resume", "adopt-1").exit_code == 1


def test_many_show_their_plan_and_ask(house: House) -> None:
    house.change("[engine]", "[engine]\nask_over = 1")
    watch(house, 2)
    made_by_hand(house, at_its_place("ILL-1001"), at_its_place("ILL-1002"))
    result = CliRunner().invoke(app, ["adopt", "--library", "main", "--config", str(house.config)], input="no\n")
    assert result.exit_code == 1
    assert "2 requests: 0 things would be made in the ILS, 0 items deleted." in result.stderr
    assert not house.row("1001").record.items  # type: ignore[union-attr]
    result = CliRunner().invoke(app, ["adopt", "--library", "main", "--config", str(house.config)], input="yes\n")
    assert result.exit_code == 0
    assert written(house) == []
