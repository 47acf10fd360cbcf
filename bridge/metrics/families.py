"""Every metric of the bridge: its name, labels and meaning. docs/reference/metrics.md is written from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True)
class Family:
    """A metric as it is exposed; a counter's name ends in ``_total``."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str


BUILD_INFO = Family(
    "ill_bridge_build_info", "gauge", ("version", "database"), "Always 1: the release that runs, and its database."
)
RECEIVED = Family(
    "ill_bridge_changes_received_total",
    "counter",
    ("source", "result"),
    "Messages that came in, by what became of them: folded, repeated, malformed (kept), unknown_word (kept), refused (not signed as it "
    "should be; nothing kept), not_kept (the ledger could not take it; the service sends it again).",
)
STEPS = Family(
    "ill_bridge_steps_total",
    "counter",
    ("ils", "connector", "verb", "outcome"),
    "Steps that ended, by verb and outcome: done, already (it was so before), refused, unknown (looked up before anything else).",
)
RELEASED = Family(
    "ill_bridge_requests_released_total",
    "counter",
    ("library", "state"),
    "Times a worker was finished with a request, by the state it left it in; state=closed counts finished loans.",
)
CALLS = Family(
    "ill_bridge_ils_calls_total",
    "counter",
    ("ils", "method", "endpoint", "status"),
    "Calls to an ILS, repeats included. endpoint: the path with its variables unfilled; status: 2xx, 3xx, 4xx, 429 (too many calls), 5xx, "
    "none (no answer).",
)
CALL_SECONDS = Family(
    "ill_bridge_ils_call_duration_seconds", "histogram", ("ils", "method"), "How long calls to an ILS took."
)
POLL_CALLS = Family(
    "ill_bridge_source_calls_total",
    "counter",
    ("source", "status"),
    "Calls to a polled source, repeats included; status as for ILS calls.",
)
POLL_SECONDS = Family(
    "ill_bridge_source_call_duration_seconds", "histogram", ("source",), "How long calls to a polled source took."
)
CONFIRMED = Family(
    "ill_bridge_iso18626_confirmations_total",
    "counter",
    ("source", "kind", "status"),
    "ISO 18626 messages that the bridge confirmed itself, by their kind and by OK or ERROR.",
)
RELAYED = Family(
    "ill_bridge_relay_calls_total",
    "counter",
    ("source", "peer", "status"),
    "ISO 18626 messages forwarded to a peer; status as for ILS calls.",
)
RELAY_SECONDS = Family(
    "ill_bridge_relay_call_duration_seconds", "histogram", ("source", "peer"), "How long peers took to answer them."
)
LEDGER_REFUSALS = Family(
    "ill_bridge_ledger_refusals_total",
    "counter",
    ("doing",),
    "Times the ledger could not be used, by what was tried: read or write (locked, disk full, not reachable).",
)
LEDGER_UP = Family(
    "ill_bridge_ledger_up",
    "gauge",
    (),
    "1: the ledger could be read for this answer; 0: it could not, and the figures read from it are left out.",
)
LEDGER_SECONDS = Family(
    "ill_bridge_ledger_read_seconds",
    "gauge",
    (),
    "How long it took to read the figures of this answer from the ledger.",
)
LANE_OPEN = Family(
    "ill_bridge_lane_open", "gauge", ("ils",), "1: the ILS answers as it should; 0: its lane is closed until it does."
)
LANE_CLOSED = Family(
    "ill_bridge_lane_closed_seconds",
    "gauge",
    ("ils", "cause"),
    "How long a lane has been closed, and why: unavailable, credentials_rejected. Only while it is closed.",
)
LANE_HELD = Family(
    "ill_bridge_lane_held",
    "gauge",
    ("ils",),
    "1: the lane is paused by staff or for a planned maintenance; 0: it is not.",
)
LANE_MAINTENANCE = Family(
    "ill_bridge_lane_maintenance",
    "gauge",
    ("ils",),
    "1: a planned maintenance of the ILS runs, and its lane is paused meanwhile; 0: none runs, or staff ended it.",
)
LIBRARY_INFO = Family(
    "ill_bridge_library_info", "gauge", ("library", "ils", "mode"), "Always 1: a library, its ILS, observe or live."
)
LIBRARY_HELD = Family(
    "ill_bridge_library_held",
    "gauge",
    ("library", "cause"),
    "1: no work of the library begins, since staff paused it (staff) or it reached its quota of deletions (delete_quota); 0: neither.",
)
REQUESTS = Family(
    "ill_bridge_requests",
    "gauge",
    ("library", "state"),
    "Unfinished requests by state: due, waiting, in_step, staff, parked, observed. Finished ones are not counted at each look.",
)
ATTENTION = Family(
    "ill_bridge_requests_needing_attention",
    "gauge",
    ("library", "state", "cause"),
    "Requests that are parked or wait for staff, by cause (docs/how-to/when-something-goes-wrong.md).",
)
CONDITIONS = Family(
    "ill_bridge_requests_with_condition",
    "gauge",
    ("library", "condition"),
    "Unfinished requests of which this is true beside their phase: recalled, overdue, lost, found, damaged, fee_communicated, fee_paid, "
    "renewal_requested, renewal_refused, library_use_only.",
)
BACKLOG = Family(
    "ill_bridge_backlog_requests", "gauge", ("ils",), "Requests that are due now on a lane and that nobody paused."
)
OLDEST_DUE = Family(
    "ill_bridge_oldest_due_seconds",
    "gauge",
    ("ils",),
    "How long the first of them has been due; 0 where none is.",
)
QUOTA_LIMIT = Family(
    "ill_bridge_delete_quota_limit", "gauge", ("library",), "Temporary items that may be deleted in an hour."
)
QUOTA_USED = Family(
    "ill_bridge_delete_quota_used",
    "gauge",
    ("library",),
    "Temporary items whose deletion began within the quota's hour.",
)
CALLS_LEFT = Family(
    "ill_bridge_api_calls_remaining",
    "gauge",
    ("ils",),
    "Calls the ILS said it has left for us today, at most a minute old; only for an ILS that tells.",
)
POLL_AGE = Family(
    "ill_bridge_source_poll_age_seconds",
    "gauge",
    ("source",),
    "Time since the last poll that went well; only for polled sources, after the first.",
)
MESSAGE_AGE = Family(
    "ill_bridge_source_message_age_seconds", "gauge", ("source",), "Time since the last message came, after the first."
)
SILENT = Family(
    "ill_bridge_source_silent",
    "gauge",
    ("source",),
    "1: the last poll failed; 0: it went well, or the source posts to us.",
)
KEPT = Family(
    "ill_bridge_kept_messages",
    "gauge",
    ("source", "result"),
    "Messages that are kept since they were not understood: malformed or unknown_word.",
)
NOTES_TRIED = Family(
    "ill_bridge_notes_tried_total",
    "counter",
    ("source", "result"),
    "Tries to tell a service a line of a history: sent, put_off (tried again later), given_up.",
)
NOTES = Family(
    "ill_bridge_notes",
    "gauge",
    ("source", "state"),
    "Lines of histories that a service was not told: waiting, or given_up (for 30 days, or until ill-bridge notes --retry).",
)
NOTES_AGE = Family(
    "ill_bridge_notes_oldest_seconds",
    "gauge",
    ("source",),
    "How long the first waiting one has waited; 0 where none does.",
)
ORDERS = Family(
    "ill_bridge_orders_open", "gauge", ("kind",), "Orders that commands gave and that are not carried out yet."
)

