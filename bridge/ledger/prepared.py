"""Statements of the hot path: written and compiled by SQLAlchemy once for each database, then run on the driver's own cursor.

What SQLAlchemy does anew for every execution costs 70 to 100 µs, the driver itself 5. The transaction, the SQL, and how values are stored
remain SQLAlchemy's.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import TypeEngine

Values = Mapping[str, object]
Convert = Callable[[Any], Any]


@dataclass(frozen=True)
class Compiled:
    """A statement for one database. ``order``: the parameters as they stand in the text, where the driver takes them by place."""

    text: str
    constants: Values
    order: Sequence[str] | None
    stored: Sequence[tuple[str, Convert]]
    row: Callable[[Any], Any]
    read: Sequence[tuple[int, Convert]]

    def parameters(self, values: Values) -> Any:  # noqa: ANN401 - a tuple or a dict, as the driver wants it
        """The values as the driver takes them."""
        given = {**self.constants, **values}
        for name, convert in self.stored:
            given[name] = convert(given[name])
        return given if self.order is None else [given[name] for name in self.order]

    def made(self, found: Sequence[Any]) -> Any:  # noqa: ANN401 - a row with the columns' names
        """A row of the driver with its values as the schema means them."""
        if not self.read:
            return self.row(found)
        cells = list(found)
        for place, convert in self.read:
            cells[place] = convert(cells[place])
        return self.row(cells)


class Prepared:
    """A statement that always takes the same parameters. Errors are SQLAlchemy's own."""

    def __init__(self, statement: Select[Any] | UpdateBase) -> None:
        self._statement = statement
        self._compiled: dict[str, Compiled] = {}

    def all(self, connection: Connection, values: Values) -> list[Any]:
        """The rows, each with the columns' names."""
        compiled = self._for(connection.dialect, values)
        rows = executed(connection, compiled.text, compiled.parameters(values))
        return [compiled.made(row) for row in rows]

    def first(self, connection: Connection, values: Values) -> Any:  # noqa: ANN401 - a row, or nothing
        """The first row; ``None`` where there is none."""
        rows = self.all(connection, values)
        return rows[0] if rows else None

    def scalar(self, connection: Connection, values: Values) -> Any:  # noqa: ANN401 - whatever the column holds
        """The first column of the first row; ``None`` where there is none."""
        row = self.first(connection, values)
        return None if row is None else row[0]

    def run(self, connection: Connection, *several: Values) -> None:
        """Write, once for each set of values."""
        for values in several:
            compiled = self._for(connection.dialect, values)
            executed(connection, compiled.text, compiled.parameters(values))

    def _for(self, dialect: Dialect, values: Values) -> Compiled:
        found = self._compiled.get(dialect.name)
        if found is None:
            found = self._compiled[dialect.name] = _compiled(self._statement, dialect, list(values))
        return found


def executed(connection: Connection, text: str, parameters: Any = ()) -> list[Any]:  # noqa: ANN401 - the driver's
    """The rows of SQL as the driver takes it. Errors are SQLAlchemy's own."""
    driver: Any = connection.connection.dbapi_connection
    try:
        cursor = driver.execute(text, parameters)
        rows = list(cursor.fetchall()) if cursor.description else []
        cursor.close()
    except connection.dialect.loaded_dbapi.Error as problem:
        raise _as_ours(problem, text, connection.dialect) from problem
    return rows


def _as_ours(problem: Exception, text: str, dialect: Dialect) -> BaseException:
    """The driver's error as SQLAlchemy would raise it; without the values, which may name patrons."""
    errors = dialect.loaded_dbapi.Error
    return DBAPIError.instance(text, None, problem, errors, hide_parameters=True, dialect=dialect)


def _compiled(statement: Select[Any] | UpdateBase, dialect: Dialect, names: list[str]) -> Compiled:
    compiled = statement.compile(dialect=dialect, column_keys=names)
    columns = list(statement.exported_columns)
    types = {name: bind.type for bind, name in compiled.bind_names.items()}
    row: Any = namedtuple("Found", [str(column.key) for column in columns], rename=True) if columns else tuple
    return Compiled(
        text=compiled.string,
        constants={name: value for name, value in compiled.params.items() if name not in names},
        order=tuple(compiled.positiontup) if compiled.positiontup is not None else None,
        stored=_conversions(types, lambda kind: kind.dialect_impl(dialect).bind_processor(dialect)),
        row=row._make if columns else tuple,
        read=_conversions(
            dict(enumerate(column.type for column in columns)),
            lambda kind: kind.dialect_impl(dialect).result_processor(dialect, None),
        ),
    )


def _conversions(types: Mapping[Any, TypeEngine[Any]], of: Callable[[TypeEngine[Any]], Convert | None]) -> Any:  # noqa: ANN401
    found = ((place, of(kind)) for place, kind in types.items())
    return tuple((place, convert) for place, convert in found if convert is not None)
