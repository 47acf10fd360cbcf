"""Figures for Prometheus, counted as things happen or read from the ledger when somebody asks; no request, patron or secret is in them."""

from bridge.metrics.counters import LaneCounts, Metrics
from bridge.metrics.families import FAMILIES, Family
from bridge.metrics.gauges import LedgerGauges

__all__ = ["FAMILIES", "Family", "LaneCounts", "LedgerGauges", "Metrics"]