AUDIT_FINDINGS = Family(
    "ill_bridge_audit_findings",
    "gauge",
    ("library", "kind"),
    "What the audit found and still stands, by kind (docs/how-to/resync-and-audit.md); library is empty where it is no library's.",
)

COUNTED = (
    RECEIVED,
    STEPS,
    RELEASED,
    CALLS,
    CALL_SECONDS,
    POLL_CALLS,
    POLL_SECONDS,
    CONFIRMED,
    RELAYED,
    RELAY_SECONDS,
    NOTES_TRIED,
    LEDGER_REFUSALS,
    BUILD_INFO,
)
"""Kept in the process; they begin at nothing with each start."""
LOOKED_UP = (
    LEDGER_UP,
    LEDGER_SECONDS,
    LANE_OPEN,
    LANE_CLOSED,
    LANE_HELD,
    LANE_MAINTENANCE,
    LIBRARY_INFO,
    LIBRARY_HELD,
    REQUESTS,
    ATTENTION,
    CONDITIONS,
    BACKLOG,
    OLDEST_DUE,
    QUOTA_LIMIT,
    QUOTA_USED,
    CALLS_LEFT,
    POLL_AGE,
    MESSAGE_AGE,
    SILENT,
    KEPT,
    NOTES,
    NOTES_AGE,
    ORDERS,
    AUDIT_FINDINGS,
)
"""Read from the ledger at each look."""
FAMILIES = (*COUNTED, *LOOKED_UP)
