"""The requests of one service, for a source that asks after each of them or has to know what it heard before."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from bridge.domain.change import Condition, Phase
from bridge.domain.identity import RequestKey, Role
from bridge.domain.known import KnownRequest
from bridge.domain.standing import standings
from bridge.ledger import schema
from bridge.ledger.database import Database
from bridge.ledger.model import OPEN_STATES
from bridge.ledger.rows import row_or_husk

REQUEST = schema.request


class KnownRequests:
    """Looks; writes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, service: str) -> ServiceRequests:
        """Those of one service."""
        return ServiceRequests(self._database, service)


class ServiceRequests:
    """The requests of one service (``bridge.domain.known.Known``)."""

    def __init__(self, database: Database, service: str) -> None:
        self._database = database
        self._service = service

    def open(self) -> Sequence[KnownRequest]:
        """Those that are not finished, oldest first."""
        columns = (REQUEST.c[name] for name in ("library", "role", "requester", "number", "status"))
        states = [state.value for state in OPEN_STATES]
        mine = (REQUEST.c.service == self._service, REQUEST.c.state.in_(states))
        with self._database.read() as connection:
            rows = connection.execute(select(*columns).where(*mine).order_by(REQUEST.c.id)).all()
        return tuple(
            KnownRequest(
                RequestKey(row.library, self._service, Role(row.role), row.requester, row.number),
                vanished=Condition.VANISHED.value in row.status,
            )
            for row in rows
        )

    def phase(self, number: str, role: Role) -> Phase | None:
        """How far the request of this number has come on our side; ``None`` where there is none."""
        mine = (REQUEST.c.service == self._service, REQUEST.c.number == number, REQUEST.c.role == role.value)
        query = select(REQUEST).where(*mine).order_by(REQUEST.c.id.desc()).limit(1)
        with self._database.read() as connection:
            found = connection.execute(query).first()
        return standings(row_or_husk(found).request)[-1].phase if found is not None else None
