"""Alerts by the clock: troubles are noticed, told once, and what is to be told is sent until it was taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from pydantic import ValidationError

from bridge.alerts.channel import Channel, Parcel
from bridge.alerts.digest import digest, digest_due
from bridge.alerts.episodes import Told, notice_due, notice_over
from bridge.alerts.model import (
    Kind,
    Notice,
    Stage,
    Trouble,
    Undelivered,
    notice_from,
    notice_text,
    trouble_from,
    trouble_text,
)
from bridge.alerts.troubles import troubles
from bridge.engine.schedule import RetrySchedule
from bridge.jobs.gathering import WHOLE, facts
from bridge.ledger import Ledger, LedgerBusy
from bridge.ledger.alerts import Episode, KeptNotice, NewNotice
from bridge.settings import Configuration

log = structlog.get_logger(__name__)

DAY = timedelta(days=1)
TRIED_FOR = timedelta(days=7)
"""How long a notice is tried before it is given up."""
REMEMBERED_FOR = timedelta(days=60)
PATIENCE = timedelta(minutes=10)
"""A sender that has been silent for so long is dead, and its notice is sent anew."""


class AlertJob:
    """One look: what stands is noticed, a digest that is due is made, and what is to be sent is sent.

    All of it is remembered in the ledger. A crash between sending and noting it sends once more; nothing is lost.
    """

    def __init__(
        self,
        known: Configuration,
        ledger: Ledger,
        channels: Sequence[Channel],
        *,
        stopping: Callable[[], bool] = lambda: False,
        schedule: RetrySchedule | None = None,
    ) -> None:
        self._known = known
        self._rules = known.settings.alerts
        self._ledger = ledger
        self._channels: Mapping[str, Channel] = {channel.name: channel for channel in channels}
        self._stopping = stopping
        self._schedule = schedule or RetrySchedule()
        self._failing: set[tuple[str, str]] = set()
        self._forgot: datetime | None = None

    def run(self) -> None:
        """Look once."""
        try:
            self.notice()
            self.make_digest()
            self.send()
            self._forget()
        except LedgerBusy as busy:
            log.critical("ledger.busy", why=str(busy))

    def close(self) -> None:
        """Give back the channels' connections."""
        for channel in self._channels.values():
            channel.close()

    def notice(self) -> None:
        """Hold what stands now against what was known, and note what is to be told."""
        now = self._ledger.clock()
        found = troubles(facts(self._known, self._ledger, since=now - DAY), self._rules)
        standing = self._known_of(found)
        earlier = self._earlier(now)
        for trouble in found:
            if episode := standing.pop(trouble.subject, None):
                self._stands(episode, trouble, earlier.get(trouble.subject), now)
        for episode in standing.values():
            self._over(episode, now)

    def _known_of(self, found: Sequence[Trouble]) -> dict[str, Episode]:
        """Troubles that stand by their subjects, those that are new among them."""
        standing = {episode.subject: episode for episode in self._ledger.alerts.standing()}
        fresh = [trouble for trouble in found if trouble.subject not in standing]
        for trouble in fresh:
            self._ledger.alerts.begin(self._episode(trouble))
        return {episode.subject: episode for episode in self._ledger.alerts.standing()} if fresh else standing

    def _episode(self, trouble: Trouble) -> Episode:
        seen_at = trouble.since or self._ledger.clock()
        kind, text = trouble.kind.value, trouble_text(trouble)
        return Episode(0, trouble.subject, kind, trouble.library, trouble.cause, text, seen_at)

    def _earlier(self, now: datetime) -> dict[str, datetime]:
        """Subjects whose last trouble ended lately, and when it was told."""
        ended = self._ledger.alerts.ended(now - timedelta(minutes=self._rules.quiet_minutes))
        return {each.subject: each.told_at for each in ended if each.told_at is not None}

    def _stands(self, episode: Episode, trouble: Trouble, earlier: datetime | None, now: datetime) -> None:
        before = _remembered(episode)
        members = before.members if before else ()
        past = Told(episode.seen_at, episode.told_at, episode.cause, members, earlier)
        told = notice_due(trouble, past, now, self._rules)
        if told is None:
            return
        notices = self._addressed(told, _key(episode, episode.told + 1))
        document = trouble_text(trouble)
        if self._ledger.alerts.tell(episode, at=now, cause=trouble.cause, document=document, notices=notices):
            log.info("alert.raised", kind=trouble.kind.value, subject=trouble.subject, stage=told.stage.value)

    def _over(self, episode: Episode, now: datetime) -> None:
        past = Told(episode.seen_at, episode.told_at, episode.cause)
        before = _remembered(episode)
        told = notice_over(before, past, now) if before else None
        notices = self._addressed(told, _key(episode, episode.told + 1)) if told else ()
        if self._ledger.alerts.end(episode, notices) and past.told_at is not None:
            log.info("alert.over", kind=episode.kind, subject=episode.subject)

    def make_digest(self) -> None:
        """Make the digest that is due, if any: for everybody, and for each library with people of its own."""
        last = self._ledger.alerts.digested()
        due = digest_due(self._rules.digest, self._ledger.clock(), last)
        if due is None:
            return
        key = f"digest@{due.isoformat()}#1"
        notices = tuple(_new(told, key, channel, audience) for told, channel, audience in self.digests(last))
        if self._ledger.alerts.digest(due, notices, last=last):
            log.info("alert.digest", notices=len(notices))

    def digests(self, since: datetime) -> Iterator[tuple[Notice, str, str]]:
        """The digest as it would be now, each with its channel and audience; an empty one only where that is wanted."""
        known = facts(self._known, self._ledger, since=since, named=WHOLE, whole=True)
        for name, channel in self._channels.items():
            for audience in ("", *channel.audiences()):
                told = digest(known, self._rules, since=since, library=audience)
                if told.items or self._rules.digest.when_empty:
                    yield told, name, audience

    def _addressed(self, told: Notice, key: str) -> tuple[NewNotice, ...]:
        """The notice for each channel: to a library's own people where it has some there, else to the general ones."""
        return tuple(
            _new(told, key, name, told.library if told.library in channel.audiences() else "")
            for name, channel in self._channels.items()
        )

    def send(self) -> None:
        """Send what is due. A channel that fails is left alone until the next look; what it did not take waits longer each time."""
        open_channels = set(self._channels)
        while open_channels and not self._stopping():
            kept = self._ledger.alerts.take(sorted(open_channels), patience=PATIENCE)
            if kept is None:
                break
            if not self._sent(kept):
                open_channels.discard(kept.channel)

    def _forget(self) -> None:
        """Once a day (and at the start): what is long over takes no room."""
        now = self._ledger.clock()
        if self._forgot is None or now - self._forgot >= DAY:
            self._forgot = now
            self._ledger.alerts.forget(now - REMEMBERED_FOR)

    def _sent(self, kept: KeptNotice) -> bool:
        now = self._ledger.clock()
        try:
            parcel = self._parcel(kept)
        except ValidationError:
            self._drop(kept, "another release wrote it, and this one cannot read it")
            return True
        try:
            self._channels[kept.channel].send(parcel, now)
        except Undelivered as problem:
            self._put_off(kept, str(problem), now)
            return False
        self._ledger.alerts.sent(kept)
        if (kept.channel, kept.audience) in self._failing:
            self._failing.discard((kept.channel, kept.audience))
            log.info("alert.channel_works", channel=kept.channel, audience=kept.audience)
        log.info("alert.sent", channel=kept.channel, kind=kept.kind, audience=kept.audience, notice=parcel.id)
        return True

    def _parcel(self, kept: KeptNotice) -> Parcel:
        first = kept.key.rpartition("#")[0] + "#1"
        return Parcel(notice_from(kept.document), kept.key, first, self._known.settings.bridge, kept.audience)

    def _put_off(self, kept: KeptNotice, problem: str, now: datetime) -> None:
        """Told once a channel, however often it fails."""
        if now - kept.at >= TRIED_FOR:
            self._drop(kept, problem)
            return
        self._ledger.alerts.put_off(kept, until=now + self._schedule.wait(kept.tries + 1), problem=problem)
        if (kept.channel, kept.audience) not in self._failing:
            self._failing.add((kept.channel, kept.audience))
            log.warning("alert.not_sent", channel=kept.channel, audience=kept.audience, why=problem)

    def _drop(self, kept: KeptNotice, why: str) -> None:
        self._ledger.alerts.drop(kept, why)
        log.error("alert.given_up", channel=kept.channel, kind=kept.kind, audience=kept.audience, at=kept.at, why=why)


def _remembered(episode: Episode) -> Trouble | None:
    """The trouble as it was last told; ``None`` where another release wrote it in a way this one cannot read."""
    try:
        return trouble_from(episode.document)
    except ValidationError:
        return None


def _key(episode: Episode, number: int) -> str:
    """Names a notice of a trouble: the same in every process."""
    return f"{episode.subject}@{episode.id}.{episode.seen_at:%Y%m%dT%H%M%S}#{number}"


def _new(told: Notice, key: str, channel: str, audience: str) -> NewNotice:
    return NewNotice(key, channel, audience, told.kind.value, told.at, notice_text(told))


def trial(bridge: str, now: datetime, library: str = "") -> Notice:
    """A notice that only says that the way to its reader works."""
    lines = (
        f"This is a test of ill-bridge '{bridge}'.",
        "Digest and alerts will come the same way."
        + (f" This one is for the people of library {library}." if library else ""),
    )
    return Notice(Kind.TEST, Stage.NEW, now, "Test of alerts", lines, library)
