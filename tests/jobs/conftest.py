"""Ledgers of both kinds, with a clock that tests move."""

from tests.ledger.conftest import clock, ledger, migrated_file, migrated_postgres, migrated_url

__all__ = ["clock", "ledger", "migrated_file", "migrated_postgres", "migrated_url"]
