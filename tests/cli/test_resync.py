"""``resync`` of one and of many: chosen, planned, asked, interrupted, resumed, and waiting where it must."""

from __future__ import annotations

import json
import os
import signal
import threading
from datetime import timedelta

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from bridge.cli import asking as module
from bridge.cli import batches
from bridge.cli.asking import asking
from bridge.cli.main import app
from bridge.cli.options import opened
from bridge.engine.asked import Asked, Asking
from bridge.ledger import LedgerBusy, schema
from bridge.ledger.model import NewOrder
from tests.cli.house import House, daemon, ledger_of, meanwhile, several, take_all, until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEE_EVERY", 0.05)
    monkeypatch.setattr(module, "GRACE", 0.1)


def answer(house: House, *arguments: str, say: str = "n\n") -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [*arguments, "--config", str(house.config)], input=say)
    return result.exit_code, result.stdout, result.stderr


class TestChoosing:
    def test_nothing_named_is_told(self, house: House) -> None:
        result = house.command("resync")
        assert result.exit_code == 2
        assert "--library" in result.stderr

    def test_names_and_selectors_do_not_mix(self, house: House) -> None:
        assert house.command("resync", "R1", "--all").exit_code == 2
        assert house.command("resync", "R1", "--resume", "resync-1").exit_code == 2

    def test_an_unknown_library_is_told_with_those_there_are(self, house: House) -> None:
        result = house.command("resync", "--library", "mian")
        assert result.exit_code == 2
        assert "there is no library 'mian'" in " ".join(result.stderr.replace("│", "").split())

    def test_a_library_no_longer_configured_may_still_have_requests(self, house: House) -> None:
        several(house, 1)
        house.change("[libraries.main", "[libraries.branch")
        house.change('library = "main"', 'library = "branch"')
        result = house.command("resync", "--library", "main", "--state", "parked")
        assert (result.exit_code, result.stdout) == (0, "No request matches.\n")

    def test_library_and_state_narrow_together(self, house: House) -> None:
        several(house, 2)
        assert house.command("resync", "R1").exit_code == 0
        result = house.command("resync", "--library", "main", "--state", "in_step", "--dry-run")
        assert (result.exit_code, result.stdout) == (0, "R1: Nothing is left to do.\n")
        assert house.command("resync", "--library", "main", "--state", "parked").stdout == "No request matches.\n"

    def test_nothing_that_matches_is_an_empty_document(self, house: House) -> None:
        result = house.command("resync", "--all", "--json")
        assert (result.exit_code, json.loads(result.stdout), result.stderr) == (0, [], "No request matches.\n")

    def test_every_unknown_name_is_told_and_nothing_done(self, house: House) -> None:
        several(house, 1)
        result = house.command("resync", "R1", "R8", "R9")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == "R8: there is no such request.\nR9: there is no such request.\n"
        assert house.alma.calls() == []


