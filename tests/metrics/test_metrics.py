"""Counters and gauges by themselves: bounded labels, and an answer whatever the ledger says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.commands import Verb
from bridge.domain.notes import NotesStanding
from bridge.http import Exchange
from bridge.ledger import LedgerBusy, Receipt, State, StepState
from bridge.ledger.figures import Group, Heard, NotUnderstood, Seen
from bridge.ledger.model import FOREVER, Lane, Library
from bridge.metrics import FAMILIES, LaneCounts, LedgerGauges, Metrics
from bridge.metrics.counters import MOST_ENDPOINTS, status_class
from bridge.settings import MaintenanceSettings
from tests.ledger.sample import MINUTE, NOW
from tests.web.test_watching import known_of

Figures = dict[tuple[str, ...], float]


def figures(metrics: Metrics) -> Figures:
    """Each series with a value: its name and the values of its labels, in the order of the page of metrics."""
    order = {
        f"{each.name}{end}": (*each.labels, "le") for each in FAMILIES for end in ("", "_bucket", "_count", "_sum")
    }
    text = metrics.exposition()[0].decode()
    return {
        (sample.name, *(sample.labels[name] for name in order[sample.name] if name in sample.labels)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.startswith("process_")
    }


def looked_up(look: Callable[[], Seen]) -> Figures:
    metrics = Metrics()
    metrics.begin(version="1", database="sqlite", sources=["hook"], gauges=LedgerGauges(look, known_of({})))
    return figures(metrics)


class TestCounters:
    def test_a_new_source_begins_at_nothing(self) -> None:
        found = looked_up(at_rest)
        for result in ("folded", "repeated", "malformed", "unknown_word", "refused", "not_kept"):
            assert found["ill_bridge_changes_received_total", "hook", result] == 0

    def test_messages_by_what_became_of_them(self) -> None:
        metrics = Metrics()
        arrivals = [Arrival("a", ""), Arrival("b", ""), Arrival("c", "", state=ArrivalState.UNKNOWN_WORD)]
        receipts = [Receipt(1, repeated=False), Receipt(1, repeated=True), Receipt(2, repeated=False)]
        metrics.received("hook", arrivals, receipts)
        metrics.not_kept("hook")
        assert figures(metrics) == {
            ("ill_bridge_changes_received_total", "hook", result): 1
            for result in ("folded", "repeated", "unknown_word", "not_kept")
        }

    def test_steps_and_releases_of_a_lane(self) -> None:
        metrics = Metrics()
        lane = LaneCounts(metrics, "north", "alma")
        lane.step(Verb.CHECK_IN, StepState.DONE)
        lane.step(Verb.CHECK_IN, StepState.DONE)
        lane.released("main", State.IN_STEP)
        assert figures(metrics) == {
            ("ill_bridge_steps_total", "north", "alma", "check_in", "done"): 2,
            ("ill_bridge_requests_released_total", "main", "in_step"): 1,
        }

    def test_calls_with_their_time(self) -> None:
        metrics = Metrics()
        metrics.exchange(Exchange("alma", "GET", "/users/{user_id}", 200, 120.0))
        metrics.exchange(Exchange("alma", "GET", "/users/{user_id}", None, 30_000.0, error="ReadTimeout"))
        metrics.poll(Exchange("feed", "GET", "/changes", 503, 70.0))
        found = figures(metrics)
        assert found["ill_bridge_ils_calls_total", "alma", "GET", "/users/{user_id}", "2xx"] == 1
        assert found["ill_bridge_ils_calls_total", "alma", "GET", "/users/{user_id}", "none"] == 1
        assert found["ill_bridge_ils_call_duration_seconds_sum", "alma", "GET"] == pytest.approx(30.12)
        assert found["ill_bridge_ils_call_duration_seconds_bucket", "alma", "GET", "0.25"] == 1
        assert found["ill_bridge_source_calls_total", "feed", "5xx"] == 1
        assert found["ill_bridge_source_call_duration_seconds_count", "feed"] == 1

    def test_a_connector_that_tells_ids_as_paths_makes_no_labels_without_end(self) -> None:
        metrics = Metrics()
        for number in range(MOST_ENDPOINTS + 50):
            metrics.exchange(Exchange("odd", "GET", f"/users/{number}", 200, 1.0))
        metrics.exchange(Exchange("odd", "GET", "/users/7", 200, 1.0))
        metrics.exchange(Exchange("alma", "GET", "/users/{user_id}", 200, 1.0))
        found = figures(metrics)
        assert found["ill_bridge_ils_calls_total", "odd", "GET", "other", "2xx"] == 50
        assert found["ill_bridge_ils_calls_total", "odd", "GET", "/users/7", "2xx"] == 2
        assert sum(series[:2] == ("ill_bridge_ils_calls_total", "odd") for series in found) == MOST_ENDPOINTS + 1

    @pytest.mark.parametrize(
        ("status", "told"), [(None, "none"), (200, "2xx"), (302, "3xx"), (404, "4xx"), (429, "429"), (503, "5xx")]
    )
    def test_answers_by_class(self, status: int | None, told: str) -> None:
        assert status_class(status) == told

    def test_open_metrics_where_it_is_asked_for(self) -> None:
        text, content_type = Metrics().exposition("application/openmetrics-text; version=1.0.0")
        assert content_type.startswith("application/openmetrics-text")
        assert text.endswith(b"# EOF\n")
        assert Metrics().exposition("")[1].startswith("text/plain")


def at_rest() -> Seen:
    return Seen(NOW, lanes=(Lane("alma"),), libraries=(Library("main"),))


class TestGauges:
    def test_a_ledger_that_is_busy_is_told_and_the_counters_still_are(self) -> None:
        def busy() -> Seen:
            raise LedgerBusy("locked")

        found = looked_up(busy)
        assert found["ill_bridge_ledger_up",] == 0
        assert ("ill_bridge_lane_open", "alma") not in found
        assert found["ill_bridge_changes_received_total", "hook", "folded"] == 0

    def test_at_rest_everything_is_told_as_nothing(self) -> None:
        found = looked_up(at_rest)
        assert found["ill_bridge_ledger_up",] == 1
        assert found["ill_bridge_lane_open", "alma"] == 1
        assert found["ill_bridge_lane_held", "alma"] == 0
        assert found["ill_bridge_lane_maintenance", "alma"] == 0
        assert found["ill_bridge_requests", "main", "parked"] == 0
        assert found["ill_bridge_requests_with_condition", "main", "lost"] == 0
        assert found["ill_bridge_source_silent", "hook"] == 0
        assert found["ill_bridge_kept_messages", "hook", "malformed"] == 0
        assert found["ill_bridge_library_info", "main", "alma", "observe"] == 1
        absent = {
            "ill_bridge_lane_closed_seconds",
            "ill_bridge_api_calls_remaining",
            "ill_bridge_source_poll_age_seconds",
        }
        assert not absent & {series[0] for series in found}

    @pytest.mark.parametrize(
        ("start", "held", "planned"),
        [(NOW - 2 * MINUTE, FOREVER, 1), (NOW + MINUTE, FOREVER, 0), (NOW - 2 * MINUTE, None, 0)],
        ids=["it runs", "staff paused it", "staff ended it"],
    )
    def test_a_planned_maintenance_is_told_apart(self, start: datetime, held: datetime | None, planned: int) -> None:
        ends = (start + 3 * MINUTE).time()
        window = MaintenanceSettings(start=start.time(), end=ends, timezone="UTC")
        known = known_of({})
        alma = known.settings.ils["alma"].model_copy(update={"maintenance": (window,)})
        known = replace(known, settings=known.settings.model_copy(update={"ils": {"alma": alma}}))
        metrics, seen = Metrics(), replace(at_rest(), lanes=(Lane("alma", held_until=held),))
        metrics.begin(version="1", database="sqlite", sources=["hook"], gauges=LedgerGauges(lambda: seen, known))
        found = figures(metrics)
        assert found["ill_bridge_lane_held", "alma"] == (held is not None)
        assert found["ill_bridge_lane_maintenance", "alma"] == planned

    def test_what_stands_still_and_why(self) -> None:
        groups = (
            Group("main", State.PARKED, "item_type", "alma", 3),
            Group("main", State.PARKED, "location", "alma", 1),
            Group("main", State.WAITING, "throttled", "alma", 5, 2, NOW - MINUTE),
            Group("gone", State.IN_STEP, "", "alma", 7),
        )
        closed = Lane("alma", NOW, "Down.", "unavailable", 4000, closed_at=NOW - timedelta(minutes=20))
        seen = Seen(
            NOW,
            lanes=(closed, Lane("of-another-configuration")),
            libraries=(Library("main", FOREVER, "50 were deleted.", "delete_quota"), Library("gone")),
            groups=groups,
            sources=(Heard("hook", NOW, NOW - MINUTE, "Gone.", NOW - 2 * MINUTE), Heard("before")),
            kept=(NotUnderstood("before", ArrivalState.MALFORMED, 2),),
            deletions={"main": 50},
            orders={"resync": 4},
            findings={("main", "orphan"): 2, ("", "orphan"): 1},
            conditions={("main", "fee communicated"): 2},
            notes=(NotesStanding("before", 3, NOW - 2 * MINUTE, 1, NOW, "Gone."),),
        )
        found = looked_up(lambda: seen)
        expected: Figures = {
            ("ill_bridge_lane_open", "alma"): 0,
            ("ill_bridge_lane_closed_seconds", "alma", "unavailable"): 1200,
            ("ill_bridge_api_calls_remaining", "alma"): 4000,
            ("ill_bridge_library_held", "main", "delete_quota"): 1,
            ("ill_bridge_library_held", "main", "staff"): 0,
            ("ill_bridge_requests", "main", "parked"): 4,
            ("ill_bridge_requests", "main", "waiting"): 5,
            ("ill_bridge_requests", "gone", "in_step"): 7,
            ("ill_bridge_requests_needing_attention", "main", "parked", "item_type"): 3,
            ("ill_bridge_requests_with_condition", "main", "fee_communicated"): 2,
            ("ill_bridge_delete_quota_used", "main"): 50,
            ("ill_bridge_source_silent", "hook"): 1,
            ("ill_bridge_source_poll_age_seconds", "hook"): 60,
            ("ill_bridge_source_message_age_seconds", "hook"): 120,
            ("ill_bridge_kept_messages", "before", "malformed"): 2,
            ("ill_bridge_orders_open", "resync"): 4,
            ("ill_bridge_notes", "before", "waiting"): 3,
            ("ill_bridge_notes", "before", "given_up"): 1,
            ("ill_bridge_notes_oldest_seconds", "before"): 120,
            ("ill_bridge_audit_findings", "main", "orphan"): 2,
            ("ill_bridge_audit_findings", "", "orphan"): 1,
            ("ill_bridge_backlog_requests", "alma"): 0,
            ("ill_bridge_oldest_due_seconds", "alma"): 0,
        }
        assert {series: found[series] for series in expected} == expected
        assert "of-another-configuration" not in {label for series in found for label in series[1:]}

    def test_backlog_is_what_nobody_paused(self) -> None:
        groups = (
            Group("main", State.DUE, "", "alma", 5, 2, NOW - MINUTE),
            Group("held", State.DUE, "", "alma", 9, 9, NOW - 9 * MINUTE),
        )
        seen = Seen(NOW, (Lane("alma"),), (Library("main"), Library("held", FOREVER, "", "staff")), groups)
        found = looked_up(lambda: seen)
        assert found["ill_bridge_backlog_requests", "alma"] == 2
        assert found["ill_bridge_oldest_due_seconds", "alma"] == 60
