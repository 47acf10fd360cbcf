"""``replay`` of kept messages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.domain.arrival import ArrivalState
from bridge.sandbox.iso18626 import Talk
from bridge.web.posts import Post
from bridge.wiring import configuration, conversations_of
from tests.cli.house import House, ledger_of, take, take_all


@pytest.mark.parametrize("arguments", [[], ["1", "--all"], ["--all", "--source", "hook"]])
def test_one_way_to_choose(house: House, arguments: list[str]) -> None:
    assert house.command("replay", *arguments).exit_code == 2


def test_nothing_kept_is_told(house: House) -> None:
    assert house.command("replay", "--all").stdout == "No message is kept.\n"
    result = house.command("replay", "--source", "hook")
    assert (result.exit_code, result.stdout) == (0, "No message is kept of source 'hook'.\n")
    result = house.command("replay", "--source", "hok")
    assert result.exit_code == 2
    assert "there is no source 'hok'; there are: hook" in result.stderr


def test_all_of_a_source_after_a_fix(house: House) -> None:
    take_all(house, [{"id": "a", "status": "Teleported"}, {"id": "b"}])
    house.write('[sources.hook.words."teleported"]\nphase = "received"\n')
    result = house.command("replay", "--source", "hook")
    assert (result.exit_code, result.stdout) == (0, "1: taken into R1.\n")
    again = house.command("replay", "1", "2")
    assert (again.exit_code, again.stdout) == (0, "1: taken into R1.\n2: taken into R1.\n")


def test_a_source_that_is_no_longer_there(house: House) -> None:
    take(house, status="Teleported")
    house.change("[sources.hook]", "[sources.door]")
    result = house.command("replay", "--source", "hook")
    assert (result.exit_code, result.stdout) == (1, "1: its source 'hook' is not in the configuration.\n")


def test_a_message_whose_body_is_gone_is_left_as_it_is(house: House) -> None:
    take(house)
    with ledger_of(house) as ledger:
        ledger.privacy.drop_bodies(ledger.clock() + timedelta(seconds=1))
    result = house.command("replay", "1")
    assert (result.exit_code, "body was removed" in result.stdout) == (1, True)
    with ledger_of(house) as ledger:
        assert ledger.inbox.kept([1])[0].state is ArrivalState.FOLDED


def test_an_iso_18626_message_whose_sender_may_not_say_it_is_taken_by_its_id_only(house: House) -> None:
    house.write(
        '[sources.iso]\nkind = "iso18626"\nservice = "svc"\nlibraries = { OUR = "main" }\n'
        '[sources.iso.peers.sup]\nsymbols = ["SUP"]\nsecret = "a long secret"\n'
    )
    known = configuration(house.config)
    with ledger_of(house) as ledger:
        ledger.upgrade()
        loaned = Talk("OUR", "SUP", "1").supplied("Loaned", at="2026-11-20T10:00:00Z")
        post = Post("127.0.0.1", {"X-ILL-Bridge-Secret": "a long secret"}, loaned)
        assert b">ERROR<" in conversations_of(known, ledger)["iso"].answer(post).body
    assert house.command("replay", "--source", "iso").stdout == "No message is kept of source 'iso'.\n"
    told = house.command("replay", "--source", "iso", "--since", "2026-11-01", "--dry-run").stdout
    assert told.startswith("0 messages")
    assert house.command("replay", "1").stdout == "1: taken into R1.\n"
