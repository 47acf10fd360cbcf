"""Zones, times of day and addresses, as the settings of every part take them; tokens, as a header can bear them."""

from __future__ import annotations

from datetime import time
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field


def zone_name(value: str) -> str:
    """The name of a zone that exists. Raises ``ValueError``."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:
        raise ValueError(f"'{value}' is no time zone of the IANA list") from unknown
    return value


def _local(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("is a time of day without a zone; its zone is a key of its own")
    return value


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise ValueError("must be an address that begins with https://")
    return value.rstrip("/")


ZoneName = Annotated[str, AfterValidator(zone_name)]
"""The name of a zone of the IANA list."""
TimeOfDay = Annotated[time, AfterValidator(_local)]
"""A time of day in the zone that a key beside it names."""
Address = Annotated[str, AfterValidator(_address)]
"""Where something is reached by HTTP; it loses slashes at its end."""
AccessToken = Annotated[str, Field(pattern=r"^[\x20-\x7e]+$")]
"""A token in the signs that it may have (RFC 6749 A.12); any other stands in no header."""
