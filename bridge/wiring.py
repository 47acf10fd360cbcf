"""Puts the parts together: from a configuration to lanes with connectors, to doors and feeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import structlog
from pydantic import BaseModel

from bridge.alerts.channel import Channel
from bridge.alerts.mail import MailChannel
from bridge.alerts.webhook import HookChannel
from bridge.configuring import load
from bridge.connectors.base import Connector, LoanHook, Surroundings
from bridge.connectors.registry import connector_kind
from bridge.conversing import Conversations
from bridge.domain.arrival import Arrival
from bridge.domain.capabilities import Capabilities
from bridge.domain.expect import Expectations, expectations_of
from bridge.domain.policy import Mode
from bridge.engine.lane import LaneRules, WorkLane
from bridge.engine.pace import Bucket, LanePace
from bridge.errors import RefusedInput
from bridge.http import Exchange, Unpaced
from bridge.intake import Intake, Spares, nobody, none_spare
from bridge.ledger import Ledger, LedgerBusy, Receipt
from bridge.ledger.outbox import NoteRule
from bridge.logging import tell_exchange, tell_poll
from bridge.metrics import Metrics
from bridge.relaying import RelayedConversations
from bridge.settings import Configuration, Settings
from bridge.sources.base import SourceSettings
from bridge.sources.iso18626 import Iso18626Settings, Iso18626Source
from bridge.sources.iso18626.notifications import IsoChannel
from bridge.sources.iso18626.relay import Relay
from bridge.sources.kinds import polled_source
from bridge.sources.kinds import source_settings as source_settings
from bridge.sources.listed import ListedSource
from bridge.sources.notes import HookNotes, NoteChannel, NoteHook, NoteSettings
from bridge.sources.own_notes import own_channel
from bridge.sources.polled import Knowing, PolledSource
from bridge.sources.webhook import WebhookSettings, WebhookSource
from bridge.unkept import UnkeptMessages

log = structlog.get_logger(__name__)

EVERY = timedelta(minutes=1)


def configuration(path: Path) -> Configuration:
    """The checked configuration of this file. Raises ``ConfigurationError`` naming everything that is wrong."""
    return load(path, connector_settings=connector_settings, source_settings=source_settings)


def connector_settings(name: str) -> type[BaseModel]:
    """The settings model of a connector."""
    return connector_kind(name).settings


def run_file(settings: Settings) -> Path | None:
    """Where it is remembered how far the ledger had come; ``None`` where nowhere."""
    if settings.engine.run_file:
        return Path(settings.engine.run_file)
    url = settings.ledger.url
    return Path(f"{url.removeprefix('sqlite:///')}.run") if url.startswith("sqlite:///") else None


def unkept_folder(settings: Settings, source: str) -> Path | None:
    """Where a relay keeps what the ledger does not take; ``None``: in memory alone."""
    if settings.engine.unkept_folder:
        return Path(settings.engine.unkept_folder) / source
    url = settings.ledger.url
    return Path(f"{url.removeprefix('sqlite:///')}.unkept") / source if url.startswith("sqlite:///") else None


def ledger_of(known: Configuration) -> Ledger:
    """The ledger that the configuration names. Raises ``ConfigurationError`` where it names none."""
    found = known.settings.ledger
    ledger = Ledger(found.url, password=found.password.get_secret_value() if found.password else "")
    ledger.notes.tell(note_rules_of(known))
    return ledger


def _noted(known: Configuration) -> dict[str, tuple[SourceSettings, NoteSettings]]:
    """The sources that are told lines of histories."""
    sources = {name: each for name, each in known.sources.items() if isinstance(each, SourceSettings)}
    return {name: (each, each.note_settings) for name, each in sources.items() if each.note_settings is not None}


def note_rules_of(known: Configuration) -> tuple[NoteRule, ...]:
    """Whom the ledger is to keep notes for; of libraries that only observe nothing leaves the house."""
    libraries = known.settings.libraries
    live = frozenset(name for name, library in libraries.items() if library.mode is Mode.LIVE)
    return tuple(
        NoteRule(name, source.service, frozenset(notes.kinds), live, notes.for_partner)
        for name, (source, notes) in _noted(known).items()
    )


def note_channels_of(
    known: Configuration, *, tell: Callable[[Exchange], None] = tell_poll
) -> dict[str, tuple[NoteChannel, timedelta]]:
    """The ways to tell services, each with how long a note is tried."""
    return {
        name: (_note_channel(name, source, notes, tell), timedelta(hours=notes.give_up_hours))
        for name, (source, notes) in _noted(known).items()
    }


def _note_channel(
    name: str, settings: SourceSettings, notes: NoteSettings, tell: Callable[[Exchange], None]
) -> NoteChannel:
    """A webhook, notifications, or the source's own API with a conversation of its own."""
    if isinstance(settings, Iso18626Settings) and settings.own_notes is not None:
        return IsoChannel(name, settings, tell)
    source = polled_source(name, settings, frozenset(), tell)
    if isinstance(notes, HookNotes) or not isinstance(source, ListedSource):
        return NoteHook(name, HookNotes.model_validate(notes), tell)
    return own_channel(source.asked, notes)


