"""Commands ``alerts test``, ``alerts digest`` and ``alerts list``: whether people are told, and of what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from bridge.alerts.channel import Channel, Parcel
from bridge.alerts.digest import digest as composed
from bridge.alerts.model import Notice, Undelivered
from bridge.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, opened
from bridge.errors import ConfigurationError
from bridge.jobs.alerts import trial
from bridge.jobs.gathering import WHOLE, facts
from bridge.ledger import Ledger
from bridge.settings import Configuration
from bridge.wiring import channels_of, configuration

alerts = typer.Typer(
    name="alerts",
    help="Digest and alerts: try the channels, see what is told.",
    no_args_is_help=True,
    add_completion=False,
)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Way:
    """A channel and whose people are reached by it."""

    channel: Channel
    audience: str

    @property
    def words(self) -> str:
        """As it is told."""
        return self.channel.name + (f" to the people of {self.audience}" if self.audience else "")


@alerts.command("test")
def try_channels(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Send a test over every channel, to everybody who would be told, and say what came of it. Exit code 1 where one failed.

    Example: ill-bridge alerts test --config /etc/ill-bridge/bridge.toml
    """
    known = configuration(config)
    with _ways(known) as ways:
        now = datetime.now(UTC)
        well = [_sent(known, way, trial(known.settings.bridge, now, way.audience), "test") for way in ways]
    raise typer.Exit(0 if all(well) else 1)


@alerts.command()
def digest(
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print it; needs no channel.")] = False,
    library: Annotated[str, typer.Option(help="Only print the digest of this library; with --dry-run.")] = "",
) -> None:
    """Print the digest as it is now, and send it over every channel; the daily one still comes. Exit code 1 where a channel failed.

    It tells the last 24 hours.

    Example: ill-bridge alerts digest --dry-run
    """
    with opened(config) as (known, ledger):
        if library and (not dry_run or library not in known.settings.libraries):
            raise typer.BadParameter("--library names a library of the configuration, and goes with --dry-run")
        if dry_run:
            typer.echo(_printed(_digest(known, ledger, library)))
            return
        with _ways(known) as ways:
            told = {way.audience: _digest(known, ledger, way.audience) for way in ways}
            typer.echo(_printed(told[""]))
            well = [_sent(known, way, told[way.audience], "digest-by-hand") for way in ways]
    raise typer.Exit(0 if all(well) else 1)


@alerts.command("list")
def list_alerts(config: ConfigOption = DEFAULT_CONFIG, *, as_json: JsonOption = False) -> None:
    """Troubles that stand, whether they were told, and notices that are still to be sent and why.

    Example: ill-bridge alerts list
    """
    with opened(config) as (_, ledger):
        standing, unsent = ledger.alerts.standing(), ledger.alerts.unsent()
    if as_json:
        report = {
            "standing": [
                {"subject": each.subject, "kind": each.kind, "library": each.library or None}
                | {"since": each.seen_at.isoformat(), "told_at": each.told_at.isoformat() if each.told_at else None}
                for each in standing
            ],
            "unsent": [
                {
                    "kind": each.kind,
                    "channel": each.channel,
                    "library": each.audience or None,
                    "at": each.at.isoformat(),
                }
                | {"tries": each.tries, "next_try": each.due_at.isoformat(), "problem": each.problem}
                for each in unsent
            ],
        }
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
        return
    for each in standing:
        told = f"told at {each.told_at:%Y-%m-%d %H:%M} UTC" if each.told_at else "not told"
        typer.echo(f"{each.subject}: since {each.seen_at:%Y-%m-%d %H:%M} UTC, {told}")
    for notice in unsent:
        problem = f", {notice.tries} tries: {notice.problem}" if notice.problem else ""
        typer.echo(f"To be sent by {notice.channel}: {notice.kind} of {notice.at:%Y-%m-%d %H:%M} UTC{problem}")
    if not standing and not unsent:
        typer.echo("No trouble stands, and nothing is to be sent.")


def _digest(known: Configuration, ledger: Ledger, library: str) -> Notice:
    since = ledger.clock() - DAY
    now = facts(known, ledger, since=since, named=WHOLE, whole=True)
    return composed(now, known.settings.alerts, since=since, library=library)


def _printed(notice: Notice) -> str:
    return f"{notice.title}\n\n{notice.text.rstrip()}"


@contextmanager
def _ways(known: Configuration) -> Iterator[tuple[Way, ...]]:
    channels = channels_of(known)
    if not channels:
        raise ConfigurationError(("alerts: no channel is configured; add [alerts.mail] or [alerts.webhook]",))
    try:
        yield tuple(Way(each, audience) for each in channels for audience in ("", *each.audiences()))
    finally:
        for channel in channels:
            channel.close()


def _sent(known: Configuration, way: Way, notice: Notice, what: str) -> bool:
    key = f"{what}@{notice.at.isoformat()}#1"
    try:
        way.channel.send(Parcel(notice, key, key, known.settings.bridge, way.audience), notice.at)
    except Undelivered as problem:
        typer.echo(f"✘ {way.words}: {problem}", err=True)
        return False
    typer.echo(f"✔ {way.words}: sent")
    return True
