"""Refusals that read alike whatever the ILS: the sentence, the cause it is grouped by, and what staff do about it."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.errors import IlsError, OutcomeUnknown, Rejected, Retry
from bridge.http import Answer


@dataclass(frozen=True)
class Refusals:
    """Our errors with an ILS's name in them, as ``Sierra`` or ``The ILS``."""

    ils: str

    def unknown_item(self, barcode: str) -> Rejected:
        """For an own item that the ILS does not know."""
        return Rejected(
            f"{self.ils} knows no item with barcode {barcode}.",
            cause="unknown_item",
            advice="Correct the barcode in the request at the service, or see to the loan by hand.",
        )

    def not_ours(self, what: str) -> Rejected:
        """For what the bridge must not touch."""
        return Rejected(
            f"{what}: it is not deleted or changed by the bridge.",
            cause="not_ours",
            advice=f"See to the item in {self._inside} by hand.",
        )

    def on_loan(self, barcode: str) -> Rejected:
        """For a temporary item that somebody has, so that it is not deleted."""
        return Rejected(
            f"Item {barcode} is on loan, so that it is not deleted.",
            cause="item_in_use",
            advice=f"Check it in at the desk in {self._inside}.",
        )

    def loan_not_shown(self, barcode: str) -> Retry:
        """For an item that is said to be on loan while no loan of it is shown: that ends none."""
        return Retry(
            f"{self.ils} says that item {barcode} is on loan, and shows no loan.",
            cause="on_loan",
            advice=f"If it stays so, see who has the item in {self._inside}.",
        )

    def nonsense(self, doing: str, answer: Answer, *, repeatable: bool) -> IlsError:
        """For a success that cannot be read: to be tried again where that is safe, of unknown end elsewhere."""
        told = f"HTTP {answer.status}, {len(answer.body)} bytes"
        said = f"{self.ils} answered {doing} with something that makes no sense ({told})."
        return Retry(said, cause="nonsense") if repeatable else OutcomeUnknown(said)

    @property
    def _inside(self) -> str:
        return self.ils.replace("The ", "the ")
