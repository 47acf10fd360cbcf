"""The previous release works on the schema that this one leaves behind: migrations only add, and a newer schema is stood."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from bridge.domain.record import ItemRecord, Record
from bridge.domain.request import Request
from bridge.errors import ConfigurationError
from bridge.ledger import Ledger, schema
from bridge.ledger.codec import record_from, record_text, request_from, request_text
from bridge.ledger.database import Database
from bridge.ledger.migrating import MIGRATIONS
from bridge.ledger.upkeep import stood, troubles
from tests.databases import postgres_database, server_url
from tests.ledger.sample import KEY, held, take

REVISIONS = [each.revision for each in ScriptDirectory(str(MIGRATIONS)).walk_revisions()][::-1]
STEPS = list(itertools.pairwise(REVISIONS))
BEFORE = [
    pytest.param(each, marks=() if each in {REVISIONS[0], REVISIONS[-2]} else pytest.mark.thorough)
    for each in REVISIONS[:-1]
]
"""Earlier releases: the first one and the last one in every run."""
WIDER = {"INTEGER": {"INTEGER", "BIGINT"}, "TEXT": {"TEXT"}, "BIGINT": {"BIGINT"}}
THING = "CREATE TABLE thing (id INTEGER PRIMARY KEY, name VARCHAR(10) NOT NULL DEFAULT '', note TEXT, of INTEGER)"
TAKES_AWAY = {
    "ALTER TABLE thing RENAME TO other": "thing is gone",
    "ALTER TABLE thing DROP COLUMN note": "thing.note is gone",
    "ALTER TABLE thing RENAME COLUMN note TO words": "thing.note is gone",
    "ALTER TABLE thing ADD COLUMN more TEXT NOT NULL": "thing.more is needed and has no default",
    "ALTER TABLE thing ALTER COLUMN name TYPE VARCHAR(5)": "thing.name was VARCHAR(10) and is VARCHAR(5)",
    "ALTER TABLE thing ALTER COLUMN note SET NOT NULL": "thing.note: may it be empty or not",
    "ALTER TABLE thing ALTER COLUMN name DROP NOT NULL": "thing.name: may it be empty or not",
    "ALTER TABLE thing ALTER COLUMN name DROP DEFAULT": "thing.name has no default any more",
    "CREATE UNIQUE INDEX once ON thing (note)": "thing: other rows are unique",
    "ALTER TABLE thing ADD CHECK (id > 0)": "thing: a new check",
    "ALTER TABLE thing ADD FOREIGN KEY (of) REFERENCES thing (id)": "thing: other references",
    "ALTER TABLE thing DROP CONSTRAINT thing_pkey": "thing: another primary key",
}


def bring(database: Database, revision: str) -> None:
    """Migrate to one version, as the release of that version did."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def tables(of: sa.Engine | sa.Connection) -> sa.MetaData:
    found = sa.MetaData()
    found.reflect(of)
    found.remove(found.tables["alembic_version"])
    return found


def wide(kind: sa.types.TypeEngine[Any]) -> set[str]:
    """The types that hold all that this one holds, of those that a change may give."""
    if isinstance(kind, sa.String) and kind.length:
        return {f"VARCHAR({length})" for length in range(kind.length, 4001)} | {"TEXT"}
    return WIDER.get(str(kind), {str(kind)})


def uniques(table: sa.Table) -> set[tuple[str, ...]]:
    found = {tuple(each.columns.keys()) for each in table.constraints if isinstance(each, sa.UniqueConstraint)}
    return found | {tuple(each.columns.keys()) for each in table.indexes if each.unique}


def referred(table: sa.Table) -> set[str]:
    return {f"{each.parent.name} → {each.target_fullname}" for each in table.foreign_keys}


def breaks(before: sa.MetaData, after: sa.MetaData) -> Iterator[str]:
    """What the release of the schema ``before`` could no longer read or write on the schema ``after``."""
    for name, old in before.tables.items():
        new = after.tables.get(name)
        if new is None:
            yield f"{name} is gone"
            continue
        for kept in old.columns:
            yield from changed(kept, new.columns.get(kept.name), f"{name}.{kept.name}")
        for column in new.columns:
            if column.name not in old.columns and not column.nullable and column.server_default is None:
                yield f"{name}.{column.name} is needed and has no default"
        if uniques(old) != uniques(new):
            yield f"{name}: other rows are unique"
        if referred(old) != referred(new):
            yield f"{name}: other references"
        if {each.name for each in old.primary_key} != {each.name for each in new.primary_key}:
            yield f"{name}: another primary key"
        if len(checks(new)) > len(checks(old)):
            yield f"{name}: a new check"


def checks(table: sa.Table) -> list[sa.CheckConstraint]:
    return [each for each in table.constraints if isinstance(each, sa.CheckConstraint)]


