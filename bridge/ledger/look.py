"""How the ledger stands, for `ill-bridge check`: nothing is made, changed or upgraded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from bridge.domain.finding import Finding, failed, warned, well
from bridge.errors import ConfigurationError
from bridge.ledger.database import Database, OneDaemon
from bridge.ledger.model import LedgerBusy
from bridge.ledger.upkeep import behind, stood


def ledger_findings(url: str, password: str = "") -> tuple[Finding, ...]:
    """Whether the ledger can be reached and written, its schema, and who works on it; ``password`` where the URL holds none."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return (
            failed(
                "Ledger", "ledger.url is no address of a database.", "Write sqlite:////FILE or postgresql+psycopg://…."
            ),
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database and parsed.database != ":memory:":
        return tuple(_file(url, Path(parsed.database)))
    return (_schema(url, password),)


def _file(url: str, path: Path) -> Iterator[Finding]:
    folder = next(each for each in path.absolute().parents if each.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        yield failed(
            "Ledger", f"Nothing can be written in {folder}.", "Give the folder to the user that runs the daemon."
        )
    elif not path.exists():
        yield well("Ledger", f"{path} does not exist yet; the daemon makes it when it starts.")
    elif path.stat().st_uid != os.geteuid():
        text = f"{path} belongs to another user, so it was not opened: that could leave files the daemon cannot write."
        yield warned("Ledger", text, "Run this as the user that runs the daemon (sudo -u …).")
    elif not os.access(path, os.R_OK | os.W_OK):
        yield failed("Ledger", f"{path} cannot be written.", "Let the user that runs the daemon write it.")
    else:
        yield _schema(url)
        yield _lock(url, path)


def _schema(url: str, password: str = "") -> Finding:
    try:
        database = Database(url, password=password)
    except (ConfigurationError, NoSuchModuleError, ModuleNotFoundError) as wrong:
        return failed("Ledger", f"It cannot be opened: {wrong}", "Correct ledger.url.")
    try:
        trouble, newer = behind(database), stood(database).newer
    except LedgerBusy as busy:
        return failed(
            "Ledger", str(busy), "See whether the database runs, and address, user and password in ledger.url."
        )
    except DBAPIError as problem:
        return failed("Ledger", f"It cannot be read: {problem.orig}", "Restore the last backup, or name another file.")
    finally:
        database.close()
    if trouble is not None:
        return warned("Ledger", trouble.what, f"{trouble.advice} The daemon does so too when it starts.")
    whose = "a newer release's, which this one can read" if newer else "this release's"
    return well("Ledger", f"It can be read, and its schema is {whose}.")


def _lock(url: str, path: Path) -> Finding:
    """Looked at without taking a lock that nobody ever took."""
    lock = OneDaemon(url)
    if not path.with_name(f"{path.name}.lock").exists() or lock.free():
        return well("Daemon", "None works on the ledger now.")
    return well("Daemon", f"The ledger is in use by {lock.holder()}.")
