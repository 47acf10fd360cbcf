"""``purge``: by age, and one patron's data because they ask; the identifier is told to nobody."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner, Result

from bridge.cli.main import app
from bridge.cli.purging import _read
from bridge.ledger import Ledger, State, Verdict, schema
from tests.cli.house import House, daemon, ledger_of, take, take_all

PATRON = "P1001"
OTHER = "P2002"
MINUTE = timedelta(minutes=1)


def finished(house: House, number: str, *, patron: str = PATRON, state: State = State.CLOSED, **more: object) -> None:
    """A request that came to its end without any work."""
    take(house, id=f"m{number}", request={"number": number, "requester": "ABC"}, patron={"id": patron}, **more)
    with ledger_of(house) as ledger:
        (row,) = ledger.requests.find(number)
        held = ledger.work.claim_one(row.id, owner="test", lease=MINUTE)
        assert held is not None
        ledger.work.release(held, Verdict(state, "received"), version=held.row.version)


def everything(house: House) -> str:
    with ledger_of(house) as ledger, ledger.database.read() as connection:
        tables = schema.metadata.tables.values()
        return "\n".join(str([tuple(row) for row in connection.execute(select(table))]) for table in tables)


def purge(house: House, *arguments: str, said: str = "") -> Result:
    return CliRunner().invoke(app, ["purge", *arguments, "--config", str(house.config)], input=said)


def history(house: House, number: str) -> str:
    with ledger_of(house) as ledger:
        (row,) = ledger.requests.find(number)
        return "\n".join(line.line for line in ledger.requests.history(row.id))


class TestOnePatron:
    def test_it_asks_shows_and_erases(self, house: House) -> None:
        finished(house, "1", item={"title": "Dune"})
        finished(house, "2", patron=OTHER)
        asked = purge(house, "--patron", PATRON)
        assert asked.exit_code == 1
        assert "Patron and title of 1 finished requests would go: R1." in asked.stderr
        assert "Nothing was changed." in asked.stderr
        assert PATRON in everything(house)
        done = purge(house, "--patron", PATRON, said="y\n")
        assert done.exit_code == 0
        assert "Patron and title of 1 finished requests went: R1." in done.stdout
        left = everything(house)
        assert (PATRON in left, "Dune" in left, OTHER in left) == (False, False, True)
        assert "Erased by" in history(house, "1")
        assert PATRON not in done.output + asked.output

    def test_looking_changes_nothing(self, house: House) -> None:
        finished(house, "1")
        before = everything(house)
        result = purge(house, "--patron", PATRON.lower(), "--dry-run", "--json")
        assert result.exit_code == 0
        assert json.loads(result.stdout) == {
            "done": False,
            "identifiers": 1,
            "erased": ["R1"],
            "stay": [],
            "messages": 1,
            "kept": [],
            "steps": 0,
            "texts": 0,
        }
        assert everything(house) == before

    def test_who_is_not_known(self, house: House) -> None:
        finished(house, "1")
        for arguments in ([], ["--dry-run"], ["--yes"]):
            result = purge(house, "--patron", "P99", *arguments)
            assert (result.exit_code, result.output) == (0, "Nothing in the ledger names this patron.\n")
        assert PATRON in everything(house)

    @pytest.mark.parametrize("arguments", [["--patron", " "], ["--patron", "-"], ["--unsettled"]])
    def test_a_command_line_that_makes_no_sense(self, house: House, arguments: list[str]) -> None:
        assert purge(house, *arguments).exit_code == 2

    def test_from_standard_input_it_stands_in_no_command_line(self, house: House) -> None:
        finished(house, "1")
        result = purge(house, "--patron", "-", "--yes", said=f"{PATRON}\n")
        assert result.exit_code == 0
        assert PATRON not in everything(house)

    def test_a_terminal_is_asked(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        hidden: list[bool] = []

        def prompt(_text: str, *, hide_input: bool, err: bool) -> str:
            hidden.append(hide_input and err)
            return f" {PATRON} "

        monkeypatch.setattr("sys.stdin", Terminal())
        monkeypatch.setattr("bridge.cli.purging.typer.prompt", prompt)
        assert _read() == PATRON
        assert hidden == [True]

    def test_open_requests_keep_theirs_until_they_end(self, house: House) -> None:
        take(house, id="m1", request={"number": "1", "requester": "ABC"})
        finished(house, "2")
        result = purge(house, "--patron", PATRON, "--yes")
        assert result.exit_code == 1
        assert "R1 keeps its patron: it is open (new, due); it goes in the night after its end." in result.stdout
        assert "Asked for by" in history(house, "1")
        assert purge(house, "--patron", PATRON, "--yes").exit_code == 1
        assert history(house, "1").count("Asked for by") == 1
        with ledger_of(house) as ledger:
            held = ledger.work.claim_one(1, owner="test", lease=MINUTE)
            assert held is not None
            ledger.work.release(held, Verdict(State.CLOSED, "completed"), version=held.row.version)
            assert [each.id for each in ledger.privacy.wanted(limit=9).found] == [1]
        assert purge(house, "--yes").exit_code == 0
        assert PATRON not in everything(house)

    def test_what_is_owed_stays_unless_it_is_said(self, house: House) -> None:
        finished(house, "1", status="Lost")
        result = purge(house, "--patron", PATRON, "--yes")
        assert result.exit_code == 1
        assert "R1 keeps its patron: it is finished, but the item is lost and not paid for" in result.stdout
        assert purge(house, "--patron", PATRON, "--yes", "--unsettled").exit_code == 0
        assert PATRON not in everything(house)

    def test_one_in_work_is_left_and_said(self, house: House) -> None:
        finished(house, "1")
        with ledger_of(house) as ledger:
            ledger.work.claim_one(1, owner="test", lease=timedelta(hours=1))
        result = purge(house, "--patron", PATRON, "--yes")
        assert (result.exit_code, "R1 keeps its patron: it is being worked on" in result.stdout) == (1, True)

    def test_one_that_changes_meanwhile_is_left_and_said(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        finished(house, "1")
        monkeypatch.setattr("bridge.ledger.privacy.Privacy.erase", lambda *_, **__: ())
        result = purge(house, "--patron", PATRON, "--yes")
        assert (result.exit_code, "it changed meanwhile" in result.stdout) == (1, True)

    def test_a_message_that_was_not_understood_is_first_to_be_replayed(self, house: House) -> None:
        take(house, id="odd", status="Teleported")
        result = purge(house, "--patron", PATRON, "--yes")
        assert result.exit_code == 1
        assert "Message 1 stays: it was not understood yet. First: ill-bridge replay 1" in result.stdout

    def test_by_every_identifier_that_the_ils_knows(self, house: House) -> None:
        finished(house, "1")
        finished(house, "2", patron="primary-7")
        with ledger_of(house) as ledger, ledger.database.write() as connection:
            record = '{"patron": {"asked": "P1001", "patron_id": "primary-7"}}'
            connection.execute(update(schema.request).where(schema.request.c.id == 1).values(record=record))
        result = purge(house, "--patron", PATRON, "--yes")
        assert "The ILS knows the patron by another identifier too; 2 were looked for." in result.stdout
        assert "2 finished requests went: R1, R2." in result.stdout
        left = everything(house)
        assert (PATRON in left, "primary-7" in left) == (False, False)

    def test_whatever_its_letters_and_their_case(self, house: House) -> None:
        """Databases fold the case of ASCII letters only, and JSON spells others in two ways, slashes in a third."""
        patrons = ("ÄB12x", "straße77", "ΑΣΑΣ9", "Ame\u0301lie9", "a/b-77", 'a\\b"77')
        told = [json.dumps(each, ensure_ascii=index % 2 == 0) for index, each in enumerate(patrons)]
        for index, patron in enumerate(patrons):
            finished(house, str(index), patron=patron)
        finished(house, "9", patron=OTHER)
        with ledger_of(house) as ledger, ledger.database.write() as connection:
            body = f"[{', '.join(told)}]".replace("/", "\\/")
            connection.execute(update(schema.inbox).where(schema.inbox.c.key == "m9").values(body=body))
        for index, patron in enumerate(patrons):
            assert f"would go: R{index + 1}." in purge(house, "--patron", patron.lower(), "--dry-run").stdout
            result = purge(house, "--patron", patron, "--yes")
            assert result.exit_code == 0
            assert f"1 finished requests went: R{index + 1}." in result.stdout
        left = everything(house)
        assert [each for each in (*patrons, *told) if each in left or each.strip('"') in left] == []
        assert OTHER in left

    def test_wherever_somebody_wrote_it(self, house: House) -> None:
        finished(house, "1", patron=OTHER)
        finished(house, "2")
        with ledger_of(house) as ledger:
            _write(ledger, f"asked for {PATRON}, not {PATRON}7")
        assert purge(house, "--patron", PATRON, "--yes").exit_code == 0
        left = everything(house)
        assert f"asked for …, not {PATRON}7" in left
        assert left.replace(f"{PATRON}7", "").count(PATRON) == 0
        assert OTHER in left

    def test_a_short_identifier_spoils_no_dates(self, house: House) -> None:
        finished(house, "1", patron="11")
        with ledger_of(house) as ledger:
            _write(ledger, "due 2026-11-24")
        assert purge(house, "--patron", "11", "--yes").exit_code == 0
        assert "due 2026-11-24" in everything(house)

    def test_a_request_that_cannot_be_read_stops_nothing(self, house: House) -> None:
        finished(house, "1")
        finished(house, "2")
        with ledger_of(house) as ledger, ledger.database.write() as connection:
            broken = f'{{"patron_id": "{PATRON}"'
            connection.execute(update(schema.request).where(schema.request.c.id == 1).values(document=broken))
        result = purge(house, "--patron", PATRON, "--yes")
        assert "1 finished requests went: R2." in result.stdout
        assert "R1 keeps its patron: this release cannot read it; see: ill-bridge db check." in result.stdout
        assert result.exit_code == 1, "something of the patron stays"

    def test_beside_a_daemon(self, house: House) -> None:
        with daemon(house) as url:
            house.post(url, request={"number": "77", "requester": "ABC"}, status="Cancelled")
            house.settled("closed", "77")
            assert purge(house, "--patron", PATRON, "--yes").exit_code == 0
            assert PATRON not in everything(house)
            house.post(url, request={"number": "78", "requester": "ABC"}, patron={"id": OTHER})
            house.settled("parked", "78")


class TestByAge:
    def old(self, house: House, days: int) -> None:
        with ledger_of(house) as ledger, ledger.database.write() as connection:
            then: datetime = ledger.clock() - timedelta(days=days)
            connection.execute(update(schema.request).values(settled_at=then))
            connection.execute(update(schema.inbox).values(received_at=then))

    def test_it_counts_asks_and_removes(self, house: House) -> None:
        finished(house, "1")
        finished(house, "2", status="Lost")
        take_all(house, [{"id": "odd", "status": "Teleported"}])
        self.old(house, 100)
        looked = purge(house, "--dry-run")
        assert looked.stdout.splitlines() == [
            "Patron and title of 1 finished requests would go (after 30 days).",
            "Bodies of 2 messages would go, 1 messages never understood, 0 orders of staff.",
            "1 finished requests keep theirs (after 365 days): the item is lost and not paid for.",
        ]
        assert purge(house, said="n\n").exit_code == 1
        went = purge(house, said="y\n")
        assert (went.exit_code, "Patron and title of 1 finished requests went" in went.stdout) == (0, True)
        again = json.loads(purge(house, "--json", "--yes").stdout)
        assert (again["requests"], again["messages"], again["kept_messages"]) == (0, 0, 0)

    def test_beside_a_daemon_and_with_one_that_cannot_be_read(self, house: House) -> None:
        finished(house, "1")
        finished(house, "2")
        house.write("[privacy]\nunsettled_days = 0\n")
        self.old(house, 400)
        with ledger_of(house) as ledger, ledger.database.write() as connection:
            connection.execute(update(schema.request).where(schema.request.c.id == 1).values(document="{"))
        with ledger_of(house) as ledger:
            ledger.lock.take()
            result = purge(house, "--yes")
        assert result.exit_code == 1
        assert "1 finished requests cannot be read" in result.stdout


def _write(ledger: Ledger, text: str) -> None:
    """In every text where somebody may have written it."""
    now = ledger.clock()
    with ledger.database.write() as connection:
        connection.execute(update(schema.history).where(schema.history.c.request_id == 1).values(line=text))
        step = {"key": "k", "verb": "v", "state": "done", "command": "{}", "attempts": 1, "started_at": now}
        connection.execute(schema.step.insert().values(request_id=1, problem=text, **step))
        order = {"kind": "set", "given_at": now, "done_at": now, "options": text, "answer": text}
        connection.execute(schema.order.insert().values(request_id=1, **order))
        alert = {"subject": "s", "kind": "k", "document": text, "seen_at": now}
        connection.execute(schema.alert.insert().values(alert))
        notice = {"key": "k", "channel": "mail", "kind": "k", "at": now, "document": text, "due_at": now}
        connection.execute(schema.notice.insert().values(problem=text, **notice))
        finding = {"subject": "s", "lane": "alma", "kind": "k", "sentence": text, "advice": text, "first_seen": now}
        connection.execute(schema.audit_finding.insert().values(last_seen=now, **finding))
        connection.execute(schema.cursor.insert().values(source="feed", position="", problem=text))
        connection.execute(schema.lane.insert().values(name="other", why=text, held_why=text))
        connection.execute(schema.library.insert().values(name="other", held_why=text))


def test_the_identifier_is_in_no_file(house: House, tmp_path: Path) -> None:
    finished(house, "1")
    with ledger_of(house) as ledger:
        _write(ledger, f"asked for {PATRON}")
    assert purge(house, "--patron", PATRON, "--yes").exit_code == 0
    files = [path for path in tmp_path.iterdir() if path.name.startswith("bridge.db")]
    assert [path.name for path in files if PATRON.encode() in path.read_bytes()] == []
