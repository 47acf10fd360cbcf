"""What an ILS can do, as its connector declares it; the planner turns the rest into notes and staff tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bridge.domain.commands import Verb


class Ability(StrEnum):
    """How far a verb goes: done; done as advice the ILS may override; by staff; not at all (a note in the history)."""

    YES = "yes"
    ADVISORY = "advisory"
    STAFF = "staff"
    NO = "no"


OPT_IN = frozenset({Verb.SEND_TRANSIT})
"""Verbs that an ILS has only where its connector says so."""


class HoldLevel(StrEnum):
    """What a hold is on."""

    ITEM = "item"
    TITLE = "title"


class InspectBy(StrEnum):
    """What an ILS can be asked by: the ids and barcode of an item, our mark, or for everything that bears a mark of ours."""

    IDS = "ids"
    BARCODE = "barcode"
    MARK = "mark"
    ALL_MARKS = "all_marks"


@dataclass(frozen=True)
class Capabilities:
    """Verbs with their ability (``yes`` where not named; ``no`` for ``OPT_IN``), and the traits a plan depends on. Per configured instance.

    ``double_charge``: an item can be charged to a second borrower while the first charge stands, as in-system loans of schools do.
    ``places_exist``: a temporary item is made at a place, and has a type. ``by_patron``: what is done with a temporary item names its
    patron, too: the hold is made together with the item, and a loan is renewed for its borrower. ``delete_ends_holds``: holds go with the
    item. ``own_loans_guarded``: before an own item is checked in, it can be seen whether the open loan is ours. ``cannot_list`` says in a
    sentence why what bears our marks cannot be listed, and what would help, where that is so.
    """

    abilities: Mapping[Verb, Ability] = field(default_factory=dict)
    due_date_at_check_out: bool = True
    hold_level: HoldLevel = HoldLevel.ITEM
    temporary_location: bool = True
    barcode_unique_enforced: bool = False
    cascade_delete: bool = False
    move_before_check_out: bool = False
    restore_before_check_in: bool = False
    double_charge: bool = False
    reasons: Mapping[Verb, str] = field(default_factory=dict)
    places_have_libraries: bool = True
    places_exist: bool = True
    by_patron: bool = False
    delete_ends_holds: bool = False
    own_loans_guarded: bool = True
    inspect_by: frozenset[InspectBy] = frozenset({InspectBy.IDS, InspectBy.BARCODE, InspectBy.MARK})
    cannot_list: str = ""

    def of(self, verb: Verb) -> Ability:
        """How far this verb goes here."""
        return self.abilities.get(verb, Ability.NO if verb in OPT_IN else Ability.YES)
