"""Plain sentences for the two charges of an in-system loan. The patron is only ever "the patron"."""

from __future__ import annotations

from enum import Enum

from bridge.domain import commands as do
from bridge.domain.commands import Charge, Command
from bridge.domain.plan_within import charge_of


class Telling(Enum):
    """What is told of a step: done, met already, beyond the ILS, foreseen, or asked of staff."""

    DONE = 0
    ALREADY = 1
    NOTED = 2
    PLANNED = 3
    ASKED = 4


_OF_TWO: dict[tuple[type, Charge], tuple[str, str, str, str, str]] = {
    (do.CheckOut, Charge.PATRON): (
        "Item {barcode} was charged to the patron, due {due}; it stays charged to {account} too.",
        "Item {barcode} was charged to the patron already, and to {account}.",
        "{ils} cannot charge an item twice: item {barcode} stays charged to {account} alone.",
        "charge item {barcode} to the patron, due {due}, over {account}",
        "Charge item {barcode} to the patron; it stays charged to {account} too.",
    ),
    (do.SetDueDate, Charge.PATRON): (
        "The patron's charge of item {barcode} was made due {due}.",
        "The due date of the patron's charge of item {barcode} was left as it is; it was to be {due}.",
        "{ils} cannot charge an item twice: there is no charge of the patron's that could be made due {due}.",
        "make the patron's charge of item {barcode} due {due}",
        "Make the patron's charge of item {barcode} due {due}.",
    ),
    (do.CheckIn, Charge.PATRON): (
        "Item {barcode} was discharged from the patron.",
        "Item {barcode} is not charged to the patron (any more).",
        "{ils} cannot charge an item twice: there is no charge of the patron's to discharge.",
        "discharge item {barcode} from the patron",
        "Discharge item {barcode} from the patron.",
    ),
    (do.CheckIn, Charge.ACCOUNT): (
        "Item {barcode} was discharged from {account}.",
        "Item {barcode} is not charged to {account} (any more) for this loan.",
        "{ils} cannot discharge one charge of several: see that item {barcode} is discharged from {account}.",
        "discharge item {barcode} from {account}",
        "Discharge item {barcode} from {account}.",
    ),
}


def of_two(command: Command, telling: Telling) -> str:
    """The sentence, with its words still to be filled in."""
    return _OF_TWO[type(command), charge_of(command)][telling.value]


def account_of(command: Command) -> str:
    """The ILL account that a command names; never a patron."""
    if isinstance(command, do.CheckOut) and command.over:
        return command.over
    return "" if charge_of(command) is Charge.PATRON else str(getattr(command, "account", ""))