def lanes_of(known: Configuration, ledger: Ledger, metrics: Metrics) -> dict[str, WorkLane]:
    """A lane with its connector and pace for each ILS; its calls are logged and counted."""
    tell = both(metrics.exchange, tell_exchange)
    return {name: _lane(known, ledger, name, tell) for name in known.settings.ils}


def both(count: Callable[[Exchange], None], log_it: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    """Count an exchange, and log it."""

    def tell(exchange: Exchange) -> None:
        count(exchange)
        log_it(exchange)

    return tell


def _lane(known: Configuration, ledger: Ledger, name: str, tell: Callable[[Exchange], None]) -> WorkLane:
    ils = known.settings.ils[name]
    pace = LanePace(Bucket(ils.calls_per_second, ils.burst), told=Remaining(ledger, name).told)
    connector = _connector(known, name, Surroundings(name, pace, tell))
    interval = timedelta(seconds=known.settings.engine.probe_interval)
    windows = tuple(each.window for each in ils.maintenance)
    rules = LaneRules(ils.cap, interval, windows, late_writes=timedelta(seconds=ils.late_writes))
    return WorkLane(name, connector, ledger, rules)


class Remaining:
    """Keeps what is left of an ILS's quota for ``status``: the first figure, then one a minute, since each is a durable write."""

    def __init__(self, ledger: Ledger, lane: str) -> None:
        self._ledger = ledger
        self._lane = lane
        self._next: datetime | None = None

    def told(self, calls: int) -> None:
        """The ILS said how many calls are left."""
        now = self._ledger.clock()
        if self._next is None or now >= self._next:
            self._next = now + EVERY
            self._ledger.lanes.remaining(self._lane, calls)


def _connector(known: Configuration, name: str, surroundings: Surroundings) -> Connector:
    kind = connector_kind(known.settings.ils[name].connector)
    return kind.build(known.connectors[name], surroundings)


def expected_of(known: Configuration, lane: str, library: str = "") -> Expectations:
    """What the libraries of a lane (or one of them) expect of its ILS."""
    names = [library] if library else [name for name, each in known.settings.libraries.items() if each.ils == lane]
    return expectations_of({name: known.settings.policy(name) for name in names})


def _untold(_exchange: Exchange) -> None:
    """For commands whose answer says it all."""


@contextmanager
def feed_of(known: Configuration, name: str) -> Iterator[PolledSource]:
    """One polled source, for a command that only looks."""
    feeds = feeds_of(known, tell=_untold)
    try:
        yield feeds[name]
    finally:
        for feed in feeds.values():
            feed.close()


@contextmanager
def connector_of(known: Configuration, lane: str) -> Iterator[Connector]:
    """A connector for a command that only looks, at the lane's pace, beside any daemon; its exchanges are told to nobody."""
    ils = known.settings.ils[lane]
    connector = _connector(known, lane, Surroundings(lane, LanePace(Bucket(ils.calls_per_second, ils.burst)), _untold))
    try:
        yield connector
    finally:
        connector.close()


def capabilities_of(known: Configuration, lane: str) -> Capabilities:
    """What the ILS of this lane can do, without asking it."""
    if lane not in known.settings.ils:
        return Capabilities()
    connector = _connector(known, lane, Surroundings(lane, Unpaced(), tell_exchange))
    try:
        return connector.capabilities
    finally:
        connector.close()


class LedgerDoor:
    """A webhook's door: verified and read by its source, kept and folded, and counted."""

    def __init__(
        self,
        source: WebhookSource,
        ledger: Ledger,
        intake: Intake,
        metrics: Metrics,
    ) -> None:
        self.name = source.name
        self.max_bytes = source.settings.max_bytes
        self._source = source
        self._ledger = ledger
        self._intake = intake
        self._metrics = metrics

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises ``RefusedInput`` for a message that is not signed as it should be."""
        try:
            self._source.verify(headers, body, self._ledger.clock())
        except RefusedInput:
            self._metrics.refused(self.name)
            raise

    def read(self, body: bytes) -> Arrival:
        """What the message says."""
        return self._source.read(body)

    def take(self, arrival: Arrival) -> Receipt:
        """Keep it and fold it; durable when this returns."""
        try:
            receipt = self._intake.take(self.name, arrival)
        except LedgerBusy:
            self._metrics.not_kept(self.name)
            raise
        self._metrics.received(self.name, (arrival,), (receipt,))
        return receipt


def doors_of(
    known: Configuration,
    ledger: Ledger,
    *,
    taken: Callable[..., None] = nobody,
    spare: Spares = none_spare,
    metrics: Metrics | None = None,
) -> dict[str, LedgerDoor]:
    """The doors of all webhooks; ``taken`` is told the lanes of what was new and no ``spare`` worker has begun."""
    counted = metrics or Metrics()
    intake = Intake(ledger, known.settings.lane, taken=taken, spare=spare)
    libraries = frozenset(known.settings.libraries)
    return {
        name: LedgerDoor(WebhookSource(name, settings, libraries), ledger, intake, counted)
        for name, settings in known.sources.items()
        if isinstance(settings, WebhookSettings)
    }


def conversations_of(
    known: Configuration,
    ledger: Ledger,
    *,
    taken: Callable[..., None] = nobody,
    spare: Spares = none_spare,
    metrics: Metrics | None = None,
) -> dict[str, Conversations]:
    """The doors of all ISO 18626 sources; close them when done."""
    counted = metrics or Metrics()
    intake = Intake(ledger, known.settings.lane, taken=taken, spare=spare)
    libraries = frozenset(known.settings.libraries)

    def door(name: str, settings: Iso18626Settings) -> Conversations:
        source = Iso18626Source(name, settings, libraries, clock=ledger.clock)
        others = [each for each, other in known.sources.items() if each != name and _speak_of_one(settings, other)]
        if settings.deployment == "copy":
            return Conversations(source, ledger, intake, counted, others)
        relay = Relay(settings, both(partial(counted.relayed, name), tell_poll))
        unkept = UnkeptMessages(name, unkept_folder(known.settings, name))
        return RelayedConversations(source, ledger, intake, counted, relay, unkept, others)

    return {name: door(name, each) for name, each in known.sources.items() if isinstance(each, Iso18626Settings)}


def _speak_of_one(one: SourceSettings, other: object) -> bool:
    return isinstance(other, SourceSettings) and one.service == other.service


class LedgerLoanDoor:
    """Where an ILS tells of loans: read by its connector's hook, and held against what is watched."""

    def __init__(self, name: str, hook: LoanHook, ledger: Ledger, taken: Callable[..., None]) -> None:
        self.name = name
        self.max_bytes = hook.max_bytes
        self.challenge = hook.challenge
        self.verify = hook.verify
        self._hook = hook
        self._ledger = ledger
        self._taken = taken

    def take(self, body: bytes) -> None:
        """Have the request of this item looked at, if it is one of ours; durable when this returns."""
        news = self._hook.read(body)
        if news is not None and self._ledger.watches.told(self.name, item=news.item, barcode=news.barcode):
            self._taken(self.name)


def loan_doors_of(
    known: Configuration, ledger: Ledger, *, taken: Callable[..., None] = nobody
) -> dict[str, LedgerLoanDoor]:
    """The doors of all ILSs whose settings have what telling of loans needs."""
    doors = {}
    for name, ils in known.settings.ils.items():
        hook_of = connector_kind(ils.connector).loan_hook
        hook = hook_of(known.connectors[name]) if hook_of is not None else None
        if hook is not None:
            doors[name] = LedgerLoanDoor(name, hook, ledger, taken)
    return doors


def channels_of(known: Configuration) -> tuple[Channel, ...]:
    """The ways to tell people that are configured; none: nobody is told anything."""
    rules = known.settings.alerts
    mail = (MailChannel(rules.mail),) if rules.mail is not None else ()
    hook = (HookChannel(rules.webhook, tell_poll),) if rules.webhook is not None else ()
    return (*mail, *hook)


def feeds_of(
    known: Configuration, *, tell: Callable[[Exchange], None] = tell_poll, ledger: Ledger | None = None
) -> dict[str, PolledSource]:
    """All sources that are polled; ``tell`` hears of each call. Those that follow known requests ask the ledger, where one is given."""
    libraries = frozenset(known.settings.libraries)
    made = {name: polled_source(name, settings, libraries, tell) for name, settings in known.sources.items()}
    feeds = {name: source for name, source in made.items() if source is not None}
    for source in feeds.values():
        if ledger is not None and isinstance(source, Knowing):
            source.learn(ledger.known.of(source.settings.service))
    return feeds


def readers_of(known: Configuration) -> dict[str, WebhookSource | Iso18626Source | PolledSource]:
    """Every source, to understand kept messages again."""
    libraries = frozenset(known.settings.libraries)
    hooks = {
        name: WebhookSource(name, settings, libraries)
        for name, settings in known.sources.items()
        if isinstance(settings, WebhookSettings)
    }
    conversations = {
        name: Iso18626Source(name, settings, libraries)
        for name, settings in known.sources.items()
        if isinstance(settings, Iso18626Settings)
    }
    return {**hooks, **conversations, **feeds_of(known)}
