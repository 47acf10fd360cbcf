"""The findings of a check, part by part, and what they come to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bridge.domain.finding import Finding, Level


@dataclass(frozen=True)
class Part:
    """Findings on one thing: the configuration, a library, an ILS, a source, the ledger."""

    name: str
    findings: tuple[Finding, ...]


def worst(parts: Iterable[Part]) -> Level:
    """The worst level among all findings."""
    levels = {finding.level for part in parts for finding in part.findings}
    return next((level for level in (Level.FAILED, Level.WARNING) if level in levels), Level.OK)
