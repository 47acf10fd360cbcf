"""A message as it came in and the answer to it, for those who know nothing of how it is served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Post:
    """A message as it was posted."""

    address: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Said:
    """The answer: XML where ``media_type`` says so, else a sentence (``error``)."""

    status: int
    body: bytes = b""
    media_type: str = ""
    error: str = ""
    kept: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
