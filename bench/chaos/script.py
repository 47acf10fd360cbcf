"""The script of a day: stories told into one another, with faults, spells and kills between, all from one seed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import cycle
from random import Random

from bench.chaos.acts import Act, Fault, Kill, KillAt, Script, Spell, Story, Trouble, Turn
from bench.chaos.stories import written

AT_ONCE = 12
"""Stories told into one another."""
STRUCK = 3
"""Lanes in trouble at a time, where there are as many."""
FAULTS = (
    {"kind": "drop_before"},
    {"kind": "drop_after"},
    {"kind": "drop_after"},
    {"kind": "status", "status": 500, "body": "Internal Server Error"},
    {"kind": "status", "status": 503, "retry_after": 0},
    {"kind": "html", "status": 502},
    {"kind": "garbage"},
    {"kind": "throttle", "retry_after": 0},
    {"kind": "vendor_error", "status": 500},
    {"kind": "vendor_error", "status": 400},
)
METHODS = (".*", "POST", "POST", "PUT", "DELETE", "GET")
SPELLS = ("outage", "outage", "dead", "unauthorized", "throttle", "latency")
PLACES = tuple(KillAt)


def script_of(
    requests: int, kills: int, seed: int, lanes: Sequence[str], without: Mapping[str, Collection[str]] | None = None
) -> Script:
    """The same for the same numbers and lanes, in every process. ``without``: names of stories that are not told of a lane."""
    left_out = without or {}
    random = Random(f"{seed}/{requests}/{kills}/{'/'.join(lanes)}")
    stories = tuple(
        written(random, f"S{seed}N{index:04d}", lane, f"OWN-{index:04d}", left_out.get(lane, ()))
        for index, lane in zip(range(requests), cycle(lanes), strict=False)
    )
    return Script(stories, _with_troubles(random, _told_together(random, stories), kills, lanes))


def _told_together(random: Random, stories: Sequence[Story]) -> list[Turn]:
    """Some stories at a time, their acts in any order that keeps each story's own."""
    waiting = [(index, list(story.acts)) for index, story in enumerate(stories)]
    going: list[tuple[int, list[Act]]] = []
    turns: list[Turn] = []
    while waiting or going:
        while waiting and len(going) < AT_ONCE:
            going.append(waiting.pop(0))
        index, acts = random.choice(going)
        turns.append(Turn(index, acts.pop(0)))
        going = [(each, left) for each, left in going if left]
    return turns


def _with_troubles(random: Random, turns: list[Turn], kills: int, lanes: Sequence[str]) -> tuple[Turn, ...]:
    """A kill every so many turns, a fault every six, a spell every forty."""

    def fault(random: Random) -> Fault:
        return _fault(random, _struck(random, lanes))

    def spell(random: Random) -> Spell:
        return _spell(random, _struck(random, lanes))

    def spread(count: int, every: float, make: Callable[[Random], Trouble]) -> list[tuple[float, Trouble]]:
        return [((number + random.random()) * every, make(random)) for number in range(count)]

    troubles = spread(kills, len(turns) / max(kills, 1), _kill)
    troubles += spread(len(turns) // 6, 6, fault)
    troubles += spread(len(turns) // 40, 40, spell)
    told: list[tuple[float, Turn]] = [(float(place), turn) for place, turn in enumerate(turns)]
    mixed = told + [(place, Turn(None, trouble)) for place, trouble in troubles]
    return tuple(turn for _, turn in sorted(mixed, key=lambda each: each[0]))


def _kill(random: Random) -> Kill:
    at = random.choice(PLACES)
    most = {KillAt.LOG_LINE: 25, KillAt.MESSAGE_SENT: 3}.get(at, 8)
    return Kill(at, random.randrange(1, most + 1), wait=random.random() < 0.7)


def _struck(random: Random, lanes: Sequence[str]) -> tuple[str, ...]:
    return tuple(random.sample(lanes, min(STRUCK, len(lanes))))


def _fault(random: Random, lanes: tuple[str, ...]) -> Fault:
    fields = {**random.choice(FAULTS), "method": random.choice(METHODS)}
    return Fault({**fields, "times": random.choice((1, 1, 2, 4)), "skip": random.randrange(4)}, lanes)


def _spell(random: Random, lanes: tuple[str, ...]) -> Spell:
    kind = random.choice(SPELLS)
    fields = {"latency": {"ms": random.choice((5, 20))}}.get(kind, {})
    return Spell(kind, random.randrange(5, 25), lanes, fields)
