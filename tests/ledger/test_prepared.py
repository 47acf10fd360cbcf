"""Statements on the driver's own cursor: values, rows and errors are those of SQLAlchemy."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import bindparam, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from bridge.ledger import Ledger, schema
from bridge.ledger.prepared import Prepared, executed
from tests.ledger.sample import NOW

LANE = schema.lane
CLOSED = Prepared(insert(LANE).inline())
FOUND = Prepared(select(LANE).where(LANE.c.name == bindparam("named")))
WHEN = NOW + timedelta(microseconds=1)
ROW = {"name": "B\u00fccher%s", "why": "it's ?", "cause": "50% :x", "paused_until": WHEN}


class TestPrepared:
    def test_what_was_written_is_read_as_sqlalchemy_reads_it(self, ledger: Ledger) -> None:
        with ledger.database.write() as connection:
            CLOSED.run(connection, ROW)
            found = FOUND.first(connection, {"named": ROW["name"]})
            theirs = connection.execute(select(LANE).where(LANE.c.name == ROW["name"])).one()
        assert found == tuple(theirs)
        assert (found.why, found.cause, found.paused_until, found.held_until) == ("it's ?", "50% :x", WHEN, None)

    def test_nothing_found_is_none(self, ledger: Ledger) -> None:
        with ledger.database.read() as connection:
            values = {"named": "nobody"}
            assert (FOUND.first(connection, values), FOUND.scalar(connection, values)) == (None, None)
            assert FOUND.all(connection, values) == []

    def test_what_belongs_to_the_transaction_goes_with_it(self, ledger: Ledger) -> None:
        with suppress(ZeroDivisionError), ledger.database.write() as connection:
            CLOSED.run(connection, ROW)
            assert FOUND.first(connection, {"named": ROW["name"]}) is not None
            raise ZeroDivisionError
        with ledger.database.read() as connection:
            assert FOUND.first(connection, {"named": ROW["name"]}) is None

    def test_an_error_is_sqlalchemys_and_does_not_say_the_values(self, ledger: Ledger) -> None:
        with pytest.raises(IntegrityError) as told, ledger.database.write() as connection:
            CLOSED.run(connection, ROW, ROW)
        assert "it's ?" not in str(told.value)

    def test_sql_that_is_none_is_told_so(self, ledger: Ledger) -> None:
        with pytest.raises((OperationalError, ProgrammingError)), ledger.database.engine.begin() as connection:
            executed(connection, "select from nowhere at all")
