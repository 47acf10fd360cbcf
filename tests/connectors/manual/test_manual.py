"""A library without an API: every verb is a task for staff, nothing is asked by machine, and nothing pretends."""

from __future__ import annotations

import pytest

from bridge.connectors.base import Call, Connector, Surroundings
from bridge.connectors.manual import CONNECTOR, ManualSettings
from bridge.domain import commands as do
from bridge.domain.capabilities import Ability
from bridge.domain.commands import Verb
from bridge.domain.expect import Expectations
from bridge.domain.plan import verb_of
from bridge.domain.record import Sighting
from bridge.errors import Rejected
from tests.contract.bench import Listening, SpyPace, a_mark

HEARD, PACE = Listening(), SpyPace()
CALL = Call()
TARGET = do.Target(a_mark("1"), do.Origin.CREATED, "ILL-1")
VERBS = {verb.value: verb for verb in Verb}


def connector(*not_done: Verb) -> Connector:
    settings = ManualSettings(not_done=not_done)
    return CONNECTOR.build(settings, Surroundings("desk", PACE, HEARD.tell))


def test_every_verb_is_for_staff_but_what_the_library_does_not_do() -> None:
    can = connector(Verb.NOTE_ITEM).capabilities
    assert {can.of(verb) for verb in Verb if verb is not Verb.NOTE_ITEM} == {Ability.STAFF}
    assert can.of(Verb.NOTE_ITEM) is Ability.NO
    assert not can.inspect_by
    assert can.cannot_list


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_that_is_asked_for_all_the_same_is_refused_with_the_way_out(verb: str) -> None:
    """As after the configuration changed to manual while a plan of before was under way."""
    command = next(kind for kind in do.Command.__args__ if verb_of(kind) is VERBS[verb])
    asked = command.__new__(command)
    with pytest.raises(Rejected, match=r"cannot .* by machine.*ill-bridge skip") as refused:
        getattr(connector(), verb)(asked, CALL)
    assert refused.value.cause == "staff"


def test_nothing_is_seen_which_is_not_the_same_as_nothing_being_there() -> None:
    manual = connector()
    assert manual.inspect(do.Inspect(TARGET), CALL) == Sighting()
    assert manual.inspect(do.Inspect(TARGET), CALL).item_present is None
    assert manual.marked(do.ListMarked(), CALL).objects == ()


def test_it_is_always_well_and_says_what_it_cannot_look_at() -> None:
    manual = connector()
    assert all(finding.ok for finding in manual.probe())
    found = manual.check(Expectations())
    assert all(finding.ok for finding in found)
    assert "cannot be looked at" in found[-1].text
    assert manual.accounts(("ILL-XYZ",)) == ()
    manual.close()
    assert (HEARD.exchanges, PACE.cost) == ([], 0)
