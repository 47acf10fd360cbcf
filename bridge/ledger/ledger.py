"""The ledger: one database, opened once, with a room for each concern."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from bridge.ledger import codec
from bridge.ledger.accounts import Accounts
from bridge.ledger.alerts import Alerts
from bridge.ledger.attention import Attention
from bridge.ledger.audits import Audits
from bridge.ledger.database import Database, OneDaemon
from bridge.ledger.erasure import Erasure
from bridge.ledger.figures import Figures
from bridge.ledger.inbox import Inbox
from bridge.ledger.known import KnownRequests
from bridge.ledger.lanes import Lanes
from bridge.ledger.libraries import Libraries
from bridge.ledger.meta import Meta
from bridge.ledger.migrating import Revision
from bridge.ledger.orders import Orders
from bridge.ledger.outbox import Outbox
from bridge.ledger.presence import Presence
from bridge.ledger.privacy import Privacy
from bridge.ledger.requests import Requests
from bridge.ledger.stopped import Stopped
from bridge.ledger.waits import Waits
from bridge.ledger.watches import Watches
from bridge.ledger.work import Work


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


class Ledger:
    """Durable memory. ``clock`` tells the time in UTC; tests hand in their own.

    ``password`` is PostgreSQL's, where it does not stand in ``url``. Raises ``ConfigurationError`` for a URL that names no database.
    """

    def __init__(self, url: str, *, password: str = "", clock: Callable[[], datetime] = utc_now) -> None:
        codec.forget()
        self.database = Database(url, password=password)
        self.lock = OneDaemon(url)
        self.clock = clock
        self.inbox = Inbox(self.database, clock)
        self.requests = Requests(self.database, clock)
        self.work = Work(self.database, clock)
        self.stopped = Stopped(self.database, clock)
        self.waits = Waits(self.database, clock)
        self.watches = Watches(self.database, clock)
        self.lanes = Lanes(self.database, clock)
        self.libraries = Libraries(self.database, clock)
        self.figures = Figures(self.database, clock)
        self.meta = Meta(self.database)
        self.presence = Presence(self.database, clock)
        self.orders = Orders(self.database, clock)
        self.attention = Attention(self.database, clock)
        self.alerts = Alerts(self.database, clock)
        self.accounts = Accounts(self.database, clock)
        self.privacy = Privacy(self.database, clock)
        self.erasure = Erasure(self.database)
        self.audits = Audits(self.database, clock)
        self.notes = Outbox(self.database, clock)
        self.known = KnownRequests(self.database)

    def daemon_runs(self) -> bool:
        """Whether a daemon works on the ledger (a SQLite file's lock may be held by another command too)."""
        return not self.lock.free() if self.lock.exclusive else self.presence.lives()

    def upgrade(self) -> Revision:
        """Bring the schema to this release's version; answers where it stood. A newer release's is kept.

        Raises ``ConfigurationError`` where this release is too old to read it.
        """
        return self.database.upgrade()

    def close(self) -> None:
        """Give back connections and the lock."""
        codec.forget()
        self.database.close()
        self.lock.give_back()
