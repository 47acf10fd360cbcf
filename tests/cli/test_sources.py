"""``sources``: last poll, lag, cursor, and words that nobody explained."""

from __future__ import annotations

from datetime import timedelta

from tests.cli.house import House, ledger_of, take_all

FEED = '[sources.feed]\nkind = "feed"\nservice = "svc"\nsystem = "koha"\nlibrary = "main"\nurl = "http://127.0.0.1:9/changes"\n'


def test_every_source_and_its_unknown_words_with_an_example(house: House) -> None:
    house.write(FEED)
    take_all(
        house,
        [
            {"id": "a", "status": "Teleported"},
            {"id": "b"},
            {"id": "c", "status": "teleported", "request": {"number": "9"}},
        ],
    )
    with ledger_of(house) as ledger:
        ledger.inbox.take("feed", (), lambda _: "alma", cursor="2026-11-24T09:00:00+00:00")
        ledger.inbox.polled("feed")
        ledger.inbox.polled("feed", "Source feed cannot be reached.")
    hook, feed = house.asked("sources")
    assert (hook["name"], hook["kind"], hook["messages"], hook["polled_at"], hook["lag_seconds"]) == (
        "hook",
        "webhook",
        3,
        None,
        None,
    )
    words = [(each["word"], each["messages"], each["request"]) for each in hook["unknown_words"]]
    assert words == [("Teleported", 1, "1001"), ("teleported", 1, "9")]
    assert (feed["kind"], feed["system"], feed["cursor"]) == ("feed", "koha", "2026-11-24T09:00:00+00:00")
    assert feed["lag_seconds"] < timedelta(minutes=1).total_seconds()
    assert feed["problem"] == "Source feed cannot be reached."
    said = house.command("sources").stdout
    assert "hook: webhook, service svc\n  it calls us\n  3 messages" in said
    assert "unknown word 'teleported': 1 messages, for example 3 of request 9" in said
    assert "feed: feed, service svc (koha)" in said
    assert "behind" in said
    assert "cursor 2026-11-24T09:00:00+00:00" in said
    assert "problem: Source feed cannot be reached." in said


def test_a_source_that_never_was_heard_and_one_that_is_no_longer_there(house: House) -> None:
    house.write(FEED)
    take_all(house, [{"id": "a"}])
    house.change("[sources.hook]", "[sources.door]")
    with ledger_of(house) as ledger:
        ledger.inbox.polled("old", "It does not answer.")
    said = house.command("sources").stdout
    assert "feed: feed, service svc (koha)\n  never polled\n  0 messages\n" in said
    assert "hook: no longer configured, service unknown\n  1 messages" in said
    assert "never with success" in said


def test_no_source(house: House) -> None:
    house.change(house.config.read_text(encoding="utf-8").partition("[sources.hook]")[2], "")
    house.change("[sources.hook]", "")
    assert house.command("sources").stdout == "No source is configured.\n"
