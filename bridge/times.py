"""Times of day and zones, as the settings of every part take them."""

from __future__ import annotations

from datetime import time
from typing import Annotated

from pydantic import AfterValidator

from bridge.sources.base import zone_name


def _local(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("is a time of day without a zone; its zone is a key of its own")
    return value


ZoneName = Annotated[str, AfterValidator(zone_name)]
"""The name of a zone of the IANA list."""
TimeOfDay = Annotated[time, AfterValidator(_local)]
"""A time of day in the zone that a key beside it names."""
