"""An own item's temporary location in Alma (``holding_data``), set and taken away (alma.md section 4)."""

from __future__ import annotations

from bridge.connectors.alma import models as alma
from bridge.connectors.alma.client import AlmaClient, ids_of
from bridge.connectors.alma.errors import Missing, unknown_item
from bridge.connectors.alma.sight import Sight, permanent_place, same_place, temporary_place
from bridge.connectors.alma.whole import whole
from bridge.domain import commands as do
from bridge.domain.record import Learned, Outcome, OutcomeKind
from bridge.errors import Retry

NOWHERE: dict[str, object] = {
    "in_temp_location": False,
    "temp_library": {"value": ""},
    "temp_location": {"value": ""},
    "temp_call_number_type": {"value": ""},
    "temp_call_number": "",
    "temp_policy": {"value": ""},
    "due_back_date": None,
}


class Moves:
    """Temporary locations in one institution."""

    def __init__(self, client: AlmaClient, sight: Sight) -> None:
        self._client = client
        self._sight = sight

    def move(self, command: do.MoveItem) -> Outcome:
        """Put the item at a temporary place; one that is in another temporary place already stays there."""
        try:
            raw = self._sight.raw(command.target)
        except Missing as missing:
            raise unknown_item(command.target.barcode) from missing
        item = alma.Item.model_validate(raw)
        home, now = permanent_place(item), temporary_place(item)
        if now is not None:
            return self._moved_before(item, home, now, command.to)
        answer = self._client.update_item(ids_of(item), whole(raw, holding_data=_to(command)))
        if not same_place(temporary_place(answer) or do.Place(), command.to):
            raise Retry(f"Alma did not move item {command.target.barcode} to {command.to}.", cause="not_moved")
        return Outcome(learned=Learned(ids=ids_of(item), place=home, before=home, moved_to=command.to))

    @staticmethod
    def _moved_before(item: alma.Item, home: do.Place, now: do.Place, wished: do.Place) -> Outcome:
        if same_place(now, wished):
            learned = Learned(ids=ids_of(item), place=home, before=home, moved_to=wished)
            return Outcome(OutcomeKind.ALREADY, learned)
        note = f"The item is in another temporary location already ({now}) and stays there."
        return Outcome(OutcomeKind.ALREADY, Learned(ids=ids_of(item), place=home), (note,))

    def restore(self, command: do.RestoreItem) -> Outcome:
        """Take the temporary place away, while it is the one we set."""
        try:
            raw = self._sight.raw(command.target)
        except Missing:
            return Outcome(OutcomeKind.ALREADY, Learned(restored=True), ("The item is gone from Alma.",))
        item = alma.Item.model_validate(raw)
        now = temporary_place(item)
        if now is None or not same_place(now, command.moved_to):
            note = f"The item is no longer at {command.moved_to}, so it stays where it is."
            return Outcome(OutcomeKind.ALREADY, Learned(ids=ids_of(item), restored=True), (note,))
        answer = self._client.update_item(ids_of(item), whole(raw, holding_data=NOWHERE))
        if temporary_place(answer) is not None:
            raise Retry(f"Alma did not bring item {command.target.barcode} back.", cause="not_moved")
        return Outcome(learned=Learned(ids=ids_of(item), restored=True))


def _to(command: do.MoveItem) -> dict[str, object]:
    back = f"{command.back_on.isoformat()}Z" if command.back_on else ""
    return {
        "in_temp_location": True,
        "temp_library": {"value": command.to.library},
        "temp_location": {"value": command.to.location},
        "due_back_date": back,
    }
