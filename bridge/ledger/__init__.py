"""Durable memory: inbox, requests, steps, history, cursors, lanes. The only part that knows SQL."""

from bridge.ledger.ledger import Ledger
from bridge.ledger.model import (
    Arrival,
    ArrivalState,
    Claimed,
    HistoryLine,
    Lane,
    LeaseLost,
    LedgerBusy,
    Parked,
    Pending,
    Receipt,
    State,
    StepState,
    Verdict,
)

__all__ = [
    "Arrival",
    "ArrivalState",
    "Claimed",
    "HistoryLine",
    "Lane",
    "LeaseLost",
    "Ledger",
    "LedgerBusy",
    "Parked",
    "Pending",
    "Receipt",
    "State",
    "StepState",
    "Verdict",
]
