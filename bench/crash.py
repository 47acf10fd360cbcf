"""A day of chaos: ``python -m bench.crash [--requests 200] [--kills 50] [--seed 1] [--database URL] [--json] [--keep FOLDER]``.

A real daemon on real ledger files, all connectors at once, each on its stand-in. So many requests of both roles are played into one
another: changes come late, doubled and reordered by webhook and feed; the desk lends, checks in, renews, relabels, deletes, cancels holds
and lends returned items to others, sometimes between two steps of the bridge; the ILS drops connections before and after its work,
answers nonsense and 5xx, throttles, refuses the key, and goes down; and the daemon is killed (SIGKILL) at an exchange, after an
exchange's work, at a line of its log, or while it takes a message, and started again.

The same seed makes the same script; kills are tied to progress, not to the clock. At the end all is calm, and what stands in the ILS
and in the ledger is compared with what each story wants. Prints one line a trouble with the request's history; exit code 1 if there is one.

* ``orphans``: something of ours is left that no open request wants, or that belongs to a finished one.
* ``duplicates``: two bibs, holdings, items, holds, loans or fees for one thing wanted; a hold placed again after it was filled.
* ``lost``: a request not at its end, or stuck; a loan, hold or item that should stand and does not; a change taken and not in the ledger.
* ``foreign_touched``: a loan, hold or item of somebody else was changed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from bench.chaos.acts import Script
from bench.chaos.conductor import Conductor
from bench.chaos.daemon import Daemon
from bench.chaos.houses import HOUSES, UNTOLD
from bench.chaos.ils import House
from bench.chaos.judge import KINDS, Judge, Violation
from bench.chaos.script import script_of
from bench.chaos.service import Service
from bench.chaos.staff import Staff
from bench.chaos.tables import BRIDGE
from bench.telling import tell
from bridge.connectors.registry import connector_names
from bridge.ledger import Ledger, State
from bridge.wiring import configuration

SHOWN = 20
"""Troubles told with their histories."""
CONFIG = """
bridge = "{bridge}"
[ledger]
url = "{ledger}"
[web]
port = {port}
[engine]
retry_waits = [0.03, 0.1]
retry_tries = 25
server_error_tries = 25
probe_interval = 0.1
lease = {lease}
backstop = 0.5
"""


def main() -> int:
    """Play the day, judge it, tell."""
    given = _arguments().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that no daemon is left behind
    with _folder(given.keep) as folder, _ledger_url(given.database, folder, keep=bool(given.keep)) as url:
        began = time.monotonic()
        figures, violations = _day(given, folder, url)
        figures["seconds"] = round(time.monotonic() - began, 1)
    rows = [(name, value) for name, value in figures.items() if not isinstance(value, dict)]
    tell(figures, rows, ("", "figure"), as_json=given.json)
    return 1 if violations else 0


def _arguments() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", action="store_true", help="one JSON document and nothing else on standard output")
    arguments.add_argument("--requests", type=int, default=200)
    arguments.add_argument("--kills", type=int, default=50)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--connector", action="append", choices=sorted(HOUSES), help="only these; may be repeated")
    arguments.add_argument(
        "--database",
        default="",
        help="URL of a PostgreSQL server, on which a database is made; without it a SQLite file",
    )
    arguments.add_argument(
        "--warm",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="fork daemons from a process that has read the code, which is quicker, or start them as people do",
    )
    arguments.add_argument("--keep", type=Path, help="keep ledger, log, configuration and script in this folder")
    return arguments


def _day(given: argparse.Namespace, folder: Path, url: str) -> tuple[dict[str, object], list[Violation]]:
    lanes = given.connector or [name for name in connector_names() if name in HOUSES]
    script = script_of(given.requests, given.kills, given.seed, lanes, UNTOLD)
    (folder / "script.txt").write_text(_readable(script), encoding="utf-8")
    houses = _houses(script, lanes)
    service = Service(_free_port())
    served: tuple[House | Service, ...] = (*houses.values(), service)
    for each in served:
        each.start()
    config = folder / "bridge.toml"
    config.write_text(_config(url, service, houses), encoding="utf-8")
    ledger = Ledger(url)
    ledger.upgrade()
    daemon = Daemon(config, folder / "daemon.log", warm=given.warm)
    staff = Staff(houses, configuration(config).settings.policy)
    conductor = Conductor(script, houses, service, daemon, ledger, staff)
    judge = Judge(
        conductor,
        {name: house.own() for name, house in houses.items()},
        {name: house.bystanders() for name, house in houses.items()},
    )
    try:
        daemon.up()
        conductor.play()
        conductor.settle()
        violations = judge.violations()
        _explain(violations, judge)
        figures = _figures(given, judge, violations)
    finally:
        daemon.stop()
        ledger.close()
        for each in served:
            each.stop()
    return figures, violations


def _houses(script: Script, lanes: Sequence[str]) -> dict[str, House]:
    own = {lane: [story.own for story in script.stories if story.lane == lane and story.own] for lane in lanes}
    return {lane: HOUSES[lane](own[lane]) for lane in lanes}


def _config(url: str, service: Service, houses: dict[str, House]) -> str:
    lease = 60 if url.startswith("sqlite") else 2
    engine = CONFIG.format(bridge=BRIDGE, ledger=url, port=service.port, lease=lease)
    libraries = [f"{name}-{kind}" for name in houses for kind in ("main", "early")]
    return engine + "".join(house.configuration() for house in houses.values()) + service.configuration(libraries)


def _figures(given: argparse.Namespace, judge: Judge, violations: list[Violation]) -> dict[str, object]:
    conductor = judge.conductor
    counts = Counter(violation.kind for violation in violations)
    states = Counter(row.state for row in judge.rows.values())
    return {
        "requests": given.requests,
        "kills": conductor.daemon.kills,
        **{kind: counts[kind] for kind in KINDS},
        "seed": given.seed,
        "database": "postgresql" if given.database else "sqlite",
        "connectors": ", ".join(conductor.houses),
        "not_played": ", ".join(name for name in connector_names() if name not in conductor.houses),
        "not_told": "; ".join(
            f"{name}: {', '.join(sorted(house.untold))}" for name, house in conductor.houses.items() if house.untold
        ),
        "messages": conductor.service.delivered,
        "exchanges": sum(house.gate.exchanges for house in conductor.houses.values()),
        "faults": conductor.faults,
        "desk_acts": sum(len(acts) for acts in conductor.done.values()),
        "desk_acts_skipped": conductor.skipped,
        "done_by_hand": conductor.by_hand,
        "ended": {state.value: states[state] for state in State if states[state]},
    }


def _explain(violations: list[Violation], judge: Judge) -> None:
    """What is wrong, for a developer: the story, the desk's acts, the request's history, and what stands in the ILS."""
    for violation in violations[:SHOWN]:
        print(f"\n{violation.kind}: {violation.what}", file=sys.stderr)
        if violation.story is not None:
            _explain_story(violation.story, judge)
    if len(violations) > SHOWN:
        print(f"\n… and {len(violations) - SHOWN} more", file=sys.stderr)


def _explain_story(index: int, judge: Judge) -> None:
    conductor = judge.conductor
    story, row = conductor.script.stories[index], judge.rows.get(index)
    lines = [f"  story {story.number} '{story.name}' of {story.library} by {story.channel}"]
    lines += [f"    {act}" for act in story.acts]
    lines += [f"  desk: {act.act} {act.barcode} {dict(act.more)}" for act in conductor.done.get(index, [])]
    if row is not None:
        lines.append(f"  {row.name}, {row.state.value}, {row.status}; {row.parked}")
        lines += [f"    {line.at:%H:%M:%S.%f} {line.line}" for line in conductor.ledger.requests.history(row.id)]
        lines += [f"  {item}" for item in row.record.items]
    print("\n".join(lines), file=sys.stderr)


def _readable(script: Script) -> str:
    turns = [
        f"{number}: {script.stories[turn.story].number if turn.story is not None else '*'} {turn.act}"
        for number, turn in enumerate(script.turns)
    ]
    return "\n".join(turns) + "\n"


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        shutil.rmtree(keep, ignore_errors=True)
        keep.mkdir(parents=True)
        yield keep
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@contextmanager
def _ledger_url(server: str, folder: Path, *, keep: bool) -> Iterator[str]:
    """A SQLite file in the folder, or a database of our own on this server, dropped at the end unless it is to be kept."""
    if not server:
        yield f"sqlite:///{folder / 'bridge.db'}"
        return
    name = f"crash_{os.getpid()}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        if not keep:
            with engine.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
