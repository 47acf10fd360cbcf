"""Durable memory: inbox, requests, steps, history, cursors, lanes. The only part that knows SQL."""

from bridge.ledger.ledger import Ledger
from bridge.ledger.model import (
    OPEN_STATES,
    Arrival,
    ArrivalState,
    Claimed,
    HistoryLine,
    Lane,
    LeaseLost,
    LedgerBusy,
    Library,
    Parked,
    Pending,
    Quota,
    QuotaReached,
    Receipt,
    State,
    StepState,
    Verdict,
)

__all__ = [
    "OPEN_STATES",
    "Arrival",
    "ArrivalState",
    "Claimed",
    "HistoryLine",
    "Lane",
    "LeaseLost",
    "Ledger",
    "LedgerBusy",
    "Library",
    "Parked",
    "Pending",
    "Quota",
    "QuotaReached",
    "Receipt",
    "State",
    "StepState",
    "Verdict",
]