class TestAsking:
    @pytest.fixture(autouse=True)
    def few(self, house: House) -> None:
        house.change("[engine]", "[engine]\nask_over = 2")

    def test_many_show_their_plan_and_nothing_is_done_without_a_yes(self, house: House) -> None:
        several(house, 3)
        code, out, err = answer(house, "resync", "--all")
        assert (code, out) == (1, "")
        assert "R1: Would look the patron up. Would make temporary item ILL-1001." in err
        assert "3 requests: 6 things would be made in the ILS, 0 items deleted." in err
        assert err.endswith("Nothing was changed.\n")
        assert house.alma.report()["leftovers"] == []

    def test_long_plans_are_cut_and_what_cannot_be_planned_counted(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(batches, "MANY_SHOWN", 2)
        several(house, 3)
        house.outage(on=True)
        code, _, err = answer(house, "resync", "--all")
        assert code == 1
        assert "… and 1 more." in err
        assert "3 could not be planned" in err

    def test_a_yes_goes_on_and_tells_each(self, house: House) -> None:
        several(house, 3)
        code, out, _ = answer(house, "resync", "--all", "--json", say="y\n")
        told = json.loads(out)
        assert code == 0
        assert [each["request"] for each in told] == [f"R{number}" for number in range(1, 4)]
        assert all(each["done"] and each["ok"] and each["library"] == "main" for each in told)
        assert len(house.asked("requests", "--state", "in_step")) == 3

    def test_a_dry_run_counts_and_asks_nothing(self, house: House) -> None:
        several(house, 2)
        result = house.command("resync", "--all", "--dry-run")
        assert result.exit_code == 0
        assert result.stderr == "2 requests: 4 things would be made in the ILS, 0 items deleted.\n"

    def test_observe_mode_plans_and_counts_nothing(self, house: House) -> None:
        house.change('mode = "live"', 'mode = "observe"')
        several(house, 2)
        result = house.command("resync", "--all")
        assert result.exit_code == 0
        assert "R1 is now: observed." in result.stdout
        result = house.command("resync", "--all", "--dry-run")
        assert "R1: Observe mode: nothing is written in the ILS." in result.stdout
        assert "0 things would be made" in result.stderr
        assert {call.method for call in house.alma.calls()} == {"GET"}


class TestInterrupting:
    def interrupt(self, house: House, batch: str, *, times: int = 1) -> None:
        """Ctrl-C as soon as the first is done."""
        with ledger_of(house) as ledger:

            def begun() -> bool:
                done = [order for order in ledger.orders.of(self.name(house, batch)) if order.answer]
                return bool(done)

            until(begun, "a first answer")
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(0.02)

    def name(self, house: House, what: str) -> str:
        with ledger_of(house) as ledger:
            running = ledger.orders.under_way(what)
            return running[0] if running else ""

    def test_ctrl_c_takes_back_the_rest_which_can_be_resumed(
        self, house: House, capfd: pytest.CaptureFixture[str]
    ) -> None:
        several(house, 6)
        house.slow(30)
        with meanwhile(lambda: self.interrupt(house, "resync")):
            result = house.command("resync", "--all", "--json")
        told = json.loads(result.stdout)
        assert result.exit_code == 1
        assert told[0]["done"]
        assert not told[-1]["done"]
        assert "Ctrl-C again stops at once" in capfd.readouterr().err
        left = sum(not each["done"] for each in told)
        batch = result.stderr.split("--resume ")[1].strip()
        assert f"{left} requests were not done" in result.stderr
        house.slow(0)
        listed = house.command("resync", "--resume", "resync-nothing")
        assert listed.exit_code == 1
        assert f"Interrupted: {batch} ({left} left)." in listed.stderr
        again = house.command("resync", "--resume", batch, "--json")
        assert again.exit_code == 0, again.output
        assert len(json.loads(again.stdout)) == left
        assert "Interrupted: none." in house.command("resync", "--resume", batch).stderr
        house.command("resync", "--state", "due")
        assert len(house.asked("requests", "--state", "in_step")) == 6
        assert house.alma.report()["duplicates"] == []

    def test_the_second_ctrl_c_stops_at_once_and_loses_nothing(self, house: House) -> None:
        several(house, 4)
        house.slow(30)
        with meanwhile(lambda: self.interrupt(house, "resync", times=2)):
            result = house.command("resync", "--all")
        assert result.exit_code != 0
        house.slow(0)
        batch = result.stderr.split("--resume ")[1].split()[0]
        assert house.command("resync", "--resume", batch).exit_code == 0
        house.command("resync", "--state", "due")
        assert len(house.asked("requests", "--state", "in_step")) == 4
        assert house.alma.report()["duplicates"] == []

    def test_stopped_while_looking_changes_nothing(self, house: House) -> None:
        house.change("[engine]", "[engine]\nask_over = 2")
        several(house, 3)
        house.slow(30)
        with meanwhile(lambda: self.interrupt(house, "look")):
            code, _, err = answer(house, "resync", "--all", say="y\n")
        assert code == 1
        assert "Stopped while looking; nothing was changed." in err
        assert "--resume" not in err
        assert house.alma.report()["leftovers"] == []

    def test_one_left_is_resumed_alone_and_a_dry_run_stays_one(self, house: House) -> None:
        several(house, 1)
        with ledger_of(house) as ledger:
            options = '{"kind": "resync", "request_id": 1, "by": "ada", "dry_run": true}'
            ledger.orders.give_all([NewOrder("resync", 1, options, "ada")], batch="resync-old")
        result = house.command("resync", "--resume", "resync-old")
        assert result.exit_code == 0, result.output
        assert "R1: Would make temporary item ILL-1001." in result.stdout
        assert house.alma.report()["leftovers"] == []
        assert house.command("resync", "--resume", "resync-old").exit_code == 1

    def test_one_that_is_still_carried_out_is_not_resumed(self, house: House) -> None:
        several(house, 1)
        with ledger_of(house) as ledger:
            options = '{"kind": "resync", "request_id": 1, "by": "ada"}'
            ledger.orders.watch("resync-now")
            ledger.orders.give_all([NewOrder("resync", 1, options, "ada")], batch="resync-now")
            result = house.command("resync", "--resume", "resync-now")
            assert result.exit_code == 2
            assert "still being carried out" in result.stderr
            assert "resync-now (still being carried out)" in house.command("resync", "--resume", "resync-x").stderr


class TestWaiting:
    def test_a_closed_lane_is_waited_for_and_told(self, house: House) -> None:
        several(house, 3)
        house.outage(on=True)

        def back() -> None:
            with ledger_of(house) as ledger:
                until(lambda: any(lane.paused_until for lane in ledger.lanes.all()), "a closed lane")
                threading.Event().wait(0.3)
                house.outage(on=False)

        with meanwhile(back):
            result = house.command("resync", "--all")
        assert result.exit_code == 0, result.output
        assert "Waiting. Lane 'alma' is closed: " in result.stderr
        assert result.stderr.count("Waiting.") <= 2, "not again and again"
        assert "R1: Lane 'alma' is closed: " in result.stdout
        assert house.asked("resync", "R1", "--dry-run")[0]["lines"][0].startswith("Would")

    def test_a_paused_library_is_waited_for(self, house: House) -> None:
        several(house, 2)
        assert house.command("pause", "main", "--note", "moving house").exit_code == 0

        def go_on() -> None:
            with ledger_of(house) as ledger:
                until(lambda: ledger.orders.under_way("resync"), "orders")
                threading.Event().wait(0.3)
                ledger.libraries.resume("main")

        with meanwhile(go_on):
            result = house.command("resync", "--all")
        assert result.exit_code == 0, result.output
        assert "Library 'main' is paused: Paused by" in result.stderr
        assert "moving house. ill-bridge resume main ends it." in result.stderr

    def test_nobody_there_to_wait_gives_up_after_a_while(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "UNATTENDED", 0.2)
        several(house, 2)
        house.command("pause", "lane:alma", "--until", "2999-01-01")
        result = house.command("resync", "--all")
        assert result.exit_code == 1
        assert "2 requests were not done. Go on with: ill-bridge resync --resume resync-" in result.stderr
        assert "Lane 'alma' is paused: Paused by" in result.stderr
        assert "It goes on at 2999-01-01" in result.stderr

    def test_at_a_terminal_a_bar_shows_how_far_it_is(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        several(house, 2)
        result = house.command("resync", "--all", "--json")
        assert len(json.loads(result.stdout)) == 2
        assert "2/2" in result.stderr


class TestBesideOthers:
    def test_many_beside_a_daemon(self, house: House) -> None:
        several(house, 3)
        with daemon(house):
            result = house.command("resync", "--all", "--json")
        assert result.exit_code == 0, result.output
        assert [each["done"] for each in json.loads(result.stdout)] == [True] * 3

    def test_a_daemon_that_stops_is_replaced_by_the_command(self, house: House) -> None:
        several(house, 2)
        with ledger_of(house) as holder:
            holder.lock.take()

            def stop() -> None:
                until(lambda: holder.orders.under_way("resync"), "orders")
                holder.lock.give_back()

            with meanwhile(stop):
                result = house.command("resync", "--all")
        assert result.exit_code == 0, result.output
        assert "going on without it" in result.stderr
        assert house.row("1002").state == "in_step"  # type: ignore[union-attr]

    def test_one_order_is_replaced_too(self, house: House) -> None:
        several(house, 1)
        with ledger_of(house) as holder:
            holder.lock.take()

            def stop() -> None:
                until(holder.orders.any, "an order")
                holder.lock.give_back()

            with meanwhile(stop):
                result = house.command("retry", "R1")
        assert result.exit_code == 0, result.output

    def test_the_next_daemon_may_be_quicker(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        several(house, 1)
        monkeypatch.setattr(module, "PATIENCE", 0.3)
        monkeypatch.setattr(module, "GRACE", -1.0)
        with ledger_of(house) as holder:
            holder.lock.take()
            with opened(house.config) as (known, ledger), asking(known, ledger) as way:
                seen = iter([True, True])
                monkeypatch.setattr(ledger.lock, "free", lambda: next(seen, False))
                answered = way.one(Asked(Asking.RETRY, 1, "ada"))
        assert "has not carried it out yet" in answered.lines[0]

    def test_orders_of_a_command_that_died_are_taken_back(self, house: House) -> None:
        several(house, 1)
        with ledger_of(house) as ledger, daemon(house):
            house.settled("in_step")
            options = '{"kind": "resync", "request_id": 1, "by": "ada"}'
            ledger.orders.give_all([NewOrder("resync", 1, options, "ada")], batch="resync-dead")
            (order,) = until(lambda: [each for each in ledger.orders.of("resync-dead") if each.done_at], "taken back")
            assert (order.answer, order.failed) == ("", True)
            assert ledger.orders.interrupted("resync") == {"resync-dead": 1}


class TestOne:
    """A single order, where the request is not free."""

    def test_one_in_work_is_not_done_without_a_daemon(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        several(house, 1)
        monkeypatch.setattr(module, "PATIENCE", 0.1)
        with opened(house.config) as (known, ledger), asking(known, ledger) as way:
            assert ledger.work.claim_one(1, owner="other", lease=timedelta(minutes=1))
            answered = way.one(Asked(Asking.RETRY, 1, "ada"))
            assert answered.lines == ("Nothing was done: the request is being worked on.",)
            assert not ledger.orders.any()

    def test_ctrl_c_takes_one_back_unless_it_was_begun(self, house: House) -> None:
        several(house, 1)
        with ledger_of(house) as holder:
            holder.lock.take()
            with opened(house.config) as (known, ledger), asking(known, ledger) as way:
                way.stopped.set()
                assert way.one(Asked(Asking.RETRY, 1, "ada")).lines == ("Nothing was done: you stopped it.",)
                way.stopped.clear()

                def begin() -> None:
                    (order,) = until(holder.orders.open, "an order")
                    holder.orders.take(order.id)
                    way.stopped.set()

                with meanwhile(begin):
                    answered = way.one(Asked(Asking.RETRY, 1, "ada"))
                assert "It was begun and goes on" in answered.lines[0]

    def test_one_that_another_command_takes_back_is_told(self, house: House) -> None:
        several(house, 1)
        with ledger_of(house) as holder:
            holder.lock.take()

            def back() -> None:
                (order,) = until(holder.orders.open, "an order")
                assert holder.orders.take_back(order.id)

            with meanwhile(back):
                result = house.command("retry", "R1")
        assert (result.exit_code, result.stdout) == (1, "R1: It was taken back before it was begun.\n")


def test_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ada")
    assert module.who() == "ada"
    monkeypatch.delenv("SUDO_USER")
    monkeypatch.setenv("LOGNAME", "x" * 200)
    assert module.who() == "x" * module.NAME

    def nobody() -> str:
        raise KeyError("no such uid")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert module.who() == f"uid {os.getuid()}"


def test_a_command_that_lives_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WATCH_EVERY", 0.01)
    several(house, 2)
    house.command("pause", "main")
    with ledger_of(house) as ledger:
        seen: set[str] = set()

        def watch() -> None:
            (batch,) = until(lambda: ledger.orders.under_way("resync"), "orders")

            def moved() -> bool:
                query = select(schema.meta.c.value).where(schema.meta.c.name == f"watch:{batch}")
                with ledger.database.read() as connection:
                    seen.add(str(connection.execute(query).scalar()))
                return len(seen) > 2

            until(moved, "a sign of life")
            ledger.libraries.resume("main")

        with meanwhile(watch):
            assert house.command("resync", "--all").exit_code == 0
        assert ledger.orders.withdraw_unwatched() == {}


def test_lent_and_borrowed_of_one_number_are_both_resynced(house: House) -> None:
    take_all(house, [{"id": "a"}, {"id": "b", "role": "lender", "status": "Requested", "item": {"barcode": "X"}}])
    result = house.command("resync", "1001", "--dry-run")
    assert {line.split(":")[0] for line in result.stdout.splitlines()} == {"R1", "R2"}


def test_a_ledger_that_is_busy_for_a_moment_ends_no_watch(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    several(house, 1)
    told: list[str] = []

    def watch(batch: str) -> None:
        told.append(batch)
        if len(told) == 2:
            raise LedgerBusy("The ledger cannot be written: database is locked")

    with opened(house.config) as (known, ledger), asking(known, ledger) as way:
        monkeypatch.setattr(module, "WATCH_EVERY", 0.01)
        monkeypatch.setattr(ledger.orders, "watch", watch)
        with way._watching("resync-1"):
            until(lambda: len(told) > 3, "another word")