def changed(old: sa.Column[Any], new: sa.Column[Any] | None, name: str) -> Iterator[str]:
    if new is None:
        yield f"{name} is gone"
        return
    if str(new.type) not in wide(old.type):
        yield f"{name} was {old.type} and is {new.type}"
    if old.nullable != new.nullable:
        yield f"{name}: may it be empty or not"
    if old.server_default is not None and new.server_default is None:
        yield f"{name} has no default any more"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with nothing in it."""
    if request.param == "sqlite":
        made = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
        yield made
        made.close()
        return
    with postgres_database(server_url()) as url:
        made = Database(url)
        yield made
        made.close()


class TestMigrationsOnlyAdd:
    @pytest.mark.parametrize(("before", "after"), STEPS, ids=[f"{a}-{b}" for a, b in STEPS])
    def test_each(self, bare: Database, before: str, after: str) -> None:
        bring(bare, before)
        old = tables(bare.engine)
        bring(bare, after)
        assert list(breaks(old, tables(bare.engine))) == []

    @pytest.mark.postgres
    def test_what_takes_something_away_is_seen(self) -> None:
        with postgres_database(server_url()) as url:
            database = Database(url)
            with database.write() as connection:
                connection.exec_driver_sql("CREATE TABLE alembic_version (version_num TEXT)")
                connection.exec_driver_sql(THING)
            old = tables(database.engine)
            for statement, said in TAKES_AWAY.items():
                with database.engine.connect() as connection:
                    connection.exec_driver_sql(statement)
                    assert said in list(breaks(old, tables(connection))), statement
            assert list(breaks(old, tables(database.engine))) == []
            database.close()


def value(column: sa.Column[Any]) -> object:
    """Something that fits."""
    if isinstance(column.type, sa.Boolean):
        return False
    return 1 if isinstance(column.type, sa.Integer) else "{}"


class TestThePreviousReleasesStatements:
    @pytest.mark.parametrize("revision", BEFORE)
    @pytest.mark.parametrize("every", [True, False], ids=["every column", "needed columns"])
    def test_its_rows_are_taken_and_read(self, bare: Database, revision: str, every: bool) -> None:
        bring(bare, revision)
        old = tables(bare.engine)
        bring(bare, "head")
        for table in old.sorted_tables:
            written = {
                column.name: value(column)
                for column in table.columns
                if every or (not column.nullable and column.server_default is None)
            }
            with bare.write() as connection:
                connection.execute(table.insert().values(written))
            with bare.read() as connection:
                found = connection.execute(sa.select(table)).mappings().one()
            assert {name: found[name] for name in written} == written

    @pytest.mark.parametrize("revision", BEFORE)
    def test_it_reads_what_this_release_wrote(self, bare: Database, revision: str) -> None:
        bring(bare, revision)
        old = tables(bare.engine)
        ledger = Ledger(bare.url)
        assert ledger.upgrade().stands == revision
        ledger.lanes.ensure(["alma"])
        take(ledger)
        held(ledger)
        with bare.read() as connection:
            found = {table.name: connection.execute(sa.select(table)).mappings().all() for table in old.sorted_tables}
        assert [row["number"] for row in found["request"]] == ["1"]
        assert [row["state"] for row in found["inbox"]] == ["folded"]
        assert found["history"]
        ledger.close()


class TestANewerSchema:
    @pytest.fixture
    def ahead(self, bare: Database) -> Iterator[Ledger]:
        """A ledger as the next release leaves it: a version of its own, and more columns and tables."""
        made = Ledger(bare.url)
        made.upgrade()
        made.lanes.ensure(["alma"])
        with bare.write() as connection:
            connection.exec_driver_sql("ALTER TABLE request ADD COLUMN shelf TEXT NOT NULL DEFAULT ''")
            connection.exec_driver_sql("CREATE TABLE more (id INTEGER PRIMARY KEY)")
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        yield made
        made.close()

    def test_is_kept_and_worked_on_unless_it_breaks_with_this_release(self, ahead: Ledger) -> None:
        assert ahead.upgrade().newer
        take(ahead)
        assert held(ahead).row.request.key == KEY
        assert list(troubles(ahead.database)) == []
        assert stood(ahead.database).stands == "9999"
        self.say(ahead, "9998")
        with pytest.raises(ConfigurationError) as refused:
            ahead.upgrade()
        assert "9999" in str(refused.value)
        assert f"this one ({REVISIONS[-1]}) is too old" in str(refused.value)

    def test_this_release_says_who_can_read_it(self, ledger: Ledger) -> None:
        assert ledger.upgrade().current
        assert self.said(ledger) == "0001"

    @pytest.mark.parametrize(("stood", "stands"), [("0000", "0001"), ("0002", "0002")])
    def test_the_stricter_word_stands(self, ledger: Ledger, stood: str, stands: str) -> None:
        self.say(ledger, stood)
        ledger.upgrade()
        assert self.said(ledger) == stands

    def say(self, ledger: Ledger, oldest: str) -> None:
        with ledger.database.write() as connection:
            connection.execute(schema.meta.delete().where(schema.meta.c.name == "readable_by"))
            connection.execute(schema.meta.insert().values(name="readable_by", value=oldest))

    def said(self, ledger: Ledger) -> str:
        with ledger.database.read() as connection:
            found = connection.exec_driver_sql("SELECT value FROM meta WHERE name = 'readable_by'").scalar_one()
        return str(found)


class TestANewersDocuments:
    """What a newer release knows more of an old thing is passed over; what it does not say has its default."""

    def test_a_request(self) -> None:
        plain = request_text(Request(KEY))
        assert request_from(json.dumps({**json.loads(plain), "shelf": "B"})) == Request(KEY)

    def test_a_record(self) -> None:
        record = Record(items=(ItemRecord("", "", barcode="B"),))
        raw = json.loads(record_text(record))
        raw["items"][0]["shelf"] = "B"
        assert record_from(json.dumps(raw)) == record
