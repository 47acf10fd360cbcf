"""What staff do in the ILS about what they were asked before and is wanted no more: the opposite, whether they had done it or not."""

from __future__ import annotations

import re
from datetime import date

from bench.chaos.stories import ACCOUNTS
from bench.chaos.tables import BRIDGE
from bridge.domain import commands as do
from bridge.domain.commands import Command, Verb
from bridge.domain.identity import Role, mark_for
from bridge.domain.record import Entrusted
from bridge.ledger.model import Row


def undoing(row: Row, asked: Entrusted) -> tuple[Command, ...]:  # noqa: C901 - a line a verb
    """What undoes it; nothing for a note, and for a fee, which the bridge asks to waive by itself."""
    mark = mark_for(BRIDGE, row.request.key, asked.leg, asked.volume)
    origin = do.Origin.OWN if row.request.key.role is Role.LENDER else do.Origin.CREATED
    target, item = do.Target(mark, origin, asked.barcode), row.record.item(asked.leg, asked.volume)
    match asked.verb:
        case Verb.CREATE_TEMPORARY_ITEM:
            return (do.CheckIn(target), do.DeleteTemporaryItem(target))
        case Verb.DELETE_TEMPORARY_ITEM:
            return (do.CreateTemporaryItem(target, do.Description()),)
        case Verb.PLACE_HOLD:
            return (do.CancelHold(target, "", ""),)
        case Verb.CANCEL_HOLD if item.hold is not None:
            return (do.PlaceHold(target, item.hold.patron_id, item.hold.pickup_location, mark.text, notify=False),)
        case Verb.CHECK_OUT:
            return tuple(do.CheckIn(target, account=account) for account in ACCOUNTS.values())
        case Verb.CHECK_IN if item.open_loan is not None:
            return (do.CheckOut(target, item.open_loan.account, item.due_written),)
        case Verb.MOVE_ITEM:
            return (do.RestoreItem(target, do.Place(), do.Place()),)
        case Verb.RESTORE_ITEM:
            return (do.MoveItem(target, item.moved_to or do.Place()),)
        case Verb.MARK_LOST:
            return (do.MarkFound(target),)
        case Verb.MARK_FOUND:
            return (do.MarkLost(target),)
        case _:
            return _as_it_was(target, asked)


def _as_it_was(target: do.Target, asked: Entrusted) -> tuple[Command, ...]:
    """A date or a label, which the sentence names."""
    day = re.search(r"back to (\d{4}-\d\d-\d\d)", asked.undo)
    label = re.search(r"give item (\S+) its barcode", asked.undo)
    if day:
        return (do.SetDueDate(target, date.fromisoformat(day[1])),)
    if label:
        return (do.RelabelItem(do.Target(target.mark, target.origin, label[1]), asked.barcode),)
    return ()
