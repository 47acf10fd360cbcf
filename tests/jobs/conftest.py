"""Ledgers of both kinds, with a clock that tests move; and stages with a pretended ILS."""

from tests.engine.conftest import make_stage, stage
from tests.ledger.conftest import clock, ledger, migrated_url

__all__ = ["clock", "ledger", "make_stage", "migrated_url", "stage"]
