"""The tables, one schema for SQLite and PostgreSQL; migrations bring a database here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """A moment, stored as microseconds since 1970-01-01 UTC, so that both databases compare it alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Microseconds of an aware datetime."""
        return None if value is None else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ANN401, ARG002
        """An aware datetime (UTC)."""
        return None if value is None else EPOCH + value * MICROSECOND


class Name(TypeDecorator[str]):
    """Text from outside; what PostgreSQL or UTF-8 cannot hold (NUL, half a surrogate pair) is spelled out, so that it can be kept."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """The text with those signs as Python spells them."""
        return value and value.encode("utf-8", errors="backslashreplace").decode().replace("\0", "\\x00")


class Words(Name):
    """The same, of any length."""

    impl = Text
    cache_ok = True


Key = BigInteger().with_variant(Integer, "sqlite")
metadata = MetaData()
KEPT = text("state != 'folded'")
BODY = text("body != ''")

inbox = Table(
    "inbox",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("source", String(100), nullable=False),
    Column("key", Name(300), nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("state", String(20), nullable=False),
    Column("problem", Words, nullable=False, server_default=""),
    Column("body", Words, nullable=False),
    Column("request_id", Key, nullable=True),
    UniqueConstraint("source", "key", name="inbox_once"),
    Index("inbox_heard", "source", "received_at"),
    Index("inbox_kept", "state", sqlite_where=KEPT, postgresql_where=KEPT),
    Index("inbox_bodies", "received_at", sqlite_where=BODY, postgresql_where=BODY),
)

WORK_WAITS = text("state in ('due', 'waiting')")
TRIED_AGAIN = text("state = 'parked' and due_at is not null")
"""Parked requests that are tried again by themselves."""
UNFINISHED = text("state not in ('closed', 'forgotten')")
PURGEABLE = text("state in ('closed', 'forgotten') and purged_at is null")
ERASE = text("erase = 1")
SPECIAL = text("state not in ('closed', 'forgotten') and status != replace(status, '(', '')")
"""Unfinished, and with conditions in its status."""
LEASED = text("lease_until is not null")
BATCHED = text("batch != ''")
AGED = text("parked_cause = 'aged'")
TO_LOOK = text("look_at is not null")
DELETIONS = text("verb = 'delete_temporary_item'")
STANDING = text("ended_at is null")
CALM = text("state in ('in_step', 'observed', 'staff', 'parked')")
CLOSED = text("state = 'closed'")
UNMENDED = text("gone_at is null")
UNSENT = text("sent_at is null and dropped_at is null")
NOT_TOLD = text("sent_at is null")

request = Table(
    "request",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("library", String(100), nullable=False),
    Column("service", String(100), nullable=False),
    Column("role", String(10), nullable=False),
    Column("requester", String(100), nullable=False),
    Column("number", String(200), nullable=False),
    Column("conversation", String(420), nullable=False),
    Column("lane", String(100), nullable=False),
    Column("state", String(10), nullable=False),
    Column("status", String(200), nullable=False, server_default=""),
    Column("title", Text, nullable=False, server_default=""),
    Column("document", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default="0"),
    Column("record", Text, nullable=False),
    Column("pending", Text, nullable=True),
    Column("due_at", Instant, nullable=True),
    Column("backlog", Integer, nullable=False, server_default="0"),
    Column("afresh", Integer, nullable=False, server_default="0"),
    Column("look", Integer, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("lease_until", Instant, nullable=True),
    Column("owner", String(100), nullable=False, server_default=""),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("parked_goal", String(32), nullable=False, server_default=""),
    Column("parked_cause", String(60), nullable=False, server_default=""),
    Column("parked_reason", Words, nullable=False, server_default=""),
    Column("parked_advice", Words, nullable=False, server_default=""),
    Column("parked_at", Instant, nullable=True),
    Column("settled_at", Instant, nullable=True),
    Column("purged_at", Instant, nullable=True),
    Column("erase", Integer, nullable=False, server_default="0"),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("audited_at", Instant, nullable=True),
    UniqueConstraint("library", "service", "role", "requester", "number", name="request_once"),
    Index("request_due", "lane", "backlog", "due_at", sqlite_where=WORK_WAITS, postgresql_where=WORK_WAITS),
    Index("request_again", "lane", "due_at", sqlite_where=TRIED_AGAIN, postgresql_where=TRIED_AGAIN),
    Index("request_leased", "lane", sqlite_where=LEASED, postgresql_where=LEASED),
    Index("request_talk", "conversation", sqlite_where=LEASED, postgresql_where=LEASED),
    Index("request_number", "number"),
    Index("request_state", "state"),
    Index("request_aged", "updated_at", sqlite_where=AGED, postgresql_where=AGED),
    Index("request_conditions", "library", "status", sqlite_where=SPECIAL, postgresql_where=SPECIAL),
    Index("request_purge", "settled_at", "id", sqlite_where=PURGEABLE, postgresql_where=PURGEABLE),
    Index("request_erase", "id", sqlite_where=ERASE, postgresql_where=ERASE),
    Index(
        "request_figures",
        "library",
        "state",
        "parked_cause",
        "lane",
        "due_at",
        sqlite_where=UNFINISHED,
        postgresql_where=UNFINISHED,
    ),
    Index("request_audit", "library", "audited_at", "created_at", sqlite_where=CALM, postgresql_where=CALM),
    Index("request_closed", "library", "updated_at", "audited_at", sqlite_where=CLOSED, postgresql_where=CLOSED),
)

step = Table(
    "step",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("request_id", Key, ForeignKey("request.id"), nullable=False),
    Column("key", String(300), nullable=False),
    Column("verb", String(40), nullable=False),
    Column("state", String(10), nullable=False),
    Column("command", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant, nullable=True),
    Column("problem", Words, nullable=False, server_default=""),
    UniqueConstraint("request_id", "key", name="step_once"),
    Index("step_deletions", "started_at", sqlite_where=DELETIONS, postgresql_where=DELETIONS),
)

history = Table(
    "history",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("request_id", Key, ForeignKey("request.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("line", Words, nullable=False),
    Column("step", String(300), nullable=False, server_default=""),
    Index("history_of", "request_id", "id"),
)

cursor = Table(
    "cursor",
    metadata,
    Column("source", String(100), primary_key=True),
    Column("position", Words, nullable=False),
    Column("polled_at", Instant, nullable=True),
    Column("succeeded_at", Instant, nullable=True),
    Column("problem", Words, nullable=False, server_default=""),
)

lane = Table(
    "lane",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("paused_until", Instant, nullable=True),
    Column("why", Words, nullable=False, server_default=""),
    Column("cause", String(40), nullable=False, server_default=""),
    Column("calls_remaining", Integer, nullable=True),
    Column("closed_at", Instant, nullable=True),
    Column("held_until", Instant, nullable=True),
    Column("held_why", Words, nullable=False, server_default=""),
)

library = Table(
    "library",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("held_until", Instant, nullable=True),
    Column("held_why", Words, nullable=False, server_default=""),
    Column("held_cause", String(40), nullable=False, server_default=""),
    Column("quota_since", Instant, nullable=True),
)

meta = Table(
    "meta",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Words, nullable=False),
)

order = Table(
    "staff_order",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("kind", String(20), nullable=False),
    Column("request_id", Key, nullable=True),
    Column("options", Text, nullable=False, server_default="{}"),
    Column("given_at", Instant, nullable=False),
    Column("given_by", String(100), nullable=False, server_default=""),
    Column("done_at", Instant, nullable=True),
    Column("answer", Words, nullable=False, server_default=""),
    Column("failed", Boolean, nullable=False, server_default=text("false")),
    Column("batch", String(60), nullable=False, server_default=""),
    Column("taken_at", Instant, nullable=True),
    Index("staff_order_open", "done_at"),
    Index("staff_order_batch", "batch", sqlite_where=BATCHED, postgresql_where=BATCHED),
)

alert = Table(
    "alert",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("subject", Name(300), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("library", String(100), nullable=False, server_default=""),
    Column("cause", Name(60), nullable=False, server_default=""),
    Column("document", Words, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("told_at", Instant, nullable=True),
    Column("told", Integer, nullable=False, server_default="0"),
    Column("ended_at", Instant, nullable=True),
    Index("alert_standing", "subject", unique=True, sqlite_where=STANDING, postgresql_where=STANDING),
    Index("alert_ended", "ended_at"),
)

notice = Table(
    "notice",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("key", Name(400), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("audience", String(100), nullable=False, server_default=""),
    Column("kind", String(20), nullable=False),
    Column("at", Instant, nullable=False),
    Column("document", Words, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("taken_until", Instant, nullable=True),
    Column("sent_at", Instant, nullable=True),
    Column("dropped_at", Instant, nullable=True),
    Column("problem", Words, nullable=False, server_default=""),
    UniqueConstraint("key", "channel", "audience", name="notice_once"),
    Index("notice_unsent", "due_at", sqlite_where=UNSENT, postgresql_where=UNSENT),
)

note = Table(
    "note",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("source", String(100), nullable=False),
    Column("request_id", Key, ForeignKey("request.id"), nullable=False),
    Column("history_id", Key, nullable=False),
    Column("key", String(32), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("unsure", Integer, nullable=False, server_default="0"),
    Column("taken_until", Instant, nullable=True),
    Column("sent_at", Instant, nullable=True),
    Column("dropped_at", Instant, nullable=True),
    Column("problem", Words, nullable=False, server_default=""),
    UniqueConstraint("source", "history_id", name="note_once"),
    Index("note_unsent", "source", "due_at", sqlite_where=UNSENT, postgresql_where=UNSENT),
    Index("note_order", "request_id", "id", sqlite_where=UNSENT, postgresql_where=UNSENT),
    Index("note_open", "source", "dropped_at", "at", sqlite_where=NOT_TOLD, postgresql_where=NOT_TOLD),
)

ill_account = Table(
    "ill_account",
    metadata,
    Column("lane", String(100), primary_key=True),
    Column("name", Name(200), primary_key=True),
    Column("asked_at", Instant, nullable=True),
    Column("ask_at", Instant, nullable=False),
    Column("expires", String(10), nullable=False, server_default=""),
    Column("problem", Words, nullable=False, server_default=""),
)

audit_finding = Table(
    "audit_finding",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("subject", Name(400), nullable=False),
    Column("library", String(100), nullable=False, server_default=""),
    Column("lane", String(100), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("request_id", Key, nullable=True),
    Column("barcode", Name(200), nullable=False, server_default=""),
    Column("sentence", Words, nullable=False),
    Column("repair", Words, nullable=False, server_default=""),
    Column("advice", Words, nullable=False, server_default=""),
    Column("first_seen", Instant, nullable=False),
    Column("last_seen", Instant, nullable=False),
    Column("gone_at", Instant, nullable=True),
    Index("audit_finding_stands", "subject", unique=True, sqlite_where=UNMENDED, postgresql_where=UNMENDED),
    Index("audit_finding_of", "request_id", sqlite_where=UNMENDED, postgresql_where=UNMENDED),
    Index("audit_finding_gone", "gone_at"),
)

audit_list = Table(
    "audit_list",
    metadata,
    Column("lane", String(100), primary_key=True),
    Column("begun_at", Instant, nullable=True),
    Column("following", Words, nullable=False, server_default=""),
    Column("listed", Integer, nullable=False, server_default="0"),
    Column("ended_at", Instant, nullable=True),
    Column("problem", Words, nullable=False, server_default=""),
)

loan_watch = Table(
    "loan_watch",
    metadata,
    Column("request_id", Key, ForeignKey("request.id"), primary_key=True),
    Column("item", Name(100), primary_key=True),
    Column("barcode", Name(300), primary_key=True),
    Column("lane", String(100), nullable=False),
    Column("look_at", Instant, nullable=True),
    Index("loan_watch_item", "lane", "item"),
    Index("loan_watch_barcode", "lane", "barcode"),
    Index("loan_watch_due", "lane", "look_at", sqlite_where=TO_LOOK, postgresql_where=TO_LOOK),
)
